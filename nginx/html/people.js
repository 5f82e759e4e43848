// The page of all people: who may do what and was last seen when, and the log of who changed what.

import { change, listed, ours, serverNow } from './api.js';
import { showSecret, tokenRow } from './account.js';
import { showAudit } from './audit.js';
import { ask } from './dialog.js';
import { $, ago, element, number, plural } from './dom.js';
import { field, select, tick } from './form.js';
import { showHeader, showNotice } from './header.js';
import { reaches, roles, roleText } from './session.js';
import { tellFailure, toast } from './toast.js';

/** @typedef {import('v1').components['schemas']['User']} User */

const SEARCH_FROM = 8; // people

/** @type {User[]} */
let people = [];
/** @type {string[]} */
let datasets = [];
let who;

/* --- the list -------------------------------------------------------------------------------------------------- */

function row(person) {
	const { user, expires_at: expires, last_used_at: seen } = person;
	const button = (text, does, work, more = {}) => {
		const made = element('button', { type: 'button', class: 'small', 'aria-label': `${does} ${user}`, ...more }, text);
		made.addEventListener('click', work);
		return made;
	};
	const ended = expires && Date.parse(expires) <= serverNow();
	return element('li', { class: 'person', 'data-user': user },
		element('div', {},
			element('h2', {}, user, user === who.user && element('span', { class: 'tag' }, 'you')),
			element('p', { class: 'note' }, seen ? 'last seen ' : 'never seen', seen && ago(seen, serverNow()),
				expires && (ended ? ' · account ended ' : ' · account ends '), expires && ago(expires, serverNow()))),
		element('p', { class: 'may' }, may(person)),
		element('div', { class: 'choices' },
			button('Role', 'Role of', () => askRoles(person)),
			button('Tokens', 'Tokens of', () => showTokens(user)),
			button('New key', 'New key for', () => askKey(user)),
			button('Remove', 'Remove', () => askRemove(user), { class: 'small danger' })));
}

function may({ role, datasets: single }) {
	const grants = Object.entries(single).map(([dataset, each]) => `${roleText(each).toLowerCase()} of ${dataset}`);
	const most = role === 'none' ? [] : [`${roleText(role)} of everything`];
	const all = [...most, ...grants];
	const text = all.length > 4 ? `${all.slice(0, 3).join(', ')} and ${number(all.length - 3)} more` : all.join(', ') || 'nothing so far';
	return text[0].toUpperCase() + text.slice(1);
}

function draw() {
	const sought = $('search').value.trim().toLowerCase();
	const shown = people.filter(({ user, datasets: single }) => [user, ...Object.keys(single)].some(text => text.toLowerCase().includes(sought)));
	$('people').replaceChildren(...shown.map(row));
	$('people').hidden = !shown.length;
	$('search').hidden = people.length < SEARCH_FROM;
	$('sum').textContent = sought ? `${number(shown.length)} of ${people.length}` : `${plural(people.length, 'account')}`;
}

async function refresh() {
	people = await listed('/v1/users');
	draw();
	await showAudit($('audit'));
}

/* --- roles ----------------------------------------------------------------------------------------------------- */

const roleOptions = roles.map(([role, text, does]) => /** @type {const} */ ([role, `${text}: ${does}`]));

// Either one role on everything, or a role on each of some datasets. read() gives what the server takes.
function roleFields({ role, datasets: single }) {
	const everywhere = role !== 'none' || !Object.keys(single).length;
	const scope = select('scope', [['all', 'On every dataset, also new ones'], ['some', 'On some datasets only']], everywhere ? 'all' : 'some');
	const overall = select('role', roleOptions, role === 'none' ? 'annotator' : role);
	const rows = [...new Set([...datasets, ...Object.keys(single)])].map(dataset => ({
		dataset,
		control: select('single', [['', 'no'], ...roles.map(([each, text]) => /** @type {[string, string]} */ ([each, text]))], single[dataset] ?? ''),
	}));
	const all = element('div', {}, field('Role', overall));
	const some = element('fieldset', { class: 'grants' }, element('legend', {}, 'Datasets'),
		...rows.map(({ dataset, control }) => element('div', { class: 'grant' }, field(dataset, control))),
		!rows.length && element('p', { class: 'note' }, 'There is no dataset yet.'));
	const switched = () => {
		all.hidden = scope.value !== 'all';
		some.hidden = scope.value === 'all';
	};
	scope.addEventListener('change', switched);
	switched();
	return {
		body: [field('May work', scope), all, some],
		read() {
			if (scope.value === 'all') return { role: overall.value };
			const given = Object.fromEntries(rows.filter(({ control }) => control.value).map(({ dataset, control }) => [dataset, control.value]));
			if (!Object.keys(given).length) throw new Error('Give a role on at least one dataset.');
			return { datasets: given };
		},
	};
}

