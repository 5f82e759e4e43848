// The leases of the images that the grid shows for labelling: taken when they come into the window, renewed while they
// are there, given back when they leave it. So no two people label one page.

import { basePath, call, datasetPath, pause, serverNow } from './api.js';
import { alone, livingWindows, storage, thisWindow } from './storage.js';

const SETTLED = 150;         // ms after which what is wanted is asked for
const AT_ONCE = 50;          // samples or leases of one request
const ASKED_AGAIN = 5000;    // ms: what others hold may have been given back
const RENEWED_AGAIN = 5000;  // ms after a renewal that failed

export class Holding {
	/** @type {any} */
	problem = null;
	#held = new Map();      // sample id → { token, expires, span }
	#others = new Map();    // sample id → when it could not be had, ms
	/** @type {Set<number>} */
	#wanted = new Set();
	#path;
	#prefix;                // of the records that say which window holds a lease
	#told;
	#working = false;
	#failed = 0;            // how often in succession
	#soon = 0;
	#renewal = 0;
	#ended = false;

	/**
	 * @param {string} user
	 * @param {string} dataset
	 * @param {(asked: number[], samples: any[]) => void} told is called with what was asked for, and the samples of those
	 *   that are held now
	 */
	constructor(user, dataset, told) {
		this.#path = (...rest) => datasetPath(dataset, 'tasks', ...rest);
		this.#prefix = `${basePath}lease|${encodeURIComponent(user)}|${encodeURIComponent(dataset)}|`;
		this.#told = told;
		document.addEventListener('visibilitychange', () => this.#act());
	}

	/** @type {(id: number) => 'mine' | 'others' | ''} */
	of(id) {
		return this.#live(id) ? 'mine' : this.#others.has(id) ? 'others' : '';
	}

	#live(id) {
		const lease = this.#held.get(id);
		return lease !== undefined && lease.expires > serverNow();
	}

	/** The token of the lease of a sample, if it is held. */
	token(id) {
		return this.#live(id) ? this.#held.get(id).token : undefined;
	}

	/** What is to be held from now on; the rest is given back. */
	want(ids) {
		this.#wanted = new Set(ids);
		for (const id of this.#others.keys())
			if (!this.#wanted.has(id)) this.#others.delete(id);
		clearTimeout(this.#soon);
		this.#soon = setTimeout(() => this.#act(), SETTLED);
	}

	/** Takes up what a window of this browser held that died. */
	resume() {
		return alone(`resume|${this.#prefix}`, async () => {
			const lives = await livingWindows();
			const left = storage.keys(this.#prefix).filter(key => !lives(storage.get(key)));
			if (!left.length) return;
			const { tasks } = await call('GET', this.#path());
			this.#adopt(tasks.filter(({ token }) => left.includes(this.#prefix + token)));
			for (const key of left)
				if (storage.get(key) !== thisWindow) storage.remove(key);
		});
	}

	/** They were labelled: their leases end with that. */
	used(ids) {
		for (const id of ids) {
			const lease = this.#held.get(id);
			if (lease) storage.remove(this.#prefix + lease.token);
			this.#held.delete(id);
			this.#wanted.delete(id);
		}
	}

	#act() {
		if (document.hidden || this.#ended || this.#working) return;
		this.#working = true;
		this.#work().then(async () => {
			if (this.problem) await pause(this.#failed++, this.problem.retryAfter);
			else this.#failed = 0;
			this.#working = false;
			if (this.problem?.passing) this.#act();
		});
	}

	async #work() {
		try {
			await this.#giveBack([...this.#held.keys()].filter(id => !this.#wanted.has(id)));
			for (const id of this.#held.keys())
				if (!this.#live(id)) this.#held.delete(id);
			for (let missing; (missing = this.#missing()).length && !this.#ended;) await this.#take(missing.slice(0, AT_ONCE));
			this.problem = null;
		} catch (error) {
			this.problem = error;
			this.#told([], []);
		}
		this.#renewSoon();
		if ([...this.#held.keys()].some(id => !this.#wanted.has(id))) setTimeout(() => this.#act()); // it was scrolled meanwhile
	}

	// Asks again for what others held, too, once in a while.
	#missing() {
		const before = Date.now() - ASKED_AGAIN;
		return [...this.#wanted].filter(id => !this.#held.has(id) && !((this.#others.get(id) ?? 0) > before));
	}

	async #take(ids) {
		const answer = await call('POST', this.#path(), { ids });
		const open = (answer?.tasks ?? []).filter(({ sample }) => sample.state === 'unlabelled');
		this.#adopt(open);
		// What has a label by now can be leased, too, to correct it: that is not what this is for.
		this.#drop((answer?.tasks ?? []).filter(task => !open.includes(task)).map(({ token }) => token));
		const now = Date.now();
		for (const id of ids) {
			if (this.#held.has(id)) this.#others.delete(id);
			else this.#others.set(id, now);
		}
		this.#told(ids, open.map(({ sample }) => sample));
	}

	#adopt(tasks) {
		for (const { token, expires_at, sample } of tasks) {
			const expires = Date.parse(expires_at);
			this.#held.set(sample.id, { token, expires, span: expires - serverNow() });
			storage.set(this.#prefix + token, thisWindow);
		}
		this.#renewSoon();
	}

	async #giveBack(ids) {
		const tokens = ids.map(id => this.#held.get(id).token);
		for (const id of ids) this.#held.delete(id);
		await this.#drop(tokens);
	}

	// Even while the page closes.
	async #drop(tokens) {
		for (const token of tokens) storage.remove(this.#prefix + token);
		for (let from = 0; from < tokens.length; from += AT_ONCE) {
			const sent = call('POST', this.#path('release'), { tokens: tokens.slice(from, from + AT_ONCE) }, { keepalive: true });
			await sent.catch(() => {}); // then they run out
		}
	}

	/** Gives back everything. */
	release() {
		this.#ended = true;
		const tokens = [...this.#held.values()].map(({ token }) => token);
		this.#held.clear();
		for (let from = 0; from < tokens.length; from += AT_ONCE) this.#drop(tokens.slice(from, from + AT_ONCE));
	}

	// At half their time, but not while nobody looks.
	#renewSoon(atLeast = 500) {
		clearTimeout(this.#renewal);
		if (document.hidden || !this.#held.size) return;
		const due = Math.min(...[...this.#held.values()].map(lease => lease.expires - lease.span / 2)) - serverNow();
		this.#renewal = setTimeout(() => this.#renew(), Math.min(Math.max(due, atLeast), 2 ** 31 - 1));
	}

	async #renew() {
		const due = [...this.#held].filter(([, { expires, span }]) => serverNow() >= expires - span / 2);
		let failed = false;
		for (let from = 0; from < due.length; from += AT_ONCE) {
			try {
				await this.#renewSome(due.slice(from, from + AT_ONCE));
			} catch {
				failed = true;
			}
		}
		this.#renewSoon(failed ? RENEWED_AGAIN : undefined);
	}

	async #renewSome(due) {
		const { renewed } = await call('POST', this.#path('renew'), { tokens: due.map(([, { token }]) => token) });
		const until = new Map(renewed.map(({ token, expires_at }) => [token, Date.parse(expires_at)]));
		const lost = [];
		for (const [id, lease] of due) {
			const expires = until.get(lease.token);
			if (expires) Object.assign(lease, { expires, span: expires - serverNow() });
			else if (this.#held.get(id) === lease) {
				this.used([id]);
				lost.push(id);
			}
		}
		if (lost.length) this.#told(lost, []);
	}
}
