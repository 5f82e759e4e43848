// The grid: many images at once, picked, labelled, flagged and deleted together; and labels confirmed by class.

import { ApiError, datasetPath, get } from './api.js';
import { BigView } from './bigview.js';
import { emptyCell, makeCell, showCell } from './cell.js';
import { Cells } from './cells.js';
import { confirmedBefore, forgetConfirmed, noteConfirmed } from './confirmed.js';
import { tellWork } from './atwork.js';
import { asked, matches, remember, showCriteria } from './criteria.js';
import { colourOf } from './dataset.js';
import { Deeds } from './deeds.js';
import { ask } from './dialog.js';
import { $, announce, element, number, plural } from './dom.js';
import { Finder } from './finder.js';
import { field } from './form.js';
import { listenToKeys } from './gridkeys.js';
import { doorTo, showHeader, showNotice } from './header.js';
import { Holding } from './holding.js';
import { keysOf } from './keys.js';
import { Picks, pickByPointer } from './picks.js';
import { reaches, roleOn } from './session.js';
import { Stock } from './stock.js';
import { storage } from './storage.js';
import { toast } from './toast.js';
import { explain, saying } from './words.js';

/** @typedef {import('./dataset.js').Dataset} Dataset */
/** @typedef {{ kind: 'label' | 'flag', deeds: import('./deeds.js').Deed[], before: Map<number, any>, left: number[], told: string }} Done */

const SIDES = [96, 128, 176, 256, 360]; // pixels a side, of which the person chooses
const SIDE_KEY = 'grid-side';
const LOOKED_AGAIN = 5000; // ms after which what is shown is read again
const FIND_FROM = 11;      // labels, from which there is a field to find one
const IN_A_LINE = 6;       // labels that stand beside the rest; more have lines of their own

const name = new URLSearchParams(location.search).get('dataset') ?? '';
/** @type {Dataset} */
let info;
let user = '', mayLabel = false, mayDecide = false, mayDelete = false;
/** @type {Record<string, string>} */
let query = {};
let confirming = false;
/** @type {Stock} */
let stock = new Stock('', {}, () => {});
/** @type {Deeds} */
let deeds;
/** @type {Holding} */
let holding;
/** @type {(query: Record<string, string>) => void} */
let showFilter = () => {};
let current = -1;      // the id where the keys are
let seen = 0;          // how many from the first on were in the window
/** @type {any} */
let trouble = null;    // why the last reading failed
/** @type {Done[]} */
const done = [];       // what can be undone, the last one at the end

const list = $('cells');
const labelling = () => mayLabel && (query.state === 'unlabelled' || query.label === '' && query.state === undefined);
const taken = id => labelling() && holding.of(id) === 'others' && stock.sample(id)?.state === 'unlabelled';

const picks = new Picks({ may: id => mayLabel && !taken(id), changed: () => showAll() });
const cells = new Cells(list, {
	count: () => stock.ids.length,
	make: makeCell,
	fill,
	cleared: emptyCell,
	rest: () => look(),
});
const finder = new Finder({ choose: button => give(button.dataset.label), tell: announce });
const large = new BigView({
	step: by => step(stock.indexOf(current) + by),
	pick: () => picks.toggle(current),
	closed: () => list.focus({ preventScroll: true }),
});

/* --- what is shown --------------------------------------------------------------------------------------------- */

function fill(cell, index) {
	const id = stock.ids[index];
	showCell(cell, {
		id, index, size: stock.complete ? stock.ids.length : -1, sample: stock.sample(id), labels: info.labels, picked: picks.ids.has(id),
		others: taken(id), current: id === current, judged: confirming, side: cells.side,
	});
}

function showAll() {
	cells.refresh();
	showTools();
	showCurrent();
}

function showCurrent() {
	const index = stock.indexOf(current);
	if (index < 0) list.removeAttribute('aria-activedescendant');
	else list.setAttribute('aria-activedescendant', `cell-${current}`);
	const sample = stock.sample(current);
	if (large.open && index >= 0 && sample)
		large.show(sample, `${number(index + 1)} of ${number(stock.ids.length)}`, mayLabel ? picks.ids.has(current) : null);
}

