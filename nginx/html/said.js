// What people say of a sample, side by side, and its history.

import { serverNow } from './api.js';
import { $, ago, element } from './dom.js';

/** @typedef {import('v1').components['schemas']['Event']} Event */

const DEED = {
	task: 'labelled it', classify: 'labelled it', label: 'decided', skip: 'set it aside', seed: 'came with it', upload: 'uploaded it as',
	import: 'imported', undo: 'took back', merge: 'merged into', gold: 'said that the answer is',
};

/**
 * Fills #votes: a column a label, with who says so and when. The most frequent label comes first.
 * @param {{ by: string, label: string, at: string }[]} votes
 * @param {(label: string) => string} colour
 */
export function showVotes(votes, colour) {
	const by = new Map();
	for (const vote of votes) by.set(vote.label, [...by.get(vote.label) ?? [], vote]);
	const now = serverNow();
	$('votes').replaceChildren(...[...by].sort(([, a], [, b]) => b.length - a.length).map(([label, said]) => {
		const swatch = element('span', { class: 'swatch' });
		swatch.style.setProperty('--colour', colour(label));
		return element('li', {}, element('p', { class: 'what' }, swatch, element('b', {}, label)),
			element('ul', {}, ...said.map(({ by: who, at }) => element('li', {}, `${who} `, element('span', { class: 'note' }, ago(at, now))))));
	}));
	$('votes').hidden = !votes.length;
}

/** Fills #events, the newest first. @param {Event[]} events */
export function showEvents(events) {
	const now = serverNow();
	$('events').replaceChildren(...events.toReversed().map(({ by, label, at, source, taken_back: gone }) =>
		element('li', { class: gone ? 'gone' : null }, `${by ?? 'The dataset'} ${DEED[source] ?? source} `,
			source === 'undo' ? '' : label ? element('b', {}, label) : source === 'skip' ? '' : 'without a label',
			at && element('span', { class: 'note' }, ' ', ago(at, now)), gone && element('span', { class: 'note' }, ' · taken back'))));
	$('nothing-said').hidden = events.length > 0;
}
