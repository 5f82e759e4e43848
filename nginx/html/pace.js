// How fast one labels: how many this time, how many a minute, and how long the rest takes at this speed.

import { number } from './dom.js';

const KEPT = 30;      // gaps between answers that the speed is that of
const LEAST = 5;      // of them, before a speed is told
const PAUSE = 60_000; // ms: a longer gap is a pause

export class Pace {
	#given = 0;
	/** @type {number[]} */
	#gaps = [];
	#last = 0;

	note(now = performance.now()) {
		if (this.#last && now - this.#last < PAUSE) this.#gaps.push(now - this.#last);
		if (this.#gaps.length > KEPT) this.#gaps.shift();
		this.#last = now;
		this.#given++;
	}

	// left: how many there are still to label
	tell(left) {
		if (!this.#given) return '';
		const parts = [`${number(this.#given)} this time`];
		if (this.#gaps.length >= LEAST) {
			const each = this.#gaps.reduce((sum, gap) => sum + gap, 0) / this.#gaps.length;
			parts.push(`${number(Math.max(1, Math.round(60_000 / each)))} a minute`);
			if (left > 0) parts.push(`${span(left * each)} left`);
		}
		return parts.join(' · ');
	}
}

function span(ms) {
	const minutes = Math.ceil(ms / 60_000);
	if (minutes < 90) return `${number(minutes)} min`;
	return `${number(Math.round(minutes / 60))} h`;
}