function showTools() {
	const count = picks.ids.size, size = stock.ids.length;
	$('tools').hidden = !mayLabel || !info;
	$('picked').textContent = count ? (confirming ? `${number(count)} wrong` : `${number(count)} picked`) : done.at(-1)?.told ?? hint();
	$('picked').classList.toggle('some', count > 0);
	for (const button of $('labels').children) button.setAttribute('aria-disabled', String(!count));
	for (const id of ['unlabel', 'flag', 'delete']) $(id).setAttribute('aria-disabled', String(!count));
	$('undo').disabled = !done.length;
	$('undo').title = done.at(-1)?.told ?? '';
	$('delete').hidden = !mayDelete;
	$('unlabel').hidden = confirming;
	$('sum').textContent = summary(size);
	const opens = query.label && !confirming && mayDecide && size > 0 && query.state === undefined;
	$('confirm-open').hidden = !opens && !confirming;
	$('confirm-open').textContent = confirming ? 'Leave “Confirm”' : `Confirm “${query.label}”`;
	showConfirm(size);
}

function hint() {
	if (confirming) return 'Click what is wrong.';
	if (!info.labels.length) return 'This dataset has no labels yet.';
	return matchMedia('(pointer: coarse)').matches ? 'Touch and hold an image to pick it.' : 'Click or drag to pick, then press a label’s key.';
}

function summary(size) {
	const known = stock.complete ? number(size) : `${number(size)} and more`;
	const more = size > cells.most ? `; the first ${number(cells.most)} are shown: filter to see others` : '';
	return `${known} ${size === 1 ? 'image' : 'images'}${more}`;
}

function showConfirm(size) {
	$('confirm').hidden = !confirming || !size;
	$('confirm-all').hidden = !confirming || seen >= size;
	if (!confirming) return;
	const right = Math.min(seen, size) - [...picks.ids].filter(id => stock.indexOf(id) < seen).length;
	$('confirm').replaceChildren(`Confirm ${number(right)} `, element('kbd', { 'aria-hidden': 'true' }, '⏎'));
	$('confirm-all').textContent = `Confirm all ${number(size - picks.ids.size)}`;
}

function showTask() {
	$('title').textContent = confirming ? `Confirm “${query.label}”` : 'Grid';
	$('task').hidden = !confirming;
	$('task').textContent = `Click what is not “${query.label}”. Enter confirms the others that you have seen: that is recorded as your decision for each. What you clicked loses the label and is to be labelled again, unless you press another label’s key before.`;
	document.title = `${name} · ${$('title').textContent} · Image labels`;
	$('criteria').hidden = confirming;
}

function showLabels() {
	const { labels } = info, keys = keysOf(labels);
	$('labels').replaceChildren(...labels.map((label, index) => {
		const key = keys.get(label.name) ?? '';
		const button = element('button', { type: 'button', class: 'small', 'data-key': key, 'data-label': label.name, 'aria-keyshortcuts': key || null,
			title: label.description || null }, element('kbd', { 'aria-hidden': 'true' }, key), element('i', { class: 'swatch' }), element('span', {}, label.name));
		/** @type {any} */ (button.querySelector('.swatch')).style.setProperty('--colour', colourOf(label, index));
		return button;
	}));
	$('filter').hidden = labels.length < FIND_FROM;
	$('tools').classList.toggle('many', labels.length > IN_A_LINE);
	$('flag').querySelector('kbd').textContent = $('labels').querySelector('[data-key=f]') ? '⇧F' : 'F';
}

function tellStatus() {
	const waiting = deeds?.list().reduce((sum, deed) => sum + deed.ids.length, 0) ?? 0;
	const problem = (waiting ? deeds.problem : null) ?? trouble ?? holding?.problem;
	const kept = waiting ? ` ${plural(waiting, 'change')} kept in this browser, to be sent once that is over.` : '';
	let text = waiting ? `Saving ${number(waiting)}…` : '';
	if (problem?.passing) text = `${explain(problem).title}. Trying again…${kept}`;
	else if (problem) text = `${saying(problem)}${kept}`;
	$('status').classList.toggle('trouble', Boolean(problem));
	if ($('status').textContent !== text) $('status').textContent = text;
}

