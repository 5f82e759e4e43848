// The images leased to this window: the next few fetched and decoded ahead, kept while the page is looked at, given
// back when it is left.

import { basePath, call, datasetPath, serverNow } from './api.js';
import { Picture } from './picture.js';
import { alone, livingWindows, storage, thisWindow } from './storage.js';

const AHEAD = 3;            // beyond the current one
const RENEW_AGAIN = 5000;   // ms, after a renewal that failed

export class Tasks {
	exhausted = false; // the server had nothing free when last asked
	#held = [];        // { token, sample, expires, span, picture }, the current one first
	#dataset;
	#prefix;           // of the records that tell which window holds a lease
	#events;
	#filling = null;
	#timer;

	// events: wanted(task), whether a task just leased is to be shown; gone() after a lease was lost.
	constructor(user, dataset, events) {
		this.#dataset = dataset;
		this.#prefix = `${basePath}lease|${encodeURIComponent(user)}|${encodeURIComponent(dataset)}|`;
		this.#events = events;
		document.addEventListener('visibilitychange', () => this.#renewSoon());
	}

	// The one to answer now, or undefined.
	get current() {
		return this.#held[0];
	}

	// The current one was answered: its lease is the outbox's now.
	next() {
		storage.remove(this.#prefix + this.#held.shift().token);
	}

	// The task of a sample, no longer held here: the caller answers it. Undefined when there is none.
	withdraw(sample) {
		const task = this.#held.find(each => each.sample.id === sample);
		if (task) this.#forget(task);
		return task;
	}

	// Leases until enough are ahead, or the server has no more.
	fill() {
		this.#filling ??= this.#fill().finally(() => { this.#filling = null; });
		return this.#filling;
	}

	async #fill() {
		for (let missing; (missing = 1 + AHEAD - this.#held.length) > 0 && !this.exhausted;) {
			const answer = await call('POST', this.#path(), { count: missing });
			if (answer) this.#adopt(answer.tasks);
			this.exhausted = !answer?.tasks.length;
		}
	}

	// Takes up what a window of this browser held when it died.
	resume(isAnswered) {
		return alone(`resume|${this.#prefix}`, async () => {
			const lives = await livingWindows();
			const left = new Set(storage.keys(this.#prefix).filter(key => !lives(storage.get(key))));
			if (left.size) await this.#takeUp(task => left.has(this.#prefix + task.token) && !isAnswered(task));
			for (const key of left)
				if (storage.get(key) !== thisWindow) storage.remove(key);
		});
	}

	// Takes up all this user holds that no window of this browser works on; what another browser left, for one.
	takeOver(isAnswered) {
		return alone(`resume|${this.#prefix}`, async () => {
			const lives = await livingWindows();
			await this.#takeUp(task => !lives(storage.get(this.#prefix + task.token)) && !isAnswered(task));
		});
	}

	async #takeUp(isFree) {
		const { tasks } = await call('GET', this.#path());
		this.#adopt(tasks.filter(isFree).slice(0, 1 + AHEAD));
	}

	#adopt(tasks) {
		for (const { token, expires_at, sample } of tasks) {
			const expires = Date.parse(expires_at);
			const task = { token, sample, expires, span: expires - serverNow() };
			if (!this.#events.wanted(task)) continue;
			task.picture = new Picture(sample);
			storage.set(this.#prefix + token, thisWindow);
			this.#held.push(task);
		}
		this.#renewSoon();
	}

	// Gives back what was not answered, also while the page closes.
	release() {
		for (const { token, picture } of this.#held.splice(0)) {
			picture.forget();
			storage.remove(this.#prefix + token);
			call('POST', this.#path(token, 'release'), {}, { keepalive: true }).catch(() => {}); // then it runs out
		}
	}

	// Leases are renewed at half their time, and not while nobody looks.
	#renewSoon(atLeast = 500) {
		clearTimeout(this.#timer);
		if (document.hidden || !this.#held.length) return;
		const due = Math.min(...this.#held.map(task => task.expires - task.span / 2)) - serverNow();
		this.#timer = setTimeout(() => this.#renew(), Math.min(Math.max(due, atLeast), 2 ** 31 - 1));
	}

	async #renew() {
		let failed = false;
		for (const task of this.#held.filter(({ expires, span }) => serverNow() >= expires - span / 2)) {
			try {
				const { expires_at } = await call('POST', this.#path(task.token, 'renew'), {});
				task.expires = Date.parse(expires_at);
				task.span = task.expires - serverNow();
			} catch (error) {
				if (error.status !== 409) failed = true;
				else if (this.#held.includes(task)) { // not answered meanwhile
					this.#forget(task);
					this.#events.gone();
				}
			}
		}
		this.#renewSoon(failed ? RENEW_AGAIN : undefined);
	}

	#forget(task) {
		this.#held.splice(this.#held.indexOf(task), 1);
		task.picture.forget();
		storage.remove(this.#prefix + task.token);
	}

	#path(...rest) {
		return datasetPath(this.#dataset, 'tasks', ...rest);
	}
}
