// The page that labels: shows one image after the other, takes keys and clicks, tells what is saved.

import { ApiError, call, datasetPath, pause, whoAmI } from './api.js';
import { $, element, number, plural } from './dom.js';
import { keyOf, pressed } from './keys.js';
import { putFirst } from './line.js';
import { Outbox } from './outbox.js';
import { Picture } from './picture.js';
import { storage } from './storage.js';
import { Tasks } from './tasks.js';

const FILTER_FROM = 11;         // labels; fewer are found at a glance
const DENSE_FROM = 8;           // labels in two columns, if all their names are short
const DENSE_NAME = 14;          // characters
const COUNTS_FOR = 20_000;      // ms that the server's counts are trusted
const PICTURES_KEPT = 10;       // of those answered, for going back at once; older ones are fetched again
const PIXELATED_BELOW = 64;     // px of the longer side: what is enlarged much stays sharp

const dataset = new URLSearchParams(location.search).get('dataset') ?? '';
let info;                       // the dataset as the server last told
let informed = 0;               // when, by performance.now()
let outbox, tasks;
const past = [];                // what was answered here: { sample, picture, label }, '' for skipped
let stepsBack = 0;              // 0: at the one to answer; n: at the n-th last of past
let obstacle = null;            // the ApiError in the way of more images
let finished = false;
let savedSince = 0;             // first labels stored since the server told its counts
let visible = null;             // the item whose image is on the screen
let visibleSince = 0;

const shown = () => stepsBack ? past.at(-stepsBack) : tasks?.current;

/* --- what the page shows --------------------------------------------------------------------------------------- */

function show() {
	const item = shown();
	const picture = item?.picture;
	const ready = picture?.state === 'ready';
	const image = $('image');
	putFirst(picture ?? null);
	if (ready && visible !== item) {
		image.src = picture.url;
		image.alt = `Image ${item.sample.filepath}`;
		visibleSince = performance.now();
	}
	visible = ready ? item : null;
	image.hidden = !ready;
	$('caption').textContent = item?.sample.filepath ?? '';
	$('notice').hidden = ready;
	if (picture?.state === 'loading') picture.done.then(() => shown() === item && show());
	if (!ready) tellNotice(item);
	showPanel(item);
}

function tellNotice(item) {
	const [title, text, again] = noticeOf(item);
	$('notice-title').textContent = title;
	$('notice-text').textContent = text;
	$('again').textContent = finished ? 'Check again' : 'Try again';
	$('again').hidden = !again;
	$('leave').hidden = !again;
	if (again && document.activeElement === document.body) $('again').focus();
}

// [title, text, whether checking again may help]
function noticeOf(item) {
	const offline = !navigator.onLine || obstacle?.status === 0;
	if (item?.picture.state === 'failed')
		return ['This image cannot be shown', `${item.picture.problem} Skip it with Space.`, false];
	if (item || !obstacle && !finished)
		return offline ? ['Waiting for the connection…', 'The image follows as soon as it is back.', false]
			: ['Loading…', '', false];
	if (finished) return farewell();
	switch (obstacle.status) {
	case 0: return ['Waiting for the connection…', 'This page tries again by itself.', false];
	case 401: return ['You are signed out', 'Reload the page to sign in again.', true];
	case 403: return ['You may look, but not label', `Your account may see ${dataset}, but not label in it.`, true];
	case 404: return dataset ? ['No such dataset', `There is no dataset “${dataset}”, or you may not see it.`, true]
		: ['No dataset chosen', 'Choose one from the list of datasets.', true];
	default: return ['Something is in the way', obstacle.message, true];
	}
}

function farewell() {
	const { size, counts: { labelled, unlabelled, skipped } } = info;
	if (!size) return ['No images yet', 'This dataset is empty.', true];
	const facts = [`${number(labelled)} of ${plural(size, 'image')} ${labelled === 1 ? 'is' : 'are'} labelled`];
	const given = past.filter(item => item.label).length;
	if (given) facts.push(`${number(given)} of them by you just now`);
	if (skipped) facts.push(`${number(skipped)} set aside`);
	if (unlabelled) facts.push(`${number(unlabelled)} in hand elsewhere or left to others`);
	const unreadable = size - labelled - skipped - unlabelled;
	if (unreadable > 0) facts.push(`${number(unreadable)} could not be read`);
	return [farewellTitle(unreadable), `${facts.join(', ')}.`, true];
}

function farewellTitle(unreadable) {
	if (info.counts.unlabelled) return 'Nothing left for you now';
	if (unreadable === info.size) return 'No image can be read';
	return unreadable > 0 ? 'All done that can be read' : 'All done';
}

