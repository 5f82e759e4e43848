// Sends one file to the server: an image by tus-js-client (tus.min.js is npm's), which goes on where it was after an
// interruption, or whole where that is not installed; an archive whole.

import { ApiError, datasetPath, ours } from './api.js';
import { element } from './dom.js';

/**
 * @typedef {{ progress: (sent: number) => void, begun: (url: string) => void }} Watch
 *   progress: bytes that were sent; begun: the address by which the upload can be gone on with
 * @typedef {{ id?: number, duplicate?: boolean, summary?: any, problems?: { path: string, text: string }[] }} Result
 * @typedef {{ done: Promise<Result>, stop: () => void }} Sending stop: done is never settled then
 */

const PROBLEMS_TOLD = 100; // entries of an archive

let library;

// It is no module: it sets a global. null where it is not installed.
const load = () => library ??= new Promise(resolve => {
	const script = element('script', { src: ours('/ui/tus.min.js') });
	script.addEventListener('load', () => resolve(/** @type {any} */ (window).tus));
	script.addEventListener('error', () => resolve(null));
	document.head.append(script);
});

/**
 * @param {string} dataset
 * @param {{ file: File, path: string, label: string, url?: string, isArchive: boolean }} item
 * @param {Watch} watch
 * @returns {Sending}
 */
export function send(dataset, item, watch) {
	let stopped = false, stopIt = () => {};
	const stop = () => {
		stopped = true;
		stopIt();
	};
	const done = load().then(tus => new Promise((resolve, reject) => {
		if (stopped) return;
		const one = item.isArchive ? sendArchive(dataset, item, watch) : tus ? sendPieces(tus, dataset, item, watch) : sendWhole(dataset, item, watch);
		stopIt = one.stop;
		one.done.then(resolve, reject);
	}));
	return { done, stop };
}

/* --- in pieces -------------------------------------------------------------------------------------------------- */

function sendPieces(tus, dataset, /** @type {{ file: File, path: string, label: string, url?: string }} */ { file, path, label, url }, { progress, begun }) {
	let upload;
	const done = new Promise((resolve, reject) => {
		upload = new tus.Upload(file, {
			endpoint: ours(datasetPath(dataset, 'uploads')),
			uploadUrl: url ?? null,
			metadata: { filepath: path, ...label && { label } },
			retryDelays: null, // the queue itself knows when to try again
			storeFingerprintForResuming: false, // journal.js
			onUploadUrlAvailable: () => begun(upload.url),
			onProgress: progress,
			onSuccess: ({ lastResponse: answer }) => resolve({ id: Number(answer.getHeader('X-Sample-Id')), duplicate: answer.getHeader('X-Duplicate') === 'true' }),
			onError: error => reject(refusal(error.originalResponse?.getStatus() ?? 0, error.originalResponse?.getBody() ?? '', error.originalResponse?.getHeader('Retry-After'))),
		});
		upload.start();
	});
	return { done, stop: () => upload.abort() };
}

/* --- whole ------------------------------------------------------------------------------------------------------ */

function sendWhole(dataset, { file, path, label }, { progress }) {
	const query = label ? `?label=${encodeURIComponent(label)}` : '';
	const { done, stop } = request('PUT', ours(`${datasetPath(dataset, 'images')}/${path.split('/').map(encodeURIComponent).join('/')}${query}`), file, progress);
	return { done: done.then(text => JSON.parse(text)).then(({ id, duplicate }) => ({ id, duplicate: Boolean(duplicate) })), stop };
}

function sendArchive(dataset, { file }, { progress }) {
	const { done, stop } = request('POST', ours(datasetPath(dataset, 'archive')), file, progress);
	return { done: done.then(readArchive), stop };
}

// The answer has a line an entry, and a summary at the end.
function readArchive(text) {
	const lines = text.trimEnd().split('\n');
	const { summary } = JSON.parse(lines.pop() ?? '');
	if (!summary) throw new ApiError(502, 'The answer broke off.');
	const problems = [];
	for (const line of lines) {
		if (problems.length === PROBLEMS_TOLD) break;
		if (!line.includes('"error"') && !line.includes('"skipped"')) continue;
		const { path, error, skipped } = JSON.parse(line);
		if (error || skipped) problems.push({ path, text: error ?? skipped });
	}
	return { summary, problems };
}

function request(method, address, body, progress) {
	const asking = new XMLHttpRequest();
	const done = new Promise((resolve, reject) => {
		asking.open(method, address);
		asking.setRequestHeader('Accept', 'application/json');
		asking.upload.onprogress = ({ loaded }) => progress(loaded);
		asking.onload = () => asking.status < 300 ? resolve(asking.responseText) : reject(refusal(asking.status, asking.responseText, asking.getResponseHeader('Retry-After')));
		asking.onerror = () => reject(refusal(0, ''));
		asking.send(body);
	});
	return { done, stop: () => asking.abort() };
}

function refusal(status, body, retryAfter) {
	let message = status ? `The server answered ${status}` : 'The server cannot be reached.';
	try {
		message = JSON.parse(body).message ?? message;
	} catch { /* it is no JSON, such as a proxy's page */ }
	return new ApiError(status, message, Number(retryAfter) || 0);
}
