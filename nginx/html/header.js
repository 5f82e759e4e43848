// The head of each page: where one is, where else one can go, and who is signed in.

import { ours } from './api.js';
import { $, element } from './dom.js';
import { me, reaches, roleOn } from './session.js';
import { explain } from './words.js';

// The pages of a dataset, and the least role that finds something to do there. A page that is added here is linked
// from everywhere.
const pages = [
	{ page: 'label', text: 'Label', least: 'annotator' },
	{ page: 'grid', text: 'Grid', least: 'viewer' },
	{ page: 'review', text: 'Review', least: 'viewer' },
	{ page: 'stats', text: 'Stats', least: 'viewer' },
	{ page: 'upload', text: 'Upload', least: 'contributor' },
	{ page: 'export', text: 'Export', least: 'viewer' },
	{ page: 'settings', text: 'Settings', least: 'contributor' },
];

/** @type {(page: string, dataset: string) => string} */
export const doorTo = (page, dataset) => ours(`/ui/${page}?dataset=${encodeURIComponent(dataset)}`);

/** The pages of a dataset that are of use to this role, the first being what one comes for. */
export const doors = (role, dataset) => pages
	.filter(({ least, most }) => reaches(role, least) && (!most || reaches(most, role)))
	.map(({ page, text }) => ({ page, text, href: doorTo(page, dataset) }));

/**
 * Fills #nav and #user (a button), and returns who is signed in.
 * @param {{ page: string, dataset?: string }} here page: the name of this page, as in its address; '' is the list
 */
export async function showHeader({ page, dataset }) {
	const who = await me();
	const tabs = dataset === undefined ? places(who) : doors(roleOn(who, dataset), dataset);
	$('nav').replaceChildren(...tabs.map(tab =>
		element('a', { href: tab.href, 'aria-current': tab.page === page && 'page' }, tab.text)));
	$('nav').querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
	showAccount(who, page);
	return who;
}

const places = who => who.role !== 'admin' ? [] : [
	{ page: '', text: 'Datasets', href: ours('/ui/') },
	{ page: 'people', text: 'People', href: ours('/ui/people') },
];

function showAccount(who, page) {
	$('user').replaceChildren(element('span', {}, who.user));
	$('user').setAttribute('aria-label', `${who.user}: your account`);
	if ($('account')) return;
	const item = (text, work) => {
		const made = element('button', { type: 'button' }, text);
		made.addEventListener('click', () => {
			$('account').hidePopover();
			work();
		});
		return made;
	};
	const account = element('div', { id: 'account', class: 'menu', popover: true },
		element('p', { class: 'note' }, `Signed in as ${who.user}`),
		who.role === 'admin' && page !== 'people' && element('a', { href: ours('/ui/people') }, 'People'),
		who.token == null && item('My password…', async () => (await import('./account.js')).askPassword()),
		item('My tokens…', async () => (await import('./account.js')).showTokens()),
		item('Sign out or change person', leave));
	$('user').after(account);
	$('user').setAttribute('popovertarget', 'account');
	$('user').hidden = false;
}

/** The server refuses the password once at this address, so that the browser forgets it and asks for a name anew. */
export const leave = () => location.assign(ours(`/ui/leave?once=${crypto.getRandomValues(new Uint32Array(2)).join('')}`));

/**
 * Shows in place of the page's content why it cannot be shown, and what to do. #notice holds it.
 * @param {any} error
 * @param {() => void} [again]
 */
export function showNotice(error, again) {
	const { title, text, again: helps } = explain(error);
	const button = (again || helps) && element('button', { type: 'button' }, helps === 'reload' ? 'Reload' : 'Try again');
	if (button) button.addEventListener('click', () => helps === 'reload' || !again ? location.reload() : again());
	$('notice').replaceChildren(element('h2', {}, title), element('p', {}, text),
		element('p', { class: 'choices' }, button, element('a', { href: ours('/ui/') }, 'All datasets')));
	$('notice').hidden = false;
}
