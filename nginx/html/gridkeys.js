// The keys of the grid: where they go, and what they do.

import { $ } from './dom.js';
import { pressed, searchesByTyping, writes } from './keys.js';

const LOOKING = [' ', '?', '+', '-', 'Enter', 'Escape']; // what also those may who may not label

/**
 * @param {{ columns: () => number, rows: () => number, move: (by: number, extending: boolean) => void,
 *   give: (label: string) => unknown, pick: () => void, all: () => void, undo: () => void,
 *   commands: Record<string, () => unknown>, may: () => boolean, labels: () => number, large: import('./bigview.js').BigView,
 *   finder: import('./finder.js').Finder }} on rows: in the window; commands: by key
 */
export function listenToKeys(on) {
	const page = () => Math.max(1, on.rows() - 1) * on.columns();
	const moves = {
		ArrowLeft: () => -1, ArrowRight: () => 1, ArrowUp: () => -on.columns(), ArrowDown: () => on.columns(),
		PageUp: () => -page(), PageDown: page, Home: () => -Infinity, End: () => Infinity,
	};

	const withControl = ({ key, shiftKey, altKey }) => {
		if (key === ' ') return on.pick;
		if (key.toLowerCase() === 'a') return on.all;
		return key.toLowerCase() === 'z' && !shiftKey && !altKey ? on.undo : null;
	};

	const commandOf = event => {
		const { key, target } = event;
		if (event.ctrlKey || event.metaKey) return on.may() ? withControl(event) : null;
		if (event.altKey || target.matches('button, a, summary') && [' ', 'Enter'].includes(key)) return null;
		if (Object.hasOwn(moves, key)) return () => on.move(moves[key](), event.shiftKey && on.may());
		const labelKey = pressed(event);
		const button = labelKey && key !== 'F' && $('labels').querySelector(`[data-key="${labelKey}"]`);
		if (button) return on.may() ? () => on.give(button.dataset.label) : null;
		return Object.hasOwn(on.commands, key) && (on.may() || LOOKING.includes(key)) ? on.commands[key] : null;
	};

	const act = (event, command) => {
		event.preventDefault();
		if (!event.repeat || Object.hasOwn(moves, event.key)) command();
	};

	addEventListener('keydown', event => {
		const target = /** @type {HTMLElement} */ (event.target);
		if (event.isComposing || document.querySelector('dialog[open]:not(#large)')) return;
		if (target === $('filter')) {
			if (!event.ctrlKey && !event.metaKey && !event.altKey) on.finder.key(event);
			return;
		}
		if (target.matches('input, select, textarea') || target.closest('.menu')) return;
		if (on.large.open && on.large.key(event)) {
			event.preventDefault();
			return;
		}
		const command = on.large.open && [' ', 'Enter', 'Escape'].includes(event.key) ? null : commandOf(event);
		if (command) act(event, command);
		else if (!on.large.open && searchesByTyping(on.labels()) && !event.ctrlKey && !event.metaKey && !event.altKey && writes(event)) on.finder.open();
	});
}
