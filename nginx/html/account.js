// What one changes of one's own account: the password, and tokens for scripts.

import { change, listed, serverNow } from './api.js';
import { ask } from './dialog.js';
import { ago, element } from './dom.js';
import { field, select, tick, wrong } from './form.js';
import { leave } from './header.js';
import { toast, tellFailure } from './toast.js';

const SHORTEST = 8; // characters, as the server says
const LASTS = /** @type {const} */ ([['30', '30 days'], ['90', '90 days'], ['365', 'a year'], ['', 'until it is removed']]);

export async function askPassword() {
	const password = element('input', { type: 'password', name: 'password', autocomplete: 'new-password', required: true, minlength: SHORTEST, autofocus: true });
	const again = element('input', { type: 'password', name: 'again', autocomplete: 'new-password', required: true });
	const done = await ask({
		title: 'My password',
		confirm: 'Change it',
		body: [
			element('p', { class: 'note' }, 'It replaces your key or password everywhere, also in scripts: these better use a token of their own.'),
			field('New password', password, `At least ${SHORTEST} characters.`),
			field('The same again', again),
		],
		async act() {
			wrong(again, '');
			if (password.value !== again.value) {
				wrong(again, 'This differs from the first one.');
				return Promise.reject(new Error('The two passwords differ.'));
			}
			await change('POST', '/v1/me/password', { password: password.value });
			return true;
		},
	});
	if (!done) return;
	await ask({ title: 'Your password is changed', body: [element('p', {}, 'Your browser asks for your name and the new password next.')], cancel: 'Sign in' });
	leave();
}

export async function showTokens() {
	const list = element('ul', { class: 'rows' });
	const refresh = async () => list.replaceChildren(...rows(await listed('/v1/tokens'), refresh));
	try {
		await refresh();
	} catch (error) {
		return tellFailure(error);
	}
	const made = await ask({
		title: 'My tokens',
		confirm: 'Make a token…',
		cancel: 'Close',
		body: [
			element('p', { class: 'note' }, 'With a token a script signs in as you, by its id and its secret, and can do no more than you may. Remove one, and it is let in no longer.'),
			list,
		],
		act: () => true,
	});
	if (made) await askToken();
}

const rows = (tokens, refresh) => tokens.length ? tokens.map(token => tokenRow(token, refresh))
	: [element('li', { class: 'quiet' }, 'You have none.')];

/** @type {(token: import('v1').components['schemas']['Token'], refresh: () => unknown) => HTMLLIElement} */
export function tokenRow(token, refresh) {
	const remove = element('button', { type: 'button', class: 'small danger', 'aria-label': `Remove ${token.name}` }, 'Remove');
	remove.addEventListener('click', async () => {
		remove.disabled = true;
		try {
			await change('DELETE', `/v1/tokens/${encodeURIComponent(token.id)}`);
			await refresh();
			toast(`The token “${token.name}” is removed.`);
		} catch (error) {
			tellFailure(error);
		}
		remove.disabled = false;
	});
	const used = token.last_used_at ? ['used ', ago(token.last_used_at, serverNow())] : ['never used'];
	const ends = token.expires_at ? [', ends ', ago(token.expires_at, serverNow())] : [];
	return element('li', { class: 'line' },
		element('div', { class: 'field' }, element('b', {}, token.name),
			element('p', { class: 'note' }, token.scope === 'read' ? 'reads only · ' : 'reads and writes · ', ...used, ...ends,
				' · ', element('code', {}, token.id))),
		remove);
}

async function askToken() {
	const name = element('input', { name: 'name', required: true, maxlength: 100, autofocus: true, autocomplete: 'off' });
	const lasts = select('lasts', LASTS, '90');
	const writes = tick('It may also write', { name: 'writes' }, 'Upload, label and change what you may. Without this it only reads.');
	const token = await ask({
		title: 'A new token',
		confirm: 'Make it',
		body: [field('Name', name, 'What it is for, such as “nightly export”.'), field('It lasts', lasts), writes],
		act: form => change('POST', '/v1/tokens', {
			name: name.value,
			scope: form.elements['writes'].checked ? 'write' : 'read',
			expires_at: lasts.value ? new Date(serverNow() + Number(lasts.value) * 86400_000).toISOString() : null,
		}),
	});
	if (token) await showSecret('Your new token', 'A script signs in with these two, as with a name and a password.', [['Id', token.id], ['Secret', token.secret]]);
	await showTokens();
}

/**
 * Shows what will not be shown again, to be copied.
 * @param {string} title
 * @param {string} text
 * @param {string[][]} lines pairs of what it is, and the text
 */
export async function showSecret(title, text, lines) {
	const copy = element('button', { type: 'button' }, 'Copy');
	copy.addEventListener('click', async () => {
		try {
			await navigator.clipboard.writeText(lines.map(line => line.join(': ')).join('\n'));
			copy.textContent = 'Copied';
		} catch { // without TLS browsers allow it only after a selection by hand
			getSelection()?.selectAllChildren(list);
			copy.textContent = 'Selected: press Ctrl+C';
		}
	});
	const list = element('dl', {}, ...lines.map(([what, value]) => element('div', {}, element('dt', { class: 'note' }, what), element('dd', {}, element('code', { class: 'secret' }, value)))));
	await ask({ title, body: [element('p', {}, text), list, element('p', { class: 'note' }, 'It is shown only now.'), element('p', {}, copy)] });
}
