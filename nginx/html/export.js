// The page that exports a dataset: in which form, which images, in which parts, of now or of a snapshot.

import { ApiError, change, datasetPath, get, listed, ours, serverNow } from './api.js';
import { ask } from './dialog.js';
import { $, ago, element, number, plural, several } from './dom.js';
import { field, select, wrong } from './form.js';
import { formats, pythonOf } from './formats.js';
import { showHeader, showNotice } from './header.js';
import { reaches, roleOn } from './session.js';
import { toast } from './toast.js';
import { saying } from './words.js';

/** @typedef {import('./dataset.js').Dataset} Dataset */

const STATES = /** @type {const} */ ([['', 'In any state'], ['labelled', 'Labelled'], ['unlabelled', 'Not labelled'], ['review', 'To be reviewed'], ['skipped', 'Set aside'], ['unreadable', 'Unreadable']]);
const SPLITS = /** @type {const} */ ([['', 'None'], ['80,10,10', '80 % train, 10 % val, 10 % test'], ['70,15,15', '70 % train, 15 % val, 15 % test'], ['90,10,0', '90 % train, 10 % val'], ['other', 'Other…']]);
const PARTS = ['train', 'val', 'test'];
const SAMPLES_SHOWN = 12;
const COUNTED_AT_MOST = 5; // pages of 1,000
const BEGINNING = 1500;    // characters of a text
const TYPED_FOR = 300;     // ms, before the preview follows what is typed

const name = new URLSearchParams(location.search).get('dataset') ?? '';
/** @type {Dataset} */
let dataset;
let snapshots = /** @type {import('v1').components['schemas']['Snapshot'][]} */ ([]);
let mayKeep = false;
let controls = /** @type {Record<string, any>} */ ({});
let turn = 0; // of the preview: an older one's answers are passed over

/* --- what is asked for ------------------------------------------------------------------------------------------ */

const chosen = () => formats[Number(controls.form.querySelector('[name=format]:checked')?.value ?? 0)];
const split = () => controls.split.value === 'other' ? controls.percents.value.replaceAll(' ', '') : controls.split.value;
const splitParts = () => split() ? PARTS.filter((_, index) => Number(split().split(',')[index]) > 0) : [];

// The filters, by the names that samples and exports have for them.
function filters() {
	const asked = {};
	for (const key of ['state', 'by', 'q']) if (controls[key].value) asked[key] = controls[key].value;
	if (controls.label.value) asked.label = controls.label.value.slice(1); // '=' alone: without one
	if (controls.flagged.value) asked.flagged = controls.flagged.value;
	if (controls.since.value) asked.since = `${controls.since.value}T00:00:00Z`;
	if (controls.snapshot.value) for (const key of ['by', 'flagged', 'since']) delete asked[key];
	return asked;
}

function query() {
	const { format, as } = chosen();
	return new URLSearchParams({
		...format !== 'webdataset' && { format, ...as && { as } },
		...filters(),
		...controls.snapshot.value && { snapshot: controls.snapshot.value },
		...split() && { split: split(), ...controls.seed.value && { seed: controls.seed.value } },
	});
}

const addressOf = () => `${ours(datasetPath(name, 'export', ...chosen().format === 'webdataset' ? ['webdataset'] : []))}?${query()}`;

// What is chosen stands in the address, so that it can be shared and is there again after a reload.
function remember() {
	const address = new URLSearchParams({ dataset: name });
	for (const [key, value] of query()) address.set(key, value);
	if (chosen().format === 'webdataset') address.set('format', 'webdataset');
	history.replaceState(null, '', `?${address}`);
}

function recall() {
	const asked = new URLSearchParams(location.search);
	const form = formats.findIndex(({ format, as }) => format === asked.get('format') && (!as || !asked.get('as') || as === asked.get('as')));
	controls.form.querySelectorAll('[name=format]')[Math.max(0, form)].checked = true;
	for (const key of ['state', 'by', 'q', 'flagged', 'snapshot', 'seed']) if (asked.has(key)) controls[key].value = asked.get(key);
	if (asked.has('label')) controls.label.value = `=${asked.get('label')}`;
	if (asked.has('since')) controls.since.value = asked.get('since')?.slice(0, 10);
	const parted = asked.get('split') ?? '';
	controls.split.value = SPLITS.some(([value]) => value === parted) ? parted : 'other';
	if (controls.split.value === 'other') controls.percents.value = parted;
}

