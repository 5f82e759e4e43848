// The page that labels: shows one image after the other, handles keys and clicks, shows what is saved.

import { ApiError, call, datasetPath, pause } from './api.js';
import { buttonWith, flash, showButtons } from './buttons.js';
import { $, announce, number } from './dom.js';
import { Finder } from './finder.js';
import { showHeader } from './header.js';
import { pressed, searchesByTyping, writes } from './keys.js';
import { putFirst } from './line.js';
import { hideNames, nameOf, namesHidden } from './names.js';
import { broken, farewell, inTheWay, loading, showNotice } from './notice.js';
import { Outbox } from './outbox.js';
import { Pace } from './pace.js';
import { Picture } from './picture.js';
import { saidBy, saysAnything } from './recent.js';
import { tellSaving } from './saving.js';
import { onSwipe } from './swipe.js';
import { Tasks } from './tasks.js';
import { Zoom } from './zoom.js';

const FILTER_FROM = 11;         // labels; people find one of fewer at a glance
const COUNTS_FOR = 20_000;      // ms for which the server's counts are trusted
const PICTURES_KEPT = 10;       // of answered images, for going back at once; older ones are fetched again
const EARLIER = 50;             // of what was labelled before this page was opened, for going back
const PIXELATED_BELOW = 64;     // px of the longer side: smaller images are enlarged without smoothing

const dataset = new URLSearchParams(location.search).get('dataset') ?? '';
let info;                       // the dataset as the server last described it
let informed = 0;               // when, by performance.now()
let outbox, tasks, user;
const pace = new Pace();
const past = [];                // what was answered: { sample, picture, label, aside }; label '' means skipped
let given = 0;                  // labels, here
let earlier = 'asked';          // whether more was answered before: 'asked' (not known), 'some', 'known' (it is in past)
const skipped = new Set();      // ids of the samples that were skipped here, until they are answered
const leaving = new Set();      // those of them to set aside as soon as they are leased again
let stepsBack = 0;              // 0: at the image to answer; n: at the n-th last of past
let obstacle = null;            // the ApiError that prevents more images
let finished = false;
let savedSince = 0;             // first labels stored since the server's last counts
let visible = null;             // the item whose image is visible
let visibleSince = 0;

const shown = () => stepsBack ? past.at(-stepsBack) : tasks?.current;

/* --- what the page shows --------------------------------------------------------------------------------------- */

function show() {
	const item = shown();
	const picture = item?.picture;
	const ready = isReady(item);
	const image = $('image');
	putFirst(picture ?? null);
	if (ready && visible !== item) {
		image.src = picture.url;
		zoom.show(item.sample.width ?? 0, item.sample.height ?? 0);
		visibleSince = performance.now();
	}
	visible = ready ? item : null;
	image.hidden = !ready;
	showCaption(item);
	$('notice').hidden = ready;
	if (picture?.state === 'loading') picture.done.then(() => shown() === item && show());
	showPanel(item);
	announce(ready ? `${$('hint').textContent} ${image.alt}` : tellNotice(item));
}

function showCaption(item) {
	const sample = item?.sample;
	const note = sample && sample.flag != null ? `⚑ ${sample.flag || 'flagged'}` : '';
	$('caption').textContent = [namesHidden() ? '' : sample?.filepath, note].filter(Boolean).join(' · ');
	if (sample) $('image').alt = `Image ${nameOf(sample.filepath)}`;
}

const isReady = item => item?.picture?.state === 'ready';

// Shows why there is no image; returns the words.
function tellNotice(item) {
	const words = showNotice(noticeOf(item));
	if (!$('again').hidden && document.activeElement === document.body) $('again').focus();
	return words;
}

function noticeOf(item) {
	if (item?.picture.state === 'failed') return broken(item.picture.problem);
	if (item || !obstacle && !finished) return loading(!navigator.onLine || obstacle?.status === 0);
	if (finished) return farewell(info, given);
	return inTheWay(obstacle, dataset, $('user').textContent);
}

function showPanel(item) {
	const open = isReady(item);
	for (const button of $('labels').children) {
		button.setAttribute('aria-disabled', !open); // not disabled, which would lose the focus
		if (stepsBack) button.setAttribute('aria-pressed', button.dataset.label === item.label);
		else button.removeAttribute('aria-pressed');
	}
	$('labels').querySelector('[aria-pressed=true]')?.scrollIntoView({ block: 'nearest' });
	$('back').disabled = stepsBack >= past.length && earlier !== 'some';
	$('skip').disabled = $('flag').disabled = !item;
	$('unlabel').hidden = !stepsBack || !item?.label;
	$('skip-text').textContent = stepsBack ? 'Return' : 'Skip';
	$('hint').textContent = hint(item);
	showRound(item);
	document.body.classList.toggle('earlier', stepsBack > 0);
}

