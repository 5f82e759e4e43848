// What went wrong, for people: what happened, and what they can do.

/**
 * @param {any} error an ApiError, or a fault of ours
 * @returns {{ title: string, text: string, again: '' | 'reload' | 'retry' }} again: what may help
 */
export function explain(error) {
	const text = sentence(error.message ?? String(error));
	switch (error.status) {
	case undefined: return { title: 'This page has a fault', text: `${text} Reload the page.`, again: 'reload' };
	case 0: return {
		title: 'No connection',
		text: 'The server cannot be reached. Is it running, and are you online? Nothing that was saved is lost.',
		again: 'retry',
	};
	case 401: return { title: 'You are signed out', text: 'Reload the page to sign in again.', again: 'reload' };
	case 403: return { title: 'You may not do this', text: `${text} An admin can let you, on the page People.`, again: '' };
	case 404: return { title: 'It is not there', text: `${text} It was removed, or you may not see it.`, again: 'reload' };
	case 409: return { title: 'That is in conflict with how it is now', text, again: 'retry' };
	case 412: return { title: 'It was changed meanwhile', text: 'Reload the page to see how it is now.', again: 'reload' };
	case 429: return {
		title: 'Too many requests',
		text: `The server asks for a pause${error.retryAfter ? ` of ${error.retryAfter} s` : ''}. Then try again.`,
		again: 'retry',
	};
	case 507: return { title: 'The server’s disk is full', text: `${text} Whoever runs the server has to make room.`, again: 'retry' };
	default: return error.passing
		? { title: 'The server cannot do this right now', text: `${text} What was saved is safe. Try again in a moment.`, again: 'retry' }
		: { title: 'The server refused this', text, again: '' };
	}
}

/** The same in one text. */
export const saying = error => {
	const { title, text } = explain(error);
	return error.status >= 400 && error.status < 500 && ![401, 412, 429].includes(error.status) ? text : `${title}. ${text}`;
};

const sentence = text => /[.!?”"]$/.test(text) ? text : `${text}.`;