/* --- the form --------------------------------------------------------------------------------------------------- */

function build() {
	const input = (/** @type {Record<string, unknown>} */ attributes) => element('input', { autocomplete: 'off', spellcheck: 'false', ...attributes });
	const labels = dataset.labels.map(label => /** @type {[string, string]} */ ([`=${label.name}`, `${label.name} (${number(label.count)})`]));
	controls = {
		state: select('state', STATES),
		label: select('label', [['', 'Any label or none'], ['=', 'No label'], ...labels]),
		by: input({ name: 'by' }),
		q: input({ type: 'search', name: 'q' }),
		flagged: select('flagged', [['', 'Flagged or not'], ['true', 'Flagged'], ['false', 'Not flagged']]),
		since: input({ type: 'date', name: 'since' }),
		split: select('split', SPLITS),
		percents: input({ name: 'percents', placeholder: '75,15,10', inputmode: 'numeric' }),
		seed: input({ name: 'seed', maxlength: 1024 }),
		snapshot: select('snapshot', []),
	};
	fillSnapshots();
	const keep = element('button', { type: 'button' }, 'Make a snapshot…');
	keep.addEventListener('click', askSnapshot);
	controls.now = element('div', { class: 'filters' }, field('Given by', controls.by, 'A person’s name.'), field('Flag', controls.flagged), field('Labelled since', controls.since));
	controls.parted = element('div', { class: 'filters' },
		controls.other = element('div', {}, field('Percentages of train, val and test', controls.percents, 'Together 100, such as 75,15,10.')),
		field('Seed', controls.seed, 'Any text. With the same one an image is always in the same part, whatever is added.'));
	controls.form = element('form', { class: 'page-parts' },
		element('fieldset', { class: 'card' }, element('legend', { class: 'unseen' }, 'Form'), element('h2', {}, 'As what'),
			element('div', { class: 'formats' }, ...formats.map(({ title, use }, index) => element('label', { class: 'format' },
				element('input', { type: 'radio', name: 'format', value: index, checked: index === 0 }), element('span', {}, element('b', {}, title), element('span', { class: 'note' }, use)))))),
		element('div', { class: 'cards' },
			card('Which images', field('State', controls.state), field('Label', controls.label), field('File name has', controls.q), controls.now),
			card('Parts and time',
				field('Parts', controls.split, 'Into which images are put by their bytes and the seed alone.'), controls.parted,
				field('As it was', controls.snapshot, 'A snapshot keeps images, labels and parts for good: what was trained on can be had again.'),
				mayKeep && element('p', {}, keep))));
	recall();
	let timer = 0;
	controls.form.addEventListener('input', () => {
		clearTimeout(timer);
		timer = setTimeout(refresh, TYPED_FOR);
	});
	controls.form.addEventListener('submit', event => event.preventDefault());
}

const card = (title, ...content) => element('section', { class: 'card' }, element('h2', {}, title), ...content);

function fillSnapshots(value = controls.snapshot.value) {
	controls.snapshot.replaceChildren(element('option', { value: '' }, 'Now'),
		...snapshots.map(each => element('option', { value: each.name }, `${each.name} (${plural(each.size, 'image')}, ${each.at.slice(0, 10)})`)));
	controls.snapshot.value = value;
}

