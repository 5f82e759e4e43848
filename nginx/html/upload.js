// The page that uploads images into a dataset.

import { ApiError, datasetPath, get, ours } from './api.js';
import { $, element, plural } from './dom.js';
import { doorTo, showHeader, showNotice } from './header.js';
import { reaches, roleOn } from './session.js';
import { uploader } from './uploader.js';

const name = new URLSearchParams(location.search).get('dataset') ?? '';

const say = (text, trouble = false) => {
	if ($('status').textContent !== text) {
		$('status').textContent = text;
		if (!text) get(datasetPath(name)).then(count, () => {}); // more of them are there now
	}
	$('status').classList.toggle('trouble', trouble);
};

const count = ({ size }) => { $('sum').textContent = `${plural(size, 'image')} so far`; };

async function show() {
	$('notice').hidden = true;
	say('Loading…');
	$('dataset').textContent = name;
	document.title = `${name} · Upload · Image labels`;
	try {
		if (!name) throw new ApiError(404, 'No dataset was chosen.');
		const [who, dataset] = await Promise.all([showHeader({ page: 'upload', dataset: name }), get(datasetPath(name))]);
		count(dataset);
		if (reaches(roleOn(who, name), 'contributor')) $('uploader').replaceChildren(uploader(dataset, say));
		else mayNot();
	} catch (error) {
		showNotice(error, show);
	}
	if ($('status').textContent === 'Loading…') say('');
}

function mayNot() {
	$('notice').replaceChildren(element('h2', {}, 'You may look, but not upload'),
		element('p', {}, `An admin can let you, on the page People: you need to be a contributor of ${name}.`),
		element('p', { class: 'choices' }, element('a', { href: doorTo('stats', name) }, 'Stats'), element('a', { href: ours('/ui/') }, 'All datasets')));
	$('notice').hidden = false;
}

show();
