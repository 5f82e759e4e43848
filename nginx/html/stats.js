// The page of a dataset's statistics: what was labelled as what, by whom, when and how fast, and how far people agree.

import { ApiError, address, datasetPath, get, ours, serverNow } from './api.js';
import { labelledNow } from './atwork.js';
import { chart } from './chart.js';
import { colourOf } from './dataset.js';
import { $, ago, element, number, percent, plural } from './dom.js';
import { showHeader, showNotice } from './header.js';

const DAY = 86_400_000; // ms
const DAYS_SHOWN = 60;
const PACE_DAYS = 7;    // from which the time left is reckoned

const name = new URLSearchParams(location.search).get('dataset') ?? '';

/* --- figures --------------------------------------------------------------------------------------------------- */

const figure = (value, text) => element('p', { class: 'figure' }, element('b', {}, value), element('span', { class: 'note' }, text));

function figures({ size, counts, activity }, stats, user) {
	const left = counts.unlabelled;
	return [
		figure(percent(counts.labelled, size), `${number(counts.labelled)} of ${plural(size, 'image')} labelled`),
		figure(number(left), left === 1 ? 'image left to label' : 'images left to label'),
		left > 0 && figure(timeLeft(left, stats.days) || '–', 'left at the speed of this week'),
		figure(stats.median_lead_time_ms === null ? '–' : seconds(stats.median_lead_time_ms), 'for an image, at the median'),
		figure(number(counts.leased), labelledNow(activity.working, user)),
		counts.review > 0 && figure(number(counts.review), 'to review: people do not agree'),
		counts.skipped > 0 && figure(number(counts.skipped), 'set aside'),
		counts.unreadable > 0 && figure(number(counts.unreadable), 'unreadable'),
	].filter(each => each !== false);
}

