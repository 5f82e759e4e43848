// The page that reviews: what people disagree on, or ask to look at, one image after the other, decided by a key; and
// for those who may not decide, the same to look at.

import { ApiError, address, call, datasetPath, get, serverNow } from './api.js';
import { buttonWith, flash, showButtons } from './buttons.js';
import { colourOf } from './dataset.js';
import { $, ago, announce, element, number } from './dom.js';
import { Finder } from './finder.js';
import { doorTo, showHeader, showNotice } from './header.js';
import { pressed, searchesByTyping, writes } from './keys.js';
import { putFirst } from './line.js';
import { Outbox } from './outbox.js';
import { Picture } from './picture.js';
import { LAST, countQueues, counted, firstOf, queuesFor, shelfOf } from './queue.js';
import { showEvents, showVotes } from './said.js';
import { tellSaving } from './saving.js';
import { reaches, roleOn } from './session.js';
import { tellFailure, toast } from './toast.js';
import { Zoom } from './zoom.js';

/** @typedef {import('v1').components['schemas']['Sample']} Sample */
/** @typedef {{ sample: Sample, picture: Picture, history: Promise<any>, stale: boolean }} Case */

const AHEAD = 4;
const FILTER_FROM = 11; // labels; people find one of fewer at a glance

const asked = new URLSearchParams(location.search);
const dataset = asked.get('dataset') ?? '';
/** @type {Map<number, Case>} */
const cases = new Map(); // by index: the visible one and its neighbours
/** @type {{ index: number, before: Sample, kinds: string[] }[]} */
const decided = [];      // the last one at the end
/** @type {Map<string, number>} */
let counts = new Map();  // of the queues
let user, info, role, queue, person = asked.get('by') ?? '';
let mayDecide = false;
/** @type {any} */
let shelf;
/** @type {Outbox} */
let outbox;
let at = 0;
let shownAt = -1;        // the index whose image is visible

/* --- what the page shows --------------------------------------------------------------------------------------- */

async function show(index) {
	at = index;
	try {
		const sample = await shelf.at(index);
		if (at !== index) return;
		if (sample) await showCase(index, take(index, sample));
		else showEnd();
	} catch (error) {
		if (at === index) fail(error);
	}
}

async function showCase(index, item) {
	putFirst(item.picture);
	if (item.stale) refresh(index);
	$('back').disabled = index === 0;
	$('next').disabled = false;
	showFacts(item);
	if (item.picture.state === 'loading') say('Loading…', '');
	await item.picture.done;
	if (at !== index) return;
	if (item.picture.state === 'ready') showImage(index, item);
	else say('This image cannot be shown', item.picture.problem);
	await fetchAhead(index);
}

function showImage(index, { sample, picture }) {
	$('image').src = picture.url;
	zoom.show(sample.width ?? 0, sample.height ?? 0);
	$('image').alt = `Image ${sample.filepath}`;
	$('image').hidden = false;
	$('notice').hidden = true;
	shownAt = index;
	announce(`Image ${sample.filepath}, label: ${sample.label || 'none'}`);
}

function showFacts(item) {
	const { sample } = item;
	const total = shelf.whole ? shelf.items.length : queue.name === 'all' ? info.size : 0;
	$('count').textContent = total ? `${number(at + 1)} of ${number(total)}` : number(at + 1);
	$('caption').textContent = sample.filepath;
	$('label').textContent = sample.label || (sample.state === 'review' ? 'a tie' : 'none yet');
	$('by').replaceChildren(...sample.labelled_by && sample.labelled_at ? [`by ${sample.labelled_by}, `, ago(sample.labelled_at, serverNow())] : []);
	$('flag').hidden = sample.flag === null;
	$('flag').textContent = sample.flag === null ? '' : `⚑ ${sample.flag || 'Flagged, without a note'} · ${sample.flagged_by ?? ''}`;
	$('facts').hidden = false;
	$('agree').disabled = !canAgree(sample);
	for (const button of $('labels').children) {
		button.setAttribute('aria-disabled', 'false');
		button.setAttribute('aria-pressed', button.dataset.label === sample.label);
	}
	showSaid(item);
}

async function showSaid(item) {
	const colours = new Map(info.labels.map((label, place) => [label.name, colourOf(label, place)]));
	try {
		const { items, votes } = await item.history;
		if (cases.get(at) !== item) return;
		showVotes(votes, label => colours.get(label) ?? '');
		showEvents(items);
		$('undo').hidden = !mayDecide || !items.some(event => !event.taken_back && !['undo', 'merge', 'gold'].includes(event.source));
	} catch (error) {
		if (cases.get(at) === item && error.status !== 0) tellFailure(error);
	}
}

