// What was chosen to be uploaded and is not all there yet, kept in this browser: a page that is opened again tells of
// it, and goes on where it was once it has the files again.

import { livingWindows, onceGone, thisWindow } from './storage.js';

/**
 * @typedef {{ key: string, dataset: string, path: string, label: string, size: number, url?: string, done?: boolean,
 *   window: string, at: number }} Entry
 *   key: by which the same file is known again; url: of the upload that was begun; at: ms since 1970
 */

const STORE = 'files';
const KEPT_FOR = 7 * 86400_000; // ms

/** By what a file is known again. @type {(dataset: string, path: string, file: { size: number, lastModified: number }) => string} */
export const fingerprint = (dataset, path, { size, lastModified }) => JSON.stringify([dataset, path, size, lastModified]);

let opened;

const database = () => opened ??= new Promise((resolve, reject) => {
	const asking = indexedDB.open('uploads', 1);
	asking.onupgradeneeded = () => asking.result.createObjectStore(STORE, { keyPath: 'key' }).createIndex('dataset', 'dataset');
	asking.onsuccess = () => resolve(asking.result);
	asking.onerror = () => reject(asking.error);
});

// Runs work on the store in one transaction. Where the browser keeps nothing, uploads go on, and are not known again.
async function run(mode, work) {
	try {
		const transaction = (await database()).transaction(STORE, mode);
		const result = work(transaction.objectStore(STORE));
		await new Promise((resolve, reject) => {
			transaction.oncomplete = () => resolve(undefined);
			transaction.onabort = transaction.onerror = () => reject(transaction.error);
		});
		return result?.result;
	} catch {
		return undefined;
	}
}

/** @type {(entries: Omit<Entry, 'window' | 'at'>[]) => Promise<void>} */
export const keep = entries => run('readwrite', store => {
	for (const entry of entries) store.put({ ...entry, window: thisWindow, at: Date.now() });
});

/** @type {(keys: string[]) => Promise<void>} */
export const forget = keys => run('readwrite', store => {
	for (const key of keys) store.delete(key);
});

/**
 * Tells what other windows have left of a dataset: nothing, if all of it got there. What a window that is still open is
 * sending is its own until it ends; one that is just being reloaded ends a moment later.
 * @type {(dataset: string, tell: (entries: Entry[]) => void) => Promise<void>}
 */
export async function left(dataset, tell) {
	const lives = await livingWindows();
	const kept = /** @type {Entry[]} */ (await run('readonly', store => store.index('dataset').getAll(dataset)) ?? []);
	const others = new Set(kept.map(entry => entry.window).filter(name => name !== thisWindow && lives(name)));
	const mine = kept.filter(entry => entry.window !== thisWindow && !others.has(entry.window));
	const stale = mine.every(({ done }) => done) ? mine : mine.filter(({ at }) => Date.now() - at > KEPT_FOR);
	await forget(stale.map(({ key }) => key));
	tell(mine.filter(entry => !stale.includes(entry)));
	if (others.size) Promise.race([...others].map(onceGone)).then(() => left(dataset, tell));
}
