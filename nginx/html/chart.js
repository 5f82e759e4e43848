// Charts by Chart.js (chart.min.js is Debian's libjs-chart.js), each with the same figures as a table: who does not
// see the chart has the table, as has everybody where the library is not installed.

import { ours } from './api.js';
import { element, number } from './dom.js';

let library;

// It is no module: it sets a global.
const load = () => library ??= new Promise((resolve, reject) => {
	const script = element('script', { src: ours('/ui/chart.min.js') });
	script.addEventListener('load', () => resolve(/** @type {any} */ (window).Chart));
	script.addEventListener('error', () => reject(new Error('Chart.js is not installed')));
	document.head.append(script);
});

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const calm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

/**
 * @param {{ title: string, says: string, kind?: 'bar' | 'line', across?: boolean, unit: string,
 *   rows: { name: string, value: number, colour?: string, href?: string }[], first: string }} figure
 *   says: what one sees in it, in a sentence; first: the head of the table's first column; href: where the data is
 */
export function chart({ title, says, kind = 'bar', across = false, unit, rows, first }) {
	const id = `chart-${title.toLowerCase().replace(/\W+/g, '-')}`;
	const canvas = element('canvas', { role: 'img', 'aria-label': `${title}: ${says}` });
	const frame = element('div', { class: 'canvas' }, canvas);
	if (across) frame.style.height = `${Math.max(8, 1.75 * rows.length + 3)}rem`;
	const details = element('details', {}, element('summary', {}, 'As a table'),
		element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `${title}, as a table` }, table(first, unit, rows)));
	const card = element('section', { class: 'card chart', 'aria-labelledby': id },
		element('h2', { id }, title), element('p', { class: 'note' }, says), frame, details);
	load().then(Chart => draw(Chart, canvas, kind, across, unit, rows), () => {
		frame.remove();
		details.open = true;
	});
	return card;
}

function table(first, unit, rows) {
	return element('table', {},
		element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, first), element('th', { scope: 'col', class: 'end' }, unit))),
		element('tbody', {}, ...rows.map(({ name, value, href }) => element('tr', {},
			element('th', { scope: 'row' }, href ? element('a', { href }, name) : name),
			element('td', { class: 'end' }, number(value))))));
}

function draw(Chart, canvas, kind, across, unit, rows) {
	const values = across ? 'x' : 'y', names = across ? 'y' : 'x';
	const shown = new Chart(canvas, {
		type: kind,
		data: { labels: rows.map(({ name }) => short(name)), datasets: [{ label: unit, data: rows.map(({ value }) => value), borderRadius: 4, maxBarThickness: 28, pointRadius: rows.length > 60 ? 0 : 3, tension: 0.2 }] },
		options: {
			indexAxis: names,
			maintainAspectRatio: false,
			animation: calm() ? false : { duration: 250 },
			plugins: { legend: { display: false }, tooltip: { callbacks: { title: ([item]) => rows[item.dataIndex].name, label: item => `${number(item.parsed[values])} ${unit}` } } },
			scales: {
				[values]: { beginAtZero: true, ticks: { precision: 0, maxTicksLimit: 6, callback: value => number(value) } },
				[names]: { grid: { display: false }, ticks: { autoSkip: !across, maxRotation: 0 } },
			},
		},
	});
	const paint = () => {
		const [set] = shown.data.datasets;
		set.backgroundColor = rows.map(row => row.colour ?? colour('--accent'));
		set.borderColor = colour('--accent');
		for (const scale of Object.values(shown.options.scales)) {
			scale.ticks.color = colour('--quiet');
			scale.ticks.font = { family: getComputedStyle(document.body).fontFamily, size: 12 };
			if (scale.grid.display !== false) scale.grid.color = colour('--line');
			scale.grid.borderColor = colour('--line');
		}
		shown.update();
	};
	for (const scale of Object.values(shown.options.scales)) scale.grid ??= {};
	paint();
	matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paint);
}

const short = name => name.length > 24 ? `${name.slice(0, 23)}…` : name;
