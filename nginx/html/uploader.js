// The part of a page that uploads into a dataset: where one chooses or drops files, what is to become of folders, and
// the list of what is on its way.

import { change, datasetPath } from './api.js';
import { element, number, plural, several } from './dom.js';
import { fromDrop, fromInput, labelled, photoName, sorted } from './files.js';
import { field, select } from './form.js';
import { left } from './journal.js';
import { tellFailure, toast } from './toast.js';
import { uploadList } from './uploadlist.js';
import { Uploads } from './uploads.js';

/**
 * @param {import('./dataset.js').Dataset} dataset
 * @param {(text: string, trouble?: boolean) => void} say shows on the page's status line what is being done; '' for nothing
 * @returns {HTMLElement}
 */
export function uploader(dataset, say) {
	const { name } = dataset;
	const labels = dataset.labels.map(label => label.name);
	const plan = element('div', { class: 'if-any' });
	const uploads = new Uploads(name, item => list.changed(item));
	const list = uploadList(uploads, say);
	const label = select('label', [['', 'No label'], ...labels.map(text => /** @type {[string, string]} */ ([text, text]))]);

	const take = async (/** @type {{ file: File, path: string }[]} */ files) => {
		const selection = sorted(files);
		const chosen = [...selection.images, ...selection.archives];
		if (!chosen.length) return toast(files.length ? 'There is no image in it.' : 'Nothing was chosen.', { trouble: files.length > 0 });
		uploads.add(selection.archives.map(each => ({ ...each, label: '', isArchive: true })));
		const isAsked = selection.isFolder && !uploads.knows(selection.images);
		if (!isAsked) return uploads.add(selection.images.map(each => ({ ...each, label: label.value })));
		plan.replaceChildren(showPlan(selection, labels, {
			async send(byFolder) {
				const wanted = [...new Set(byFolder.values())].filter(text => text && !labels.includes(text));
				for (const text of wanted) {
					await change('POST', datasetPath(name, 'labels'), { name: text });
					labels.push(text);
					label.append(element('option', { value: text }, text));
				}
				plan.replaceChildren();
				uploads.add(selection.images.map(each => ({ ...each, label: byFolder.get(each.folder) ?? '' })));
			},
			cancel: () => plan.replaceChildren(),
		}));
		plan.querySelector('button')?.focus();
	};

	left(name, entries => uploads.addLeft(entries));
	addEventListener('beforeunload', event => {
		if (uploads.isBusy) event.preventDefault();
	});
	return element('div', { class: 'page-parts' }, choosing(label, take), plan, list.shown);
}

/* --- choosing --------------------------------------------------------------------------------------------------- */

function choosing(label, take) {
	const input = (id, text, more) => {
		const made = element('input', { type: 'file', id, hidden: true, 'aria-label': text, ...more });
		made.addEventListener('change', () => {
			const files = fromInput(made);
			made.value = ''; // so that the same can be chosen again
			take(id === 'photo' ? files.map(({ file }) => ({ file, path: photoName(file, new Date()) })) : files);
		});
		return made;
	};
	const files = input('files', 'Files', { multiple: true });
	const folder = input('folder', 'A folder', { multiple: true, webkitdirectory: true });
	const photo = input('photo', 'A photo', { accept: 'image/*', capture: 'environment' });
	const button = (text, to, more = {}) => {
		const made = element('button', { type: 'button', ...more }, text);
		made.addEventListener('click', () => to.click());
		return made;
	};
	const place = element('section', { id: 'drop', class: 'card drop', 'aria-labelledby': 'drop-title' },
		element('div', {}, element('h2', { id: 'drop-title' }, 'Add photos, folders or archives'),
			element('p', { class: 'note' }, 'Drop them here, or choose them. HEIC and TIFF are fine; the same picture twice is kept once.')),
		element('div', { class: 'choices' },
			button('Choose files…', files, { class: 'primary' }),
			button('Choose a folder…', folder),
			button('Take a photo…', photo, { class: 'touch' })),
		field('Label of single files', label, 'In a folder or an archive (zip, tar), the folders’ names are the labels.'),
		files, folder, photo);
	receiveDrops(place, take);
	return place;
}

