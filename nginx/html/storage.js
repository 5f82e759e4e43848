// What this browser keeps across page loads and crashes, and how its windows take turns.

const memory = new Map(); // used where the browser keeps nothing for us

export const storage = {
	lasting: true, // whether everything that was set outlives the page

	set(key, value) {
		try {
			localStorage.setItem(key, value);
			memory.delete(key);
		} catch {
			memory.set(key, value);
			this.lasting = false;
		}
	},

	get(key) {
		try {
			return memory.get(key) ?? localStorage.getItem(key);
		} catch {
			return memory.get(key) ?? null;
		}
	},

	remove(key) {
		memory.delete(key);
		try {
			localStorage.removeItem(key);
		} catch { /* it was only in memory */ }
	},

	// The keys with this prefix, in order.
	keys(prefix) {
		let kept = [];
		try {
			kept = Object.keys(localStorage);
		} catch { /* as above */ }
		return [...kept, ...memory.keys()].filter(key => key.startsWith(prefix)).sort();
	},
};

export const randomId = () =>
	Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('');

// Locks need a secure context; without them a window works as if it were alone. Runs work while no other window of
// this browser runs work of this name.
export const alone = (name, work) => navigator.locks ? navigator.locks.request(name, work) : work();

// This window's own name, and which windows are alive: each holds a lock of its name until it ends, however it ends.
export const thisWindow = randomId();
const nameLock = name => `window|${name}`;
const named = new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
	alone(nameLock(thisWindow), () => {
		resolve();
		return new Promise(() => {});
	});
});

/** Resolves once that window has ended. */
export const onceGone = name => alone(nameLock(name), () => {});

export async function livingWindows() {
	await named;
	if (!navigator.locks) return name => name === thisWindow;
	const held = new Set(((await navigator.locks.query()).held ?? []).map(lock => lock.name));
	return name => held.has(nameLock(name));
}