// Skipped images come again once nothing else is left, and would come round for ever.
function showRound(item) {
	const again = !stepsBack && skipped.has(item?.sample.id);
	const alone = !stepsBack && item?.picture.state === 'failed';
	$('round').hidden = !again && !alone;
	$('round-text').hidden = !again;
	$('aside').textContent = again && skipped.size > 1 ? `Set all ${number(skipped.size)} aside` : 'Set it aside';
}

function hint(item) {
	const last = past.at(-1);
	if (info && !info.labels.length) return 'This dataset has no labels yet.';
	if (stepsBack) return `Earlier: ${outcome(item)}`;
	if (skipped.has(item?.sample.id)) return 'Skipped before: nothing else is left.';
	if (!last) return item ? 'Choose the label of the image.' : '';
	return `Before: ${outcome(last)}`;
}

const outcome = ({ label, aside }) => label ? `“${label}”` : aside ? 'set aside' : 'skipped';

function showLabels() {
	const { labels } = info;
	showButtons(labels);
	document.body.classList.toggle('two', labels.length === 2);
	const typing = searchesByTyping(labels.length);
	for (const key of document.querySelectorAll('[data-letter]')) {
		const letter = key.getAttribute('data-letter') ?? '';
		key.textContent = withShift(letter) ? `⇧${letter}` : letter;
	}
	$('filter').hidden = $('help-filter').hidden = $('help-touch-filter').hidden = labels.length < FILTER_FROM;
	$('help-letters').hidden = labels.length < FILTER_FROM || typing;
	$('help-typing').hidden = !typing;
	finder.refresh();
}

function showCounts() {
	const waiting = outbox.list().filter(entry => entry.kind === 'label').length;
	const labelled = Math.min(info.counts.labelled + savedSince + waiting, info.size);
	$('progress').max = Math.max(info.size, 1);
	$('progress').value = labelled;
	$('count').textContent = `${number(labelled)} of ${number(info.size)}`;
	$('pace').textContent = pace.tell(info.counts.unlabelled - savedSince - waiting);
}

/* --- what is saved --------------------------------------------------------------------------------------------- */

function outboxChanged() {
	tellSaving(outbox);
	showCounts();
}

function saved(entry) {
	if (entry.kind === 'label') savedSince++;
}

// The answer to this sample was refused, so there is nothing to go back to. If the image was leased again meanwhile,
// the answer still holds.
function lose(sample) {
	if (!['label', 'relabel'].includes(outbox.lost.get(sample).kind)) return;
	const index = past.findIndex(item => item.sample.id === sample);
	if (index >= 0) {
		const reviewed = stepsBack ? shown() : null;
		past.splice(index, 1);
		stepsBack = past.includes(reviewed) ? past.length - past.indexOf(reviewed) : 0;
	}
	if (outbox.lost.get(sample).again) {
		const task = tasks.withdraw(sample);
		if (task) wanted(task);
	}
	informed = -Infinity;
	show();
	supply();
}

/* --- images to label ------------------------------------------------------------------------------------------- */

// Does work until it succeeds, or fails for a reason that does not pass by itself.
async function persist(work) {
	for (let attempt = 0; ; attempt++) {
		try {
			await work();
			obstacle = null;
			return true;
		} catch (error) {
			if (error.status === undefined) throw error;
			obstacle = error;
			if (!shown()) show();
			if (!error.passing) return false;
			await pause(attempt, error.retryAfter);
		}
	}
}

let supplying = null;
function supply() {
	supplying ??= persist(fetchAhead).finally(() => { supplying = null; });
	return supplying;
}

async function fetchAhead() {
	await tasks.fill();
	if (!tasks.current) await scrapeTogether();
	finished = !tasks.current;
	if (finished || performance.now() - informed > COUNTS_FOR) await inform();
	if (!visible) show();
	if (earlier === 'asked') await askBefore();
}

// Whether this person has labelled something before.
async function askBefore() {
	const some = await saysAnything(dataset, user);
	if (earlier === 'asked') earlier = some ? 'some' : 'known';
	$('back').disabled = stepsBack >= past.length && earlier !== 'some';
}

// Takes up what this person labelled before this page was opened, as the server has it.
async function recall() {
	earlier = 'known';
	try {
		const known = new Set([...past.map(item => item.sample.id), ...outbox.list().map(entry => entry.sample)]);
		const items = await saidBy(dataset, user, EARLIER);
		past.unshift(...items.filter(({ id }) => !known.has(id)).reverse().map(sample => ({ sample, picture: null, label: sample.said?.label ?? '' })));
	} catch {
		earlier = 'some';
	}
}

// When nothing is free: skipped images may come again once the server knows that they were skipped, and it is better
// to show what this user holds elsewhere twice than never.
async function scrapeTogether() {
	await outbox.send();
	tasks.exhausted = false;
	await tasks.fill();
	if (!tasks.current) await tasks.takeOver(isAnswered);
}

