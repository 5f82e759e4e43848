// What a person labelled last, the newest first.

import { datasetPath, listed, serverNow } from './api.js';
import { Shelf } from './shelf.js';

/** @typedef {import('v1').components['schemas']['Sample']} Sample */

const SPANS = [600, 3600, 86_400, 30 * 86_400]; // seconds to look back; then at any time

/**
 * The list of samples is in their order: so a short time is looked at first, and then longer ones until there are enough.
 * @type {(dataset: string, by: string, most: number) => Promise<Sample[]>}
 */
export async function lastOf(dataset, by, most) {
	const path = datasetPath(dataset, 'samples');
	let found = [];
	for (const span of [...SPANS, 0]) {
		const since = span && { since: new Date(serverNow() - span * 1000).toISOString() };
		found = await listed(path, { by, ...since });
		if (found.length >= most) break;
	}
	return found.sort((a, b) => b.labelled_at.localeCompare(a.labelled_at)).slice(0, most);
}

/** The same as a shelf. */
export const recentShelf = async (dataset, by, most) => Shelf.of(await lastOf(dataset, by, most));