function showPanel(item) {
	const open = Boolean(item) && item.picture.state !== 'loading';
	for (const button of $('labels').children) {
		button.setAttribute('aria-disabled', !open); // not disabled, which would lose the focus
		if (stepsBack) button.setAttribute('aria-pressed', button.dataset.label === item.label);
		else button.removeAttribute('aria-pressed');
	}
	$('back').disabled = stepsBack >= past.length;
	$('skip').disabled = !item;
	$('skip-text').textContent = stepsBack ? 'Return' : 'Skip';
	$('hint').textContent = hint(item);
	document.body.classList.toggle('earlier', stepsBack > 0);
}

function hint(item) {
	const last = past.at(-1);
	if (info && !info.labels.length) return 'This dataset has no labels yet.';
	if (stepsBack) return item.label ? `An earlier one: “${item.label}”` : 'An earlier one: skipped';
	if (!last) return item ? 'Choose the label of the image.' : '';
	return last.label ? `Before: “${last.label}”` : 'Before: skipped';
}

function showLabels() {
	$('labels').replaceChildren(...info.labels.map(({ name }, index) => {
		const key = keyOf(index);
		return element('button', { type: 'button', 'data-key': key, 'data-label': name, 'aria-keyshortcuts': key || null },
			element('kbd', { 'aria-hidden': 'true' }, key), element('span', {}, name));
	}));
	$('labels').classList.toggle('dense', info.labels.length >= DENSE_FROM &&
		info.labels.every(({ name }) => name.length <= DENSE_NAME));
	$('filter').hidden = $('help-filter').hidden = info.labels.length < FILTER_FROM;
	$('help-letters').hidden = info.labels.length < FILTER_FROM;
}

function showCounts() {
	const waiting = outbox.list().filter(entry => entry.kind === 'label').length;
	const labelled = Math.min(info.counts.labelled + savedSince + waiting, info.size);
	$('progress').max = Math.max(info.size, 1);
	$('progress').value = labelled;
	$('count').textContent = `${number(labelled)} of ${number(info.size)}`;
}

/* --- what is saved --------------------------------------------------------------------------------------------- */

function tellStatus() {
	const problem = problemText();
	const lost = tellLost();
	const entries = outbox.list();
	const labels = entries.filter(entry => entry.kind !== 'skip').length;
	const kept = storage.lasting ? 'kept in this browser' : 'kept in this tab only: leave it open';
	let text = problem;
	if (problem && labels) text += `: ${plural(labels, 'label')} waiting, ${kept}`;
	else if (!problem && entries.length) text = labels ? `Saving ${number(labels)}…` : 'Saving…';
	$('status').textContent = [text, lost].filter(Boolean).join(' · ');
	$('status').classList.toggle('trouble', Boolean(problem || lost));
	$('dismiss').hidden = !lost;
}

function problemText() {
	const { problem } = outbox;
	if (!navigator.onLine || problem?.status === 0) return 'Offline';
	if (problem?.status === 401) return 'Signed out, reload the page to sign in';
	return problem ? problem.message.replace(/\.$/, '') : '';
}

function tellLost() {
	const whys = [...outbox.lost.values()].map(lost => lost.why);
	return whys.length ? `${plural(whys.length, 'label')} could not be saved: ${[...new Set(whys)].join('; ')}` : '';
}

function outboxChanged() {
	tellStatus();
	showCounts();
}

function saved(entry) {
	if (entry.kind === 'label') savedSince++;
}

// The answer to this sample was refused: nothing to go back to. If the image was leased again meanwhile, it still holds.
function lose(sample) {
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
}

// Nothing was free: what was skipped may come again once that is known to the server, and what this user holds
// elsewhere is better shown twice than never.
async function scrapeTogether() {
	await outbox.send();
	tasks.exhausted = false;
	await tasks.fill();
	if (!tasks.current) await tasks.takeOver(isAnswered);
}

async function inform() {
	const names = JSON.stringify(info?.labels.map(label => label.name));
	info = await call('GET', datasetPath(dataset));
	informed = performance.now();
	savedSince = 0;
	if (JSON.stringify(info.labels.map(label => label.name)) !== names) showLabels();
	if (outbox) showCounts();
}

const isAnswered = task => outbox.list().some(entry => entry.token === task.token);

// An image comes again whose label was refused because the lease had run out: the answer still holds.
function wanted({ token, sample }) {
	const lost = outbox.lost.get(sample.id);
	if (!lost?.again) return true;
	outbox.add('label', { sample: sample.id, token, label: lost.label, lead: lost.lead });
	return false;
}

/* --- what the person does -------------------------------------------------------------------------------------- */

function answer(label) {
	const item = shown();
	if (!item || item.picture.state === 'loading') return;
	if (stepsBack) {
		correct(item, label);
		return;
	}
	const { sample, token, picture } = item;
	const lead = picture === visible?.picture ? Math.round(performance.now() - visibleSince) : 0;
	outbox.add('label', { sample: sample.id, token, label, lead });
	goOn({ sample, picture, label });
}

