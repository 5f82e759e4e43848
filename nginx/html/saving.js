// The status line: what is being saved, what waits for the connection, and what could not be saved.

import { $, number, plural } from './dom.js';
import { storage } from './storage.js';

/** @typedef {import('./outbox.js').Outbox} Outbox */

/** Says in #status how it is with the outbox; #dismiss is there while something was lost. @type {(outbox: Outbox) => void} */
export function tellSaving(outbox) {
	const problem = problemOf(outbox);
	const lost = lostOf(outbox);
	const entries = outbox.list();
	const answers = entries.filter(entry => entry.kind !== 'skip').length;
	const kept = storage.lasting ? 'kept in this browser' : 'kept in this tab only: leave it open';
	let text = problem;
	if (problem && answers) text += `: ${plural(answers, nounOf(entries))} waiting, ${kept}`;
	else if (!problem && entries.length) text = answers ? `Saving ${number(answers)}…` : 'Saving…';
	$('status').textContent = [text, lost].filter(Boolean).join(' · ');
	$('status').classList.toggle('trouble', Boolean(problem || lost));
	$('dismiss').hidden = !lost;
}

const nounOf = entries => entries.every(({ kind }) => ['label', 'relabel', 'decide', 'skip'].includes(kind)) ? 'label' : 'change';

function problemOf({ problem }) {
	if (!navigator.onLine || problem?.status === 0) return 'Offline';
	if (problem?.status === 401) return 'Signed out, reload the page to sign in';
	return problem ? problem.message.replace(/\.$/, '') : '';
}

function lostOf(outbox) {
	const lost = [...outbox.lost.values()];
	if (!lost.length) return '';
	return `${plural(lost.length, nounOf(lost))} could not be saved: ${[...new Set(lost.map(({ why }) => why))].join('; ')}`;
}
