// The labels of a dataset, as a list in which each can be changed.

import { change, datasetPath } from './api.js';
import { affected, colourOf } from './dataset.js';
import { ask } from './dialog.js';
import { element, number, plural } from './dom.js';
import { field, names, select, tick } from './form.js';
import { tellFailure, toast } from './toast.js';

/** @typedef {import('./dataset.js').Dataset} Dataset */
/** @typedef {import('./dataset.js').Label} Label */

/**
 * @param {Dataset} dataset
 * @param {{ may: boolean, changed: () => Promise<void> }} how
 */
export function showLabels(dataset, { may, changed }) {
	const { labels } = dataset;
	const list = element('ul', { class: 'rows', 'aria-label': 'Labels' }, ...labels.map((_, place) => labelRow(dataset, place, may, changed)));
	const add = may && element('button', { type: 'button', class: labels.length ? '' : 'primary' }, 'Add labels…');
	if (add) add.addEventListener('click', () => askNew(dataset, changed));
	return element('section', { class: 'card', 'aria-labelledby': 'labels-title' },
		element('div', { class: 'head' }, element('div', {}, element('h2', { id: 'labels-title' }, 'Labels'),
			element('p', { class: 'note' }, labels.length ? 'In the order in which they are offered.' : 'Without labels nothing can be labelled.')), add),
		labels.length > 0 && list);
}

/** @type {(dataset: Dataset, place: number, may: boolean, changed: () => Promise<void>) => HTMLLIElement} */
function labelRow(dataset, place, may, changed) {
	const label = dataset.labels[place], path = labelPath(dataset, label);
	const swatch = element('span', { class: 'swatch' });
	swatch.style.setProperty('--colour', colourOf(label, place));
	const button = (text, does, work, more = {}) => {
		const made = element('button', { type: 'button', class: 'small', 'aria-label': `${does} ${label.name}`, ...more }, text);
		made.addEventListener('click', work);
		return made;
	};
	return element('li', { class: 'label-row', 'data-label': label.name },
		swatch,
		element('div', {}, element('h3', {}, label.name), label.description && element('p', { class: 'note' }, label.description)),
		element('p', { class: 'note number' }, plural(label.count, 'image')),
		may && element('div', { class: 'choices' },
			button('↑', 'Move up', () => move(dataset, place, -1, changed), { disabled: place === 0, 'data-move': 'up' }),
			button('↓', 'Move down', () => move(dataset, place, 1, changed), { disabled: place + 1 === dataset.labels.length, 'data-move': 'down' }),
			button('Edit', 'Edit', () => askEdit(dataset, place, changed)),
			dataset.labels.length > 1 && button('Merge', 'Merge', () => askMerge(dataset, label, changed)),
			button('Remove', 'Remove', () => askRemove(label, path, changed), { class: 'small danger' })));
}

const labelPath = ({ name }, { key }) => datasetPath(name, 'labels', key);

// Between its new neighbours; a position is any number.
async function move({ name, labels }, place, by, changed) {
	const label = labels[place], other = labels[place + by], beyond = labels[place + 2 * by];
	const position = beyond ? (other.position + beyond.position) / 2 : other.position + by;
	try {
		await change('PATCH', labelPath({ name }, label), { position });
		await changed();
		const again = document.querySelector(`[data-label="${CSS.escape(label.name)}"] [data-move="${by < 0 ? 'up' : 'down'}"]`);
		if (again instanceof HTMLButtonElement) (again.disabled ? /** @type {HTMLElement | null | undefined} */ (again.parentElement?.querySelector('button:enabled')) : again)?.focus();
	} catch (error) {
		tellFailure(error);
	}
}

async function askNew({ name, labels }, changed) {
	const text = element('textarea', { name: 'labels', rows: 4, required: true, autofocus: true, spellcheck: 'false' });
	const added = await ask({
		title: 'Add labels',
		confirm: 'Add',
		body: [field('Names', text, 'One a line.')],
		async act() {
			const wanted = names(text.value), known = wanted.filter(each => labels.some(label => label.name === each));
			for (const each of wanted) await change('POST', datasetPath(name, 'labels'), { name: each });
			return wanted.length - known.length;
		},
	});
	if (added === undefined) return;
	await changed();
	toast(added ? `${plural(added, 'label')} added.` : 'They were there already.');
}

async function askEdit(dataset, place, changed) {
	const label = dataset.labels[place];
	const shade = colourOf(label, place);
	const name = element('input', { name: 'name', required: true, maxlength: 256, value: label.name, autofocus: true, autocomplete: 'off' });
	const colour = element('input', { type: 'color', name: 'colour', value: shade });
	const described = element('textarea', { name: 'description', rows: 3, maxlength: 1000 }, label.description);
	const own = tick('A colour of its own', { checked: label.colour !== null });
	const saved = await ask({
		title: `Edit “${label.name}”`,
		body: [
			field('Name', name, label.count ? `A new name holds everywhere, also in the history: ${affected(label.count)}.` : ''),
			element('div', { class: 'line' }, field('Colour', colour), own),
			field('Description', described, 'What those who label are shown of it: what belongs to it, and what does not.'),
		],
		ready: () => colour.addEventListener('input', () => { box(own).checked = true; }),
		async act() {
			await change('PATCH', labelPath(dataset, label), {
				...name.value !== label.name && { name: name.value },
				colour: box(own).checked ? colour.value : '',
				description: described.value,
			});
			return true;
		},
	});
	if (!saved) return;
	await changed();
	toast(name.value === label.name ? `“${label.name}” is saved.` : `“${label.name}” is now “${name.value}”.`);
}

const box = label => /** @type {HTMLInputElement} */ (label.querySelector('input'));

async function askMerge(dataset, label, changed) {
	const into = select('into', dataset.labels.filter(each => each !== label).map(each => /** @type {const} */ ([each.key, `${each.name} (${number(each.count)})`])));
	const chosen = () => dataset.labels.find(each => each.key === into.value) ?? label;
	const says = element('p', { role: 'status' });
	const tell = () => { says.textContent = `${plural(label.count, 'image')} labelled “${label.name}” will be “${chosen().name}”, which then has ${number(label.count + chosen().count)}. The label “${label.name}” is gone after that. Each image’s history keeps what was said.`; };
	const merged = await ask({
		title: `Merge “${label.name}” into another label`,
		confirm: 'Merge',
		danger: true,
		body: [field('Into', into), says],
		ready: () => {
			into.addEventListener('change', tell);
			tell();
		},
		async act() {
			await change('POST', `${labelPath(dataset, label)}/merge`, { into: into.value });
			return chosen();
		},
	});
	if (!merged) return;
	await changed();
	toast(`“${label.name}” is now “${merged.name}”.`);
}

async function askRemove(label, path, changed) {
	const removed = await ask({
		title: `Remove “${label.name}”?`,
		confirm: 'Remove',
		danger: true,
		body: [element('p', {}, label.count
			? `${plural(label.count, 'image')} ${label.count === 1 ? 'has' : 'have'} it, so it cannot be removed. Merge it into another label instead, or label those images otherwise.`
			: 'No image has it.')],
		...label.count ? {} : {
			async act() {
				await change('DELETE', path);
				return true;
			},
		},
	});
	if (!removed) return;
	await changed();
	toast(`“${label.name}” is removed.`);
}
