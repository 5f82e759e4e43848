// What was done to images in the grid: each deed is shown at once, kept in the browser until the server has it, and sent
// in order; also by the next window, if this one dies.

import { basePath, call, datasetPath, get, pause } from './api.js';
import { alone, randomId, storage } from './storage.js';

/**
 * @typedef {'label' | 'undo' | 'flag' | 'unflag' | 'delete'} Kind
 * @typedef {{ id: string, kind: Kind, ids: number[], label: string, note?: string, tokens?: Record<number, string>,
 *   claim?: boolean, own?: boolean, tried: boolean, plan?: { ids: number[], versions: number[], key: string } }} Deed
 *   label: that is given, or was given by what is undone. tokens: it is given by these leases, one by one.
 *   claim: only what nobody else holds is labelled. own: undoes only what this person said.
 *   plan: of an undo: what exactly is undone.
 */

const AT_ONCE = 5000;      // samples of one deed
const READ = 500;          // documents of one request
const CLAIMED = 50;        // leases of one request
const CLAIMED_MOST = 500;  // leases that are held at once for one deed
const BESIDE = 4;          // requests at a time, of deeds that are one for each image
const UNDO_TRIES = 3;

export class Deeds {
	/** @type {any} */
	problem = null;       // why nothing can be sent now
	#path;
	#user;
	#prefix;
	#on;
	#counter = 0;
	/** @type {Promise<void> | null} */
	#sending = null;

