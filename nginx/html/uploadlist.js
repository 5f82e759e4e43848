// The list of the files on their way: how far each is and all are, what became of them, and what one can do about it.

import { call, change, datasetPath, ours } from './api.js';
import { element, number, percent, plural, several } from './dom.js';
import { doorTo } from './header.js';
import { tellFailure, toast } from './toast.js';
import { explain } from './words.js';

/** @typedef {import('./uploads.js').Item} Item */

const DRAWN_EVERY = 100; // ms
const ROWS = 300;        // at first, and more at a time

/** What one can do where a file is refused, by the answer's status. */
const REMEDIES = {
	400: 'Give the file another name or choose another one.',
	409: '',
	413: 'Make it smaller, or ask who runs the server for a larger limit.',
	415: 'Save it as JPEG or PNG and choose that.',
	422: 'Copy it anew from where it comes, and choose that.',
	507: 'Whoever runs the server has to make room. Then retry.',
};

const isTrouble = (/** @type {Item} */ { state }) => state === 'failed' || state === 'away';

const FILTERS = /** @type {const} */ ({
	'': ['All', () => true],
	trouble: ['To be looked at', isTrouble],
	duplicate: ['There already', ({ duplicate }) => duplicate],
	open: ['Not there yet', ({ state }) => state !== 'done'],
});

/**
 * @param {import('./uploads.js').Uploads} uploads
 * @param {(text: string, trouble?: boolean) => void} say
 */
