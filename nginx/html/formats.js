// The forms in which a dataset is exported: what each is for, what it holds, and how Python loads it.

/**
 * @typedef {{ format: string, as?: string, title: string, use: string, ending: string, labelledOnly?: boolean,
 *   text?: boolean, tree?: (parts: string[], labels: string[]) => string[], python: (name: string) => [string, string],
 *   after?: string }} Format
 *   ending: of the file's name; text: its beginning can be shown; tree: the paths in the archive; after: what to do
 *   between the download and Python
 */

const parts = split => split.length ? split.map(part => `${part}/`) : [''];
const folders = (split, labels) => [...parts(split).flatMap(part => labels.map(label => `${part}${label}/`)), 'classes.txt', 'classes.json'];

/** @type {Format[]} */
export const formats = [
	{
		format: 'classfolders', as: 'zip', title: 'Class folders', ending: '.zip', labelledOnly: true, tree: folders,
		use: 'The images, in a folder for each label. For PyTorch, Keras and most trainers, and to look at.',
		after: 'Unpack it first.',
		python: name => ['from torchvision.datasets import ImageFolder', `data = ImageFolder(${quoted(name)})`],
	},
	{
		format: 'classfolders', as: 'tar', title: 'Class folders, as a tar', ending: '.tar', labelledOnly: true, tree: folders,
		use: 'The same for millions of images: a tar takes none of the server’s memory.',
		after: 'Unpack it first.',
		python: name => ['from torchvision.datasets import ImageFolder', `data = ImageFolder(${quoted(name)})`],
	},
	{
		format: 'huggingface', title: 'Hugging Face', ending: '-huggingface.zip',
		tree: split => (split.length ? split : ['train']).flatMap(part => [`${part}/metadata.csv`, `${part}/…`]),
		use: 'The images with their labels in metadata.csv, for the library datasets.',
		after: 'Unpack it first.',
		python: name => ['from datasets import load_dataset', `data = load_dataset("imagefolder", data_dir=${quoted(`${name}-huggingface`)})`],
	},
	{
		format: 'webdataset', title: 'WebDataset', ending: '.json', labelledOnly: true, tree: () => ['000000.tar', '    0.jpg, 0.cls, 0.json', '    1.jpg, 1.cls, 1.json', '    …', '000001.tar', '    …'],
		use: 'Shards of about 1 GB, read one after the other while training. This is their index, with their addresses.',
		after: 'The shards ask for a name and key: a token that reads is best.',
		python: name => ['import wids', `data = wids.ShardListDataset(${quoted(`${name}.json`)})`],
	},
	{
		format: 'csv', title: 'CSV', ending: '.csv', text: true,
		use: 'File names and labels as a table: for spreadsheets and pandas.',
		python: name => ['import pandas', `data = pandas.read_csv(${quoted(`${name}.csv`)}, keep_default_na=False)`],
	},
	{
		format: 'jsonl', title: 'JSON lines', ending: '.jsonl', text: true,
		use: 'All that is known, a line an image: who labelled it when, its size, its SHA-256, its address.',
		python: name => ['import pandas', `data = pandas.read_json(${quoted(`${name}.jsonl`)}, lines=True)`],
	},
	{
		format: 'json', title: 'Seed', ending: '.json', text: true,
		use: 'Names, labels and folder in one JSON: another server makes the same dataset of it.',
		python: name => ['import json', `data = json.load(open(${quoted(`${name}.json`)}, encoding="utf-8"))`],
	},
	{
		format: 'croissant', title: 'Croissant', ending: '-croissant.json', text: true,
		use: 'A description that dataset catalogues and mlcroissant read, with checksums. Best of a snapshot.',
		python: name => ['import mlcroissant', `data = mlcroissant.Dataset(${quoted(`${name}-croissant.json`)}).records("samples")`],
	},
	{
		format: 'labelstudio', title: 'Label Studio', ending: '-labelstudio.json', text: true,
		use: 'Tasks with annotations, to go on labelling there.',
		python: name => ['import json', `tasks = json.load(open(${quoted(`${name}-labelstudio.json`)}, encoding="utf-8"))`],
	},
	{
		format: 'sagemaker', title: 'SageMaker', ending: '.manifest', text: true,
		use: 'An augmented manifest of Ground Truth, to train on AWS.',
		python: name => ['import json', `data = [json.loads(line) for line in open(${quoted(`${name}.manifest`)}, encoding="utf-8")]`],
	},
];

/** Python's lines for a split: the folder that is trained on. @type {(format: Format, name: string, split: boolean) => [string, string]} */
export const pythonOf = (format, name, split) => format.format === 'classfolders' ? format.python(split ? `${name}/train` : name) : format.python(name);

// A string of Python's: JSON's escapes are Python's, too.
const quoted = text => JSON.stringify(text);
