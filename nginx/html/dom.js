// The page's elements. Text only ever becomes text: nothing here parses HTML.

export const $ = id => document.getElementById(id);

// element('a', { href, class: 'x' }, 'text', child, …): attributes are named as in HTML; a value of true is an empty
// attribute, false, null and undefined leave it out.
export function element(name, attributes = {}, ...children) {
	const made = document.createElement(name);
	for (const [key, value] of Object.entries(attributes))
		if (value !== false && value != null) made.setAttribute(key, value === true ? '' : value);
	made.append(...children.filter(child => child != null));
	return made;
}

const numbers = new Intl.NumberFormat('en');
export const number = n => numbers.format(n);

// plural(3, 'image') is '3 images'.
export const plural = (n, noun) => `${number(n)} ${noun}${n === 1 ? '' : 's'}`;

// Lets screen readers read the text out; the same text again is not read.
export const announce = text => { $('heard').textContent = text; };