const seconds = ms => ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${number(Math.round(ms / 6000) / 10)} min`;

function timeLeft(left, days) {
	const since = serverNow() - PACE_DAYS * DAY;
	const lately = days.filter(({ date, labelled }) => Date.parse(date) > since && labelled > 0);
	if (!lately.length) return '';
	const worked = Math.min(PACE_DAYS, Math.ceil((serverNow() - Date.parse(lately[0].date)) / DAY)); // a week that has just begun is no week
	const inDays = left * worked / lately.reduce((sum, { labelled }) => sum + labelled, 0);
	return inDays < 1 ? 'under a day' : inDays > 730 ? `${number(Math.round(inDays / 365))} years` : plural(Math.ceil(inDays), 'day');
}

/* --- charts ---------------------------------------------------------------------------------------------------- */

function distribution({ labels }) {
	const rows = labels.map((label, place) => ({ name: label.name, value: label.count, colour: colourOf(label, place) })).sort((a, b) => b.value - a.value);
	if (!rows.length) return null;
	const [most] = rows, all = rows.reduce((sum, { value }) => sum + value, 0);
	return chart({ title: 'Labels', says: all ? `Most are “${most.name}”: ${percent(most.value, all)}.` : 'No image has one yet.', across: true, unit: 'images', first: 'Label', rows });
}

// Days without a label count, too: a gap is seen as one.
function daily({ days }) {
	if (!days.length) return null;
	const given = new Map(days.map(({ date, labelled }) => [date, labelled]));
	const last = Math.floor(serverNow() / DAY), first = Math.max(Date.parse(days[0].date) / DAY, last - DAYS_SHOWN + 1);
	const rows = [];
	for (let day = first; day <= last; day++) {
		const date = new Date(day * DAY).toISOString().slice(0, 10);
		rows.push({ name: date, value: given.get(date) ?? 0 });
	}
	const sum = rows.reduce((total, { value }) => total + value, 0);
	return chart({ title: 'Labels a day', says: `${plural(sum, 'label')} in ${plural(rows.length, 'day')}, by UTC.`, unit: 'labels', first: 'Day', rows });
}

function speeds({ people }) {
	const rows = people.filter(each => each.images_per_hour !== null).map(each => ({ name: each.user, value: Math.round(each.images_per_hour) })).sort((a, b) => b.value - a.value);
	return rows.length ? chart({ title: 'Images an hour', says: 'While looking at them, without pauses.', across: true, unit: 'images an hour', first: 'Person', rows }) : null;
}

/* --- tables ---------------------------------------------------------------------------------------------------- */

function card(title, says, ...content) {
	const id = `part-${title.toLowerCase().replace(/\W+/g, '-')}`;
	return element('section', { class: 'card', 'aria-labelledby': id }, element('h2', { id }, title), says && element('p', { class: 'note' }, says), ...content);
}

const scrolled = (what, table) => element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': what }, table);
const heads = names => element('thead', {}, element('tr', {}, ...names.map((text, index) => element('th', { scope: 'col', class: index ? 'end' : null }, text))));

function persons({ people }, working) {
	if (!people.length) return null;
	const rows = [...people].sort((a, b) => b.labelled - a.labelled).map(each => element('tr', {},
		element('th', { scope: 'row' }, `${each.user} `, working.includes(each.user) && element('span', { class: 'tag' }, 'working now')),
		element('td', { class: 'end' }, number(each.labelled)),
		element('td', { class: 'end' }, each.median_lead_time_ms === null ? '–' : seconds(each.median_lead_time_ms)),
		element('td', { class: 'end' }, each.images_per_hour === null ? '–' : number(Math.round(each.images_per_hour)))));
	return card('People', `${plural(people.length, 'person').replace('persons', 'people')} gave labels.`,
		scrolled('People, as a table', element('table', {}, heads(['Person', 'Labels', 'Median time', 'Images an hour']), element('tbody', {}, ...rows))));
}

function known({ gold = [] }) {
	if (!gold.length) return null;
	const rows = [...gold].sort((a, b) => a.right / a.answered - b.right / b.answered).map(({ user, answered, right }) => element('tr', {},
		element('th', { scope: 'row' }, user), element('td', { class: 'end' }, number(answered)), element('td', { class: 'end' }, percent(right, answered))));
	return card('Known answers', 'Images whose answer is known are mixed in. Those who miss most come first.',
		scrolled('Known answers, as a table', element('table', {}, heads(['Person', 'Answered', 'Right']), element('tbody', {}, ...rows))));
}

const measure = value => value === null ? '–' : value.toFixed(3);

function agreement({ agreement: { fleiss_kappa: fleiss, krippendorff_alpha: alpha, cohen_kappa: pairs } }) {
	if (!pairs.length) return null;
	const rows = [...pairs].sort((a, b) => (a.kappa ?? 2) - (b.kappa ?? 2)).map(({ users, kappa, n }) => element('tr', {},
		element('th', { scope: 'row' }, users.join(' and ')), element('td', { class: 'end' }, number(n)), element('td', { class: 'end' }, measure(kappa))));
	return card('Agreement', '1 is complete agreement, 0 what chance would give. Those who agree least come first.',
		element('p', {}, `Krippendorff’s alpha ${measure(alpha)}, of all images that two people or more labelled`),
		element('p', {}, `Fleiss’ kappa ${measure(fleiss)}, of images with the most common number of labels: it flatters where ties go to one more person`),
		scrolled('Agreement, as a table', element('table', {}, heads(['Two people', 'Images', 'Cohen’s kappa']), element('tbody', {}, ...rows))));
}

// What two people said of the same images: the more often, the stronger the cell.
function confusion({ confusion: pairs }) {
	if (!pairs.length) return null;
	const choice = element('select', { 'aria-label': 'Two people' }, ...pairs.map(({ users }, index) => element('option', { value: index }, users.join(' and '))));
	const place = element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'What two people said, as a table' });
	const drawTwo = () => place.replaceChildren(matrix(pairs[Number(choice.value)]));
	choice.addEventListener('change', drawTwo);
	drawTwo();
	return card('What two people said', 'Rows are what the first one said, columns the second one. Off the diagonal they differ.', element('p', {}, choice), place);
}

const own = (object, key) => Object.hasOwn(object, key) ? object[key] : undefined; // a label may be called "constructor"

function matrix({ users: [one, other], counts }) {
	const names = [...new Set(Object.entries(counts).flatMap(([said, of]) => [said, ...Object.keys(of)]))].sort();
	const most = Math.max(...Object.values(counts).flatMap(of => Object.values(of)));
	return element('table', { class: 'matrix' },
		element('caption', {}, `${one} in rows, ${other} in columns`),
		element('thead', {}, element('tr', {}, element('td'), ...names.map(text => element('th', { scope: 'col', class: 'end' }, text)))),
		element('tbody', {}, ...names.map(said => element('tr', {}, element('th', { scope: 'row' }, said), ...names.map(answered => {
			const n = own(own(counts, said) ?? {}, answered) ?? 0;
			const cell = element('td', { class: said === answered ? 'end same' : 'end' }, n ? number(n) : '·');
			cell.style.setProperty('--strength', `${Math.round(40 * n / most)}%`);
			return cell;
		})))));
}

/* --- all of it ------------------------------------------------------------------------------------------------- */

function draw(dataset, stats, user) {
	const { activity } = dataset;
	$('sum').replaceChildren(...activity.labelled_at ? ['Last label ', ago(activity.labelled_at, serverNow()), activity.labelled_by ? ` by ${activity.labelled_by}` : '', ' · '] : [],
		element('a', { href: address(ours(`${datasetPath(name, 'stats')}`)) }, 'the figures as JSON'), ' · ',
		element('a', { href: ours(`${datasetPath(name, 'export')}?format=csv`) }, 'the labels as CSV'));
	$('figures').replaceChildren(...figures(dataset, stats, user));
	$('figures').hidden = false;
	const parts = [distribution(dataset), daily(stats), speeds(stats), persons(stats, activity.working), known(stats), agreement(stats), confusion(stats)];
	$('charts').replaceChildren(...parts.filter(part => part !== null));
	$('charts').hidden = !$('charts').childElementCount;
}

async function show() {
	$('notice').hidden = true;
	$('status').textContent = 'Loading…';
	$('dataset').textContent = name;
	document.title = `${name} · Stats · Image labels`;
	try {
		if (!name) throw new ApiError(404, 'No dataset was chosen.');
		const [{ user }, dataset, stats] = await Promise.all([showHeader({ page: 'stats', dataset: name }), get(`${datasetPath(name)}?activity=true`), get(datasetPath(name, 'stats'))]);
		draw(dataset, stats, user);
	} catch (error) {
		$('figures').hidden = $('charts').hidden = true;
		showNotice(error, show);
	}
	$('status').textContent = '';
}

show();
