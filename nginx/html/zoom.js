// Zooms and pans an image within its stage: by wheel, pinch, drag and keys. Zoom 1 is the whole image.

const STEP = 1.5;        // of a key
const WHEEL = 0.0022;    // of the logarithm, for each pixel of the wheel
const MOST = 8;          // pixels of the screen for one of the image
const PAN = 0.3;         // of the stage, for a key
const NUDGE = 4;         // px that a pointer moves before it drags

export class Zoom {
	#stage;
	#image;
	#zoomed;
	#zoom = 1;
	#x = 0;              // of the image's middle from the stage's, px
	#y = 0;
	/** @type {{ width: number, height: number }} */
	#size = { width: 0, height: 0 };
	/** @type {Map<number, { x: number, y: number }>} */
	#pointers = new Map();
	#moved = false;

	// zoomed(): the image is shown larger than to fit, so that more pixels are of use.
	constructor(stage, image, zoomed) {
		this.#stage = stage;
		this.#image = image;
		this.#zoomed = zoomed;
		stage.addEventListener('wheel', event => this.#wheel(event), { passive: false });
		stage.addEventListener('dblclick', event => this.toggle(event.clientX, event.clientY));
		stage.addEventListener('pointerdown', event => this.#down(event));
		stage.addEventListener('pointermove', event => this.#move(event));
		for (const end of ['pointerup', 'pointercancel']) stage.addEventListener(end, event => this.#pointers.delete(event.pointerId));
		image.addEventListener('dragstart', event => event.preventDefault());
		new ResizeObserver(() => this.#apply()).observe(stage);
	}

	get isZoomed() {
		return this.#zoom > 1;
	}

	// Another image: its pixels, as far as they are known.
	show(width, height) {
		this.#size = { width, height };
		this.#pointers.clear();
		this.fit();
	}

	fit() {
		if (this.#zoom === 1 && !this.#image.style.transform) return;
		this.#zoom = 1;
		this.#x = this.#y = 0;
		this.#apply();
	}

	// One pixel of the image for each of the screen; and back.
	toggle(x, y) {
		if (this.isZoomed) this.fit();
		else this.#to(Math.max(this.#whole(), 2), x, y);
	}

	closer() {
		this.#to(this.#zoom * STEP);
	}

	farther() {
		this.#to(this.#zoom / STEP);
	}

	// Moves what is seen by a part of the stage. Returns whether there is something to move.
	pan(right, down) {
		if (!this.isZoomed) return false;
		const { width, height } = this.#stage.getBoundingClientRect();
		this.#x -= right * PAN * width;
		this.#y -= down * PAN * height;
		this.#apply();
		return true;
	}

	// The zoom at which a pixel of the image is one of the screen.
	#whole() {
		const { width, height } = this.#drawn();
		const real = this.#size.width || this.#image.naturalWidth;
		return width && height && real ? real / devicePixelRatio / width : 1;
	}

	// The size in which the whole image is drawn.
	#drawn() {
		const { clientWidth, clientHeight, naturalWidth, naturalHeight } = this.#image;
		if (!naturalWidth || !naturalHeight) return { width: 0, height: 0 };
		const scale = Math.min(clientWidth / naturalWidth, clientHeight / naturalHeight);
		return { width: naturalWidth * scale, height: naturalHeight * scale };
	}

	// Zooms so that the point of the window stays where it is; without one, the middle does.
	#to(zoom, x, y) {
		const most = Math.max(this.#whole() * MOST, 2);
		const next = Math.min(Math.max(zoom, 1), most);
		const { left, top, width, height } = this.#stage.getBoundingClientRect();
		const dx = x === undefined ? 0 : x - left - width / 2, dy = y === undefined ? 0 : y - top - height / 2;
		this.#x = dx - (dx - this.#x) * next / this.#zoom;
		this.#y = dy - (dy - this.#y) * next / this.#zoom;
		this.#zoom = next;
		this.#apply();
		if (next > 1) this.#zoomed();
	}

	#apply() {
		if (this.#zoom === 1) this.#x = this.#y = 0;
		const { width, height } = this.#drawn();
		const room = this.#stage.getBoundingClientRect();
		const reach = (drawn, stage) => Math.max(0, (drawn * this.#zoom - stage) / 2);
		const [farX, farY] = [reach(width, room.width), reach(height, room.height)];
		this.#x = Math.min(Math.max(this.#x, -farX), farX);
		this.#y = Math.min(Math.max(this.#y, -farY), farY);
		this.#image.style.transform = this.#zoom === 1 ? '' : `translate(${this.#x}px, ${this.#y}px) scale(${this.#zoom})`;
		this.#stage.classList.toggle('zoomed', this.isZoomed);
	}

	#wheel(event) {
		if (this.#image.hidden) return;
		event.preventDefault();
		if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
			this.#x -= event.deltaX || event.deltaY;
			this.#apply();
		} else {
			const pixels = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
			this.#to(this.#zoom * Math.exp(-pixels * WHEEL * (event.ctrlKey ? 4 : 1)), event.clientX, event.clientY);
		}
	}

	#down(event) {
		if (event.button !== 0 || this.#image.hidden) return;
		this.#moved = false;
		this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
		if (this.isZoomed || this.#pointers.size > 1) this.#stage.setPointerCapture(event.pointerId);
	}

	#move(event) {
		const before = this.#pointers.get(event.pointerId);
		if (!before) return;
		const now = { x: event.clientX, y: event.clientY };
		const others = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
		if (others.length === 1) {
			const apart = (a, b) => Math.hypot(a.x - b.x, a.y - b.y) || 1;
			this.#to(this.#zoom * apart(now, others[0]) / apart(before, others[0]), (now.x + others[0].x) / 2, (now.y + others[0].y) / 2);
		} else if (this.isZoomed) {
			if (!this.#moved && Math.hypot(now.x - before.x, now.y - before.y) < NUDGE) return;
			this.#moved = true;
			this.#x += now.x - before.x;
			this.#y += now.y - before.y;
			this.#apply();
		}
		this.#pointers.set(event.pointerId, now);
	}
}
