// Answers that the server has not confirmed yet: an ordered queue, kept in the browser until each one is stored.
//
// One record an answer, so that windows on the same dataset share the queue without overwriting each other's; one
// window at a time sends.

import { ApiError, basePath, call, datasetPath, pause } from './api.js';
import { alone, randomId, storage } from './storage.js';

// The request for each kind of answer.
const requests = {
	label: (dataset, entry) =>
		['POST', datasetPath(dataset, 'tasks', entry.token, 'label'), { label: entry.label, lead_time_ms: entry.lead }],
	skip: (dataset, entry) =>
		['POST', datasetPath(dataset, 'tasks', entry.token, 'skip'), entry.policy ? { policy: entry.policy } : {}],
	relabel: (dataset, { base, filepath, label }) =>
		['POST', '/classify', { dataset_name: dataset, base_dir: base, filepath, label }],
	decide: (dataset, { sample, label, version }) =>
		['POST', datasetPath(dataset, 'samples', sample, 'label'), { label, ...version !== undefined && { version } }],
	undo: (dataset, { sample }) => ['POST', datasetPath(dataset, 'samples', sample, 'undo'), { own: true }],
	flag: (dataset, { sample, note }) => ['PUT', datasetPath(dataset, 'samples', sample, 'flag'), { note }],
	unflag: (dataset, { sample }) => ['DELETE', datasetPath(dataset, 'samples', sample, 'flag')],
	gold: (dataset, { sample, label }) => ['PUT', datasetPath(dataset, 'samples', sample, 'gold'), { label }],
};
const LABELS = ['label', 'relabel', 'decide', 'gold']; // the kinds that say a label
const ONCE = ['decide', 'undo'];                       // which would do something else if they were done again

export class Outbox {
	/** @type {ApiError | null} */
	problem = null;   // the ApiError that prevents sending now, or null
	lost = new Map(); // refused answers: sample id → { label, lead, why, again: whether another lease may help }
	#user;
	#dataset;
	#prefix;
	#events;
	#counter = 0;
	/** @type {Promise<void> | null} */
	#sending = null; // the promise of the loop that sends

	// events: changed() when list(), problem or lost may have changed; saved(entry, the answer); lose(sample id).
	constructor(user, dataset, events) {
		this.#user = user;
		this.#dataset = dataset;
		this.#prefix = `${basePath}answer|${encodeURIComponent(user)}|${encodeURIComponent(dataset)}|`;
		this.#events = events;
		addEventListener('storage', event => {
			if (event.key === null || event.key.startsWith(this.#prefix)) events.changed();
		});
	}

	// The waiting answers, in order: { id, kind (of requests), sample (its id), tried, … }.
	list() {
		return this.#keys().map(key => this.#read(key)).filter(Boolean);
	}

	// label: { sample, token, label, lead (ms) } · skip: { sample, token, policy (none: the dataset's) } ·
	// relabel: { sample, base, filepath, label } · decide: { sample, label, version (none: any) } · undo: { sample } (one's own) ·
	// flag: { sample, note } · unflag: { sample } · gold: { sample, label }
	add(kind, entry) {
		const order = `${String(Date.now()).padStart(15, '0')}.${String(this.#counter++).padStart(6, '0')}`;
		const id = randomId();
		this.lost.delete(entry.sample);
		storage.set(`${this.#prefix}${order}.${id}`, JSON.stringify({ ...entry, kind, id, tried: false }));
		this.#events.changed();
		this.send();
	}

	// Changes the label of the last answer about the sample, if that was never sent; else false.
	amend(sample, label) {
		const [key, entry] = this.#last(sample);
		if (!entry || entry.tried || !LABELS.includes(entry.kind)) return false;
		storage.set(key, JSON.stringify({ ...entry, label }));
		return true;
	}

	// Takes back the last answer about the sample, if it is of this kind and was never sent; else false.
	withdraw(sample, kind) {
		const [key, entry] = this.#last(sample);
		if (!entry || entry.tried || entry.kind !== kind) return false;
		storage.remove(key);
		this.#events.changed();
		return true;
	}

	#last(sample) {
		const key = this.#keys().findLast(each => this.#read(each)?.sample === sample);
		return [key, key && this.#read(key)];
	}

	// Sends the waiting answers, one after the other. Resolves when none waits, or when only the person can help (401).
	send() {
		this.#sending ??= this.#sendAll().finally(() => { this.#sending = null; });
		return this.#sending;
	}

	async #sendAll() {
		for (let attempt = 0, key; (key = this.#keys()[0]);) {
			this.problem = await alone(`send|${this.#prefix}`, () => this.#deliver(key));
			this.#events.changed();
			if (!this.problem) attempt = 0;
			else if (this.problem.status === 401) return;
			else await pause(attempt++, this.problem.retryAfter);
		}
		this.problem = null;
		this.#events.changed();
	}

	// Sends one answer; returns null when it is settled, else the error that prevents it.
	async #deliver(key) {
		const entry = this.#read(key);
		if (entry) {
			storage.set(key, JSON.stringify({ ...entry, tried: true }));
			try {
				this.#events.saved(entry, await this.#ask(entry));
			} catch (error) {
				if (error.status === 401 || error.passing) return error;
				this.#refused(entry, error);
			}
		} // else another window sent it, or the record is not ours
		storage.remove(key);
		return null;
	}

	async #ask(entry) {
		const [method, path, body] = requests[entry.kind](this.#dataset, entry);
		try {
			const answer = await call(method, path, body, { keepalive: true, key: ONCE.includes(entry.kind) ? entry.id : undefined });
			if (answer?.response === false)
				throw new ApiError(422, 'the dataset no longer has that image or label');
			return answer;
		} catch (error) {
			if (error.status !== 409 || entry.kind !== 'label' || !await this.#isStored(entry)) throw error;
		}
	}

	// A label ends its lease. So if it is sent again, by this loop or by the browser itself on a new connection, the
	// answer is 409: finds out whether the label was stored, and only the confirmation lost.
	async #isStored({ sample, label, lead }) {
		const { items } = await call('GET', datasetPath(this.#dataset, 'samples', sample, 'history'));
		return items.some(event =>
			event.by === this.#user && event.label === label && event.lead_time_ms === lead);
	}

	#refused(entry, error) {
		if (entry.kind === 'skip') return; // nothing is lost with it
		const gone = error.status === 409 && entry.kind === 'label';
		this.#lose(entry, gone ? 'your time ran out, or someone else labelled the image' : error.message.replace(/\.$/, ''), gone);
	}

	// What corrects a lost answer is lost with it: if sent, it would overwrite someone else's. But when the image came
	// and was answered again, that answer has a lease of its own, and nothing is lost.
	#lose(entry, why, again) {
		let { label } = entry;
		for (const key of this.#keys()) {
			const later = this.#read(key);
			if (later?.sample !== entry.sample || later.id === entry.id || ![...LABELS, 'undo'].includes(later.kind)) continue;
			if (later.kind === 'label') return;
			label = later.label ?? label;
			storage.remove(key);
		}
		this.lost.set(entry.sample, { kind: entry.kind, label, lead: entry.lead, why, again });
		this.#events.lose(entry.sample);
	}

	#keys() {
		return storage.keys(this.#prefix);
	}

	#read(key) {
		try {
			const entry = JSON.parse(storage.get(key));
			return Object.hasOwn(requests, entry?.kind) ? entry : null;
		} catch {
			return null;
		}
	}
}
