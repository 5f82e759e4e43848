// The samples that match a filter: the ids of all, in order, and the documents of those that are looked at.

import { datasetPath, get } from './api.js';

/** @typedef {import('v1').components['schemas']['Sample']} Sample */
/** @typedef {Partial<Pick<Sample, 'label' | 'state' | 'labelled_by' | 'flag' | 'flagged_by'>>} Change */

const FIRST = 200;     // documents that come at once, before the ids of all
const IDS = 10_000;    // ids of one request
const AT_ONCE = 200;   // documents of one request
const KEPT = 20_000;   // documents: beyond that those that were read first are forgotten

export class Stock {
	/** @type {number[]} */
	ids = [];
	complete = false; // whether ids has all
	/** @type {Map<number, Sample>} */
	#documents = new Map();
	/** @type {Map<number, { deed: string, change: Change }>} */
	#changes = new Map(); // what was changed here and is not saved yet
	#gone = new Set();    // ids that left since the list was asked for
	/** @type {number[]} */
	#wanted = [];
	/** @type {Promise<void> | null} */
	#reading = null;
	/** @type {Promise<any> | undefined} */
	#first;
	#path;
	#query;
	#changed;
	#left = false;

	/**
	 * @param {string} dataset
	 * @param {Record<string, string>} query as of …/samples
	 * @param {() => void} changed is called when there is more to show
	 */
	constructor(dataset, query, changed) {
		this.#path = datasetPath(dataset, 'samples');
		this.#query = query;
		this.#changed = () => this.#left || changed();
	}

	// Nobody looks at this list any more.
	leave() {
		this.#left = true;
	}

	// Asks for what is shown first; begin() waits for it.
	ask() {
		this.#first ??= get(this.#address('', { limit: FIRST }));
		this.#first.catch(() => {}); // told by begin()
	}

	// Resolves once there is something to show; the rest follows. except: resolves to ids that do not belong here.
	async begin(except = Promise.resolve(new Set())) {
		this.ask();
		const [page, left] = await Promise.all([this.#first, except]);
		if (this.#left) return;
		for (const item of page.items) this.#documents.set(item.id, item);
		this.ids = page.items.map(({ id }) => id).filter(id => !left.has(id));
		for (const id of left) this.#gone.add(id);
		this.complete = page.next === null;
		this.#changed();
	}

	// Reads the ids that are missing.
	async finish() {
		const all = [];
		for (let after = null; !this.complete && !this.#left;) {
			const page = await get(this.#address('/ids', { limit: IDS, ...after && { after } }));
			for (const id of page.ids) all.push(id);
			after = page.next;
			this.complete = after === null;
			if (all.length < this.ids.length && !this.complete) continue;
			this.ids = all.filter(id => !this.#gone.has(id));
			this.#changed();
		}
	}

	#address(rest, more) {
		return `${this.#path}${rest}?${new URLSearchParams({ ...this.#query, ...more })}`;
	}

	/** As it will be once all is saved; undefined while it is not known. @type {(id: number) => Sample | undefined} */
	sample(id) {
		const known = this.#documents.get(id), waiting = this.#changes.get(id);
		return known && waiting ? { ...known, ...waiting.change } : known;
	}

	// Reads the documents of these, unless it has them; they replace those that were wanted before.
	want(ids) {
		this.#wanted = ids.filter(id => !this.#documents.has(id));
		this.#reading ??= this.#readWanted().finally(() => { this.#reading = null; });
		return this.#reading;
	}

	async #readWanted() {
		while (this.#wanted.length && !this.#left) {
			const some = this.#wanted.splice(0, AT_ONCE);
			await this.read(some);
		}
	}

	/** Reads the documents of these as they are now; those that are no longer there leave. @type {(ids: number[]) => Promise<void>} */
	async read(ids) {
		for (let from = 0; from < ids.length; from += AT_ONCE) {
			const some = ids.slice(from, from + AT_ONCE);
			const { items } = await get(`${this.#path}?ids=${some.join(',')}`);
			for (const item of items) this.#documents.set(item.id, item);
			const there = new Set(items.map(({ id }) => id));
			const missing = some.filter(id => !there.has(id));
			if (missing.length) this.remove(missing);
		}
		for (const id of this.#documents.keys()) {
			if (this.#documents.size <= KEPT) break;
			this.#documents.delete(id);
		}
		this.#changed();
	}

	/** Shows a change before it is saved. deed: what saves it. @type {(ids: number[], change: Change, deed: string) => void} */
	change(ids, change, deed) {
		for (const id of ids) this.#changes.set(id, { deed, change: { ...this.#changes.get(id)?.change, ...change } });
	}

	// The changes of this deed are saved, or (with took false) were refused or taken back.
	settle(ids, deed, took = true) {
		for (const id of ids) {
			const waiting = this.#changes.get(id), known = this.#documents.get(id);
			if (waiting?.deed !== deed) continue;
			this.#changes.delete(id);
			if (took && known && waiting) this.#documents.set(id, { ...known, ...waiting.change });
		}
	}

	remove(ids) {
		if (!ids.length) return;
		const leaving = new Set(ids);
		for (const id of leaving) this.#gone.add(id);
		this.ids = this.ids.filter(id => !leaving.has(id));
	}

	// Puts them back to where they were.
	restore(ids) {
		const there = new Set(this.ids);
		const back = ids.filter(id => !there.has(id));
		for (const id of ids) this.#gone.delete(id);
		if (back.length) this.ids = [...this.ids, ...back].sort((a, b) => a - b);
	}

	/** Where a sample stands; -1 when it is not here. */
	indexOf(id) {
		let low = 0, high = this.ids.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if (this.ids[middle] < id) low = middle + 1;
			else high = middle;
		}
		return this.ids[low] === id ? low : -1;
	}
}