function showEnd() {
	const none = !shelf.items.length;
	$('back').disabled = none;
	$('next').disabled = $('agree').disabled = true;
	$('facts').hidden = true;
	$('caption').textContent = $('count').textContent = '';
	$('undo').hidden = true;
	$('events').replaceChildren();
	for (const button of $('labels').children) button.setAttribute('aria-disabled', 'true');
	const text = none ? queue.empty : `${number(decided.length)} decided of ${number(shelf.items.length)}. Backspace takes the last decision back.`;
	say(none ? 'Nothing here' : 'That was the last one', text, [
		element('a', { class: 'button', href: addressOf('labelled', '') }, 'All that is labelled'), again()]);
}

function again() {
	const button = element('button', { type: 'button' }, 'Look again');
	button.addEventListener('click', begin);
	return button;
}

function say(title, text, choices = []) {
	$('notice').replaceChildren(element('h2', {}, title), ...text ? [element('p', {}, text)] : [],
		...choices.length ? [element('p', { class: 'choices' }, ...choices)] : []);
	$('notice').hidden = false;
	$('image').hidden = true;
	shownAt = -1;
	announce([title, text].filter(Boolean).join(' '));
}

function fail(error) {
	$('image').hidden = true;
	$('facts').hidden = true;
	showNotice(error, begin);
}

/* --- images and histories, before they are needed ----------------------------------------------------------------- */

function take(index, sample) {
	let item = cases.get(index);
	if (!item) {
		item = { sample, picture: new Picture(sample), history: historyOf(sample), stale: false };
		cases.set(index, item);
	}
	return item;
}

function historyOf({ id }) {
	const history = get(datasetPath(dataset, 'samples', id, 'history'));
	history.catch(() => {}); // told by who shows it
	return history;
}

async function fetchAhead(index) {
	for (const [key, item] of cases) {
		if (Math.abs(key - index) <= AHEAD) continue;
		item.picture.forget();
		cases.delete(key);
	}
	for (let next = index + 1; next <= index + AHEAD; next++) {
		const sample = await shelf.at(next);
		if (!sample || at !== index) return;
		take(next, sample);
	}
}

/* --- deciding ---------------------------------------------------------------------------------------------------- */

// In the queue of known answers, and where one only checks, as with what one person says, being right changes nothing.
function canAgree(sample) {
	return sample.label !== '' || queue.name === 'flagged' || Boolean(sample.said);
}

/** @type {(sample: Sample) => { index: number, before: Sample, kinds: string[] }} */
const stepAt = sample => ({ index: at, before: { ...sample }, kinds: [] });
const visible = () => shownAt === at ? cases.get(at) : undefined;

function decide(label) {
	const item = visible();
	if (!item || !mayDecide) return false;
	const { sample } = item;
	const step = stepAt(sample);
	const kind = queue.name === 'missed' ? 'gold' : 'decide';
	if (!outbox.amend(sample.id, label)) { // else the step before is that of what waits
		outbox.add(kind, { sample: sample.id, label, ...kind === 'decide' && sample.version >= 0 && { version: sample.version } });
		step.kinds.push(kind);
	}
	Object.assign(sample, { label, version: -1, labelled_by: user, labelled_at: new Date(serverNow()).toISOString() }); // which version it is then, the server says
	settle(step, item);
	show(at + 1);
	return true;
}

function agree() {
	const item = visible();
	if (!item || !mayDecide || !canAgree(item.sample)) return;
	if (['disagreements', 'ties'].includes(queue.name)) {
		decide(item.sample.label);
		return;
	}
	if (queue.name === 'flagged') settle(stepAt(item.sample), item);
	show(at + 1);
}

// What was flagged, and is decided, need not be looked at any more.
function settle(step, item) {
	const { sample } = item;
	if (queue.name === 'flagged' && sample.flag !== null) {
		outbox.add('unflag', { sample: sample.id });
		step.kinds.push('unflag');
		sample.flag = null;
	}
	if (step.kinds.length) decided.push(step);
	item.stale = true;
	$('hint').textContent = `Before: ${sample.label ? `“${sample.label}”` : 'its flag taken away'}`;
	finder.leave();
}

function takeBack() {
	const step = decided.pop();
	if (!step) return;
	const sample = shelf.items[step.index];
	for (const kind of step.kinds.toReversed()) revert(kind, sample, step.before);
	Object.assign(sample, step.before, { version: -1 });
	$('hint').textContent = 'Taken back';
	refresh(step.index);
	show(step.index);
}

