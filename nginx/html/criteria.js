// Which images the grid shows: the filter, in the fields above the grid and in the address, where it can be shared.

import { $, element } from './dom.js';
import { field, select } from './form.js';

/** @typedef {import('./dataset.js').Dataset} Dataset */

const NAMES = ['state', 'label', 'by', 'q', 'flagged', 'since']; // as of …/samples
const TYPED = 400; // ms after the last letter

const STATES = /** @type {const} */ ([['', 'Any state'], ['unlabelled', 'To label'], ['labelled', 'Labelled'],
	['review', 'To review'], ['skipped', 'Set aside'], ['unreadable', 'Unreadable']]);
const FLAGS = /** @type {const} */ ([['', 'Flagged or not'], ['true', 'Flagged'], ['false', 'Not flagged']]);

/** What the address asks for. @returns {{ query: Record<string, string>, confirming: boolean }} */
export function asked() {
	const address = new URLSearchParams(location.search);
	const query = Object.fromEntries(NAMES.filter(name => address.has(name)).map(name => [name, address.get(name) ?? '']));
	for (const name of ['state', 'by', 'q', 'flagged', 'since'])
		if (query[name] === '') delete query[name];
	return { query, confirming: address.get('confirm') === 'true' && Boolean(query.label) };
}

/** Writes it into the address. @type {(query: Record<string, string>, confirming: boolean, replace?: boolean) => void} */
export function remember(query, confirming, replace = false) {
	const address = new URLSearchParams({ dataset: new URLSearchParams(location.search).get('dataset') ?? '', ...query });
	if (confirming) address.set('confirm', 'true');
	history[replace ? 'replaceState' : 'pushState'](null, '', `?${address}`);
}

// The day of a time where the person is, as a field of dates has it; and the time at which a day begins there.
const beginningOf = day => new Date(`${day}T00:00`).toISOString();
const dayOf = time => {
	const at = new Date(time);
	return Number.isNaN(at.getTime()) ? '' : [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(part => String(part).padStart(2, '0')).join('-');
};

/** Whether what a change makes of a sample still matches. @type {(query: Record<string, string>, change: any) => boolean} */
export const matches = (query, change) =>
	['state', 'label'].every(name => query[name] === undefined || change[name] === undefined || query[name] === change[name]) &&
	(query.by === undefined || change.labelled_by === undefined || query.by === change.labelled_by) &&
	(query.flagged === undefined || change.flag === undefined || (query.flagged === 'true') === (change.flag !== null));

/**
 * Makes the fields. changed(query, typing): what they say now.
 * @param {Dataset} dataset
 * @param {(query: Record<string, string>, typing: boolean) => void} changed
 */
export function showCriteria({ labels }, changed) {
	const named = /** @type {[string, string][]} */ ([['', 'Any label'], ['=', 'No label'], ...labels.map(({ name }) => [`=${name}`, name])]);
	const fields = {
		state: select('state', STATES),
		label: select('label', named),
		flagged: select('flagged', FLAGS),
		by: element('input', { name: 'by', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', placeholder: 'anybody' }),
		since: element('input', { name: 'since', type: 'date' }),
		q: element('input', { name: 'q', type: 'search', autocomplete: 'off', spellcheck: 'false', placeholder: 'part of it' }),
	};
	const clear = element('button', { type: 'button', class: 'small plain', id: 'clear-filters' }, 'Clear');
	$('filters').replaceChildren(field('State', fields.state), field('Label', fields.label), field('Labelled by', fields.by), field('Labelled since', fields.since),
		field('File name', fields.q), field('Flag', fields.flagged), clear);

	let since = ''; // as the address has it: a time, of which the field shows the day
	const read = () => {
		/** @type {Record<string, string>} */
		const query = {};
		for (const name of ['state', 'flagged', 'by', 'q'])
			if (fields[name].value.trim()) query[name] = fields[name].value.trim();
		if (fields.label.value) query.label = fields.label.value.slice(1);
		if (fields.since.value) query.since = fields.since.value === dayOf(since) ? since : beginningOf(fields.since.value);
		return query;
	};
	let timer = 0;
	const tell = (/** @type {boolean} */ typing) => {
		clearTimeout(timer);
		timer = setTimeout(() => changed(read(), typing), typing ? TYPED : 0);
	};
	for (const name of ['state', 'label', 'flagged', 'since']) fields[name].addEventListener('change', () => tell(false));
	for (const name of ['by', 'q']) fields[name].addEventListener('input', () => tell(true));
	clear.addEventListener('click', () => changed({}, false));
	$('filters').addEventListener('submit', event => {
		event.preventDefault();
		tell(false);
	});

	/** Shows this filter in the fields. @type {(query: Record<string, string>) => void} */
	return query => {
		for (const name of ['state', 'flagged', 'by', 'q'])
			if (fields[name].value.trim() !== (query[name] ?? '')) fields[name].value = query[name] ?? '';
		since = query.since ?? '';
		if (fields.since.value !== dayOf(since)) fields.since.value = dayOf(since);
		if (query.label && !labels.some(({ name }) => name === query.label) && !fields.label.querySelector('[data-gone]'))
			fields.label.append(element('option', { value: `=${query.label}`, 'data-gone': true }, query.label));
		fields.label.value = query.label === undefined ? '' : `=${query.label}`;
		const count = Object.keys(query).length;
		clear.hidden = !count;
		$('criteria').querySelector('summary').textContent = count ? `Filter (${count})` : 'Filter';
	};
}
