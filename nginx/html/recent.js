// What a person labelled last, the newest first.

import { datasetPath, get, listed, serverNow } from './api.js';
import { Shelf } from './shelf.js';

/** @typedef {import('v1').components['schemas']['Sample']} Sample */

const SPANS = [600, 3600, 86_400, 30 * 86_400]; // seconds to look back; then at any time

/**
 * What the person says of samples, in `said`, whether it decided anything or not: oneself, or for a contributor anybody.
 * @type {(dataset: string, by: string, most: number) => Promise<Sample[]>}
 */
export async function saidBy(dataset, by, most) {
	const found = [];
	for (let after = ''; after !== null && found.length < most;) {
		const page = await get(`${datasetPath(dataset, 'samples')}?${new URLSearchParams({ said_by: by, limit: String(most), ...after && { after } })}`);
		found.push(...page.items);
		after = page.next;
	}
	return found.slice(0, most);
}

/** Whether the person has said anything. @type {(dataset: string, by: string) => Promise<boolean>} */
export async function saysAnything(dataset, by) {
	const { items, next } = await get(`${datasetPath(dataset, 'samples')}?${new URLSearchParams({ said_by: by, limit: '1' })}`);
	return items.length > 0 || next !== null; // of what was taken back there is a page without items
}

/**
 * Those whose label is the person's. The list is in the samples' order: so a short time is looked at first, and then
 * longer ones until there are enough.
 * @type {(dataset: string, by: string, most: number) => Promise<Sample[]>}
 */
async function labelledBy(dataset, by, most) {
	const path = datasetPath(dataset, 'samples');
	let found = [];
	for (const span of [...SPANS, 0]) {
		const since = span && { since: new Date(serverNow() - span * 1000).toISOString() };
		found = await listed(path, { by, ...since });
		if (found.length >= most) break;
	}
	return found.sort((a, b) => b.labelled_at.localeCompare(a.labelled_at)).slice(0, most);
}

/** As a shelf; mayAsk: whether what the person says may be asked for. @type {(dataset: string, by: string, most: number, mayAsk: boolean) => Promise<Shelf>} */
export const recentShelf = async (dataset, by, most, mayAsk) => Shelf.of(await (mayAsk ? saidBy : labelledBy)(dataset, by, most));