export function uploadList(uploads, say) {
	const { dataset } = uploads;
	const dirty = new Set(), rows = new Map(), troubled = new Set(); // of items
	let timer = 0, shownRows = ROWS, all = false, told = false, filter = '';

	const title = element('h2', { id: 'uploads-title', tabindex: -1 });
	const facts = element('p', { class: 'note number' });
	const bar = element('progress', { max: 1, value: 0, 'aria-labelledby': 'uploads-title' });
	const list = element('ul', { class: 'rows uploads', role: 'list', 'aria-label': 'Files' });
	const heard = element('p', { class: 'unseen', role: 'log' });
	const trouble = element('p', { class: 'wrong', role: 'alert' });
	const button = (text, work, more = {}) => {
		const made = element('button', { type: 'button', hidden: true, ...more }, text);
		made.addEventListener('click', work);
		return made;
	};
	const now = button('Try now', () => uploads.tryNow());
	const stop = button('Pause', () => uploads.paused ? uploads.resume() : uploads.pause());
	const again = button('Retry', () => uploads.retry());
	const without = button('', () => uploads.drop(uploads.items.filter(({ state }) => state === 'failed')));
	const leave = button('Forget what is missing', () => uploads.drop(uploads.items.filter(({ state }) => state === 'away')));
	const next = element('a', { class: 'button primary', href: doorTo('label', dataset), hidden: true }, 'Label them');
	const clear = button('Clear the list', () => uploads.clear(), { class: 'plain' });
	const more = button('', () => {
		shownRows += ROWS;
		changed();
	});
	const kinds = element('select', { 'aria-label': 'Which files are shown', hidden: true },
		...Object.entries(FILTERS).map(([value, [text]]) => element('option', { value }, text)));
	kinds.addEventListener('change', () => {
		filter = kinds.value;
		shownRows = ROWS;
		changed();
	});
	const shown = element('section', { class: 'card', id: 'uploads', 'aria-labelledby': title.id, hidden: true },
		element('div', { class: 'head' }, element('div', {}, title, facts), element('div', { class: 'choices' }, kinds, now, stop, again, without, leave, clear, next)),
		bar, trouble, heard, list, more);

	/* --- all ------------------------------------------------------------------------------------------------------ */

	function changed(/** @type {Item | undefined} */ item = undefined) {
		if (item) dirty.add(item);
		else all = true;
		if (item && isTrouble(item) !== troubled.has(item)) all = true;
		timer ||= setTimeout(draw, DRAWN_EVERY);
	}

	function draw() {
		timer = 0;
		const total = uploads.items.length;
		shown.hidden = !total;
		const failed = uploads.count('failed'), away = uploads.count('away');
		drawSum(total, failed, away);
		if (all || filter) arrange();
		for (const item of all ? rows.keys() : dirty) rows.get(item)?.update();
		all = false;
		dirty.clear();
		if (uploads.isBusy && !uploads.trouble && !uploads.paused) changed(uploads.items[0]); // the time left goes on
	}

	function drawSum(total, failed, away) {
		const { done, duplicates, sent, isBusy, paused, trouble: held, isRetrying } = uploads;
		const bytes = uploads.total, open = total - done - failed - away;
		const text = open || failed || away ? `${number(done)} of ${plural(total, 'file')} are there` : `${total === 1 ? 'The file is' : `All ${plural(total, 'file')} are`} there`;
		if (title.textContent !== text) title.textContent = text;
		facts.textContent = [
			isBusy ? `${size(sent)} of ${size(bytes)}` : size(bytes),
			isBusy && !paused && !held && remaining(uploads.timeLeft()),
			duplicates > 0 && `${number(duplicates)} there already`,
			failed > 0 && `${number(failed)} failed`,
			away > 0 && `${number(away)} needed again`,
		].filter(Boolean).join(' · ');
		bar.value = bytes ? sent / bytes : 0;
		bar.hidden = !isBusy;
		stop.textContent = paused ? 'Go on' : 'Pause';
		stop.hidden = !isBusy;
		now.hidden = !held;
		const retriable = uploads.retriable.length;
		again.textContent = `Retry ${plural(retriable, 'file')}`;
		again.hidden = !retriable;
		without.textContent = `Leave out ${number(failed)} failed`;
		without.hidden = failed < 2;
		next.hidden = isBusy || failed > 0 || away > 0 || !done;
		leave.hidden = !away;
		clear.hidden = isBusy || !done;
		kinds.hidden = !filter && (total <= 10 || !(failed || duplicates || away));
		const why = held ? `${explain(held).title}. ${isRetrying ? `${plural(open, 'file')} wait, and go on by themselves.` : explain(held).text}`
			: away ? `This page was closed before ${away === 1 ? 'a file was' : `${number(away)} files were`} there. Choose ${away === 1 ? 'it' : 'the same files or folder'} again: what is there is not sent twice, and a file goes on where it was.` : '';
		if (trouble.textContent !== why) trouble.textContent = why;
		trouble.classList.toggle('wrong', Boolean(held));
		tell(failed, away);
	}

	function tell(failed, away) {
		const { isBusy, paused, trouble: held, done } = uploads;
		if (held) say(explain(held).title, true);
		else say(paused && isBusy ? 'Paused' : isBusy ? 'Uploading…' : '');
		if (isBusy) told = false;
		else if (!told && done && !away) {
			told = true;
			heard.textContent = failed ? `${plural(done, 'file')} are there, ${number(failed)} failed.` : `All ${plural(done, 'file')} are there.`;
		}
	}

	/* --- rows ----------------------------------------------------------------------------------------------------- */

	// Rows stay in place: one that has the focus keeps it.
	function arrange() {
		const matching = uploads.items.filter(FILTERS[filter][1]);
		troubled.clear();
		for (const item of matching) if (isTrouble(item)) troubled.add(item);
		const fitting = [...troubled, ...matching.filter(item => !isTrouble(item))]; // first what a person has to do something about
		const wanted = fitting.slice(0, shownRows).map(item => {
			if (!rows.has(item)) rows.set(item, row(item));
			return rows.get(item).shown;
		});
		const hadFocus = list.contains(document.activeElement);
		wanted.forEach((each, place) => {
			if (list.children[place] !== each) list.insertBefore(each, list.children[place] ?? null);
		});
		while (list.children.length > wanted.length) list.lastElementChild?.remove();
		const kept = new Set(uploads.items);
		for (const item of rows.keys()) if (!kept.has(item)) rows.delete(item);
		if (hadFocus && !list.contains(document.activeElement)) (kinds.hidden ? title : kinds).focus();
		list.hidden = !wanted.length;
		more.textContent = `Show more of ${plural(fitting.length, 'file')}`;
		more.hidden = fitting.length <= shownRows;
	}

	/** @type {(item: Item) => { shown: HTMLLIElement, update: () => void }} */
	function row(item) {
		const thumb = element('div', { class: 'thumb' });
		const name = element('b', {});
		const tag = element('span', { class: 'tag', hidden: true });
		const state = element('p', { class: 'note number state' });
		const one = element('progress', { max: 1, 'aria-label': `${item.path}: sent` });
		const doing = element('div', { class: 'choices' });
		const made = element('li', {}, thumb, element('div', { class: 'what' }, element('p', {}, name, tag), state, one), doing);
		let was = '';
		const update = () => {
			made.dataset.state = item.state;
			name.textContent = item.path;
			tag.textContent = item.label;
			tag.hidden = !item.label;
			one.hidden = item.state !== 'sending';
			one.value = item.size ? item.sent / item.size : 0;
			state.textContent = describe(item);
			state.classList.toggle('wrong', item.state === 'failed');
			const is = `${item.state} ${item.taken} ${item.file !== null}`;
			if (is === was) return;
			was = is;
			const hadFocus = doing.contains(document.activeElement);
			doing.replaceChildren(...actions(item));
			if (hadFocus) doing.querySelector('button')?.focus();
			thumb.replaceChildren(picture(item));
			if (item.problems?.length) state.after(refused(item.problems));
			if (item.duplicate && item.label) tellOfDuplicate(item, state, doing);
		};
		update();
		return { shown: made, update };
	}

	function actions(item) {
		const act = (text, does, work) => {
			const made = element('button', { type: 'button', class: 'small', 'aria-label': `${does} ${item.path}` }, text);
			made.addEventListener('click', work);
			return made;
		};
		const out = [];
		if (uploads.retriable.includes(item)) out.push(act(item.taken ? 'Send under another name' : 'Retry', item.taken ? 'Send under another name:' : 'Retry', () => uploads.retry([item])));
		if (item.state !== 'done') out.push(act('Leave out', 'Leave out', () => uploads.drop([item])));
		return out;
	}

	// The server's own small picture: browsers do not show all types, and would decode each photo whole.
	function picture(/** @type {Item} */ { id, state, path }) {
		const text = (/\.(\w{1,5})$/.exec(path)?.[1] ?? '').toUpperCase();
		if (state !== 'done' || id === undefined) return document.createTextNode(text);
		const address = ours(`${datasetPath(dataset, 'samples', id, 'thumb')}?size=`);
		const image = element('img', { src: `${address}100`, alt: '', loading: 'lazy', decoding: 'async', width: 48, height: 48 });
		image.addEventListener('error', () => image.replaceWith(text));
		return element('a', { href: `${address}2048`, target: '_blank', 'aria-label': `See ${path}` }, image);
	}

	// The image was there under another label, and keeps it: that may not be what was meant.
	async function tellOfDuplicate(item, state, doing) {
		try {
			const { label } = await call('GET', datasetPath(dataset, 'samples', item.id));
			if (label === item.label) return;
			state.textContent = item.told = `Already there, ${label ? `and it keeps its label “${label}”` : 'without a label'}: nothing was added`;
			const make = element('button', { type: 'button', class: 'small', 'aria-label': `Label ${item.path} ${item.label}` }, `Make it “${item.label}”`);
			make.addEventListener('click', async () => {
				make.disabled = true;
				try {
					await change('POST', datasetPath(dataset, 'samples', item.id, 'label'), { label: item.label });
					state.textContent = item.told = `Already there, and now “${item.label}”`;
					make.remove();
					toast(`${item.path} is “${item.label}”.`);
				} catch (error) {
					make.disabled = false;
					tellFailure(error);
				}
			});
			doing.prepend(make);
		} catch { /* that it is there is said already */ }
	}

	const refused = (/** @type {{ path: string, text: string }[]} */ those) => element('details', {}, element('summary', {}, `Not taken: ${plural(those.length, 'entry').replace('entrys', 'entries')}`),
		element('ul', {}, ...those.map(({ path, text }) => element('li', { class: 'note' }, `${path}: ${text}`))));

	return { shown, changed };
}

