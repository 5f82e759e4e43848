// Fields of forms: a label, what to enter, a hint, and what is wrong with it.

import { element } from './dom.js';

let count = 0;

/**
 * @param {string} label
 * @param {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} control
 * @param {string | Node} [hint]
 */
export function field(label, control, hint = '') {
	control.id ||= `field${count++}`;
	const note = hint && element('p', { class: 'note', id: `${control.id}-hint` }, hint);
	if (note) control.setAttribute('aria-describedby', note.id);
	return element('div', { class: 'field' }, element('label', { for: control.id }, label), control, note);
}

/** A box to tick, with a hint. @type {(label: string, attributes: Record<string, unknown>, hint?: string) => HTMLLabelElement} */
export const tick = (label, attributes, hint = '') => element('label', { class: 'tick' },
	element('input', { type: 'checkbox', ...attributes }),
	element('span', {}, label, hint && element('span', { class: 'note' }, hint)));

/** @type {(name: string, options: readonly (readonly [string, string])[], chosen?: string) => HTMLSelectElement} */
export const select = (name, options, chosen = '') => element('select', { name },
	...options.map(([value, text]) => element('option', { value, selected: value === chosen }, text)));

/** Says what is wrong with a control, and moves there; '' takes it back. */
export function wrong(control, text) {
	const id = `${control.id}-wrong`;
	document.getElementById(id)?.remove();
	control.toggleAttribute('aria-invalid', false);
	if (!text) return;
	control.setAttribute('aria-invalid', 'true');
	control.setAttribute('aria-errormessage', id);
	control.after(element('p', { class: 'wrong', id, role: 'alert' }, text));
	control.focus();
}

/** The names in a text: one a line, or with commas between; each once. */
export const names = text => [...new Set(text.split(/[\n,]/).map(name => name.trim()).filter(Boolean))];
