// What there is to review: each queue is a filter of samples, which stands in the page's address.

import { datasetPath, get } from './api.js';
import { number } from './dom.js';
import { recentShelf } from './recent.js';
import { reaches } from './session.js';
import { Shelf } from './shelf.js';

/** @typedef {{ name: string, text: string, query: Record<string, string>, least: string, empty: string }} Queue */

export const LAST = 100; // of a person's labels
const COUNTED = 1000;    // samples of a queue are counted up to this

/** @type {Queue[]} */
const queues = [
	{ name: 'disagreements', text: 'Disagreements', least: 'viewer', query: { disputed: 'true', state: 'labelled', gold: 'false' },
		empty: 'Where several people were asked, they agree, or somebody has decided.' },
	{ name: 'ties', text: 'Ties', least: 'viewer', query: { state: 'review' },
		empty: 'Wherever as many people as may be asked were, there is a majority, or somebody has decided.' },
	{ name: 'flagged', text: 'Flagged', least: 'viewer', query: { flagged: 'true' }, empty: 'Nobody asks to look at an image.' },
	{ name: 'missed', text: 'Known answers missed', least: 'contributor', query: { gold: 'true', disputed: 'true' },
		empty: 'Nobody has missed a known answer.' },
	{ name: 'labelled', text: 'All that is labelled', least: 'viewer', query: { state: 'labelled' }, empty: 'Nothing is labelled yet.' },
	{ name: 'all', text: 'All images', least: 'viewer', query: {}, empty: 'This dataset is empty.' },
];

/** The queues that this role finds something in. @type {(role: string) => Queue[]} */
export const queuesFor = role => queues.filter(({ least }) => reaches(role, least));

/**
 * A person's last labels, the newest first, or what matches the queue. mayAsk: for what others say.
 * @type {(dataset: string, queue: Queue, by: string, mayAsk: boolean) => Promise<Shelf>}
 */
export async function shelfOf(dataset, { name, query }, by, mayAsk) {
	if (by && name === 'labelled') return recentShelf(dataset, by, LAST, mayAsk);
	return new Shelf(dataset, { ...query, ...by && { by } });
}

/** How many samples each queue of this role has, by name; at most COUNTED. @type {(dataset: string, role: string) => Promise<Map<string, number>>} */
export async function countQueues(dataset, role) {
	const path = datasetPath(dataset, 'samples', 'ids');
	return new Map(await Promise.all(queuesFor(role).map(async ({ name, query }) => /** @type {const} */ (
		[name, (await get(`${path}?${new URLSearchParams({ ...query, limit: String(COUNTED) })}`)).ids.length]))));
}

/** A count for people. */
export const counted = count => count === COUNTED ? `${number(count)} and more` : number(count);

/** The first queue in which there is something. @type {(counts: Map<string, number>, role: string) => Queue} */
export const firstOf = (counts, role) => queuesFor(role).find(({ name }) => counts.get(name)) ?? queues[queues.length - 1];
