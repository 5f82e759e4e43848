// The samples of a dataset in order, read in pages before they are needed.

import { call, datasetPath } from './api.js';

const PAGE = 100;

export class Shelf {
	#dataset;
	#items = [];
	#next = '';     // the cursor for the next page; null: there is none
	/** @type {Promise<void> | null} */
	#asking = null;

	constructor(dataset) {
		this.#dataset = dataset;
	}

	// The sample at an index; null when there is none yet.
	async at(index) {
		while (index >= this.#items.length && this.#next !== null) {
			this.#asking ??= this.#more().finally(() => { this.#asking = null; });
			await this.#asking;
		}
		return this.#items[index] ?? null;
	}

	async #more() {
		const after = this.#next && `&after=${encodeURIComponent(this.#next)}`;
		const page = await call('GET', `${datasetPath(this.#dataset, 'samples')}?limit=${PAGE}${after}`);
		this.#items.push(...page.items);
		this.#next = page.next ?? null;
	}
}