function showEmpty() {
	const empty = stock.complete && !stock.ids.length;
	list.hidden = empty;
	$('notice').hidden = !empty;
	if (!empty) return;
	const button = (text, work) => {
		const made = element('button', { type: 'button', class: 'primary' }, text);
		made.addEventListener('click', work);
		return made;
	};
	const next = confirming ? nextLabel() : undefined;
	const filtered = Object.keys(query).length > 0;
	const [title, text, action] =
		confirming ? [`No “${query.label}” is left to confirm`, 'Backspace undoes what you did last.',
			next ? button(`Next: ${next.name} (${number(next.count)})`, () => go({ label: next.name }, true)) : button('Back to the grid', () => go({}, false))]
		: labelling() ? ['Nothing is left to label', 'Every image that this filter finds has a label.', button('Show all images', () => go({}, false))]
		: filtered ? ['No image matches', 'The filter finds none.', button('Clear the filter', () => go({}, false))]
		: ['No images yet', 'This dataset is empty.', null];
	$('notice').replaceChildren(element('h2', {}, title), element('p', {}, text), element('p', { class: 'choices' }, action,
		!filtered && element('a', { href: doorTo('label', name) }, 'Label page')));
	if (document.activeElement === document.body || document.activeElement === list) /** @type {any} */ ($('notice').querySelector('button'))?.focus();
	announce(title);
}

function nextLabel() {
	const at = info.labels.findIndex(label => label.name === query.label);
	return info.labels.slice(at + 1).find(label => label.count > 0);
}

/* --- what is in the window ------------------------------------------------------------------------------------- */

const inWindow = () => {
	const { from, to } = cells.shown;
	return stock.ids.slice(from, to);
};

// Reads and leases what is in the window, once scrolling has come to rest.
function look() {
	if (list.hidden || !info) return;
	const { from, to } = cells.shown;
	seen = Math.max(seen, cells.seen(covered()));
	const beside = (to - from) * 2;
	attempt(stock.want(stock.ids.slice(Math.max(0, from - beside), to + beside)));
	hold();
	showTools();
}

function hold() {
	if (!holding) return;
	const unlabelled = id => (stock.sample(id)?.state ?? '') === 'unlabelled';
	holding.want(labelling() ? [...new Set([...inWindow(), ...[...picks.ids].filter(id => holding.of(id) === 'mine')])].filter(unlabelled) : []);
}

async function attempt(work) {
	try {
		await work;
		trouble = null;
	} catch (error) {
		trouble = error;
	}
	tellStatus();
}

// What others did meanwhile, and what did not arrive.
async function lookAgain() {
	if (document.hidden || list.hidden) return;
	for (const image of list.querySelectorAll('img[src]'))
		if (image.complete && !image.naturalWidth) image.src = image.src.replace(/(&again=\d+)?$/, '');
	await attempt(stock.read(inWindow()));
	look();
}

/* --- what is done ---------------------------------------------------------------------------------------------- */

const chosen = () => {
	if (picks.ids.size) return [...picks.ids].sort((a, b) => a - b);
	return stock.indexOf(current) >= 0 && (large.open || document.activeElement === list) && !taken(current) ? [current] : [];
};

// Gives labels: each part is { ids, label }. All parts are undone together.
function perform(parts, told) {
	const at = stock.indexOf(current);
	const all = parts.flatMap(({ ids }) => ids);
	const before = new Map(all.map(id => [id, stock.sample(id)]));
	const left = [], made = [];
	for (const { ids, label } of parts) {
		if (!ids.length) continue;
		const change = { label, state: /** @type {any} */ (label ? 'labelled' : 'unlabelled'), labelled_by: label ? user : null };
		for (const deed of deeds.add('label', ids, { label, ...leased(ids) })) {
			stock.change(deed.ids, change, deed.id);
			made.push(deed);
		}
		if (confirming || !matches(query, change)) left.push(...ids);
	}
	holding.used(all);
	if (confirming) seen = Math.max(0, seen - left.length);
	stock.remove(left);
	done.push({ kind: 'label', deeds: made, before, left, told });
	if (stock.indexOf(current) < 0) current = stock.ids[Math.min(at, stock.ids.length - 1)] ?? -1;
	picks.clear();
	finder.leave();
	showEmpty();
	if (large.open && !stock.ids.length) $('large').close();
	announce(told);
}

