// The page of all datasets: how far each is, who works on it, and where one can go from here.

import { address, datasetPath, get, listed, serverNow } from './api.js';
import { labelledNow } from './atwork.js';
import { colourOf, remark } from './dataset.js';
import { $, ago, element, number, painted, percent, plural } from './dom.js';
import { doors, doorTo, showHeader, showNotice } from './header.js';
import { reaches, roleOn } from './session.js';

/** @typedef {import('./dataset.js').Dataset} Dataset */

const LABELS_SHOWN = 5;
const TOOLS_FROM = 8; // datasets, from which one searches and sorts
const FIRST = 24;     // datasets that are shown before the others

/** @type {Dataset[]} */
let datasets = [];
let isWhole = true; // whether these are all
let who;

const left = ({ size, counts }) => size - counts.labelled;
const orders = {
	name: () => 0, // as the server lists them
	active: (a, b) => (b.activity?.labelled_at ?? '').localeCompare(a.activity?.labelled_at ?? ''),
	left: (a, b) => left(b) - left(a),
	size: (a, b) => b.size - a.size,
};

/* --- one row --------------------------------------------------------------------------------------------------- */

function row(dataset) {
	const role = roleOn(who, dataset.name);
	const [first, ...others] = doors(role, dataset.name);
	const isNext = left(dataset) > 0 && dataset.labels.length > 0; // the first door is what there is to do
	return element('li', {},
		thumb(dataset),
		element('div', { class: 'name' },
			element('h2', {}, element('a', { href: first.href }, dataset.name)),
			element('p', { class: 'note' }, ...facts(dataset, role)),
			shares(dataset.name, dataset.labels)),
		progress(dataset),
		element('div', { class: 'doors choices' },
			...[first, ...others].map((door, index) => element('a', {
				class: isNext && !index ? 'button small primary' : 'button small', href: door.href, 'aria-label': `${door.text} ${dataset.name}`,
			}, door.text))));
}

function thumb({ activity, name }) {
	const frame = element('div', { class: 'thumb', 'aria-hidden': 'true' });
	if (!activity?.thumb_url) return frame;
	const image = element('img', { src: address(activity.thumb_url), alt: '', loading: 'lazy', decoding: 'async', width: 72, height: 72 });
	image.addEventListener('error', () => frame.replaceChildren([...name][0].toUpperCase()));
	frame.append(image);
	return frame;
}

function facts({ size, counts, activity }, role) {
	const parts = [[plural(size, 'image')]];
	if (counts.leased) parts.push([`${number(counts.leased)} ${labelledNow(activity?.working ?? [], who.user)}`]);
	if (activity?.labelled_at)
		parts.push(['last label ', ago(activity.labelled_at, serverNow()), activity.labelled_by && ` by ${activity.labelled_by}`]);
	if (!reaches(role, 'annotator')) parts.push(['you may look']);
	return parts.flatMap((part, index) => index ? [' · ', ...part] : part);
}

function progress(dataset) {
	const { name, size, counts } = dataset;
	return element('div', { class: 'progress' },
		element('p', { class: 'number' }, element('span', {}, `${number(counts.labelled)} of ${number(size)} labelled`), element('b', {}, percent(counts.labelled, size))),
		element('progress', { value: counts.labelled, max: Math.max(size, 1), 'aria-label': `${name}: labelled` }),
		remark(dataset) && element('p', { class: 'note' }, remark(dataset)));
}

// How the labels are shared out, the most frequent first.
function shares(name, labels) {
	if (!labels.length) return element('p', { class: 'note' }, 'No labels yet');
	const given = labels.map((label, place) => ({ ...label, shade: colourOf(label, place) })).sort((a, b) => b.count - a.count);
	const rest = given.slice(LABELS_SHOWN);
	const bar = element('div', { class: 'share', 'aria-hidden': 'true' });
	for (const { count, shade } of given) {
		if (!count) continue;
		const part = element('i');
		part.style.flexGrow = String(count);
		part.style.setProperty('--colour', shade);
		bar.append(part);
	}
	return element('div', { class: 'shares' }, bar.childElementCount ? bar : null,
		element('ul', { class: 'legend', 'aria-label': `Labels of ${name}` },
			...given.slice(0, LABELS_SHOWN).map(({ name: text, count, shade }) => {
				const swatch = element('span', { class: 'swatch' });
				swatch.style.setProperty('--colour', shade);
				return element('li', {}, swatch, element('span', { title: text }, text), count ? ` ${number(count)}` : null);
			}),
			rest.length > 0 && element('li', {}, `and ${number(rest.length)} more`)));
}

/* --- all of them ----------------------------------------------------------------------------------------------- */