async function askRoles(person) {
	const given = roleFields(person);
	const saved = await ask({
		title: `What ${person.user} may do`,
		body: [...given.body,
			person.role !== 'none' && Object.keys(person.datasets).length > 0 && element('p', { class: 'note' }, `Besides, ${person.user} has roles of their own on ${plural(Object.keys(person.datasets).length, 'dataset')}; saving replaces them.`)],
		act: () => change('PATCH', `/v1/users/${encodeURIComponent(person.user)}`, given.read()),
	});
	if (!saved) return;
	await refresh();
	toast(`${person.user}: ${may(saved)}. In effect now.`);
}

/* --- coming and going ------------------------------------------------------------------------------------------ */

async function askInvite() {
	const name = element('input', { name: 'user', required: true, maxlength: 64, pattern: '[A-Za-z0-9_@][A-Za-z0-9._@\\-]*', autofocus: true, autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false' });
	const given = roleFields({ role: 'annotator', datasets: {} });
	const until = element('input', { type: 'date', name: 'until' });
	const ends = tick('The account ends on a day', { name: 'ends' });
	const end = element('div', { hidden: true }, field('Last day', until));
	ends.addEventListener('change', () => { end.hidden = !(/** @type {HTMLInputElement} */ (ends.querySelector('input')).checked); });
	const made = await ask({
		title: 'Invite someone',
		confirm: 'Make the account',
		body: [field('Name to sign in with', name, 'Letters, digits and . _ @ -'), ...given.body, ends, end],
		act: () => change('POST', '/v1/users', {
			user: name.value,
			...given.read(),
			...!end.hidden && until.value && { expires_at: `${until.value}T23:59:59Z` },
		}),
	});
	if (!made) return;
	await showKey(made, `Send this to ${made.user}.`);
	await refresh();
}

const showKey = ({ user, password }, text) => showSecret(`${user} can sign in now`, text,
	[['Address', ours('/ui/')], ['Name', user], ['Key', password]]);

async function askKey(user) {
	const made = await ask({
		title: `A new key for ${user}?`,
		confirm: 'Make a new key',
		danger: true,
		body: [element('p', {}, `The key or password that ${user} has now will no longer work. Tokens stay.`)],
		act: () => change('POST', `/v1/users/${encodeURIComponent(user)}/key`),
	});
	if (!made) return;
	await showKey(made, user === who.user ? 'Your browser asks for it next.' : `Send this to ${user}.`);
	await refresh();
}

async function showTokens(user) {
	const list = element('ul', { class: 'rows' });
	const again = async () => {
		const tokens = await listed('/v1/tokens', { user });
		list.replaceChildren(...tokens.length ? tokens.map(token => tokenRow(token, again)) : [element('li', { class: 'quiet' }, 'There are none.')]);
	};
	try {
		await again();
	} catch (error) {
		return tellFailure(error);
	}
	await ask({ title: `Tokens of ${user}`, body: [element('p', { class: 'note' }, 'With each a script signs in, and does at most what its maker may.'), list] });
}

async function askRemove(user) {
	const removed = await ask({
		title: `Remove ${user}?`,
		confirm: 'Remove',
		danger: true,
		body: [element('p', {}, `${user} can no longer sign in, and neither can scripts with tokens of ${user}. The labels that ${user} gave stay.`)],
		async act() {
			await change('DELETE', `/v1/users/${encodeURIComponent(user)}`);
			return true;
		},
	});
	if (!removed) return;
	await refresh();
	toast(`${user} is removed.`);
}

/* --- coming ---------------------------------------------------------------------------------------------------- */

async function show() {
	$('notice').hidden = true;
	$('status').textContent = 'Loading…';
	try {
		who = await showHeader({ page: 'people' });
		if (!reaches(who.role, 'admin')) return sayWhose();
		[people, datasets] = await Promise.all([listed('/v1/users'), listed('/v1/datasets').then(all => all.map(({ name }) => name))]);
		$('invite').hidden = false;
		draw();
		await showAudit($('audit'));
	} catch (error) {
		$('people').hidden = $('invite').hidden = true;
		showNotice(error, show);
	} finally {
		$('status').textContent = '';
	}
}

function sayWhose() {
	$('notice').replaceChildren(element('h2', {}, 'For admins'),
		element('p', {}, `You may: ${may(who).toLowerCase()}. People are looked after by those who are admins of everything.`),
		element('p', { class: 'choices' }, element('a', { href: ours('/ui/') }, 'All datasets')));
	$('notice').hidden = false;
}

$('invite').addEventListener('click', askInvite);
$('search').addEventListener('input', draw);
show();
