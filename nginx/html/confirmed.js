// What this person has confirmed of a class in this browser, so that it does not come again: the server keeps a confirmation
// as a label like any other.

import { basePath, datasetPath, get } from './api.js';
import { storage } from './storage.js';

const IDS = 10_000;   // of one request
const KEPT = 50_000;  // of a class: beyond that the oldest come again

const keyOf = (user, dataset, label) => `${basePath}confirmed|${[user, dataset, label].map(encodeURIComponent).join('|')}`;

/** @returns {number[]} */
function kept(key) {
	try {
		const ids = JSON.parse(storage.get(key) ?? '[]');
		return Array.isArray(ids) ? ids : [];
	} catch {
		return [];
	}
}

/** @type {(user: string, dataset: string, label: string, ids: number[]) => void} */
export function noteConfirmed(user, dataset, label, ids) {
	const key = keyOf(user, dataset, label);
	storage.set(key, JSON.stringify([...new Set([...kept(key), ...ids])].slice(-KEPT)));
}

/** @type {(user: string, dataset: string, label: string, ids: number[]) => void} */
export function forgetConfirmed(user, dataset, label, ids) {
	const key = keyOf(user, dataset, label), gone = new Set(ids);
	storage.set(key, JSON.stringify(kept(key).filter(id => !gone.has(id))));
}

/** Those that were confirmed and still have the label from this person. @type {(user: string, dataset: string, label: string) => Promise<Set<number>>} */
export async function confirmedBefore(user, dataset, label) {
	const before = new Set(kept(keyOf(user, dataset, label))), still = new Set();
	for (let after = before.size ? '' : null; after !== null;) {
		const query = new URLSearchParams({ label, by: user, limit: String(IDS), ...after && { after } });
		const page = await get(`${datasetPath(dataset, 'samples', 'ids')}?${query}`);
		for (const id of page.ids)
			if (before.has(id)) still.add(id);
		after = page.next;
	}
	return still;
}
