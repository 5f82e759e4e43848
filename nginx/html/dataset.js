// A dataset in words: how far it is, who may do what, and the colours of its labels.

import { number, plural } from './dom.js';

/** @typedef {import('v1').components['schemas']['Dataset']} Dataset */
/** @typedef {import('v1').components['schemas']['Label']} Label */

// Told apart also by those who see few colours, and on light and dark ground (after Okabe and Ito, 2008).
const COLOURS = ['#4477aa', '#ee8866', '#44aa77', '#aa4499', '#ccaa33', '#66aacc', '#cc6677', '#888888'];

/** The colour that a label has, or else gets by its place. @type {(label: { colour?: string | null }, place: number) => string} */
export const colourOf = ({ colour }, place) => colour ?? COLOURS[place % COLOURS.length];

/** What is left to say of a dataset beside how much is labelled; '' for nothing. @type {(dataset: Dataset) => string} */
export function remark({ size, counts: { labelled, skipped, unreadable, review } }) {
	if (!size) return 'No images yet';
	if (labelled === size) return 'Complete';
	const parts = [];
	if (review) parts.push(`${number(review)} to review`);
	if (skipped) parts.push(`${number(skipped)} set aside`);
	if (unreadable) parts.push(`${number(unreadable)} unreadable`);
	return parts.join(', ');
}

/** What changes when so many images do. */
export const affected = count => count ? `${plural(count, 'image')} ${count === 1 ? 'has' : 'have'} it` : 'no image has it';
