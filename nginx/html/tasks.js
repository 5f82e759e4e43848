// The images leased to this window: the next few are fetched and decoded ahead, kept while the page is visible, and
// given back when it is left.

import { basePath, call, datasetPath, serverNow } from './api.js';
import { Picture } from './picture.js';
import { alone, livingWindows, storage, thisWindow } from './storage.js';

const AHEAD = 3;            // beyond the current one
const RENEW_AGAIN = 5000;   // ms after a renewal that failed

export class Tasks {
	exhausted = false; // the server had nothing free the last time
	#held = [];        // { token, sample, expires, span, picture }, the current one first
	#dataset;
	#prefix;           // of the records that say which window holds a lease
	#events;
	/** @type {Promise<void> | null} */
	#filling = null;
	#timer;

	// events: wanted(task): whether to show a task just leased; gone(): a lease was lost.
	constructor(user, dataset, events) {
		this.#dataset = dataset;
		this.#prefix = `${basePath}lease|${encodeURIComponent(user)}|${encodeURIComponent(dataset)}|`;
		this.#events = events;
		document.addEventListener('visibilitychange', () => this.#renewSoon());
	}

	// The task to answer now, or undefined.
	get current() {
		return this.#held[0];
	}

	// The current task was answered: its lease now belongs to the outbox.
	next() {
		storage.remove(this.#prefix + this.#held.shift().token);
	}

	// Removes the task of a sample, which the caller answers, and returns it; undefined when there is none.
	withdraw(sample) {
		const task = this.#held.find(each => each.sample.id === sample);
		if (task) this.#forget(task);
		return task;
	}

	// Leases tasks until enough are ahead, or the server has no more.
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

	// Resumes the tasks of a window of this browser that died.
	resume(isAnswered) {
		return alone(`resume|${this.#prefix}`, async () => {
			const lives = await livingWindows();
			const left = new Set(storage.keys(this.#prefix).filter(key => !lives(storage.get(key))));
			if (left.size) await this.#takeUp(task => left.has(this.#prefix + task.token) && !isAnswered(task));
			for (const key of left)
				if (storage.get(key) !== thisWindow) storage.remove(key);
		});
	}

	// Resumes all tasks of this user on which no window of this browser works, such as those of another browser.
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

	// Gives back what was not answered, even while the page closes.
	release() {
		for (const { token, picture } of this.#held.splice(0)) {
			picture.forget();
			storage.remove(this.#prefix + token);
			call('POST', this.#path(token, 'release'), {}, { keepalive: true }).catch(() => {}); // then it runs out
		}
	}

	// Leases are renewed at half their time, but not while nobody looks.
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
