// Which images of the grid are picked: by click, by Shift and a click, by a rectangle that is drawn, by keys, and by a
// finger that stays for a while.

import { element } from './dom.js';

const LONG = 500;     // ms that a finger stays for its image to be picked
const MOVED = 8;      // pixels from which a pointer was moved, not clicked
const NEAR = 48;      // pixels from the window's edge where drawing scrolls
const STEP = 24;      // pixels that it scrolls a frame

export class Picks {
	/** @type {Set<number>} */
	ids = new Set();
	#anchor = -1;     // an id: Shift picks from there
	#changed;
	#may;

	/** @param {{ changed: () => void, may: (id: number) => boolean }} on */
	constructor({ changed, may }) {
		this.#changed = changed;
		this.#may = may;
	}

	toggle(id) {
		this.#anchor = id;
		if (!this.ids.delete(id) && this.#may(id)) this.ids.add(id);
		this.#changed();
	}

	/** Picks from the last one that was toggled to this one. @type {(id: number, all: number[]) => void} */
	extend(id, all) {
		let from = all.indexOf(this.#anchor), to = all.indexOf(id);
		if (from < 0) {
			this.#anchor = id;
			from = to;
		}
		if (from > to) [from, to] = [to, from];
		this.add(all.slice(from, to + 1));
	}

	/** Where Shift picks from, unless it is known already. */
	begin(id) {
		if (this.#anchor < 0) this.#anchor = id;
	}

	add(ids) {
		for (const id of ids)
			if (this.#may(id)) this.ids.add(id);
		this.#changed();
	}

	/** @param {number[]} ids */
	set(ids) {
		this.ids = new Set(ids.filter(this.#may));
		this.#changed();
	}

	clear() {
		this.#anchor = -1;
		this.set([]);
	}

	drop(ids) {
		for (const id of ids) this.ids.delete(id);
		this.#changed();
	}
}

/**
 * Picks by mouse and by finger.
 * @param {HTMLElement} list
 * @param {{ picks: Picks, idOf: (cell: Element) => number, within: (rectangle: any) => number[], all: () => number[],
 *   open: (id: number) => void, came: (id: number) => void, picking: () => boolean }} on open: shows an image large;
 *   came: an image was clicked; picking: whether the person may pick at all
 */
export function pickByPointer(list, { picks, idOf, within, all, open, came, picking }) {
	/** @type {any} */
	let drawing = null;
	let held = 0; // timer of a finger
	let settled = false; // what was done needs no click any more

	const place = ({ clientX, clientY }) => {
		const { left, top } = list.getBoundingClientRect();
		return { x: clientX - left, y: clientY - top };
	};

	const draw = () => {
		if (!drawing) return;
		const { x, y } = place(drawing.last);
		const area = { left: Math.min(x, drawing.from.x), right: Math.max(x, drawing.from.x), top: Math.min(y, drawing.from.y), bottom: Math.max(y, drawing.from.y) };
		Object.assign(drawing.box.style, { left: `${area.left}px`, top: `${area.top}px`, width: `${area.right - area.left}px`, height: `${area.bottom - area.top}px` });
		picks.set([...drawing.before, ...within(area).map(index => all()[index])]);
		const { clientY } = drawing.last;
		const step = clientY < NEAR ? -STEP : clientY > innerHeight - NEAR ? STEP : 0;
		if (step) scrollBy(0, step);
		drawing.frame = requestAnimationFrame(draw);
	};

	const stop = () => {
		clearTimeout(held);
		if (!drawing) return;
		cancelAnimationFrame(drawing.frame);
		drawing.box?.remove();
		drawing = null;
	};

	list.addEventListener('pointerdown', event => {
		settled = false;
		const cell = /** @type {Element} */ (event.target).closest('[role=option]');
		if (!picking() || event.button) return;
		if (event.pointerType === 'mouse') {
			drawing = { from: place(event), at: event, last: event, before: [...picks.ids], box: null };
		} else if (cell) {
			drawing = { at: event, touch: true };
			held = setTimeout(() => {
				settled = true;
				navigator.vibrate?.(20);
				picks.toggle(idOf(cell));
			}, LONG);
		}
	});

	addEventListener('pointermove', event => {
		if (!drawing || event.pointerId !== drawing.at.pointerId) return;
		const far = Math.hypot(event.clientX - drawing.at.clientX, event.clientY - drawing.at.clientY) > MOVED;
		if (drawing.touch) {
			if (far) stop();
			return;
		}
		drawing.last = event;
		if (!far || drawing.box) return;
		settled = true;
		drawing.box = element('div', { class: 'drawn', 'aria-hidden': 'true' });
		list.append(drawing.box);
		draw();
	});
	for (const end of ['pointerup', 'pointercancel']) addEventListener(end, stop);

	list.addEventListener('click', event => {
		const cell = /** @type {Element} */ (event.target).closest('[role=option]');
		if (settled || !cell) return;
		const id = idOf(cell);
		const touched = event instanceof PointerEvent && ['touch', 'pen'].includes(event.pointerType);
		came(id);
		if (!picking() || touched && !picks.ids.size) open(id);
		else if (event.shiftKey) picks.extend(id, all());
		else picks.toggle(id);
	});
	list.addEventListener('dblclick', event => {
		const cell = /** @type {Element} */ (event.target).closest('[role=option]');
		if (cell && picking()) open(idOf(cell));
	});
	list.addEventListener('contextmenu', event => {
		if (drawing?.touch || settled) event.preventDefault(); // a long touch picks
	});
	list.addEventListener('dragstart', event => event.preventDefault());
}
