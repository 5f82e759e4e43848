// The settings of a dataset: its labels, how it is worked on, and its end.

import { ApiError, change, datasetPath, get, ours } from './api.js';
import { ask } from './dialog.js';
import { $, element, number, plural } from './dom.js';
import { field } from './form.js';
import { showHeader, showNotice } from './header.js';
import { showLabels } from './labels.js';
import { showPolicy } from './policy.js';
import { reaches, roleOn } from './session.js';

/** @typedef {import('./dataset.js').Dataset} Dataset */

const name = new URLSearchParams(location.search).get('dataset') ?? '';
let role;

/** @type {(dataset: Dataset) => void} */
function draw(dataset) {
	const { size, counts, base_dir: folder } = dataset;
	$('sum').textContent = `${plural(size, 'image')}, ${number(counts.labelled)} labelled${folder ? ` · images lie in ${folder}` : ''}`;
	// Each part is drawn anew by itself, so that what is being entered in another one stays.
	const part = (/** @type {(dataset: Dataset, how: { may: boolean, changed: () => Promise<void> }) => HTMLElement} */ make, least) => {
		const how = { may: reaches(role, least), changed: async () => {
			const next = make(await get(datasetPath(name)), how);
			shown.replaceWith(next);
			shown = next;
		} };
		let shown = make(dataset, how);
		return shown;
	};
	$('parts').replaceChildren(part(showLabels, 'contributor'), part(showPolicy, 'admin'));
	if (reaches(role, 'admin')) $('parts').append(showEnd(dataset));
	$('parts').hidden = false;
}

function showEnd({ size }) {
	const remove = element('button', { type: 'button', class: 'danger' }, 'Delete this dataset…');
	remove.addEventListener('click', () => askEnd(size));
	return element('section', { class: 'card', 'aria-labelledby': 'end-title' },
		element('h2', { id: 'end-title' }, 'Delete'),
		element('p', { class: 'quiet' }, 'All that was said of its images goes with it, and the images that were uploaded. Images in a folder of the server’s machine stay there.'),
		element('p', {}, remove));
}

async function askEnd(size) {
	const typed = element('input', { autocomplete: 'off', spellcheck: 'false', autofocus: true, required: true });
	const gone = await ask({
		title: `Delete “${name}”?`,
		confirm: 'Delete it for good',
		danger: true,
		body: [
			element('p', {}, `${plural(size, 'image')} with all labels and their history. This cannot be undone.`),
			field('Type its name, to be sure', typed),
		],
		async act() {
			if (typed.value.trim() !== name) throw new ApiError(422, `Its name is “${name}”.`);
			await change('DELETE', datasetPath(name));
			return true;
		},
	});
	if (gone) location.assign(ours('/ui/'));
}

async function show() {
	$('notice').hidden = true;
	$('status').textContent = 'Loading…';
	$('dataset').textContent = name;
	document.title = `${name} · Settings · Image labels`;
	try {
		if (!name) throw new ApiError(404, 'No dataset was chosen.');
		const [who, dataset] = await Promise.all([showHeader({ page: 'settings', dataset: name }), get(datasetPath(name))]);
		role = roleOn(who, name);
		draw(dataset);
	} catch (error) {
		$('parts').hidden = true;
		showNotice(error, show);
	}
	$('status').textContent = '';
}

show();