async function inform() {
	const labelsNow = () => JSON.stringify(info?.labels.map(({ name, colour, description }) => [name, colour, description]));
	const before = labelsNow();
	info = await call('GET', datasetPath(dataset));
	informed = performance.now();
	savedSince = 0;
	if (labelsNow() !== before) showLabels();
	if (outbox) showCounts();
}

const isAnswered = task => outbox.list().some(entry => entry.token === task.token);

// Whether to show a task: not if it is to be set aside, nor if it came again because its label was refused when the
// lease had run out. That answer still holds.
function wanted({ token, sample }) {
	if (leaving.delete(sample.id)) {
		outbox.add('skip', { sample: sample.id, token, policy: 'ignore' });
		return false;
	}
	const lost = outbox.lost.get(sample.id);
	if (!lost?.again) return true;
	outbox.add('label', { sample: sample.id, token, label: lost.label, lead: lost.lead });
	return false;
}

/* --- what the person does -------------------------------------------------------------------------------------- */

// Returns whether it was accepted: only a visible image gets a label.
function answer(label) {
	const item = shown();
	if (!isReady(item)) return false;
	if (stepsBack) {
		correct(item, label);
		return true;
	}
	const { sample, token, picture } = item;
	const lead = picture === visible?.picture ? Math.round(performance.now() - visibleSince) : 0;
	skipped.delete(sample.id);
	given++;
	pace.note();
	outbox.add('label', { sample: sample.id, token, label, lead });
	goOn({ sample, picture, label });
	return true;
}

// Takes the label of an earlier image away, as if it had not been given: then somebody is asked for it again.
function unlabel() {
	const item = shown();
	if (!stepsBack || !item?.label) return;
	outbox.add('undo', { sample: item.sample.id });
	past.splice(past.indexOf(item), 1);
	stepTo(0);
	$('hint').textContent = `“${item.label}” is taken away again.`;
	announce($('hint').textContent);
}

async function flag() {
	const item = shown();
	if (!item) return;
	const { askFlag } = await import('./flag.js');
	const note = await askFlag(item.sample.flag ?? null);
	if (note === undefined) return;
	if (note === null) outbox.add('unflag', { sample: item.sample.id });
	else outbox.add('flag', { sample: item.sample.id, note });
	item.sample.flag = note;
	if (shown() === item) showCaption(item);
}

async function showOriginal() {
	const item = shown();
	if (!isReady(item) || !item.picture.isRendition) return;
	await item.picture.full();
	if (visible === item) $('image').src = item.picture.url;
}

function correct(item, label) {
	const { id, filepath } = item.sample;
	skipped.delete(id);
	if (label !== item.label && !outbox.amend(id, label))
		outbox.add('relabel', { sample: id, base: info.base_dir, filepath, label });
	item.label = label;
	stepTo(0);
}

function skip() {
	const item = shown();
	if (stepsBack) {
		stepTo(0);
	} else if (item) {
		const { sample, token, picture } = item;
		skipped.add(sample.id);
		outbox.add('skip', { sample: sample.id, token });
		goOn({ sample, picture, label: '' });
	}
}

// Sets the image aside and, if it was skipped before, all skipped ones: nobody is asked for them any more.
function setAside() {
	const { sample } = shown();
	for (const id of skipped.has(sample.id) ? skipped : [sample.id]) {
		skipped.delete(id);
		leaving.add(id);
	}
	for (const id of [...leaving]) {
		const task = tasks.withdraw(id);
		if (task && !wanted(task)) past.push({ sample: task.sample, picture: null, label: '', aside: true });
	}
	finder.leave();
	show();
	supply();
}

function goOn(answered) {
	answered.picture.forget();
	past.push(answered);
	const old = past.at(-1 - PICTURES_KEPT);
	if (old) old.picture = null;
	tasks.next();
	finder.leave();
	show();
	supply();
}

// Steps to the n-th last answer; 0 is the image to answer.
function stepTo(steps) {
	if (steps < 0) return;
	if (steps > past.length) {
		showPanel(shown());
		return;
	}
	stepsBack = steps;
	const item = shown();
	if (stepsBack && !isReady(item)) item.picture = new Picture(item.sample);
	finder.leave();
	show();
}

async function goBack() {
	if (stepsBack >= past.length && earlier === 'some') await recall();
	stepTo(stepsBack + 1);
}

// Returns whether it was accepted.
function choose(button) {
	if (!button || !answer(button.dataset.label)) return false;
	flash(button);
	return true;
}

/* --- keys and clicks ------------------------------------------------------------------------------------------- */