function revert(kind, { id }, before) {
	if (outbox.withdraw(id, kind)) return;
	if (kind === 'unflag') outbox.add('flag', { sample: id, note: before.flag });
	else if (kind === 'gold') outbox.add('gold', { sample: id, label: before.label });
	else outbox.add('undo', { sample: id });
}

// What was said of it is asked anew, once the changes are with the server.
function refresh(index) {
	const item = cases.get(index);
	if (!item) return;
	item.stale = false;
	item.history = outbox.send().then(() => historyOf(item.sample));
	item.history.catch(() => {});
}

async function takeBackNewest() {
	const item = visible();
	if (!item || !mayDecide || $('undo').hidden) return;
	try {
		await outbox.send();
		Object.assign(item.sample, await call('POST', datasetPath(dataset, 'samples', item.sample.id, 'undo'), {}));
		refresh(at);
		toast('The newest entry is taken back.');
		if (visible() === item) showFacts(item);
	} catch (error) {
		tellFailure(error);
	}
}

async function flagIt() {
	const item = visible();
	if (!item || !mayFlag()) return;
	const { sample } = item;
	const { askFlag } = await import('./flag.js');
	const note = await askFlag(sample.flag);
	if (note === undefined) return;
	if (note === null) outbox.add('unflag', { sample: sample.id });
	else outbox.add('flag', { sample: sample.id, note });
	Object.assign(sample, { flag: note, flagged_by: note === null ? null : user });
	if (visible() === item) showFacts(item);
}

const mayFlag = () => reaches(role, 'annotator');

// What the server says of the sample after a change, wherever it is.
function saved(done, answer) {
	const known = shelf?.items.find(each => each.id === done.sample);
	const waits = outbox.list().some(entry => entry.sample === done.sample && entry.id !== done.id);
	if (known && answer?.version !== undefined && !waits) Object.assign(known, answer);
}

function lose(id) {
	const index = shelf?.items.findIndex(each => each.id === id) ?? -1;
	if (index < 0) return;
	const why = outbox.lost.get(id)?.why ?? '';
	const place = decided.findIndex(step => step.index === index);
	if (place >= 0) decided.splice(place, 1);
	outbox.lost.delete(id);
	toast(`${shelf.items[index].filepath} was not changed: ${why}.`, { trouble: true, action: 'Look at it', act: async () => {
		cases.get(index)?.picture.forget();
		cases.delete(index);
		try {
			shelf.items[index] = await get(datasetPath(dataset, 'samples', id));
			show(index);
		} catch (error) {
			tellFailure(error);
		}
	} });
}

/* --- keys and clicks ---------------------------------------------------------------------------------------------- */

function choose(button) {
	if (!button || !decide(button.dataset.label)) return false;
	flash(button);
	return true;
}

async function showOriginal() {
	const item = visible();
	if (!item?.picture.isRendition) return;
	await item.picture.full();
	if (visible() === item) $('image').src = item.picture.url;
}

const zoom = new Zoom($('stage'), $('image'), showOriginal);
const finder = new Finder({ choose, tell: announce });
const step = by => at + by >= 0 && (by < 0 || at < shelf.items.length) && show(at + by);
const help = () => $('help').showModal();
const commands = {
	Enter: agree, ' ': () => step(1), ArrowRight: () => step(1), ArrowLeft: () => step(-1), Backspace: takeBack, '?': help,
	'/': () => $('filter').hidden || finder.open(), '+': () => zoom.closer(), '=': () => zoom.closer(), '-': () => zoom.farther(),
	Escape: () => zoom.fit(),
};
const letters = { f: flagIt, u: takeBackNewest, h: help, z: () => zoom.toggle(), 0: () => zoom.fit() };
const pans = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function commandOf(event) {
	const { key, target } = event;
	if (event.ctrlKey || event.metaKey) return key.toLowerCase() === 'z' && !event.shiftKey && !event.altKey ? takeBack : null;
	const operates = key === ' ' || key === 'Enter' ? 'button, a, summary, select' : 'select, input';
	if (event.altKey || target instanceof Element && target.matches(operates)) return null; // it is for the focused one
	const pan = zoom.isZoomed && event.shiftKey && pans[key];
	if (pan) return () => zoom.pan(...pan);
	const button = mayDecide && buttonWith(pressed(event));
	if (button) return () => choose(button);
	const begins = mayDecide && searchesByTyping(info.labels.length) && !event.shiftKey; // a search
	return commands[key] ?? (begins ? null : letters[key.toLowerCase()] ?? null);
}

