// Asks for the note of a flag, or whether to take the flag away.

import { ask } from './dialog.js';
import { element } from './dom.js';
import { field } from './form.js';

export const NOTE_MAX = 1000; // bytes at most, as the server takes them

/**
 * Resolves to the note; null: the flag is to be taken away; undefined: nothing is to change.
 * @param {string | null} note the present one; null: not flagged
 * @returns {Promise<string | null | undefined>}
 */
export function askFlag(note) {
	const input = element('input', { name: 'note', maxlength: NOTE_MAX / 4, value: note ?? '', autocomplete: 'off', autofocus: true });
	const away = note !== null && element('button', { type: 'button', class: 'danger' }, 'Take the flag away');
	let gone = false;
	return ask({
		title: note === null ? 'Flag this image?' : 'The image is flagged',
		confirm: note === null ? 'Flag it' : 'Save the note',
		body: [
			element('p', { class: 'quiet' }, 'A flag asks others to look at the image. It may have a label all the same.'),
			field('Note, for those who look at it', input),
			away && element('p', {}, away),
		],
		ready(form) {
			if (away) away.addEventListener('click', () => {
				gone = true;
				form.requestSubmit();
			});
		},
		act: () => gone ? null : input.value.trim(),
	});
}
