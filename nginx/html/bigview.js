// One image of the grid, large: its thumbnail at once, then the image itself.

import { address } from './api.js';
import { $, announce } from './dom.js';

const KEYS_SHOWN = 10;

export class BigView {
	#on;
	#showing = '';

	/** @param {{ step: (by: number) => void, pick: () => void, closed: () => void }} on */
	constructor(on) {
		this.#on = on;
		$('large-back').addEventListener('click', () => on.step(-1));
		$('large-next').addEventListener('click', () => on.step(1));
		$('large-pick').addEventListener('click', () => on.pick());
		$('large-close').addEventListener('click', () => $('large').close());
		$('large').addEventListener('click', event => event.target === $('large') && $('large').close());
		$('large').addEventListener('close', () => {
			this.#showing = '';
			$('image').removeAttribute('src');
			on.closed();
		});
	}

	get open() {
		return $('large').open;
	}

	/** @type {(sample: any, place: string, picked: boolean | null) => void} picked null: nothing can be picked */
	show(sample, place, picked) {
		const words = [sample.filepath, sample.label || 'no label', sample.flag !== null && `flagged${sample.flag ? `: ${sample.flag}` : ''}`, place];
		$('caption').textContent = words.filter(Boolean).join(' · ');
		$('large-pick').hidden = picked === null;
		$('large-keys').textContent = picked === null ? '' : [...$('labels').querySelectorAll('[data-key]:not([data-key=""])')].slice(0, KEYS_SHOWN).map(button => `${button.dataset.key} ${button.dataset.label}`).join(' · ');
		$('large-pick').setAttribute('aria-pressed', String(picked));
		if (this.#showing !== sample.image_url) this.#load(sample);
		if (!this.open) $('large').showModal();
		announce(`${picked ? 'Picked. ' : ''}${$('caption').textContent}`);
	}

	#load({ image_url: url, thumb_url: thumb, filepath }) {
		this.#showing = url;
		const image = $('image');
		image.src = address(thumb);
		image.alt = `Image ${filepath}`;
		const whole = new Image();
		whole.src = address(url);
		whole.decode().then(() => {
			if (this.#showing === url) image.src = whole.src;
		}, () => {}); // the thumbnail stays
	}

	/** Handles a key while it is open; returns whether it did. */
	key(event) {
		const steps = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };
		if (Object.hasOwn(steps, event.key)) this.#on.step(steps[event.key]);
		else if (event.key === ' ' && !event.target.matches('button') || event.key === 'Enter' && !event.target.matches('button')) $('large').close();
		else if (event.key === 'x') this.#on.pick();
		else return false;
		return true;
	}
}