// Where several people are asked, a label is an answer by one's lease; and what others label is left to them.
function leased(ids) {
	if (!mayDecide) return { own: true, tokens: Object.fromEntries(ids.map(id => [id, holding.token(id)]).filter(([, token]) => token)) };
	return labelling() && ids.some(id => holding.of(id) !== 'mine') ? { claim: true } : {};
}

function give(label) {
	let ids = chosen();
	if (!mayDecide) ids = ids.filter(id => holding.token(id));
	if (!ids.length) {
		announce('Pick images first.');
		return false;
	}
	const next = !picks.ids.size && stock.indexOf(current) + 1;
	perform([{ ids, label }], label ? `${plural(ids.length, 'image')}: “${label}”` : `${plural(ids.length, 'image')}: no label`);
	if (next && stock.indexOf(ids[0]) >= 0) step(next); // it stays: go on to the one after
	return true;
}

function confirm(all) {
	if (!confirming || !stock.ids.length) return;
	const meant = all ? stock.ids : stock.ids.slice(0, seen);
	if (!meant.length) return; // what moved up has not been seen yet
	const wrong = meant.filter(id => picks.ids.has(id)), right = meant.filter(id => !picks.ids.has(id));
	const { label } = query;
	perform([{ ids: right, label }, { ids: wrong, label: '' }], `${plural(right.length, 'image')} confirmed as “${label}”${wrong.length ? `, ${number(wrong.length)} to be labelled again` : ''}`);
	noteConfirmed(user, name, label, right);
	scrollTo(0, 0);
}

async function flag() {
	const ids = chosen();
	if (!ids.length) return;
	const all = ids.every(id => (stock.sample(id)?.flag ?? null) !== null);
	let note = '';
	if (!all) {
		const entered = element('input', { name: 'note', maxlength: 250, autocomplete: 'off', autofocus: true });
		const answer = await ask({ title: `Flag ${plural(ids.length, 'image')}`, confirm: 'Flag', body: [field('What is to be looked at', entered, 'May be left empty.')],
			act: () => ({ note: entered.value.trim() }) });
		if (!answer) return;
		({ note } = answer);
	}
	const before = new Map(ids.map(id => [id, stock.sample(id)])), change = all ? { flag: null } : { flag: note, flagged_by: user };
	const made = deeds.add(all ? 'unflag' : 'flag', ids, { note });
	for (const deed of made) stock.change(deed.ids, change, deed.id);
	const left = matches(query, change) ? [] : ids;
	stock.remove(left);
	done.push({ kind: 'flag', deeds: made, before, left, told: all ? 'Flags taken away' : 'Flagged' });
	picks.clear();
	showEmpty();
}

async function askDelete() {
	const ids = chosen();
	if (!mayDelete || !ids.length) return;
	const sure = await ask({
		title: `Delete ${plural(ids.length, 'image')}?`, confirm: `Delete ${number(ids.length)} for good`, danger: true,
		body: [element('p', {}, 'The images go, with their labels and history. This cannot be undone.')], act: () => true,
	});
	if (!sure) return;
	deeds.add('delete', ids);
	stock.remove(ids);
	holding.used(ids);
	picks.clear();
	showEmpty();
}

function undo() {
	const last = done.pop();
	if (!last) return;
	for (const deed of last.deeds) {
		if (deeds.withdraw(deed.id)) stock.settle(deed.ids, deed.id, false);
		else takeBack(last, deed);
	}
	if (confirming) forgetConfirmed(user, name, query.label, last.left);
	stock.restore(last.left);
	if (last.left.length && confirming) seen = Math.min(stock.ids.length, seen + last.left.length);
	if (last.kind === 'label' && !confirming) picks.set([...last.before.keys()]);
	current = [...last.before.keys()][0] ?? current;
	showEmpty();
	showAll();
	step(stock.indexOf(current));
	announce(`Undone: ${last.told}`);
}

function takeBack({ kind, before }, deed) {
	if (kind === 'label') {
		const [undone] = deeds.add('undo', deed.ids, { label: deed.label, own: deed.own });
		for (const id of deed.ids) {
			const { label = '', state = 'unlabelled', labelled_by = null } = before.get(id) ?? {};
			stock.change([id], { label, state, labelled_by }, undone.id);
		}
		return;
	}
	const flagged = deed.ids.filter(id => (before.get(id)?.flag ?? null) !== null);
	for (const id of flagged) {
		const [again] = deeds.add('flag', [id], { note: before.get(id).flag });
		stock.change([id], { flag: before.get(id).flag, flagged_by: before.get(id).flagged_by }, again.id);
	}
	const plain = deed.ids.filter(id => !flagged.includes(id));
	for (const away of plain.length ? deeds.add('unflag', plain) : []) stock.change(away.ids, { flag: null }, away.id);
}

