// Which key gives which label, and which key was pressed.

const DIGITS = [...'1234567890'];
const LETTERS = [...'abcdefghij'];
const KEYS = [...DIGITS, ...LETTERS];

// With more labels than keys, a letter begins a search: then letters must not give labels.
export const searchesByTyping = count => count > KEYS.length;

const kept = new Map(); // keys that were given to labels, so that they stay while the page is open

/**
 * The key of each label, by its name: in their order, or, where there are more than keys, a digit for each of the ten
 * that are used most.
 * @param {{ name: string, count: number }[]} labels
 * @returns {Map<string, string>}
 */
export function keysOf(labels) {
	if (!searchesByTyping(labels.length)) return new Map(labels.map(({ name }, place) => [name, KEYS[place]]));
	const names = new Set(labels.map(({ name }) => name));
	for (const name of kept.keys()) if (!names.has(name)) kept.delete(name);
	const free = DIGITS.filter(digit => ![...kept.values()].includes(digit));
	const most = labels.filter(({ name }) => !kept.has(name)).sort((a, b) => b.count - a.count);
	free.forEach((digit, place) => kept.set(most[place].name, digit));
	return kept;
}

// The key as KEYS names it, or '' when it is none of them. Where digits need Shift (as on AZERTY), the key's
// position counts, unless the character is itself a command.
export function pressed(event) {
	const key = event.key.toLowerCase();
	if (event.shiftKey && LETTERS.includes(key)) return ''; // a command
	if (KEYS.includes(key)) return key;
	const digit = /^Digit([0-9])$/.exec(event.code);
	return digit && !event.shiftKey ? digit[1] : '';
}

// Whether the key writes something, even if only the beginning of a letter (a dead key, an input method).
export const writes = event =>
	event.key !== ' ' && ([...event.key].length === 1 || ['Dead', 'Process'].includes(event.key));
