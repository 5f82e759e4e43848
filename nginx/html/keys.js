// Which key gives which label, and which key was pressed.

const KEYS = [...'1234567890abcdefghijklmnopqrstuvwxyz'];

// The key of the label at `index`, '' when there are more labels than keys.
export const keyOf = index => KEYS[index] ?? '';

// The key as KEYS names it, or '' when it is none of them. Where digits need Shift (as on AZERTY) the key's place
// counts, unless what it types is itself a command.
export function pressed(event) {
	const key = event.key.toLowerCase();
	if (KEYS.includes(key)) return key;
	const digit = /^Digit([0-9])$/.exec(event.code);
	return digit && !event.shiftKey ? digit[1] : '';
}
