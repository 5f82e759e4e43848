// How a dataset is worked on, in plain words.

import { change, datasetPath } from './api.js';
import { element } from './dom.js';
import { field, select, tick } from './form.js';
import { toast } from './toast.js';
import { saying } from './words.js';

const orders = /** @type {const} */ ([['sequential', 'in the order in which they were added'], ['random', 'in random order']]);
const skips = /** @type {const} */ ([
	['requeue_for_me', 'comes again at the end, to the same person, too'],
	['requeue_for_others', 'goes to others, and never again to who skipped it'],
	['ignore', 'is set aside: nobody is asked any more'],
]);
const OVERLAP_MAX = 100, MINUTES_MAX = 7 * 24 * 60; // as the server says

const describe = (list, value) => list.find(([key]) => key === value)?.[1] ?? value;
const minutes = seconds => Math.round(seconds / 6) / 10;

function sentences({ overlap, overlap_max: most, lease_seconds: lease, order, skip, public: open, gold_rate: gold }) {
	return [
		overlap === 1 ? 'One person labels each image.' : `${overlap} people label each image, without seeing what the others said; ${most} at most if they do not agree, and then it is to be reviewed.`,
		`Images come ${gold ? 'in random order, so that known answers are not seen' : describe(orders, order)}.`,
		`An image that one has is kept for ${minutes(lease)} minutes.`,
		`A skipped image ${describe(skips, skip)}.`,
		gold ? `${gold} in 100 images have a known answer, by which those who label are scored.` : 'Nobody is tested with known answers.',
		open ? 'Uploaded images can be seen by everybody who has their address.' : 'Uploaded images are seen by those alone who may see the dataset.',
	];
}

/**
 * @param {import('./dataset.js').Dataset} dataset
 * @param {{ may: boolean, changed: () => Promise<void> }} how
 */
export function showPolicy({ name, policy }, { may, changed }) {
	const title = element('h2', { id: 'policy-title' }, 'How it is worked on');
	const card = element('section', { class: 'card', 'aria-labelledby': title.id }, title);
	if (!may) {
		card.append(element('ul', {}, ...sentences(policy).map(text => element('li', {}, text))),
			element('p', { class: 'note' }, 'An admin of the dataset can change this.'));
		return card;
	}
	const overlap = element('input', { type: 'number', name: 'overlap', min: 1, max: OVERLAP_MAX, required: true, value: policy.overlap });
	const most = element('input', { type: 'number', name: 'most', min: 1, max: OVERLAP_MAX, required: true, value: policy.overlap_max });
	const lease = element('input', { type: 'number', name: 'lease', min: 0.1, max: MINUTES_MAX, step: 'any', required: true, value: minutes(policy.lease_seconds) });
	const order = select('order', orders.map(([key, text]) => /** @type {const} */ ([key, capital(text)])), policy.order);
	const skip = select('skip', skips.map(([key, text]) => /** @type {const} */ ([key, capital(text)])), policy.skip);
	const gold = element('input', { type: 'number', name: 'gold', min: 0, max: 100, required: true, value: policy.gold_rate });
	const open = tick('Uploaded images are public', { name: 'public', checked: policy.public },
		'Everybody who has an image’s address can see it, without a password.');
	const save = element('button', { type: 'submit', class: 'primary', disabled: true }, 'Save');
	const says = element('p', { class: 'note', role: 'status' });
	const form = element('form', { class: 'settings-form' },
		field('People who label each image', overlap, 'With more than one, an image has a label once more than half of all agree. None sees what the others said.'),
		field('People at most, where they do not agree', most, 'If there is still no majority then, the image is to be reviewed.'),
		field('Minutes that an image is kept for someone', lease, 'After that, somebody else may get it.'),
		field('Images come', order),
		field('A skipped image', skip),
		field('Images with a known answer, in 100', gold, 'Contributors say of some images what they are. Mixed in at this rate, they score those who label, who cannot tell them; all images then come in random order. 0 for none.'),
		open,
		element('div', { class: 'choices' }, save, says));
	form.addEventListener('input', () => {
		save.disabled = false;
		says.textContent = 'Not saved yet.';
	});
	form.addEventListener('submit', async event => {
		event.preventDefault();
		save.disabled = true;
		says.textContent = 'Saving…';
		try {
			await change('PATCH', datasetPath(name), { policy: {
				...overlap.valueAsNumber !== policy.overlap && { overlap: overlap.valueAsNumber },
				...most.valueAsNumber !== policy.overlap_max && { overlap_max: most.valueAsNumber },
				...lease.valueAsNumber !== minutes(policy.lease_seconds) && { lease_seconds: Math.max(1, Math.round(lease.valueAsNumber * 60)) },
				...gold.valueAsNumber !== policy.gold_rate && { gold_rate: gold.valueAsNumber },
				order: order.value,
				skip: skip.value,
				public: /** @type {HTMLInputElement} */ (open.querySelector('input')).checked,
			} });
		} catch (error) {
			says.textContent = saying(error);
			save.disabled = false;
			return;
		}
		toast('Saved.');
		await changed().catch(() => {}); // it is saved all the same
	});
	card.append(form);
	return card;
}

const capital = text => text[0].toUpperCase() + text.slice(1);
