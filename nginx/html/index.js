// The page of all datasets: their progress, and links to label them.

import { call, ours, whoAmI } from './api.js';
import { $, element, number, plural } from './dom.js';

const LABELS_SHOWN = 6;

async function allDatasets() {
	const found = [];
	for (let next = ''; next !== null;) {
		const after = next && `&after=${encodeURIComponent(next)}`;
		const page = await call('GET', `/v1/datasets?limit=100${after}`);
		found.push(...page.items);
		next = page.next ?? null;
	}
	return found;
}

function card({ name, size, counts, labels }) {
	const href = ours(`/ui/label?dataset=${encodeURIComponent(name)}`);
	const rest = labels.length - LABELS_SHOWN;
	return element('li', { class: 'card' },
		element('h2', {}, element('a', { href }, name)),
		element('progress', { value: counts.labelled, max: Math.max(size, 1), 'aria-label': `${name}: labelled` }),
		element('p', { class: 'count' }, `${number(counts.labelled)} of ${number(size)} labelled`,
			element('span', { class: 'remark' }, remark(size, counts))),
		element('ul', { class: 'chips', 'aria-label': `Labels of ${name}` },
			...labels.slice(0, LABELS_SHOWN).map(label => element('li', {}, label.name)),
			rest > 0 ? element('li', { class: 'more' }, `and ${number(rest)} more`) : null));
}

function remark(size, { labelled, skipped, unreadable, review, leased }) {
	if (!size) return 'no images yet';
	if (labelled === size) return 'complete';
	const parts = [];
	if (review) parts.push(`${number(review)} to review`);
	if (skipped) parts.push(`${number(skipped)} set aside`);
	if (unreadable) parts.push(`${number(unreadable)} unreadable`);
	if (leased) parts.push(`${number(leased)} in hand`);
	return parts.join(', ');
}

function notice(title, text, command = false) {
	$('notice-title').textContent = title;
	$('notice-text').textContent = text;
	$('notice-command').hidden = !command;
	$('notice').hidden = false;
}

function explain(error) {
	if (error.status === 401) notice('You are signed out', 'Reload the page to sign in again.');
	else if (error.status === 0) notice('No connection', 'Is the server running, and are you online?');
	else notice('The datasets cannot be shown', error.message);
}

async function show() {
	$('status').textContent = 'Loading…';
	$('notice').hidden = true;
	try {
		const [datasets, user] = await Promise.all([allDatasets(), whoAmI()]);
		$('user').textContent = user && `Signed in as ${user}`;
		$('datasets').replaceChildren(...datasets.map(card));
		document.title = `${plural(datasets.length, 'dataset')} · Image labels`;
		if (!datasets.length)
			notice('No datasets yet',
				'None was shared with you, or none was made. Who runs the server makes one of a folder with:', true);
	} catch (error) {
		$('datasets').replaceChildren();
		explain(error);
	}
	$('status').textContent = '';
}

$('again').addEventListener('click', show);
addEventListener('online', show);
addEventListener('pageshow', event => {
	if (event.persisted) show(); // reached by the Back button: the counts have changed
});
show();
