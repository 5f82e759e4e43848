// The page's elements. Text only ever becomes text: nothing here parses HTML.

/** @type {(id: string) => any} */
export const $ = id => document.getElementById(id);

// element('a', { href, class: 'x' }, 'text', child, …): attributes are named as in HTML; a value of true is an empty
// attribute, false, null and undefined leave it out.
/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, unknown>} [attributes]
 * @param {(Node | string | null | undefined | false)[]} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element(name, attributes = {}, ...children) {
	const made = document.createElement(name);
	for (const [key, value] of Object.entries(attributes))
		if (value !== false && value != null) made.setAttribute(key, value === true ? '' : String(value));
	for (const child of children)
		if (child != null && child !== false) made.append(child);
	return made;
}

const numbers = new Intl.NumberFormat('en');
export const number = (/** @type {number} */ n) => numbers.format(n);

/** A part of a whole: 0 % and 100 % mean none and all of it. */
export function percent(part, whole) {
	if (!whole || !part) return '0 %';
	return `${Math.min(part === whole ? 100 : 99, Math.max(1, Math.round(100 * part / whole)))} %`;
}

/** At most `most` of the items as one text: “a, b and 3 more”. */
export function several(items, most = 3) {
	if (items.length > most + 1) return `${items.slice(0, most).join(', ')} and ${number(items.length - most)} more`;
	return items.length > 1 ? `${items.slice(0, -1).join(', ')} and ${items.at(-1)}` : items.join('');
}

const spans = /** @type {[number, Intl.RelativeTimeFormatUnit][]} */ (
	[[60, 'second'], [60, 'minute'], [24, 'hour'], [30, 'day'], [12, 'month'], [Infinity, 'year']]);
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const absolute = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

/** How long ago a time (RFC 3339) was, as an element that tells the time itself, too. `now` in ms. */
export function ago(time, now) {
	let n = (Date.parse(time) - now) / 1000, text = 'just now';
	if (Math.abs(n) >= 90) {
		let unit = 0;
		while (Math.abs(n) >= spans[unit][0]) n /= spans[unit++][0];
		text = relative.format(Math.round(n), spans[unit][1]);
	}
	return element('time', { datetime: time, title: absolute.format(Date.parse(time)) }, text);
}

// plural(3, 'image') is '3 images'.
export const plural = (/** @type {number} */ n, /** @type {string} */ noun) => `${number(n)} ${noun}${n === 1 ? '' : 's'}`;

// Lets screen readers read the text out; the same text again is not read.
export const announce = text => { $('heard').textContent = text; };

/** Once the next frame is painted; soon in a page that is not shown, which paints none. @type {() => Promise<void>} */
export const painted = () => new Promise(done => {
	requestAnimationFrame(() => setTimeout(done));
	setTimeout(done, 200);
});
