// The files on their way into a dataset: a few at a time, again after what passes, each with what became of it.

import { ApiError, call, pause } from './api.js';
import { otherName } from './files.js';
import { fingerprint, forget, keep } from './journal.js';
import { send } from './sender.js';

/**
 * @typedef {'waiting' | 'sending' | 'done' | 'failed' | 'away'} State away: the file is needed again
 * @typedef {{
 *   key: string, path: string, label: string, size: number, file: File | null, isArchive: boolean, url?: string,
 *   state: State, sent: number, furthest?: number, tries: number, sending?: import('./sender.js').Sending | null,
 *   id?: number, duplicate?: boolean, told?: string, summary?: any, problems?: { path: string, text: string }[],
 *   error?: ApiError | null, taken?: boolean }} Item
 *   sent: bytes; told: what was found out of a duplicate; error: why it failed; taken: its name is another image's
 */

const AT_ONCE = 4;
const TRIES = 8;           // of one file that gets no further, while the server can be reached
const STEP = 65_536;       // bytes that count as further
const MISSES = 400;        // in a row, until nothing more is tried by itself: some three hours
const SPEED_OVER = 15_000; // ms

const SLICE = 20;          // ms, after which others have their turn while files are added
const KEPT_AT_ONCE = 500;  // in the journal
const STOPPING = [401, 403, 404]; // what holds for all files
const FULL = 507;

export class Uploads {
	/** @type {Item[]} */
	items = [];
	sent = 0;       // bytes
	done = 0;       // files
	duplicates = 0;
	paused = false;
	/** Why nothing is sent now, and whether it is tried again by itself. @type {ApiError | null} */
	trouble = null;
	isRetrying = false;

	#waiting = /** @type {Item[]} */ ([]);
	#running = 0;
	#misses = 0;
	#keys = new Map();
	#samples = /** @type {{ at: number, sent: number }[]} */ ([]);

	/**
	 * @param {string} dataset
	 * @param {(item?: Item) => void} changed called after each change, of one item or of all
	 */
	constructor(dataset, changed) {
		this.dataset = dataset;
		this.changed = changed;
	}

	/** @type {(state: State) => number} */
	count = state => this.items.reduce((sum, item) => sum + Number(item.state === state), 0);

	get isBusy() {
		return this.#running > 0 || this.#waiting.length > 0;
	}

	/* --- what is to be sent --------------------------------------------------------------------------------------- */

	/**
	 * Adds files. One that was chosen before is not added twice: if it was waited for, it goes on.
	 * @param {(import('./files.js').Chosen & { label: string, isArchive?: boolean })[]} chosen
	 */
	async add(chosen) {
		let since = performance.now();
		const added = [];
		for (const each of chosen) {
			this.#addOne(each, added);
			if (performance.now() - since < SLICE) continue;
			this.changed();
			this.#fill();
			await new Promise(resolve => setTimeout(resolve)); // browsers ask the disk for each file's size and time
			since = performance.now();
		}
		this.changed();
		this.#fill();
		for (let at = 0; at < added.length; at += KEPT_AT_ONCE)
			await keep(added.slice(at, at + KEPT_AT_ONCE).filter(({ state }) => state !== 'done').map(this.#entry));
	}

	#addOne({ file, path, label, isArchive = false }, added) {
		const { size, lastModified } = file;
		const key = fingerprint(this.dataset, path, { size, lastModified });
		const known = this.#keys.get(key);
		if (known) return this.#again(known, file);
		const item = /** @type {Item} */ ({ key, path, label, size, file, isArchive, state: 'waiting', sent: 0, tries: 0 });
		this.#take(item);
		added.push(item);
		this.#waiting.push(item);
	}

	/** Whether all of these files were chosen before. @type {(chosen: import('./files.js').Chosen[]) => boolean} */
	knows(chosen) {
		const paths = new Set(this.items.map(({ path }) => path));
		return chosen.every(({ path }) => paths.has(path));
	}

	/** What an earlier page has left (journal.js). @type {(entries: import('./journal.js').Entry[]) => void} */
	addLeft(entries) {
		for (const { key, path, label, size, url, done } of entries) {
			if (this.#keys.has(key)) continue;
			const item = /** @type {Item} */ ({ key, path, label, size, url, file: null, isArchive: false, state: done ? 'done' : 'away', sent: done ? size : 0, tries: 0 });
			this.#take(item);
			if (done) this.done++;
			this.sent += item.sent;
		}
		this.changed();
	}

	#take(item) {
		this.items.push(item);
		this.#keys.set(item.key, item);
	}

	#again(item, file) {
		item.file = file;
		if (item.state === 'away' || item.state === 'failed') this.#wait(item);
	}