// What is dropped beside the place is meant for it, too.
function receiveDrops(place, take) {
	let inside = 0; // how many elements the pointer has entered and not left
	const mark = by => {
		inside = Math.max(0, inside + by);
		place.classList.toggle('over', inside > 0);
	};
	const withFiles = work => event => {
		if (!place.isConnected || !event.dataTransfer?.types.includes('Files')) return;
		event.preventDefault();
		work(event);
	};
	addEventListener('dragenter', withFiles(() => mark(1)));
	addEventListener('dragleave', withFiles(() => mark(-1)));
	addEventListener('dragover', withFiles(event => { event.dataTransfer.dropEffect = 'copy'; }));
	addEventListener('drop', withFiles(event => {
		mark(-inside);
		fromDrop(event.dataTransfer).then(take, () => toast('What was dropped cannot be read. Choose it with the buttons instead.', { trouble: true }));
	}));
}

/* --- what becomes of folders ------------------------------------------------------------------------------------ */

let lists = 0;

/**
 * Shows which label the images of each folder get, to be changed before they are sent.
 * @param {import('./files.js').Selection} selection
 * @param {string[]} labels
 * @param {{ send: (byFolder: Map<string, string>) => Promise<void>, cancel: () => void }} does
 */
function showPlan(selection, labels, { send, cancel }) {
	const folders = labelled(selection, labels);
	const known = element('datalist', { id: `labels${lists++}` }, ...labels.map(value => element('option', { value })));
	const inputs = [...folders].map(([folder, { label }]) => ({ folder, input: element('input', {
		value: label, list: known.id, maxlength: 256, placeholder: 'no label', autocomplete: 'off', spellcheck: 'false', 'aria-label': `Label of the images in ${folder || 'no folder'}`,
	}) }));
	const says = element('p', { class: 'note', role: 'status' });
	const tell = () => {
		const fresh = [...new Set(inputs.map(({ input }) => input.value.trim()).filter(text => text && !labels.includes(text)))];
		says.textContent = fresh.length ? `${plural(fresh.length, 'label')} will be new: ${several(fresh, 5)}.` : '';
	};
	const button = (text, work, more = {}) => {
		const made = element('button', { type: 'button', ...more }, text);
		made.addEventListener('click', work);
		return made;
	};
	const go = button(`Upload ${plural(selection.images.length, 'image')}`, async () => {
		go.disabled = true;
		try {
			await send(new Map(inputs.map(({ folder, input }) => [folder, input.value.trim()])));
		} catch (error) {
			tellFailure(error);
		}
		go.disabled = false;
	}, { class: 'primary' });
	const none = button('No labels', () => {
		for (const { input } of inputs) input.value = '';
		tell();
	});
	const rows = [...folders].map(([folder, { count }], index) => element('tr', {},
		element('th', { scope: 'row' }, folder || 'in no folder'), element('td', { class: 'end' }, number(count)), element('td', {}, inputs[index].input)));
	const table = element('table', {}, element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, 'Folder'), element('th', { scope: 'col', class: 'end' }, 'Images'), element('th', { scope: 'col' }, 'Label'))),
		element('tbody', {}, ...rows));
	table.addEventListener('input', tell);
	tell();
	return element('section', { class: 'card', id: 'plan', 'aria-labelledby': 'plan-title' },
		element('div', {}, element('h2', { id: 'plan-title' }, `${plural(selection.images.length, 'image')} in ${plural(folders.size, 'folder')}`),
			element('p', { class: 'note' }, 'Each gets the label of its folder. With a label, nobody is asked for one: empty the field where people are to say what it is.'),
			selection.others.length > 0 && element('p', { class: 'note' }, `Left out, since not an image: ${several(selection.others, 5)}.`)),
		element('div', { class: 'choices' }, go, inputs.some(({ input }) => input.value) && none, button('Cancel', cancel, { class: 'plain' })),
		says,
		element('div', { class: 'scroll tall', tabindex: '0', role: 'region', 'aria-label': 'Folders and their labels' }, table), known);
}