	/**
	 * @param {string} user
	 * @param {string} dataset
	 * @param {{ changed: () => void, saved: (deed: Deed) => void, left: (deed: Deed, ids: number[], why: any) => void }} on
	 *   left: these were not done: why is null where others hold them
	 */
	constructor(user, dataset, on) {
		this.#user = user;
		this.#path = (...rest) => datasetPath(dataset, ...rest);
		this.#prefix = `${basePath}deed|${encodeURIComponent(user)}|${encodeURIComponent(dataset)}|`;
		this.#on = on;
		addEventListener('storage', event => {
			if (event.key === null || event.key.startsWith(this.#prefix)) on.changed();
		});
	}

	/** Those that wait, in order. @type {() => Deed[]} */
	list() {
		return storage.keys(this.#prefix).map(key => this.#read(key)).filter(Boolean);
	}

	/** @type {(kind: Kind, ids: number[], more?: Partial<Deed>) => Deed[]} */
	add(kind, ids, more = {}) {
		const added = [];
		for (let from = 0; from < ids.length; from += AT_ONCE) {
			const order = `${String(Date.now()).padStart(15, '0')}.${String(this.#counter++).padStart(6, '0')}`;
			const deed = { label: '', ...more, id: randomId(), kind, ids: ids.slice(from, from + AT_ONCE), tried: false };
			storage.set(`${this.#prefix}${order}.${deed.id}`, JSON.stringify(deed));
			added.push(deed);
		}
		this.#on.changed();
		this.send();
		return added;
	}

	/** Takes back one that was never sent. Returns whether it could. */
	withdraw(id) {
		const key = storage.keys(this.#prefix).find(each => each.endsWith(id));
		if (!key || this.#read(key)?.tried !== false) return false;
		storage.remove(key);
		this.#on.changed();
		return true;
	}

	/** Sends those that wait, one after the other. */
	send() {
		this.#sending ??= this.#sendAll().finally(() => { this.#sending = null; });
		return this.#sending;
	}

	async #sendAll() {
		for (let attempt = 0, key; (key = storage.keys(this.#prefix)[0]);) {
			this.problem = await alone(`send|${this.#prefix}`, () => this.#deliver(key));
			this.#on.changed();
			if (!this.problem) attempt = 0;
			else if (this.problem.status === 401) return;
			else await pause(attempt++, this.problem.retryAfter);
		}
		this.problem = null;
		this.#on.changed();
	}

	// Returns null when it is settled, else the error that stands in the way.
	async #deliver(key) {
		const deed = this.#read(key);
		if (deed) {
			deed.tried = true;
			this.#keep(key, deed);
			const asked = [...deed.ids];
			try {
				await this.#work[deed.kind](deed, key);
				this.#on.saved({ ...deed, ids: asked });
			} catch (error) {
				if (error.passing || error.status === 401) return error;
				this.#on.left(deed, deed.ids, error);
			}
		} // else another window sent it
		storage.remove(key);
		return null;
	}

	#work = {
		label: async (deed, key) => {
			if (deed.tokens) return this.#each(deed, key, id => this.#labelTask(deed, id));
			if (!deed.claim) return this.#labelAll(deed, key, deed.ids);
			const all = deed.ids;
			for (let from = 0; from < all.length; from += CLAIMED_MOST) {
				const free = await this.#claim(deed, all.slice(from, from + CLAIMED_MOST));
				await this.#labelAll({ ...deed, ids: free, id: `${deed.id}.${from}` }, '', free);
			}
		},
		undo: (deed, key) => this.#undo(deed, key),
		flag: (deed, key) => this.#each(deed, key, id => call('PUT', this.#path('samples', id, 'flag'), { note: deed.note ?? '' })),
		unflag: (deed, key) => this.#each(deed, key, id => call('DELETE', this.#path('samples', id, 'flag'))),
		delete: (deed, key) => this.#each(deed, key, id => call('DELETE', this.#path('samples', id))),
	};

	// All of them in one request; if some were removed meanwhile, the others.
	async #labelAll(deed, key, ids) {
		if (!ids.length) return;
		try {
			await call('POST', this.#path('samples', 'label'), { ids, label: deed.label }, { key: deed.id });
		} catch (error) {
			if (error.status !== 404) throw error;
			const there = (await this.#documents(ids)).map(({ id }) => id);
			if (there.length === ids.length) throw error; // it is the dataset that is not there
			const rest = { ...deed, ids: there, id: randomId() };
			if (key) this.#keep(key, rest);
			await this.#labelAll(rest, key, there);
		}
	}

	// A label ends its lease: when the answer got lost, the second request is refused, and history tells.
	async #labelTask({ tokens, label }, id) {
		try {
			await call('POST', this.#path('tasks', tokens[id], 'label'), { label });
		} catch (error) {
			if (error.status !== 409) throw error;
			const { items } = await get(this.#path('samples', id, 'history'));
			if (!items.some(event => event.by === this.#user && event.label === label)) throw error;
		}
	}

	// Leases those that nobody else holds, and returns them and those that are held already.
	async #claim(deed, ids) {
		const { tasks } = await call('GET', this.#path('tasks'));
		const mine = new Set(tasks.map(({ sample }) => sample.id));
		const asked = ids.filter(id => !mine.has(id));
		for (let from = 0; from < asked.length; from += CLAIMED) {
			const answer = await call('POST', this.#path('tasks'), { ids: asked.slice(from, from + CLAIMED) });
			for (const { sample } of answer?.tasks ?? [])
				if (sample.state === 'unlabelled') mine.add(sample.id);
		}
		const others = ids.filter(id => !mine.has(id));
		if (others.length) await this.#tellOthers(deed, others);
		return ids.filter(id => mine.has(id));
	}

	// What this person has labelled by now, since an answer got lost, is not others'.
	async #tellOthers(deed, others) {
		const documents = await this.#documents(others);
		const done = new Set(documents.filter(({ label, labelled_by: by }) => label === deed.label && by === this.#user).map(({ id }) => id));
		const left = others.filter(id => !done.has(id));
		if (left.length) this.#on.left(deed, left, null);
	}

	async #documents(ids) {
		const found = [];
		for (let from = 0; from < ids.length; from += READ)
			found.push(...(await get(`${this.#path('samples')}?ids=${ids.slice(from, from + READ).join(',')}`)).items);
		return found;
	}

	// Takes back what was said last of those that are still as this person left them.
	async #undo(deed, key) {
		for (let tries = 0; ; tries++) {
			deed.plan ??= this.#planned(deed, await this.#documents(deed.ids));
			this.#keep(key, deed);
			const { ids, versions, key: name } = deed.plan;
			if (ids.length < deed.ids.length && !tries) this.#on.left(deed, deed.ids.filter(id => !ids.includes(id)), null);
			if (!ids.length) return;
			try {
				await call('POST', this.#path('samples', 'undo'), { ids, versions, own: true }, { key: name });
				return;
			} catch (error) {
				if (![404, 409].includes(error.status) || tries + 1 === UNDO_TRIES) throw error;
				deed.plan = undefined;
			}
		}
	}

	#planned({ label, own }, documents) {
		const meant = documents.filter(each => own || each.label === label && (!label || each.labelled_by === this.#user));
		return { ids: meant.map(({ id }) => id), versions: meant.map(({ version }) => version), key: randomId() };
	}

	// A few at a time; what is done is not done again by the next window.
	async #each(deed, key, work) {
		while (deed.ids.length) {
			const some = deed.ids.slice(0, BESIDE);
			await Promise.all(some.map(id => this.#one(deed, id, work)));
			deed.ids = deed.ids.slice(BESIDE);
			this.#keep(key, deed);
		}
	}

	async #one(deed, id, work) {
		try {
			await work(id);
		} catch (error) {
			if (error.passing || [401, 403].includes(error.status)) throw error;
			if (error.status !== 404) this.#on.left(deed, [id], error); // else it is gone
		}
	}

	#keep(key, deed) {
		if (storage.get(key) !== null) storage.set(key, JSON.stringify(deed));
	}

	/** @returns {any} */
	#read(key) {
		try {
			const deed = JSON.parse(storage.get(key) ?? '');
			return Object.hasOwn(this.#work, deed?.kind) && Array.isArray(deed.ids) ? deed : null;
		} catch {
			return null;
		}
	}
}
