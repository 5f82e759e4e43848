// A grid of cells as long as need be, of which there are only as many elements as the window shows: the cells that
// scrolling brings into view are those that it took out.

const GAP = 8, CAPTION = 30;    // pixels
const BESIDE = 2;               // rows that are there above and below the window
const TALLEST = 16_000_000;     // pixels: browsers show no element that is much taller
const REST = 100;               // ms without scrolling, after which it has come to rest
const AT_ONCE = 8;              // ms of a frame that cells are filled in; the others follow in the next one

export class Cells {
	columns = 1;
	side = 176;      // pixels that a cell has at least
	#list;
	#on;
	#cells = new Map(); // index → element
	#spare = [];     // elements that show nothing, those that are still in the list at the end
	#dirty = false;  // whether the list was measured before a change
	#filled = new WeakMap(); // element → the round in which it was filled
	#round = 0;      // how often all was to be filled anew
	#waits = false;  // for the next frame
	#rest = 0;       // timer
	#width = 0;      // of a cell
	#top = 0;        // how far the list is scrolled, pixels

	/**
	 * @param {HTMLElement} list a listbox
	 * @param {{ count: () => number, make: () => HTMLElement, fill: (cell: HTMLElement, index: number) => void,
	 *   cleared: (cell: HTMLElement) => void, rest: () => void }} on fill: the cell shows this index from now on;
	 *   rest: scrolling has come to an end
	 */
	constructor(list, on) {
		this.#list = list;
		this.#on = on;
		addEventListener('scroll', () => this.#soon(), { passive: true });
		new ResizeObserver(() => this.refresh()).observe(list);
		addEventListener('resize', () => this.refresh());
	}

	// Shows all of it anew.
	refresh() {
		this.#dirty = true;
		this.#round++;
		this.#soon();
	}

	#soon() {
		clearTimeout(this.#rest);
		this.#rest = setTimeout(() => this.#on.rest(), REST);
		this.#inNextFrame();
	}

	#inNextFrame() {
		if (this.#waits) return;
		this.#waits = true;
		requestAnimationFrame(() => {
			this.#waits = false;
			this.draw();
		});
	}

	get #rowHeight() {
		return this.#width + CAPTION + GAP;
	}

	/** How many cells there is room for. */
	get most() {
		return Math.floor(TALLEST / this.#rowHeight) * this.columns;
	}

	get #count() {
		return Math.min(this.#on.count(), this.most);
	}

	#measure() {
		const width = this.#list.clientWidth;
		this.columns = Math.max(2, Math.floor((width + GAP) / (Math.min(this.side, width) + GAP)));
		this.#width = Math.floor((width - GAP * (this.columns - 1)) / this.columns);
		this.#list.style.height = `${Math.max(0, Math.ceil(this.#count / this.columns) * this.#rowHeight - GAP)}px`;
	}

	draw() {
		if (this.#dirty) this.#measure();
		this.#top = -this.#list.getBoundingClientRect().top;
		const { from, to } = this.#span(BESIDE);
		for (const [index, cell] of this.#cells) {
			if (index >= from && index < to) continue;
			this.#cells.delete(index);
			this.#on.cleared(cell);
			this.#spare.push(cell);
		}
		this.#dirty = false;
		if (this.#fill(from, to)) for (const cell of this.#spare) cell.remove(); // and kept, so that scrolling on makes none
		else this.#inNextFrame();
	}

	// Fills what is in the window first; returns whether all are filled.
	#fill(from, to) {
		const { from: first, to: last } = this.#span(0);
		const until = performance.now() + AT_ONCE;
		for (const [start, end] of [[first, last], [last, to], [from, first]]) {
			for (let index = start; index < end; index++) {
				const there = this.#cells.get(index);
				if (there && this.#filled.get(there) === this.#round) continue;
				if (performance.now() > until) return false;
				this.#place(there ?? this.#take(index), index);
			}
		}
		return true;
	}

	#take(index) {
		const cell = this.#spare.pop() ?? this.#on.make();
		this.#cells.set(index, cell);
		if (!cell.isConnected) this.#list.append(cell);
		return cell;
	}

	#place(cell, index) {
		const { x, y } = this.#corner(index);
		cell.style.transform = `translate(${x}px, ${y}px)`;
		cell.style.width = `${this.#width}px`;
		cell.style.height = `${this.#width + CAPTION}px`;
		this.#on.fill(cell, index);
		this.#filled.set(cell, this.#round);
	}

	#corner(index) {
		return {
			x: index % this.columns * (this.#width + GAP),
			y: Math.floor(index / this.columns) * this.#rowHeight,
		};
	}

	#span(beside) {
		const first = Math.floor(this.#top / this.#rowHeight) - beside;
		const last = Math.ceil((this.#top + innerHeight) / this.#rowHeight) + beside;
		return {
			from: Math.min(this.#count, Math.max(0, first * this.columns)),
			to: Math.min(this.#count, Math.max(0, last * this.columns)),
		};
	}

	/** The indices of the cells in the window: from, and before to. */
	get shown() {
		return this.#span(0);
	}

	/** How many cells from the first on reach into the window by half, of which this many pixels are covered at its foot. */
	seen(below) {
		const rows = 1 + Math.floor((this.#top + innerHeight - below - (this.#width + CAPTION) / 2) / this.#rowHeight);
		return Math.min(this.#count, Math.max(0, rows * this.columns));
	}

	/** Scrolls as little as needed to show a cell; below: pixels that are covered at the window's foot. */
	reveal(index, below) {
		const start = this.#list.getBoundingClientRect().top + this.#corner(index).y, end = start + this.#width + CAPTION;
		if (start < 0) scrollBy(0, start - GAP);
		else if (end > innerHeight - below) scrollBy(0, Math.min(start - GAP, end - innerHeight + below + GAP));
		this.draw();
	}

	/** The indices of the cells that a rectangle touches, given in pixels of the list. */
	within({ left, top, right, bottom }) {
		const found = [];
		const step = this.#width + GAP;
		const rows = [Math.max(0, Math.floor(top / this.#rowHeight)), Math.floor(bottom / this.#rowHeight)];
		const columns = [Math.max(0, Math.floor(left / step)), Math.min(this.columns - 1, Math.floor(right / step))];
		for (let row = rows[0]; row <= rows[1]; row++) {
			for (let column = columns[0]; column <= columns[1]; column++) {
				const index = row * this.columns + column;
				if (index < this.#count) found.push(index);
			}
		}
		return found;
	}
}