function draw() {
	const sought = $('search').value.trim().toLowerCase();
	const shown = datasets.filter(({ name, labels }) => name.toLowerCase().includes(sought) ||
		labels.some(label => label.name.toLowerCase() === sought)).sort(orders[$('sort').value]);
	$('datasets').replaceChildren(...shown.map(row));
	$('datasets').hidden = !shown.length;
	$('tools').hidden = datasets.length < TOOLS_FROM;
	$('sum').textContent = summary(shown, sought);
	document.title = isWhole ? `${plural(datasets.length, 'dataset')} · Image labels` : 'Datasets · Image labels';
	if (!datasets.length) empty();
}

function summary(shown, sought) {
	if (!datasets.length) return '';
	if (!isWhole) return 'Loading the others…';
	if (sought) return shown.length ? `${number(shown.length)} of ${plural(datasets.length, 'dataset')}` : `No dataset has “${$('search').value.trim()}” in its name.`;
	const size = datasets.reduce((sum, each) => sum + each.size, 0);
	const labelled = datasets.reduce((sum, each) => sum + each.counts.labelled, 0);
	const leased = datasets.reduce((sum, each) => sum + each.counts.leased, 0);
	const working = new Set(datasets.flatMap(each => each.activity?.working ?? []));
	return [plural(datasets.length, 'dataset'), `${number(labelled)} of ${plural(size, 'image')} labelled`,
		leased ? `${number(leased)} ${labelledNow([...working].sort(), who.user)}` : ''].filter(Boolean).join(' · ');
}

function empty() {
	const admin = who.role === 'admin';
	const make = admin && element('button', { type: 'button', class: 'primary' }, 'Make the first one…');
	if (make) make.addEventListener('click', askNew);
	$('notice').replaceChildren(element('h2', {}, 'No datasets yet'),
		element('p', {}, admin ? 'A dataset is a set of images with the labels that they may get. Make one, then upload images into it.'
			: `None was shared with ${who.user} so far. An admin can do that on the page People: ask who gave you your account.`),
		element('p', { class: 'choices' }, make),
		admin && element('p', { class: 'note' }, 'A folder on the server’s own machine becomes one with ', element('code', {}, 'image-label-load --in-place FOLDER --dataset NAME --labels cat,dog')));
	$('notice').hidden = false;
}

async function askNew() {
	const { askDataset } = await import('./newdataset.js');
	const made = await askDataset();
	if (!made) return;
	try {
		await showAdding(made);
	} catch {
		return location.assign(doorTo('upload', made)); // which says what is wrong
	}
	show();
}

// A new dataset is empty: its images come next, here.
async function showAdding(name) {
	const [{ uploader }, dataset] = await Promise.all([import('./uploader.js'), get(datasetPath(name))]);
	const done = element('button', { type: 'button' }, 'Done');
	const title = element('h2', { tabindex: -1 }, `Add images to “${name}”`);
	done.addEventListener('click', () => {
		$('adding').replaceChildren();
		show();
		$('make').focus();
	});
	$('adding').replaceChildren(
		element('div', { class: 'head' }, element('div', {}, title, element('p', {}, 'It has none yet. They can also come later, by its page Upload.')), done),
		uploader(dataset, say));
	title.focus();
}

const say = (text, trouble = false) => {
	if ($('status').textContent !== text) $('status').textContent = text;
	$('status').classList.toggle('trouble', trouble);
};

// What fits on a screen comes first, since the server opens each dataset; the others follow.
async function show() {
	$('status').textContent = datasets.length ? '' : 'Loading…';
	$('notice').hidden = true;
	try {
		const [me, first] = await Promise.all([showHeader({ page: '' }), get(`/v1/datasets?activity=true&limit=${FIRST}`)]);
		who = me;
		isWhole = first.next === null;
		if (isWhole || !datasets.length) {
			datasets = first.items;
			draw();
		}
		$('make').hidden = who.role !== 'admin' || !datasets.length;
		if (!isWhole) {
			await painted(); // else that waits for the server's work on the others
			datasets = [...first.items, ...await listed('/v1/datasets', { activity: 'true', after: first.next })];
			isWhole = true;
			draw();
		}
	} catch (error) {
		$('datasets').hidden = $('tools').hidden = true;
		datasets = [];
		showNotice(error, show);
	}
	$('status').textContent = '';
}

function remember() {
	const query = new URLSearchParams();
	if ($('search').value) query.set('q', $('search').value);
	if ($('sort').value !== 'name') query.set('sort', $('sort').value);
	history.replaceState(null, '', query.size ? `?${query}` : location.pathname);
	draw();
}

const asked = new URLSearchParams(location.search);
$('search').value = asked.get('q') ?? '';
if (Object.hasOwn(orders, asked.get('sort') ?? '')) $('sort').value = asked.get('sort');
$('search').addEventListener('input', remember);
$('sort').addEventListener('change', remember);
$('make').addEventListener('click', askNew);
addEventListener('online', show);
addEventListener('keydown', event => {
	if (event.key !== '/' || $('tools').hidden || event.target instanceof HTMLInputElement || document.querySelector('dialog[open]')) return;
	event.preventDefault();
	$('search').focus();
});
addEventListener('pageshow', event => {
	if (event.persisted) show(); // reached by the Back button: the counts have changed
});
show();
