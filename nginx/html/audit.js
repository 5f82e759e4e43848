// The audit log, newest first, in words.

import { get, serverNow } from './api.js';
import { ago, element } from './dom.js';
import { tellFailure } from './toast.js';

const PAGE = 50;

const deeds = {
	'dataset.create': 'made the dataset',
	'dataset.change': 'changed how it is worked on',
	'dataset.remove': 'deleted the dataset',
	'label.add': 'added the label',
	'label.change': 'changed the label',
	'label.merge': 'merged the label',
	'label.remove': 'removed the label',
	'sample.remove': 'removed the image',
	'sample.flag': 'flagged the image',
	'snapshot.create': 'made the snapshot',
	'import.labels': 'imported labels',
	'user.add': 'invited',
	'user.change': 'changed what may do',
	'user.key': 'made a new key for',
	'user.remove': 'removed',
	'token.add': 'made the token',
	'token.remove': 'removed the token',
	'password.change': 'changed the password of',
};

function row({ at, by, action, target, dataset, detail }) {
	return element('tr', {},
		element('td', {}, ago(at, serverNow())),
		element('td', {}, by),
		element('td', {}, deeds[action] ?? action, ' ', element('b', {}, target), dataset && dataset !== target && ` in ${dataset}`),
		element('td', { class: 'note' }, detail && told(detail)));
}

// The server tells in detail what it was asked, mostly as JSON.
function told(detail) {
	try {
		return words(JSON.parse(detail));
	} catch {
		return detail; // a sentence, or JSON that was cut off
	}
}

const words = value => Array.isArray(value) ? value.map(words).join(', ')
	: value === null ? 'none' : typeof value !== 'object' ? String(value)
	: Object.entries(value).map(([key, each]) => `${key.replaceAll('_', ' ')} ${each && typeof each === 'object' && !Array.isArray(each) ? `(${words(each)})` : words(each)}`).join(', ');

/** Fills a card with it. @type {(card: HTMLElement) => Promise<void>} */
export async function showAudit(card) {
	const body = element('tbody');
	const more = element('button', { type: 'button', hidden: true }, 'Show older ones');
	let next = null;
	const read = async () => {
		const page = await get(`/v1/audit?${new URLSearchParams({ order: 'newest', limit: String(PAGE), ...next && { after: next } })}`);
		body.append(...page.items.map(row));
		next = page.next;
		more.hidden = next === null;
	};
	more.addEventListener('click', () => read().catch(tellFailure));
	await read();
	const title = element('h2', { id: 'audit-title' }, 'Who changed what');
	card.hidden = false;
	if (!body.childElementCount) return card.replaceChildren(title, element('p', { class: 'note' }, 'Nothing so far: people, datasets, labels and removals will be listed here.'));
	card.replaceChildren(title,
		element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'The log, as a table' }, element('table', { class: 'log' },
			element('thead', {}, element('tr', {}, ...['When', 'Who', 'What', 'In detail'].map(text => element('th', { scope: 'col' }, text)))), body)),
		element('p', {}, more));
}
