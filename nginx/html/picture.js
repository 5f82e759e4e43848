// One image, fetched and decoded before it is needed.

import { address, passing, pause } from './api.js';

export class Picture {
	state = 'loading'; // then 'ready' or 'failed'
	problem = '';      // why it failed, for people
	done;              // resolves once it is one or the other, or forgotten
	#image;            // kept, so that the browser keeps what it decoded
	#wanted = true;

	constructor(path) {
		this.url = address(path);
		this.done = this.#load();
	}

	// Stops trying.
	forget() {
		this.#wanted = false;
	}

	async #load() {
		for (let attempt = 0; this.#wanted; attempt++) {
			if (await this.#fetch()) {
				this.state = 'ready';
				return;
			}
			const status = await this.#statusOf();
			if (!passing(status)) {
				this.problem = explain(status);
				this.state = 'failed';
				return;
			}
			await pause(attempt);
		}
	}

	async #fetch() {
		const image = new Image();
		const arrived = new Promise(resolve => {
			image.onload = () => resolve(true);
			image.onerror = () => resolve(false);
		});
		image.src = this.url;
		if (!await arrived) return false;
		if (!document.hidden) await image.decode().catch(() => {}); // a hidden page would wait until it is shown
		this.#image = image;
		return true;
	}

	// An img does not tell why it failed, so this asks again, without the body.
	async #statusOf() {
		if (new URL(this.url).origin !== location.origin) return 200; // not ours to ask
		try {
			return (await fetch(this.url, { method: 'HEAD', cache: 'no-store' })).status;
		} catch {
			return 0;
		}
	}
}

function explain(status) {
	if (status === 401) return 'You are signed out: reload the page to sign in.';
	if (status === 404) return 'Its file is not where it should be.';
	return 'It is not an image that this browser can show.';
}
