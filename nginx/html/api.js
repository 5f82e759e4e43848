// Requests to the server: JSON in and out, one kind of error, and the server's clock.

import { randomId } from './storage.js';

// status 0: no answer came. The message is for people.
export class ApiError extends Error {
	constructor(status, message, retryAfter = 0) {
		super(message);
		this.status = status;
		this.retryAfter = retryAfter; // seconds
	}

	get passing() {
		return passing(this.status);
	}
}

// Whether the same request may succeed later; 0 means no answer came.
export const passing = status => [0, 408, 425, 429].includes(status) || status >= 500;

const ANSWER_WITHIN = 30_000; // ms
let skew = 0; // the server's clock minus this machine's, ms

/** The time at the server, ms since 1970. */
export const serverNow = () => Date.now() + skew;

// An absolute address for one that the server gave: relative ones fail where the page was opened with credentials in
// its URL.
export const address = path => new URL(path, location.origin).href;

// The same for one of our own paths, which a proxy may have moved (/label/ui/).
export const basePath = location.pathname.replace(/\/ui\/[^/]*$/, '');
export const ours = path => address(basePath + path);

/** @type {(name: string, ...rest: (string | number)[]) => string} */
export const datasetPath = (name, ...rest) =>
	['/v1/datasets', ...[name, ...rest].map(encodeURIComponent)].join('/');

/**
 * One request, tried once. Returns the answer's JSON; null for 204.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {{ keepalive?: boolean, key?: string, within?: number }} [how] keepalive: the request outlives the page; key:
 *   its Idempotency-Key; within: ms
 * @returns {Promise<any>}
 */
export async function call(method, path, body, { keepalive = false, key, within = ANSWER_WITHIN } = {}) {
	let response, text;
	try {
		response = await fetch(ours(path), {
			method, keepalive, cache: 'no-store',
			headers: {
				Accept: 'application/json',
				...body !== undefined && { 'Content-Type': 'application/json' },
				...key && { 'Idempotency-Key': key },
			},
			body: body === undefined ? undefined : JSON.stringify(body),
			signal: AbortSignal.timeout(within),
		});
		text = await response.text();
	} catch {
		throw new ApiError(0, 'The server cannot be reached.');
	}
	skew = Date.parse(response.headers.get('Date') ?? '') - Date.now() || skew;
	if (response.status === 204) return null;
	const json = parse(text);
	if (response.ok && json !== undefined) return json;
	const message = json?.message ?? `The server answered ${`${response.status} ${response.statusText}`.trim()}.`;
	throw new ApiError(response.ok ? 502 : response.status, message, Number(response.headers.get('Retry-After')) || 0);
}

function parse(text) {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

const TRIES = 4;             // of a request that fails for a reason that passes
const CHANGED_WITHIN = 600_000; // ms: a label of many images takes long to be renamed

async function insist(/** @type {(attempt: number) => Promise<any>} */ work) {
	for (let attempt = 0; ; attempt++) {
		try {
			return await work(attempt);
		} catch (error) {
			if (!error.passing || attempt + 1 === TRIES || !navigator.onLine) throw error;
			await pause(attempt, error.retryAfter);
		}
	}
}

/** Reads, and tries again what fails for a reason that passes. @type {(path: string) => Promise<any>} */
export const get = path => insist(() => call('GET', path));

/**
 * Changes something, once, however often it has to be sent until an answer comes.
 * @type {(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown) => Promise<any>}
 */
export function change(method, path, body) {
	const key = method === 'POST' ? randomId() : undefined;
	return insist(async attempt => {
		try {
			return await call(method, path, method === 'POST' ? body ?? {} : body, { key, within: CHANGED_WITHIN });
		} catch (error) {
			if (attempt && method === 'DELETE' && error.status === 404) return null; // it was the first one that did it
			throw error;
		}
	});
}

/**
 * All items of a list, page by page.
 * @param {string} path
 * @param {Record<string, string>} [query]
 * @returns {Promise<any[]>}
 */
export async function listed(path, query = {}) {
	const items = [];
	for (let after = null; ;) {
		const page = await get(`${path}?${new URLSearchParams({ limit: '1000', ...query, ...after && { after } })}`);
		items.push(...page.items);
		after = page.next ?? null;
		if (after === null) return items;
	}
}

/** The name of the user who is signed in. */
export const whoAmI = async () => (await call('GET', '/v1/me')).user;

// Waits before attempt number `attempt` (from 0): exponential with jitter, at least `atLeast` seconds, at most half
// a minute; ends at once when the connection is back.
export function pause(attempt, atLeast = 0) {
	const seconds = Math.max(atLeast, Math.min(30, 0.5 * 2 ** attempt) * (0.5 + Math.random() / 2));
	return new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
		const done = () => {
			clearTimeout(timer);
			removeEventListener('online', done);
			resolve();
		};
		const timer = setTimeout(done, seconds * 1000);
		addEventListener('online', done);
	});
}