/** @type {(item: Item) => string} */
function describe({ state, sent, size: bytes, duplicate, told, summary, error, taken, isArchive }) {
	switch (state) {
	case 'waiting': return `Waiting · ${size(bytes)}`;
	case 'sending': return sent < bytes ? `Uploading: ${percent(sent, bytes)} of ${size(bytes)}` : isArchive ? 'Sent: the server takes the images out of it…' : 'Sent: the server checks it…';
	case 'away': return `Needed again: choose the file · ${size(bytes)}`;
	case 'failed': return [`Failed: ${sentence(error?.message ?? '')}`, taken ? 'The image of this name is another one: both can be kept under different names.' : REMEDIES[error?.status ?? 0] ?? 'Retry in a moment.'].filter(Boolean).join(' ');
	default: return summary ? unpacked(summary) : duplicate ? told ?? 'Already there: nothing was added' : 'Done: in the dataset';
	}
}

function unpacked({ loaded, duplicate, skipped, failed, error, warning }) {
	const parts = [`${plural(loaded, 'image')} added`, duplicate && `${number(duplicate)} there already`, skipped && `${number(skipped)} skipped`, failed && `${number(failed)} failed`];
	return [`Done: ${several(parts.filter(Boolean), 4)}.`, error && sentence(error), warning && sentence(warning)].filter(Boolean).join(' ');
}

const sentence = text => text && `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;

const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB'];

/** A number of bytes, for people. */
export function size(bytes) {
	let unit = 0;
	while (bytes >= 999.5 && unit < UNITS.length - 1) {
		bytes /= 1000;
		unit++;
	}
	return `${unit && bytes < 9.95 ? bytes.toFixed(1) : Math.round(bytes)} ${UNITS[unit]}`;
}

function remaining(seconds) {
	if (seconds === null) return '';
	if (seconds < 10) return 'a few seconds left';
	if (seconds < 90) return `about ${Math.round(seconds / 10) * 10} seconds left`;
	if (seconds < 5400) return `about ${plural(Math.round(seconds / 60), 'minute')} left`;
	return `about ${plural(Math.round(seconds / 3600), 'hour')} left`;
}