	#wait(item) {
		item.state = 'waiting';
		item.error = null;
		item.tries = 0;
		this.#waiting.push(item);
		this.changed(item);
	}

	#entry = ({ key, path, label, size, url, state }) => ({ key, dataset: this.dataset, path, label, size, ...url && { url }, ...state === 'done' && { done: true } });

	/* --- sending it ----------------------------------------------------------------------------------------------- */

	#fill() {
		while (!this.paused && !this.trouble && this.#running < AT_ONCE && this.#waiting.length) {
			const item = /** @type {Item} */ (this.#waiting.shift());
			if (item.state === 'waiting') this.#send(item);
		}
		if (!this.isBusy && this.items.length && this.items.every(({ state }) => state === 'done')) forget(this.items.map(({ key }) => key));
	}

	async #send(item) {
		this.#running++;
		item.state = 'sending';
		const mine = item.sending = send(this.dataset, /** @type {Item & { file: File }} */ (item), {
			progress: bytes => this.#moved(item, bytes),
			begun: url => {
				item.url = url;
				keep([this.#entry(item)]);
			},
		});
		this.changed(item);
		try {
			const result = await mine.done;
			if (item.sending !== mine) return; // it was stopped meanwhile
			this.#succeeded(item, result);
		} catch (error) {
			const told = await this.#understood(item, error);
			if (item.sending !== mine) return;
			this.#missed(item, told);
		}
		item.sending = null;
		this.#running--;
		this.changed(item);
		this.#fill();
	}

	#stop(item) {
		item.sending?.stop();
		item.sending = null;
		this.#running--;
	}

	#moved(item, bytes) {
		if (item.state !== 'sending') return;
		this.sent += bytes - item.sent;
		item.sent = bytes;
		if (bytes > (item.furthest ?? 0) + STEP) { // tries are counted where it gets no further
			item.furthest = bytes;
			item.tries = 0;
		}
		this.changed(item);
	}

	#succeeded(item, result) {
		this.#moved(item, item.size);
		Object.assign(item, result, { state: 'done', file: null }); // the page lets go of the file
		this.#misses = 0;
		this.done++;
		if (item.duplicate) this.duplicates++;
		keep([this.#entry(item)]);
	}

	async #understood(item, error) {
		if (!(error instanceof ApiError)) return new ApiError(422, `It cannot be sent: ${error?.message ?? error}`);
		if (error.status === 409 && await this.#isUnderWay(item)) return new ApiError(503, 'An earlier request still sends this file.');
		if (error.status === 0 && !await isReadable(item.file)) return new ApiError(422, 'The file was changed or removed since it was chosen.');
		return error;
	}

	#missed(item, error) {
		const isLost = error.status === 404 && item.url; // the upload, not the dataset
		if (isLost) item.url = undefined;
		const stopsAll = STOPPING.includes(error.status) && !isLost;
		const passes = isLost || error.passing && error.status !== FULL && (error.status === 429 || ++item.tries < TRIES);
		if (stopsAll || passes) {
			item.state = 'waiting';
			this.#waiting.unshift(item);
			this.#hold(error, !stopsAll);
			return;
		}
		this.sent -= item.sent;
		item.sent = 0;
		item.url = undefined;
		item.state = 'failed';
		item.error = error;
		item.taken = error.status === 409;
	}

	// A conflict is of the name, unless the upload is still there.
	async #isUnderWay({ url }) {
		if (!url) return false;
		try {
			const answer = await fetch(url, { method: 'HEAD', cache: 'no-store', headers: { 'Tus-Resumable': '1.0.0' } });
			return answer.ok || answer.status === 409;
		} catch {
			return true;
		}
	}

	/* --- while it cannot be --------------------------------------------------------------------------------------- */

	// Waits until the server can be reached, for all files at once.
	async #hold(error, passes) {
		if (this.trouble) return;
		this.trouble = error;
		while (passes && this.#misses++ < MISSES) {
			this.isRetrying = true;
			this.changed();
			await pause(Math.min(this.#misses, 8) - 1, error.retryAfter);
			if (!this.trouble) return; // it was tried by hand
			try {
				await call('GET', '/v1/me');
				return this.#goOn();
			} catch (again) {
				error = this.trouble = again;
				passes = error.passing;
			}
		}
		this.isRetrying = false;
		this.changed();
	}

	#goOn() {
		this.trouble = null;
		this.isRetrying = false;
		this.changed();
		this.#fill();
	}

	/* --- what people ask for -------------------------------------------------------------------------------------- */

	/** Tries at once what waits for the server. */
	tryNow() {
		this.#misses = 0;
		this.#goOn();
	}

	pause() {
		this.paused = true;
		for (const item of this.items) {
			if (item.state !== 'sending') continue;
			this.#stop(item);
			item.state = 'waiting';
			this.#waiting.unshift(item);
		}
		this.changed();
	}

	resume() {
		this.paused = false;
		this.changed();
		this.#fill();
	}

	/** What failed, and may succeed when it is sent again. */
	get retriable() {
		return this.items.filter(({ state, error, taken }) => state === 'failed' && (taken || error?.passing));
	}

	/** Sends again what failed; under another name, if that was taken. @type {(items?: Item[]) => void} */
	retry(items = this.retriable) {
		for (const item of items) {
			if (item.state !== 'failed' || !item.file) continue;
			if (item.taken) {
				item.path = otherName(item.path);
				item.taken = false;
				item.url = undefined;
			}
			this.#wait(item);
		}
		this.#fill();
	}

	/** Takes files out of the list. @type {(items: Item[]) => void} */
	drop(items) {
		const gone = new Set(items.filter(({ state }) => state !== 'done'));
		for (const item of gone) {
			if (item.state === 'sending') this.#stop(item);
			this.sent -= item.sent;
			this.#keys.delete(item.key);
		}
		this.items = this.items.filter(item => !gone.has(item));
		this.#waiting = this.#waiting.filter(item => !gone.has(item));
		forget([...gone].map(({ key }) => key));
		this.changed();
		this.#fill();
	}

	/** Empties the list of what is done. */
	clear() {
		const done = this.items.filter(({ state }) => state === 'done');
		for (const item of done) {
			this.sent -= item.size;
			this.#keys.delete(item.key);
		}
		this.done = this.duplicates = 0;
		this.items = this.items.filter(({ state }) => state !== 'done');
		forget(done.map(({ key }) => key));
		this.changed();
	}

	/** Bytes of what can be sent. */
	get total() {
		return this.items.reduce((sum, { state, size }) => sum + (state === 'failed' || state === 'away' ? 0 : size), 0);
	}

	/** Seconds left at the speed of late, reckoned each time this is asked; null while nothing can be said. */
	timeLeft() {
		const now = performance.now();
		this.#samples.push({ at: now, sent: this.sent });
		while (this.#samples.length > 2 && this.#samples[0].at < now - SPEED_OVER) this.#samples.shift();
		const [first] = this.#samples, took = now - first.at, got = this.sent - first.sent;
		return took > 1000 && got > 0 ? (this.total - this.sent) / got * took / 1000 : null;
	}
}

// Whether the file is still as it was when it was chosen.
async function isReadable(file) {
	try {
		await file.slice(0, 1).arrayBuffer();
		return true;
	} catch {
		return false;
	}
}
