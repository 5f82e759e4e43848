// One cell of the grid: a picture, its label, and marks.

import { address } from './api.js';
import { colourOf } from './dataset.js';
import { element } from './dom.js';

/** @typedef {import('v1').components['schemas']['Sample']} Sample */

const GREY = 7; // the place whose colour a label gets that the dataset no longer has

export const makeCell = () => element('div', { class: 'cell', role: 'option', 'aria-selected': 'false' },
	element('img', { alt: '', decoding: 'async', draggable: 'false' }),
	element('span', { class: 'mark', 'aria-hidden': 'true' }),
	element('span', { class: 'said' }, element('i', { class: 'swatch' }), element('span', { class: 'text' }),
		element('span', { class: 'flag', 'aria-hidden': 'true' })));

export const emptyCell = cell => cell.querySelector('img').removeAttribute('src');

/**
 * @param {any} cell
 * @param {{ id: number, index: number, size: number, sample: Sample | undefined, labels: any[], picked: boolean,
 *   others: boolean, current: boolean, judged: boolean, side: number }} what size: of the whole list, -1: not known;
 *   others: somebody else labels it; judged: who picks it says that its label is wrong; side: pixels
 */
export function showCell(cell, { id, index, size, sample, labels, picked, others, current, judged, side }) {
	const label = sample?.label ?? '', isFlagged = sample !== undefined && sample.flag !== null;
	const place = labels.findIndex(each => each.name === label);
	const [image, mark, said] = cell.children;
	const [swatch, text, flag] = said.children;
	cell.dataset.id = id;
	cell.id = `cell-${id}`;
	cell.setAttribute('aria-posinset', index + 1);
	cell.setAttribute('aria-setsize', size);
	cell.setAttribute('aria-selected', String(picked));
	cell.className = ['cell', others && 'others', current && 'current', judged && 'judged'].filter(Boolean).join(' ');
	cell.setAttribute('aria-label', [sample?.filepath ?? `Image ${index + 1}`, label || 'no label',
		others && 'being labelled by someone else', isFlagged && 'flagged'].filter(Boolean).join(', '));
	mark.textContent = picked ? (judged ? '✕' : '✓') : '';
	swatch.hidden = !label;
	if (label) swatch.style.setProperty('--colour', colourOf(labels[place] ?? {}, place < 0 ? GREY : place));
	text.textContent = others ? 'Being labelled' : judged && picked ? `not ${label}` : label;
	flag.textContent = isFlagged ? '⚑' : '';
	const url = sample && sized(sample.thumb_url, side * devicePixelRatio);
	if (!url) image.removeAttribute('src');
	else if (image.src !== url) image.src = url;
}

// The thumbnail that is sharp on so many pixels.
function sized(thumb, pixels) {
	const size = pixels <= 110 ? 100 : pixels <= 300 ? 256 : 500;
	return address(thumb.replace(/([?&]size=)\d+/, `$1${size}`));
}
