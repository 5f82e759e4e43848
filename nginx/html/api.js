// Requests to the server: JSON in and out, one kind of error, and the server's clock.

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

export const serverNow = () => Date.now() + skew;

// An absolute address for one that the server gave: relative ones fail where the page was opened with credentials in
// its URL.
export const address = path => new URL(path, location.origin).href;

// The same for one of our own paths, which a proxy may have moved (/label/ui/).
export const basePath = location.pathname.replace(/\/ui\/[^/]*$/, '');
export const ours = path => address(basePath + path);

export const datasetPath = (name, ...rest) =>
	['/v1/datasets', ...[name, ...rest].map(encodeURIComponent)].join('/');

// Returns the answer's JSON; null for 204. `keepalive` lets the request outlive the page.
export async function call(method, path, body, { keepalive = false } = {}) {
	const type = body === undefined ? {} : { 'Content-Type': 'application/json' };
	let response, text;
	try {
		response = await fetch(ours(path), {
			method, keepalive, cache: 'no-store',
			headers: { Accept: 'application/json', ...type },
			body: body === undefined ? undefined : JSON.stringify(body),
			signal: AbortSignal.timeout(ANSWER_WITHIN),
		});
		text = await response.text();
	} catch {
		throw new ApiError(0, 'The server cannot be reached.');
	}
	skew = Date.parse(response.headers.get('Date')) - Date.now() || skew;
	if (response.status === 204) return null;
	const json = parse(text);
	if (response.ok && json !== undefined) return json;
	const message = json?.message ?? `The server answered ${response.status} ${response.statusText}`.trim() + '.';
	throw new ApiError(response.ok ? 502 : response.status, message, Number(response.headers.get('Retry-After')) || 0);
}

function parse(text) {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

// The name of the user who is signed in.
export const whoAmI = async () => (await call('GET', '/v1/me')).user;

// Waits before attempt number `attempt` (from 0): exponential with jitter, at least `atLeast` seconds, at most half
// a minute; ends at once when the connection is back.
export function pause(attempt, atLeast = 0) {
	const seconds = Math.max(atLeast, Math.min(30, 0.5 * 2 ** attempt) * (0.5 + Math.random() / 2));
	return new Promise(resolve => {
		const done = () => {
			clearTimeout(timer);
			removeEventListener('online', done);
			resolve();
		};
		const timer = setTimeout(done, seconds * 1000);
		addEventListener('online', done);
	});
}
