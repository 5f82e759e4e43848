// Finding a label by typing a part of its name.

import { $, plural } from './dom.js';

export class Finder {
	#before = null; // what had the focus
	#choose;
	#tell;

	// choose(button): whether it was taken. tell(text): for those who do not see the list.
	constructor({ choose, tell }) {
		this.#choose = choose;
		this.#tell = tell;
		$('filter').addEventListener('focus', event => { this.#before = event.relatedTarget; });
		$('filter').addEventListener('input', () => this.refresh());
	}

	// Also for a letter that is just being typed, which then stands in it.
	open() {
		$('filter').focus();
	}

	// Shows all labels again; the focus goes where it was.
	leave() {
		if ($('filter').value) {
			$('filter').value = '';
			this.refresh();
		}
		if (document.activeElement !== $('filter')) return;
		if (this.#before?.isConnected) this.#before.focus({ preventScroll: true });
		else $('filter').blur();
	}

	// Shows the labels that have the text in their name, and marks the one that Enter gives, which is returned.
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

	// A key that was pressed while typing.
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

// However it is written: in capitals, with accents or without, composed or not.
const plain = text => text.normalize('NFKD').replace(/\p{Mn}/gu, '').toLowerCase();