async function askSnapshot() {
	const named = element('input', { name: 'snapshot-name', required: true, maxlength: 200, autofocus: true, autocomplete: 'off', value: new Date(serverNow()).toISOString().slice(0, 10) });
	const says = split() ? `Its parts: ${split()}${controls.seed.value ? `, by the seed “${controls.seed.value}”` : ''}.` : 'Without parts: choose some before, if it is to have them.';
	const made = await ask({
		title: 'Make a snapshot',
		confirm: 'Make it',
		body: [field('Name', named, 'It cannot be changed or given again.'), element('p', { class: 'note' }, `It has all images as they are now. ${says}`)],
		act: () => change('POST', datasetPath(name, 'snapshots'), { name: named.value, ...split() && { split: split(), ...controls.seed.value && { seed: controls.seed.value } } }),
	});
	if (!made) return;
	snapshots = [made, ...snapshots];
	fillSnapshots(made.name);
	toast(`The snapshot “${made.name}” has ${plural(made.size, 'image')}.`);
	refresh();
}

/* --- what it will be -------------------------------------------------------------------------------------------- */

async function refresh() {
	controls.other.hidden = controls.split.value !== 'other';
	controls.parted.hidden = !controls.split.value;
	controls.now.hidden = Boolean(controls.snapshot.value); // a snapshot does not keep who said it, nor flags
	wrong(controls.percents, '');
	if (split() && !adds(split())) return controls.percents.value ? wrong(controls.percents, 'Three numbers with commas between, together 100.') : undefined;
	remember();
	const format = chosen(), mine = ++turn;
	const [first, second] = pythonOf(format, name, splitParts().length > 0);
	const link = element('a', { class: 'button primary', href: addressOf(), download: true }, `Download ${name}${format.ending}`);
	const code = element('pre', {}, element('code', {}, `${first}\n${second}`));
	const copy = element('button', { type: 'button', class: 'small' }, 'Copy');
	copy.addEventListener('click', () => copyText(code, copy));
	const sum = element('p', { role: 'status' }, 'Counting…'), thumbs = element('div', { class: 'strip' });
	const shown = element('pre', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Its beginning' });
	$('result').replaceChildren(
		element('h2', { id: 'result-title' }, format.title), sum, thumbs, shown,
		element('div', { class: 'choices' }, link),
		element('div', { class: 'head' }, element('h3', {}, 'In Python'), copy), code, ...format.after ? [element('p', { class: 'note' }, format.after)] : []);
	const still = () => mine === turn;
	try {
		await Promise.all([showSum(sum, thumbs, format, still), showBeginning(shown, format, still)]);
	} catch (error) {
		if (!still()) return;
		sum.textContent = saying(error);
		sum.classList.add('wrong');
		shown.remove();
	}
}

const adds = text => /^\d{1,3},\d{1,3},\d{1,3}$/.test(text) && text.split(',').reduce((sum, each) => sum + Number(each), 0) === 100;

async function copyText(code, copy) {
	try {
		await navigator.clipboard.writeText(code.textContent ?? '');
		copy.textContent = 'Copied';
	} catch { // without TLS browsers allow it only after a selection by hand
		getSelection()?.selectAllChildren(code);
		copy.textContent = 'Selected: press Ctrl+C';
	}
}

async function showSum(sum, thumbs, format, still) {
	const snapshot = snapshots.find(each => each.name === controls.snapshot.value);
	if (snapshot) {
		sum.textContent = `${plural(snapshot.size, 'image')} as of ${snapshot.at.slice(0, 10)}, kept by ${snapshot.by}${Object.keys(filters()).length ? '; of these, those that match' : ''}.`;
		return;
	}
	const { size, byLabel, first, isAll } = await count(still);
	if (!still()) return;
	const labelled = [...byLabel].filter(([label]) => label).sort((a, b) => b[1] - a[1]);
	const without = byLabel.get('') ?? 0;
	const has = format.labelledOnly ? size - without : size;
	const parts = [
		`${isAll ? '' : 'More than '}${plural(has, 'image')}`,
		labelled.length && several(labelled.map(([label, of]) => `${label} ${number(of)}`), 5),
		without && (format.labelledOnly ? `${plural(without, 'image')} without a label ${without === 1 ? 'is' : 'are'} left out` : `${number(without)} without a label`),
	].filter(Boolean);
	sum.textContent = `${parts.join(' · ')}.`;
	thumbs.replaceChildren(...first.filter(({ label }) => label || !format.labelledOnly).slice(0, SAMPLES_SHOWN).map(({ id, filepath, label }) =>
		element('figure', {}, element('img', { src: `${ours(datasetPath(name, 'samples', id, 'thumb'))}?size=100`, alt: filepath, loading: 'lazy', width: 80, height: 80 }), element('figcaption', {}, label || '–'))));
}

// Without a filter the counts are kept; with one the samples are counted, up to a few thousand.
async function count(still) {
	const filter = filters();
	const path = datasetPath(name, 'samples');
	if (!Object.keys(filter).length) {
		const [now, { items }] = await Promise.all([get(datasetPath(name)), get(`${path}?limit=${4 * SAMPLES_SHOWN}`)]);
		const byLabel = new Map(now.labels.filter(label => label.count).map(label => [label.name, label.count]));
		byLabel.set('', now.size - [...byLabel.values()].reduce((sum, each) => sum + each, 0));
		return { size: now.size, byLabel, first: items, isAll: true };
	}
	const byLabel = new Map(), first = [];
	let size = 0, after = null;
	for (let page = 0; page < COUNTED_AT_MOST; page++) {
		const { items, next } = await get(`${path}?${new URLSearchParams({ ...filter, limit: '1000', ...after && { after } })}`);
		for (const { label } of items) byLabel.set(label, (byLabel.get(label) ?? 0) + 1);
		first.push(...items.slice(0, 4 * SAMPLES_SHOWN - first.length)); // the first page may have none
		size += items.length;
		after = next;
		if (!after || !still()) return { size, byLabel, first, isAll: true };
	}
	return { size, byLabel, first, isAll: false };
}

// The beginning of a text as it will be; of an archive, its folders.
async function showBeginning(shown, format, still) {
	if (!format.text) {
		const labels = controls.label.value.length > 1 ? [controls.label.value.slice(1)] : dataset.labels.filter(label => label.count).map(label => label.name);
		const paths = format.tree?.(splitParts(), labels.length > 8 ? [...labels.slice(0, 8), '…'] : labels) ?? [];
		shown.textContent = [`${name}${format.ending}`, ...paths.map(path => `    ${path}`)].join('\n');
		return;
	}
	const text = await beginning(addressOf());
	if (!still()) return;
	shown.textContent = text || 'It is empty.';
}

async function beginning(address) {
	const stop = new AbortController();
	let response;
	try {
		response = await fetch(address, { cache: 'no-store', signal: stop.signal });
	} catch {
		throw new ApiError(0, 'The server cannot be reached.');
	}
	if (!response.ok) {
		const told = await response.json().catch(() => ({}));
		throw new ApiError(response.status, told.message ?? `The server answered ${response.status}.`);
	}
	const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader(), decoder = new TextDecoder();
	let text = '';
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return text;
		text += decoder.decode(value, { stream: true });
		if (text.length > BEGINNING) break;
	}
	stop.abort(); // the rest is not needed
	return `${text.slice(0, BEGINNING)}…`;
}

/* --- coming ----------------------------------------------------------------------------------------------------- */

async function show() {
	$('notice').hidden = true;
	$('status').textContent = 'Loading…';
	$('dataset').textContent = name;
	document.title = `${name} · Export · Image labels`;
	try {
		if (!name) throw new ApiError(404, 'No dataset was chosen.');
		let who;
		[who, dataset, snapshots] = await Promise.all([showHeader({ page: 'export', dataset: name }), get(datasetPath(name)),
			listed(datasetPath(name, 'snapshots')).catch(() => [])]);
		mayKeep = reaches(roleOn(who, name), 'contributor');
		build();
		$('choosing').replaceChildren(controls.form);
		$('result').hidden = false;
		$('sum').replaceChildren(`${plural(dataset.size, 'image')}, ${number(dataset.counts.labelled)} labelled`,
			...snapshots.length ? [' · last snapshot ', ago(snapshots.map(({ at }) => at).sort().at(-1), serverNow())] : []);
		await refresh();
	} catch (error) {
		$('result').hidden = true;
		showNotice(error, show);
	}
	$('status').textContent = '';
}

show();
