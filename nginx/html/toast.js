// Short messages at the foot of the page: what was done, what failed.

import { element } from './dom.js';
import { saying } from './words.js';

const SHOWN_FOR = 8000; // ms; what failed stays until it is dismissed

let place;

/**
 * @param {string} text
 * @param {{ trouble?: boolean, action?: string, act?: () => void }} [how] action: a button's text, which runs act
 */
export function toast(text, { trouble = false, action, act } = {}) {
	if (!place) {
		place = element('div', { class: 'toasts', 'aria-live': 'polite' });
		document.body.append(place);
	}
	const close = () => shown.remove();
	const button = (words, work) => {
		const made = element('button', { type: 'button', class: 'small plain' }, words);
		made.addEventListener('click', () => {
			close();
			work?.();
		});
		return made;
	};
	const shown = element('div', { class: trouble ? 'toast trouble' : 'toast', role: trouble ? 'alert' : null },
		element('p', {}, text), action && button(action, act), button('Dismiss'));
	place.append(shown);
	if (!trouble) setTimeout(() => shown.contains(document.activeElement) || close(), SHOWN_FOR);
}

/** @type {(error: any) => void} */
export const tellFailure = error => toast(saying(error), { trouble: true });
