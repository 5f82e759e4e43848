// Image downloads take turns, so that on a slow line the image that is looked at does not wait for those fetched
// ahead, and these come in the order in which they are needed.

let first = null;   // the one that need not wait
let running = 0;
const waiting = []; // { who, go }, the oldest first

// Does work, a function that returns a promise, when it is the turn of `who`.
export async function inTurn(who, work) {
	await new Promise(go => {
		if (!running || who === first) start({ go });
		else waiting.push({ who, go });
	});
	try {
		return await work();
	} finally {
		running--;
		if (!running && waiting.length) start(waiting.shift());
	}
}

// From now on `who`, the image that is looked at, waits for no other; null for none.
export function putFirst(who) {
	first = who;
	const place = waiting.findIndex(each => each.who === who);
	if (place >= 0) start(...waiting.splice(place, 1));
}

function start({ go }) {
	running++;
	go();
}