function correct(item, label) {
	const { id, filepath } = item.sample;
	if (label !== item.label && !outbox.amend(id, label))
		outbox.add('relabel', { sample: id, base: info.base_dir, filepath, label });
	item.label = label;
	stepsBack = 0;
	show();
}

function skip() {
	const item = shown();
	if (stepsBack) {
		stepsBack = 0;
		show();
	} else if (item) {
		const { sample, token, picture } = item;
		outbox.add('skip', { sample: sample.id, token });
		goOn({ sample, picture, label: '' });
	}
}

function goOn(answered) {
	answered.picture.forget();
	past.push(answered);
	const old = past.at(-1 - PICTURES_KEPT);
	if (old) old.picture = null;
	tasks.next();
	show();
	supply();
}

function goBack() {
	if (stepsBack >= past.length) return;
	stepsBack++;
	const item = shown();
	if (item.picture?.state !== 'ready') item.picture = new Picture(item.sample);
	show();
}

function choose(button) {
	if (!button || button.getAttribute('aria-disabled') === 'true') return;
	if (!matchMedia('(prefers-reduced-motion: reduce)').matches)
		button.animate([{ backgroundColor: 'var(--flash)' }, {}], 300);
	answer(button.dataset.label);
}

/* --- finding a label by typing --------------------------------------------------------------------------------- */

function filterLabels() {
	const text = $('filter').value.trim().toLowerCase();
	let best = null;
	for (const button of $('labels').children) {
		const name = button.dataset.label.toLowerCase();
		button.hidden = !name.includes(text);
		button.classList.remove('best');
		if (text && (name === text || name.startsWith(text) && !best?.dataset.label.toLowerCase().startsWith(text)
			|| !best && !button.hidden)) best = button;
	}
	best?.classList.add('best');
	return best;
}

function leaveFilter() {
	$('filter').value = '';
	filterLabels();
	$('filter').blur();
}

function filterKey(event) {
	if (event.key === 'Enter') {
		const best = filterLabels();
		if (!best) return;
		leaveFilter();
		choose(best);
	} else if (event.key === 'Escape') {
		leaveFilter();
	} else {
		return;
	}
	event.preventDefault();
}

/* --- keys and clicks ------------------------------------------------------------------------------------------- */

const commands = {
	' ': skip,
	'?': () => $('help').showModal(),
	'/': () => $('filter').focus(),
	Backspace: goBack,
	Escape: () => stepsBack && skip(),
};

addEventListener('keydown', event => {
	if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || $('help').open) return;
	if (event.target === $('filter')) {
		filterKey(event);
		return;
	}
	if (event.key === ' ' && event.target.matches('button, a')) return; // presses what has the focus
	const key = pressed(event);
	const command = commands[event.key] ?? (key && (() => choose($('labels').querySelector(`[data-key="${key}"]`))));
	if (!command) return;
	event.preventDefault();
	if (!event.repeat) command(); // one press, one answer
});

$('labels').addEventListener('click', event => choose(event.target.closest('button')));
$('back').addEventListener('click', goBack);
$('skip').addEventListener('click', skip);
$('help-open').addEventListener('click', () => $('help').showModal());
$('filter').addEventListener('input', filterLabels);
// A click leaves the focus where it was, so that Space goes on skipping.
for (const id of ['labels', 'back', 'skip'])
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
	tellStatus();
});
$('image').addEventListener('load', ({ target }) => {
	const small = Math.max(target.naturalWidth, target.naturalHeight) < PIXELATED_BELOW;
	target.classList.toggle('pixelated', small);
});

/* --- coming and leaving ---------------------------------------------------------------------------------------- */

async function start() {
	if (!dataset) throw new ApiError(404, 'No dataset was chosen.');
	await inform();
	const user = await whoAmI();
	$('user').textContent = user;
	outbox = new Outbox(user, dataset, { changed: outboxChanged, saved, lose });
	tasks = new Tasks(user, dataset, { wanted, gone: () => { show(); supply(); } });
	for (const name of ['online', 'offline']) addEventListener(name, () => { tellStatus(); show(); });
	addEventListener('beforeunload', event => {
		if (outbox.list().length) event.preventDefault();
	});
	addEventListener('pagehide', () => tasks.release());
	addEventListener('pageshow', event => event.persisted && location.reload()); // its leases were given back
	outboxChanged();
}

async function begin() {
	if (!await persist(start)) return;
	await outbox.send(); // first: an answer of before may be to an image that would come again
	if (await persist(() => tasks.resume(isAnswered))) supply();
}

$('dataset').textContent = dataset;
document.title = `${dataset} · Label images`;
begin();
