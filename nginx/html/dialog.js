// Questions in a dialog, which Escape closes: a form that stays open, with what it holds, until the answer is saved.

import { element } from './dom.js';
import { saying } from './words.js';

let count = 0;

/**
 * Resolves to what `act` returned; undefined when the person closed the dialog instead.
 * @param {{ title: string, body: (Node | string | null | false)[], act?: (form: HTMLFormElement) => unknown,
 *   confirm?: string, danger?: boolean, cancel?: string, ready?: (form: HTMLFormElement) => void }} question
 *   act: what Confirm does; when it throws, that is said in the dialog. Without it there is only a button to close.
 */
export function ask({ title, body, act, confirm = 'Save', danger = false, cancel = act ? 'Cancel' : 'Close', ready }) {
	const id = `question${count++}`;
	const problem = element('p', { class: 'wrong', role: 'alert', hidden: true });
	const yes = act && element('button', { type: 'submit', class: danger ? 'primary danger' : 'primary' }, confirm);
	const no = element('button', { type: 'button', autofocus: !act }, cancel);
	const form = element('form', {}, element('h2', { id }, title), ...body, problem,
		element('div', { class: 'choices' }, no, yes));
	const dialog = element('dialog', { class: 'question', 'aria-labelledby': id }, form);
	let result;
	const fail = error => {
		problem.textContent = saying(error);
		problem.hidden = false;
		problem.scrollIntoView({ block: 'nearest' });
	};
	form.addEventListener('submit', async event => {
		event.preventDefault();
		if (!act || !yes || yes.disabled) return;
		yes.disabled = true;
		problem.hidden = true;
		try {
			result = await act(form);
			dialog.close();
		} catch (error) {
			fail(error);
		} finally {
			yes.disabled = false;
		}
	});
	no.addEventListener('click', () => dialog.close());
	document.body.append(dialog);
	ready?.(form);
	dialog.showModal();
	if (document.activeElement instanceof HTMLInputElement) document.activeElement.select(); // to be replaced by typing
	return new Promise(resolve => dialog.addEventListener('close', () => {
		dialog.remove();
		resolve(result);
	}));
}