function saved(deed) {
	stock.settle(deed.ids, deed.id);
	const shown = new Set(inWindow());
	if (deed.kind === 'undo' || deed.tokens) attempt(stock.read(deed.ids.filter(id => shown.has(id)))).then(look);
	showAll();
}

// Some were not done: why is null where others were faster.
function notDone(deed, ids, why) {
	stock.settle(ids, deed.id, false);
	stock.restore(ids);
	const { length } = ids;
	if (why) toast(`${plural(length, 'image')} could not be changed. ${saying(why)}`, { trouble: true });
	else if (deed.kind === 'undo') toast(`${plural(length, 'image')} ${length === 1 ? 'was' : 'were'} changed by someone else meanwhile, and left as they are.`);
	else toast(`${plural(length, 'image')} ${length === 1 ? 'is' : 'are'} being labelled by someone else, and left to them.`);
	attempt(stock.read(ids.slice(0, 1000)));
	showEmpty();
}

/* --- keys and clicks ------------------------------------------------------------------------------------------- */

// The bar covers so many pixels at the window's foot.
const covered = () => $('tools').hidden || getComputedStyle($('tools')).position !== 'sticky' ? 0 : $('tools').offsetHeight;

function step(index, extending = false) {
	const { ids } = stock;
	if (!ids.length || index < 0) return;
	if (extending) picks.begin(current);
	current = ids[Math.min(index, ids.length - 1)];
	cells.reveal(stock.indexOf(current), covered());
	if (extending) picks.extend(current, ids);
	else showAll();
	if (!large.open) list.focus({ preventScroll: true });
}

function move(by, extending) {
	const at = stock.indexOf(current);
	if (at < 0 && Number.isFinite(by)) step(cells.shown.from, extending);
	else step(Math.max(0, Math.min(at + by, stock.ids.length - 1)), extending);
}

function open(id = current) {
	if (stock.indexOf(id) < 0) id = stock.ids[cells.shown.from] ?? -1;
	current = id;
	const sample = stock.sample(id);
	if (sample) large.show(sample, `${number(stock.indexOf(id) + 1)} of ${number(stock.ids.length)}`, mayLabel ? picks.ids.has(id) : null);
}

function resize(by) {
	const at = SIDES.indexOf(cells.side);
	cells.side = SIDES[Math.max(0, Math.min(at + by, SIDES.length - 1))];
	storage.set(SIDE_KEY, String(cells.side));
	showAll();
}

const help = () => $('help').showModal();

listenToKeys({
	columns: () => cells.columns,
	rows: () => (cells.shown.to - cells.shown.from) / cells.columns,
	move(by, extending) {
		list.classList.add('by-keys');
		move(by, extending);
	},
	give,
	pick: () => stock.indexOf(current) >= 0 && picks.toggle(current),
	all: () => picks.set(stock.ids),
	undo,
	commands: {
		'?': help,
		'/': () => $('filter').hidden || finder.open(),
		'+': () => resize(1),
		'-': () => resize(-1),
		' ': () => open(),
		Enter: () => confirming ? confirm(false) : open(),
		Backspace: undo,
		Delete: askDelete,
		Escape: () => picks.clear(),
		x: () => stock.indexOf(current) >= 0 && picks.toggle(current),
		u: () => give(''),
		U: () => give(''),
		f: flag,
		F: flag,
	},
	may: () => mayLabel,
	labels: () => info?.labels.length ?? 0,
	large,
	finder,
});

list.addEventListener('pointerdown', () => list.classList.remove('by-keys'));
pickByPointer(list, {
	picks,
	idOf: cell => Number(/** @type {HTMLElement} */ (cell).dataset.id),
	within: area => cells.within(area),
	all: () => stock.ids,
	open,
	came: id => { current = id; },
	picking: () => mayLabel,
});

