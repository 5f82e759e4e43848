// Who is at work: how many images are being labelled now, and by whom.

import { datasetPath, get } from './api.js';
import { $, number, several } from './dom.js';

const ASKED_AGAIN = 10_000; // ms

/** “being labelled now, by ann and you”, you being who reads it. @type {(working: string[], user: string) => string} */
export function labelledNow(working, user) {
	const names = working.filter(each => each !== user);
	if (names.length < working.length) names.unshift('you');
	return `being labelled now${names.length ? `, by ${several(names)}` : ''}`;
}

/** Tells it of a dataset in #work, from now on. @type {(dataset: string, user: string) => void} */
export function tellWork(dataset, user) {
	const tell = async () => {
		if (document.hidden) return;
		try {
			const { counts, activity } = await get(`${datasetPath(dataset)}?activity=true`);
			$('work').textContent = counts.leased ? ` · ${number(counts.leased)} ${labelledNow(activity.working, user)}` : '';
		} catch { /* what is shown beside it tells that the server is away */ }
	};
	tell();
	setInterval(tell, ASKED_AGAIN);
}
