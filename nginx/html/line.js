// Downloads of images take turns, so that on a slow line the one that is looked at is not held up by those fetched ahead,
// and these come in the order in which they are needed.

let first = null;   // who need not wait
let running = 0;
const waiting = []; // { who, go }, the oldest first

// Does work, a function that returns a promise, when it is who's turn.
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

// Who is looked at from now on, waits for nobody; null for none.
export function putFirst(who) {
	first = who;
	const place = waiting.findIndex(each => each.who === who);
	if (place >= 0) start(...waiting.splice(place, 1));
}

function start({ go }) {
	running++;
	go();
}
