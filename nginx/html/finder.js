// Finds a label by a typed part of its name.

import { $, plural } from './dom.js';

export class Finder {
	/** @type {any} */
	#before = null; // the element that had the focus
	#choose;
	#tell;

	// choose(button): returns whether it was accepted. tell(text): for those who do not see the list.
	constructor({ choose, tell }) {
		this.#choose = choose;
		this.#tell = tell;
		$('filter').addEventListener('focus', event => { this.#before = event.relatedTarget; });
		$('filter').addEventListener('input', () => this.refresh());
	}

	// Also called for a letter being typed, which then appears in the field.
	open() {
		$('filter').focus();
	}

	// Shows all labels again; the focus returns to where it was.
	leave() {
		if ($('filter').value) {
			$('filter').value = '';
			this.refresh();
		}
		if (document.activeElement !== $('filter')) return;
		if (this.#before?.isConnected) this.#before.focus({ preventScroll: true });
		else $('filter').blur();
	}

	// Shows the labels whose names contain the text, and marks and returns the one that Enter gives.
	refresh() {
		const text = $('filter').value.trim();
		const sought = plain(text);
		const buttons = [...$('labels').children];
		for (const button of buttons) {
			button.hidden = !plain(button.dataset.label).includes(sought);
			button.classList.remove('best');
		}
		const hits = buttons.filter(button => !button.hidden);
		const best = sought ? bestOf(hits, sought) : null;
		best?.classList.add('best');
		best?.scrollIntoView({ block: 'nearest' });
		$('no-hit').hidden = hits.length > 0 || !sought;
		const none = $('no-hit').textContent = `No label has “${text}” in its name.`;
		if (sought) this.#tell(best ? `${plural(hits.length, 'label')}, Enter gives ${best.dataset.label}` : none);
		return best;
	}

	// Handles a key pressed while typing.
	key(event) {
		if (event.key === 'Enter') {
			const best = this.refresh();
			if (best) this.#choose(best);
		} else if (event.key === 'Escape') {
			this.leave();
		} else {
			return;
		}
		event.preventDefault();
	}
}

const bestOf = (hits, sought) =>
	hits.find(button => plain(button.dataset.label) === sought) ??
	hits.find(button => plain(button.dataset.label).startsWith(sought)) ?? hits[0] ?? null;

// The text without capitals and accents, composed or not.
const plain = text => text.normalize('NFKD').replace(/\p{Mn}/gu, '').toLowerCase();
