// The samples of a dataset that match a filter, in order, read in pages before they are needed.

import { get, datasetPath } from './api.js';

/** @typedef {import('v1').components['schemas']['Sample']} Sample */

const PAGE = 100;

export class Shelf {
	/** @type {Sample[]} */
	items = [];
	#path;
	#query;
	/** @type {string | null} */
	#next = '';     // the cursor for the next page; null: there is none
	/** @type {Promise<void> | null} */
	#asking = null;

	// query: as GET …/samples takes it.
	constructor(dataset, query = {}) {
		this.#path = datasetPath(dataset, 'samples');
		this.#query = query;
	}

	// A shelf of these alone.
	static of(items) {
		const shelf = new Shelf('');
		shelf.items = items;
		shelf.#next = null;
		return shelf;
	}

	// Whether all were read.
	get whole() {
		return this.#next === null;
	}

	// The sample at an index; null when there is none yet.
	async at(index) {
		while (index >= this.items.length && this.#next !== null) {
			this.#asking ??= this.#more().finally(() => { this.#asking = null; });
			await this.#asking;
		}
		return this.items[index] ?? null;
	}

	async #more() {
		const page = await get(`${this.#path}?${new URLSearchParams({ limit: String(PAGE), ...this.#query, ...this.#next && { after: this.#next } })}`);
		this.items.push(...page.items);
		this.#next = page.next ?? null;
	}
}