const help = () => $('help').showModal();
const finder = new Finder({ choose, tell: announce });
const zoom = new Zoom($('stage'), $('image'), showOriginal);
const isSwipe = () => !stepsBack && info?.labels.length === 2 && !zoom.isZoomed;
onSwipe($('stage'), $('image'), { may: isSwipe, swiped: side => choose($('labels').children[side < 0 ? 0 : 1]) });

function showNames() {
	hideNames(!$('names').checked);
	showCaption(shown());
}

const commands = {
	' ': skip,
	'?': help,
	'/': () => finder.open(),
	Backspace: goBack,
	ArrowLeft: goBack,
	ArrowRight: () => stepTo(stepsBack - 1),
	Escape: () => zoom.isZoomed ? zoom.fit() : stepsBack && stepTo(0),
	Delete: unlabel,
	'+': () => zoom.closer(),
	'=': () => zoom.closer(),
	'-': () => zoom.farther(),
};
// Where a letter gives a label or begins a search, it needs Shift; 0 fits the image in where it gives no label.
const letters = {
	f: flag, h: help, z: () => zoom.toggle(), u: unlabel, 0: () => zoom.fit(),
	n: () => {
		$('names').checked = !$('names').checked;
		showNames();
	},
};
const pans = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const withShift = letter => Boolean(info && (searchesByTyping(info.labels.length) || buttonWith(letter.toLowerCase())));

function commandOf(event) {
	const { key, target } = event;
	if (event.ctrlKey || event.metaKey)
		return key.toLowerCase() === 'z' && !event.shiftKey && !event.altKey ? goBack : null;
	if (event.altKey || key === ' ' && target.matches('button, a')) return null; // Space presses the focused button
	const pan = zoom.isZoomed && event.shiftKey && pans[key];
	if (pan) return () => zoom.pan(...pan);
	const button = buttonWith(pressed(event));
	if (button) return () => choose(button);
	const letter = key.toLowerCase();
	return commands[key] ?? (event.shiftKey || !withShift(letter) ? letters[letter] ?? null : null);
}

addEventListener('keydown', event => {
	if (event.isComposing || document.querySelector('dialog[open]')) return;
	if (event.target === $('filter')) {
		if (!event.ctrlKey && !event.metaKey && !event.altKey) finder.key(event);
		return;
	}
	const command = commandOf(event);
	if (command) {
		event.preventDefault();
		if (!event.repeat || event.shiftKey && pans[event.key]) command(); // one answer for each press
	} else if (info && searchesByTyping(info.labels.length) && !event.ctrlKey && !event.metaKey && writes(event)) {
		finder.open();
	}
});

$('labels').addEventListener('click', event => choose(event.target.closest('button')));
$('back').addEventListener('click', goBack);
$('skip').addEventListener('click', skip);
$('aside').addEventListener('click', setAside);
$('help-open').addEventListener('click', help);
$('flag').addEventListener('click', flag);
$('unlabel').addEventListener('click', unlabel);
$('names').checked = !namesHidden();
$('names').addEventListener('change', showNames);
// A click leaves the focus where it was, so that Space still skips.
for (const id of ['labels', 'back', 'skip', 'aside', 'unlabel'])
	$(id).addEventListener('mousedown', event => event.preventDefault());

$('again').addEventListener('click', () => {
	if (!tasks || obstacle && !obstacle.passing) {
		location.reload();
		return;
	}
	finished = false;
	tasks.exhausted = false;
	$('again').blur();
	show();
	supply();
});
$('dismiss').addEventListener('click', () => {
	outbox.lost.clear();
	tellSaving(outbox);
});
$('image').addEventListener('load', ({ target }) => {
	const small = Math.max(target.naturalWidth, target.naturalHeight) < PIXELATED_BELOW;
	target.classList.toggle('pixelated', small);
});

/* --- coming and leaving ---------------------------------------------------------------------------------------- */

async function start() {
	if (!dataset) throw new ApiError(404, 'No dataset was chosen.');
	[{ user }] = await Promise.all([showHeader({ page: 'label', dataset }), inform()]);
	outbox = new Outbox(user, dataset, { changed: outboxChanged, saved, lose });
	tasks = new Tasks(user, dataset, { wanted, gone: () => { show(); supply(); } });
	for (const name of ['online', 'offline']) addEventListener(name, () => { tellSaving(outbox); show(); });
	addEventListener('beforeunload', event => {
		if (outbox.list().length) event.preventDefault();
	});
	addEventListener('pagehide', () => tasks.release());
	addEventListener('pageshow', event => event.persisted && location.reload()); // its leases were given back
	outboxChanged();
}

async function begin() {
	if (!await persist(start)) return;
	await outbox.send(); // first, since an earlier answer may be about an image that would come again
	if (await persist(() => tasks.resume(isAnswered))) supply();
}

$('dataset').textContent = dataset;
document.title = `${dataset} · Label images`;
begin();
