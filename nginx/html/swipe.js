// Swipes of one finger to the left or right, as an answer.

const FAR = 56; // px from which it counts

/**
 * @param {HTMLElement} stage
 * @param {HTMLElement} image moves along
 * @param {{ may: () => boolean, swiped: (side: -1 | 1) => void }} events
 */
export function onSwipe(stage, image, { may, swiped }) {
	let from = null, fingers = 0;
	const end = () => {
		from = null;
		image.style.translate = '';
	};
	stage.addEventListener('pointerdown', event => {
		if (event.pointerType !== 'touch') return;
		fingers++;
		from = fingers === 1 && may() ? { id: event.pointerId, x: event.clientX, y: event.clientY } : null;
		image.style.translate = '';
	});
	stage.addEventListener('pointermove', event => {
		if (from?.id === event.pointerId) image.style.translate = `${event.clientX - from.x}px`;
	});
	stage.addEventListener('pointerup', event => {
		if (event.pointerType === 'touch') fingers = Math.max(0, fingers - 1);
		if (from?.id !== event.pointerId) return;
		const right = event.clientX - from.x, down = event.clientY - from.y;
		end();
		if (Math.abs(right) >= FAR && Math.abs(right) > 2 * Math.abs(down)) swiped(right < 0 ? -1 : 1);
	});
	stage.addEventListener('pointercancel', event => {
		if (event.pointerType === 'touch') fingers = Math.max(0, fingers - 1);
		end();
	});
}
