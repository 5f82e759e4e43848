// The page that only shows: a dataset's images one after the other, with their labels, for users who may not label.

import { call, datasetPath } from './api.js';
import { $, announce, number } from './dom.js';
import { showHeader } from './header.js';
import { putFirst } from './line.js';
import { Picture } from './picture.js';
import { Shelf } from './shelf.js';

const AHEAD = 2;

const dataset = new URLSearchParams(location.search).get('dataset') ?? '';
const shelf = new Shelf(dataset);
const pictures = new Map(); // index → Picture, for the visible image and its neighbours
let at = 0;
let size = 0;

async function show(index) {
	at = index;
	try {
		const sample = await shelf.at(index);
		if (at !== index) return;
		if (sample) await showSample(sample);
		else notice('No images', `There is none in ${dataset} so far.`);
	} catch (error) {
		notice(error.status === 404 ? 'No such dataset' : 'This cannot be shown', error.message);
	}
}

async function showSample(sample) {
	const index = at;
	const picture = take(index, sample);
	putFirst(picture);
	$('back').disabled = index === 0;
	$('next').disabled = index + 1 >= size;
	$('count').textContent = `${number(index + 1)} of ${number(size)}`;
	$('caption').textContent = sample.filepath;
	$('label').textContent = sample.label || 'none yet';
	if (picture.state === 'loading') notice('Loading…', '', false);
	await picture.done;
	if (at !== index) return;
	if (picture.state === 'ready') showPicture(picture, sample);
	else notice('This image cannot be shown', picture.problem, false);
	fetchAhead(index);
}

function showPicture(picture, { filepath, label }) {
	$('image').src = picture.url;
	$('image').alt = `Image ${filepath}`;
	$('image').hidden = false;
	$('notice').hidden = true;
	announce(`Image ${filepath}, label: ${label || 'none yet'}`);
}

function notice(title, text, help = true) {
	$('notice-title').textContent = title;
	$('notice-text').textContent = text;
	$('again').hidden = $('leave').hidden = !help;
	$('notice').hidden = false;
	$('image').hidden = true;
	announce([title, text].filter(Boolean).join(' '));
}

function take(index, sample) {
	if (!pictures.has(index)) pictures.set(index, new Picture(sample));
	return pictures.get(index);
}

async function fetchAhead(index) {
	for (const [key, picture] of pictures) {
		if (Math.abs(key - index) <= AHEAD) continue;
		picture.forget();
		pictures.delete(key);
	}
	for (let next = index + 1; next <= index + AHEAD && next < size; next++) {
		const sample = await shelf.at(next);
		if (sample && at === index) take(next, sample);
	}
}

const step = by => at + by >= 0 && at + by < size && show(at + by);
const commands = { ArrowLeft: -1, Backspace: -1, ArrowRight: 1, ' ': 1 };

addEventListener('keydown', event => {
	if (event.ctrlKey || event.metaKey || event.altKey) return;
	if (event.key === ' ' && event.target instanceof Element && event.target.matches('button, a')) return; // it presses the focused one
	if (!Object.hasOwn(commands, event.key)) return;
	event.preventDefault();
	step(commands[event.key]);
});
$('back').addEventListener('click', () => step(-1));
$('next').addEventListener('click', () => step(1));
$('again').addEventListener('click', () => location.reload());

async function begin() {
	if (!dataset) return notice('No dataset chosen', 'Choose one from the list of datasets.');
	$('dataset').textContent = dataset;
	document.title = `${dataset} · Look at images`;
	try {
		const [, info] = await Promise.all([showHeader({ page: 'look', dataset }), call('GET', datasetPath(dataset))]);
		({ size } = info);
	} catch (error) {
		return notice(error.status === 404 ? 'No such dataset' : 'This cannot be shown', error.message);
	}
	return show(0);
}

begin();
