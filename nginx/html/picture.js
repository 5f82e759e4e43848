// One image, fetched and decoded before it is needed.

import { address, passing, pause } from './api.js';
import { inTurn } from './line.js';

const NO_IMAGE = 'It is not an image that this browser can show.';
const TRIES_ELSEWHERE = 2; // to fetch an image from another origin again
const LARGE = 600_000; // bytes, from which a version of the size of the screen comes first
const SIDES = [1000, 2048]; // of the versions that the server makes
const INSTEAD_SIDE = 2048; // side, in pixels, of the server's version of an image that this browser does not show

// Whether the images of this page are large, as far as is known: of one in a folder, its bytes are not known before.
let areLarge = false;

export class Picture {
	state = 'loading'; // then 'ready' or 'failed'
	problem = '';      // why it failed, for people
	done;              // resolves once it is ready, failed or forgotten
	/** @type {any} */
	#image = null;     // kept, so that the browser keeps the decoded image
	#wanted = true;
	#instead;          // the address of a large thumbnail, until that was tried
	#sample;
	#original;
	isRendition = false; // of the size of the screen, where the image itself is larger

	constructor(sample) {
		this.url = this.#original = address(sample.image_url);
		this.#sample = sample;
		const instead = inSize(address(sample.thumb_url), INSTEAD_SIDE);
		this.#instead = instead === this.url ? '' : instead;
		this.done = this.#load();
	}

	// Stops trying, even in the middle of a download.
	forget() {
		this.#wanted = false;
		if (this.state === 'loading' && this.#image) this.#image.src = '';
	}

	// The image itself; afterwards `url` is its address.
	async full() {
		const whole = new Image();
		if (!this.isRendition || !await arrives(whole, this.#original)) return;
		await whole.decode().catch(() => {});
		this.#image = whole;
		this.url = this.#original;
		this.isRendition = false;
	}

	// A large image comes in the size of the screen first.
	#choose() {
		const { bytes, width, height, type, thumb_url: thumb } = this.#sample;
		const side = sideForScreen();
		const large = bytes ? bytes > LARGE && Math.max(width ?? 0, height ?? 0) > (side ?? Infinity) : areLarge;
		if (!side || !large || type === 'image/gif' || this.url !== this.#original) return;
		this.url = inSize(address(thumb), side);
		this.isRendition = true;
	}

	// Where there is no such version, the image itself is shown.
	#withoutRendition() {
		this.url = this.#original;
		this.isRendition = false;
	}

	async #load() {
		for (let attempt = 0; this.#wanted; attempt++) {
			if (await inTurn(this, () => this.#settle(attempt))) return;
			await pause(attempt); // outside of its turn, so that others can load meanwhile
		}
	}

	// Tries once; returns whether there is nothing more to try.
	async #settle(attempt) {
		if (!this.#wanted) return true;
		if (!attempt) this.#choose();
		if (await this.#fetch()) {
			this.state = 'ready';
			return true;
		}
		if (!this.#wanted) return true;
		if (this.isRendition) {
			this.#withoutRendition();
			return false;
		}
		this.problem = await this.#reason(attempt);
		if (this.problem === NO_IMAGE && this.#instead) {
			this.#takeInstead();
			return this.#settle(0);
		}
		if (this.problem) this.state = 'failed';
		return this.state === 'failed';
	}

	#takeInstead() {
		this.url = this.#instead;
		this.#instead = '';
	}

	async #fetch() {
		this.#image = new Image();
		if (!await arrives(this.#image, this.url)) return false;
		if (!this.isRendition) learn(this.#image, this.url);
		if (!document.hidden) await this.#image.decode().catch(() => {}); // on a hidden page this would wait until it is shown
		return true;
	}

	// Why it did not load, '' while it still may. An img does not say, so this requests its bytes, even if the answer
	// may be another one by now.
	async #reason(attempt) {
		if (new URL(this.url).origin !== location.origin) return attempt < TRIES_ELSEWHERE ? '' : NO_IMAGE; // we may not ask there
		let bytes = '';
		try {
			const response = await fetch(this.url, { cache: 'reload' });
			if (!response.ok) return passing(response.status) ? '' : explain(response.status);
			bytes = URL.createObjectURL(await response.blob());
			return await arrives(new Image(), bytes) ? '' : NO_IMAGE;
		} catch {
			return ''; // no connection
		} finally {
			URL.revokeObjectURL(bytes);
		}
	}
}

// The size of a version that has as many pixels as the screen; undefined where the screen has more than any.
const sideForScreen = () => SIDES.find(each => each >= Math.max(innerWidth, innerHeight) * devicePixelRatio);

function learn({ naturalWidth, naturalHeight }, url) {
	const [entry] = performance.getEntriesByName(url).slice(-1);
	if (entry instanceof PerformanceResourceTiming)
		areLarge = entry.encodedBodySize > LARGE && Math.max(naturalWidth, naturalHeight) > (sideForScreen() ?? Infinity);
}

function arrives(image, url) {
	return new Promise(resolve => {
		image.onload = () => resolve(true);
		image.onerror = () => resolve(false);
		image.src = url;
	});
}

function inSize(at, side) {
	const url = new URL(at);
	url.searchParams.set('size', side);
	return url.href;
}

function explain(status) {
	if (status === 401) return 'You are signed out: reload the page to sign in.';
	if (status === 404) return 'Its file is not where it should be.';
	return NO_IMAGE;
}