const clicks = {
	unlabel: () => give(''), flag, delete: askDelete, undo, confirm: () => confirm(false), 'confirm-all': () => confirm(true),
	'help-open': help, smaller: () => resize(-1), larger: () => resize(1),
	'confirm-open': () => go(query, !confirming),
};
for (const [id, work] of Object.entries(clicks)) {
	$(id).addEventListener('click', work);
	$(id).addEventListener('mousedown', event => event.preventDefault()); // the focus stays, so that keys go on working
}
$('labels').addEventListener('mousedown', event => event.preventDefault());
$('labels').addEventListener('click', event => {
	const button = /** @type {any} */ (event.target).closest('button');
	if (button) give(button.dataset.label);
});

/* --- coming and going ------------------------------------------------------------------------------------------ */

// Shows the images of another filter.
function go(next, confirms, how = 'push') {
	query = next;
	confirming = confirms && mayDecide && Boolean(query.label);
	if (how !== 'stay') remember(query, confirming, how === 'replace');
	load();
}

function newStock() {
	stock.leave();
	const made = stock = new Stock(name, query, () => {
		if (made !== stock) return;
		showEmpty();
		showAll();
	});
	return made;
}

async function load(mine = newStock()) {
	seen = 0;
	current = -1;
	picks.clear();
	for (const deed of deeds.list())
		if (deed.kind === 'label') stock.change(deed.ids, { label: deed.label, state: deed.label ? 'labelled' : 'unlabelled', labelled_by: deed.label ? user : null }, deed.id);
	showFilter(query);
	showTask();
	$('notice').hidden = true;
	list.hidden = false;
	list.setAttribute('aria-busy', 'true');
	if (!$('status').textContent) $('status').textContent = 'Loading…';
	scrollTo(0, 0);
	try {
		await mine.begin(confirming ? confirmedBefore(user, name, query.label) : undefined);
		list.removeAttribute('aria-busy');
		await mine.finish();
		trouble = null;
	} catch (error) {
		if (mine !== stock) return;
		list.hidden = true;
		showNotice(error, () => load());
	}
	tellStatus();
}

async function start() {
	$('notice').hidden = true;
	$('status').textContent = 'Loading…';
	try {
		if (!name) throw new ApiError(404, 'No dataset was chosen.');
		({ query } = asked());
		newStock().ask();
		const [who] = await Promise.all([showHeader({ page: 'grid', dataset: name }), get(datasetPath(name)).then(dataset => { info = dataset; })]);
		({ user } = who);
		const role = roleOn(who, name);
		mayLabel = reaches(role, 'annotator') && who.scope !== 'read';
		mayDelete = reaches(role, 'contributor') && mayLabel;
		mayDecide = mayLabel && (info.policy.overlap === 1 || mayDelete);
		begin();
	} catch (error) {
		$('status').textContent = '';
		showNotice(error, start);
	}
}

function begin() {
	deeds = new Deeds(user, name, { changed: tellStatus, saved, left: notDone });
	holding = new Holding(user, name, (ids, samples) => {
		if (ids.length > samples.length) attempt(stock.read(ids.filter(id => holding.of(id) !== 'mine'))).then(hold);
		if (ids.length) showAll();
		tellStatus();
	});
	showFilter = showCriteria(info, (next, typing) => go(next, false, typing ? 'replace' : 'push'));
	showLabels();
	const now = asked();
	confirming = now.confirming && mayDecide;
	if (mayLabel) holding.resume().catch(() => {}).then(look);
	load(stock);
	deeds.send();
	tellWork(name, user);
	list.focus({ preventScroll: true });
	setInterval(lookAgain, LOOKED_AGAIN);
}

const side = Number(storage.get(SIDE_KEY));
if (SIDES.includes(side)) cells.side = side;
$('criteria').open = matchMedia('(min-width: 64rem)').matches;
addEventListener('popstate', () => {
	const { query: next, confirming: confirms } = asked();
	if (info) go(next, confirms, 'stay');
});
addEventListener('online', () => deeds?.send());
addEventListener('beforeunload', event => {
	if (deeds?.list().length) event.preventDefault();
});
addEventListener('pagehide', () => holding?.release());
addEventListener('pageshow', event => event.persisted && location.reload()); // its leases were given back
$('dataset').textContent = name;
document.title = `${name} · Grid · Image labels`;
start();
