// Which key gives which label, and which key was pressed.

const DIGITS = [...'1234567890'];
const LETTERS = [...'abcdefghij'];
const KEYS = [...DIGITS, ...LETTERS];

// With more labels than keys, a letter begins a search: then letters must not give labels.
export const searchesByTyping = count => count > KEYS.length;

// The key of the label at `index` of `count`, '' for none.
export const keyOf = (index, count) => (searchesByTyping(count) ? DIGITS : KEYS)[index] ?? '';

// The key as KEYS names it, or '' when it is none of them. Where digits need Shift (as on AZERTY), the key's
// position counts, unless the character is itself a command.
export function pressed(event) {
	const key = event.key.toLowerCase();
	if (KEYS.includes(key)) return key;
	const digit = /^Digit([0-9])$/.exec(event.code);
	return digit && !event.shiftKey ? digit[1] : '';
}

// Whether the key writes something, even if only the beginning of a letter (a dead key, an input method).
export const writes = event =>
	event.key !== ' ' && ([...event.key].length === 1 || ['Dead', 'Process'].includes(event.key));
