// The labels as buttons, each with its key.

import { $, element } from './dom.js';
import { keysOf } from './keys.js';

const DENSE_FROM = 8;  // labels from which they are in two columns, if all names are short
const DENSE_NAME = 14; // characters

/** @param {import('./dataset.js').Label[]} labels */
export function showButtons(labels) {
	const keys = keysOf(labels);
	$('labels').replaceChildren(...labels.map(({ name, colour, description }) => {
		const key = keys.get(name) ?? '';
		const button = element('button', { type: 'button', 'data-key': key, 'data-label': name,
			'aria-keyshortcuts': key || null, title: description || null, class: colour ? 'coloured' : null },
			element('kbd', { 'aria-hidden': 'true' }, key), element('span', {}, name, description && labels.length < DENSE_FROM && element('small', { 'aria-hidden': 'true' }, description)));
		if (colour) button.style.setProperty('--colour', colour);
		return button;
	}));
	$('labels').classList.toggle('dense', labels.length >= DENSE_FROM && labels.every(({ name }) => name.length <= DENSE_NAME));
}

/** The button with this key. @type {(key: string) => HTMLButtonElement | null} */
export const buttonWith = key => key ? $('labels').querySelector(`[data-key="${key}"]`) : null;

/** Shows that a button was pressed, by a key too. It is scrolled to after the next image is painted, which would wait for it. */
export function flash(button) {
	if (!matchMedia('(prefers-reduced-motion: reduce)').matches)
		button.animate([{ backgroundColor: 'var(--flash)' }, {}], 300);
	requestAnimationFrame(() => setTimeout(() => button.scrollIntoView({ block: 'nearest' })));
}