addEventListener('keydown', event => {
	if (event.isComposing || document.querySelector('dialog[open]') || !shelf) return;
	if (event.target === $('filter')) {
		if (!event.ctrlKey && !event.metaKey && !event.altKey) finder.key(event);
		return;
	}
	const command = commandOf(event);
	if (command) {
		event.preventDefault();
		const moves = event.key.startsWith('Arrow');
		if (!event.repeat || moves) command(); // one decision for each press
	} else if (mayDecide && searchesByTyping(info.labels.length) && !event.ctrlKey && !event.metaKey && writes(event)) {
		finder.open();
	}
});

$('labels').addEventListener('click', event => choose(event.target.closest('button')));
for (const [id, work] of Object.entries({ agree, 'flag-it': flagIt, back: () => step(-1), next: () => step(1), undo: takeBackNewest, 'help-open': help }))
	$(id).addEventListener('click', work);
// A click leaves the focus where it was, so that keys still work.
for (const id of ['labels', 'agree', 'back', 'next', 'undo'])
	$(id).addEventListener('mousedown', event => event.preventDefault());
$('dismiss').addEventListener('click', () => {
	outbox.lost.clear();
	tellSaving(outbox);
});
$('queue').addEventListener('change', () => go($('queue').value, $('person').value));
$('person').addEventListener('change', () => go($('queue').value, $('person').value));

/* --- coming ------------------------------------------------------------------------------------------------------- */

const addressOf = (name, by) => address(`${location.pathname}?${new URLSearchParams({ dataset, show: name, ...by && { by } })}`);

function go(name, by) {
	history.replaceState(null, '', addressOf(name, by));
	queue = queuesFor(role).find(each => each.name === name);
	person = by;
	$('queue').blur();
	$('person').blur();
	begin();
}

async function showChoices() {
	$('queue').replaceChildren(...queuesFor(role).map(({ name, text }) => element('option', { value: name, selected: name === queue.name },
		`${text} (${counted(counts.get(name) ?? 0)})`)));
	const fill = names => $('person').replaceChildren(element('option', { value: '' }, 'Labelled by anybody'),
		...names.map(name => element('option', { value: name, selected: name === person }, `Labelled by ${name}`)));
	fill(person ? [person] : []);
	try {
		const { people } = await get(datasetPath(dataset, 'stats'));
		fill([...new Set([...people.map(each => each.user), ...person ? [person] : []])].sort());
	} catch { /* then one cannot choose; the page is of use all the same */ }
}

async function begin() {
	say('Loading…', '');
	$('thumbs').hidden = !person;
	$('thumbs').href = `${doorTo('grid', dataset)}&${new URLSearchParams({ by: person })}`;
	for (const { picture } of cases.values()) picture.forget();
	cases.clear();
	decided.length = 0;
	try {
		if (!dataset) throw new ApiError(404, 'No dataset was chosen.');
		const mayAsk = person === user || reaches(role, 'contributor');
		shelf = await shelfOf(dataset, queue, person, mayAsk);
		$('hint').textContent = person && queue.name === 'labelled'
			? `The last ${number(LAST)} ${mayAsk ? `that ${person} labelled` : `whose label is ${person}'s`}, the newest first.` : '';
	} catch (error) {
		fail(error);
		return;
	}
	show(0);
}

async function start() {
	$('dataset').textContent = dataset;
	document.title = `${dataset} · Review · Image labels`;
	if (!dataset) throw new ApiError(404, 'No dataset was chosen.');
	const [who, described] = await Promise.all([showHeader({ page: 'review', dataset }), get(datasetPath(dataset))]);
	({ user } = who);
	info = described;
	role = roleOn(who, dataset);
	mayDecide = reaches(role, info.policy.overlap > 1 ? 'contributor' : 'annotator');
	const wanted = asked.get('show') ?? (person ? 'labelled' : '');
	counts = await countQueues(dataset, role);
	queue = queuesFor(role).find(({ name }) => name === wanted) ?? (mayDecide ? firstOf(counts, role) : queuesFor(role).at(-1));
	outbox = new Outbox(who.user, dataset, { changed: () => tellSaving(outbox), saved, lose });
	document.body.classList.toggle('looking', !mayDecide);
	$('labels').hidden = $('agree').hidden = !mayDecide;
	$('flag-it').hidden = !mayFlag();
	$('filter').hidden = !mayDecide || info.labels.length < FILTER_FROM;
	if (mayDecide) showButtons(info.labels);
	showChoices();
	for (const name of ['online', 'offline']) addEventListener(name, () => tellSaving(outbox));
	addEventListener('beforeunload', event => {
		if (outbox.list().length) event.preventDefault();
	});
	outbox.send();
	tellSaving(outbox);
	await begin();
}

start().catch(error => {
	$('image').hidden = true;
	showNotice(error, () => location.reload());
});
