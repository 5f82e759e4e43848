// The text in place of an image: what is being waited for, what went wrong, or that everything is done.

import { ours } from './api.js';
import { $, number, plural } from './dom.js';

const WAITING = 'Waiting for the connection…';

// A notice is { title, text, again: the button's text, command, look: an address }; the last three only where they
// help. Shows it; returns its words.
export function showNotice({ title, text, again = '', command = '', look = '' }) {
	$('notice-title').textContent = title;
	$('notice-text').textContent = text;
	$('notice-command').hidden = !command;
	$('notice-command').firstElementChild.textContent = command;
	$('again').textContent = again;
	$('again').hidden = $('leave').hidden = !again;
	$('look').hidden = !look;
	if (look) $('look').href = look;
	return [title, text].filter(Boolean).join(' ');
}

export const loading = offline => offline
	? { title: WAITING, text: 'The image follows as soon as it is back.' }
	: { title: 'Loading…', text: '' };

export const broken = problem => ({ title: 'This image cannot be shown', text: `${problem} Skip it, or set it aside.` });

// error: the ApiError because of which no more images come.
export function inTheWay(error, dataset, user) {
	const again = 'Try again';
	switch (error.status) {
	case 0: return { title: WAITING, text: 'This page tries again by itself.' };
	case 401: return { title: 'You are signed out', text: 'Reload the page to sign in again.', again };
	case 403: return {
		title: 'You may look, but not label',
		text: `You are signed in as ${user}, who may only look at ${dataset}. `
			+ 'Who gave you your account can let you label, as can any admin, on the server’s machine:',
		command: `image-label-user grant ${quoted(user)} annotator --dataset ${quoted(dataset)}`,
		look: lookAt(dataset),
		again,
	};
	case 404: return dataset
		? { title: 'No such dataset', text: `There is no dataset “${dataset}”, or you may not see it.`, again }
		: { title: 'No dataset chosen', text: 'Choose one from the list of datasets.', again };
	default: return { title: 'Something is in the way', text: error.message, again };
	}
}

const lookAt = dataset => ours(`/ui/review?dataset=${encodeURIComponent(dataset)}`);

// Quotes a word for a shell's command line.
const quoted = word => /^[\w.@%+,:-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

// info: the dataset, of which nothing is left to label here. given: how many labels were given here.
export function farewell({ size, counts: { labelled, unlabelled, skipped, unreadable, review } }, given) {
	const again = 'Check again';
	if (!size) return { title: 'No images yet', text: 'This dataset is empty.', again };
	const facts = [`${number(labelled)} of ${plural(size, 'image')} ${labelled === 1 ? 'is' : 'are'} labelled`];
	if (given) facts.push(`${number(given)} of them by you just now`);
	if (skipped) facts.push(`${number(skipped)} set aside`);
	if (unlabelled) facts.push(`${number(unlabelled)} in hand elsewhere or left to others`);
	if (review) facts.push(`${number(review)} to review, since people do not agree`);
	if (unreadable) facts.push(`${number(unreadable)} could not be read`);
	return { title: farewellTitle(size, unlabelled + review, unreadable), text: `${facts.join(', ')}.`, again };
}

function farewellTitle(size, open, unreadable) {
	if (open) return 'Nothing left for you now';
	if (unreadable === size) return 'No image can be read';
	return unreadable > 0 ? 'All done that can be read' : 'All done';
}
