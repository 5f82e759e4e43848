// The files that a person chooses or drops: which are images, which are archives, and which folder each lies in.

/**
 * @typedef {{ file: File, path: string, folder: string }} Chosen
 *   path: the name it gets in the dataset; folder: the name of the folder it lies in, '' for none
 * @typedef {{ images: Chosen[], archives: Chosen[], others: string[], isFolder: boolean }} Selection
 *   others: names of files that are neither; isFolder: whether a folder was chosen
 */

const IMAGE = /\.(jpe?g|jpe|jfif|png|webp|gif|bmp|dib|tiff?|avif|hei[cf]|hif|jxl)$/i;
const ARCHIVE = /\.(zip|tar|tgz|tar\.gz|tzst|tar\.zst)$/i;
const HIDDEN = /(^|\/)(\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/i; // what systems leave in folders
const CONTROL = /\p{Cc}/gu; // the server takes none in a name
const inOrder = new Intl.Collator('en', { numeric: true }); // 2.jpg before 10.jpg

/**
 * Sorts files. In a folder only images are looked for; of single files everything is tried, since the server goes by
 * what is in them.
 * @type {(files: { file: File, path: string }[]) => Selection}
 */
export function sorted(files) {
	const tops = new Set(files.filter(({ path }) => path.includes('/')).map(({ path }) => path.split('/')[0]));
	const below = tops.size === 1; // the one folder's own name says nothing: it is left out of the names
	const selection = /** @type {Selection} */ ({ images: [], archives: [], others: [], isFolder: tops.size > 0 });
	for (const { file, path } of files.toSorted((a, b) => inOrder.compare(a.path, b.path))) {
		const inFolder = path.includes('/');
		const chosen = { file, path: named(inFolder && below ? path.slice(path.indexOf('/') + 1) : path), folder: inFolder ? named(path.split('/').at(-2) ?? '') : '' };
		if (inFolder && HIDDEN.test(path)) continue;
		if (!inFolder && ARCHIVE.test(file.name)) selection.archives.push(chosen);
		else if (!inFolder || IMAGE.test(file.name) || file.type.startsWith('image/')) selection.images.push(chosen);
		else selection.others.push(path);
	}
	return selection;
}

const named = path => path.replace(CONTROL, '_');

/** The files of an <input type=file>. @type {(input: HTMLInputElement) => { file: File, path: string }[]} */
export const fromInput = ({ files }) => Array.from(files ?? [], file => ({ file, path: file.webkitRelativePath || file.name }));

/** The files that were dropped, with those of dropped folders. @type {(transfer: DataTransfer) => Promise<{ file: File, path: string }[]>} */
export async function fromDrop(transfer) {
	// All of it is taken hold of now: once the event is over, the transfer is empty.
	const dropped = [...transfer.items].filter(({ kind }) => kind === 'file').map(item => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
	const found = [];
	for (const { entry, file } of dropped) {
		if (entry?.isDirectory) await walk(/** @type {FileSystemDirectoryEntry} */ (entry), `${entry.name}/`, found);
		else if (file) found.push({ file, path: file.name });
	}
	return found;
}

async function walk(folder, path, found) {
	const reader = folder.createReader();
	for (;;) {
		const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // at most 100 a time
		if (!entries.length) return;
		for (const entry of entries) {
			if (entry.isDirectory) await walk(entry, `${path}${entry.name}/`, found);
			else found.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path: path + entry.name });
		}
	}
}

/** Photos of a phone's camera, which all have the same name. @type {(file: File, now: Date) => string} */
export const photoName = (file, now) =>
	`photo-${now.toISOString().replace(/\D/g, '')}${/\.\w+$/.exec(file.name)?.[0].toLowerCase() ?? '.jpg'}`;

/** Another name for a file whose name is taken: a.jpg, a-2.jpg, a-3.jpg. @type {(path: string) => string} */
export function otherName(path) {
	const [, stem, count, ending] = /^(.*?)(?:-(\d{1,3}))?(\.[^./]*)?$/s.exec(path) ?? ['', path, undefined, ''];
	return `${stem}-${count ? Number(count) + 1 : 2}${ending ?? ''}`;
}

/**
 * The label that each folder's images get, if nothing else is said: the folder's name, as for an archive. The name of
 * a single folder without others in it says rather where pictures come from: it is one only where there is such a
 * label, or none at all.
 * @type {(selection: Selection, labels: string[]) => Map<string, { label: string, count: number }>}
 */
export function labelled({ images }, labels) {
	const folders = new Map();
	const nested = images.some(({ path }) => path.includes('/'));
	for (const { folder, path } of images) {
		const known = labels.includes(folder);
		const isTop = !path.includes('/') && (nested || labels.length > 0);
		const found = folders.get(folder) ?? { label: known || !isTop ? folder : '', count: 0 };
		found.count++;
		folders.set(folder, found);
	}
	return folders;
}
