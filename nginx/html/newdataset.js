// Making a dataset: its name, its labels, and who may work on it.

import { change, listed } from './api.js';
import { ask } from './dialog.js';
import { element, several } from './dom.js';
import { field, names, select } from './form.js';
import { me, roles } from './session.js';

/** Asks for a new dataset; resolves to its name, undefined if none was made. */
export async function askDataset() {
	const name = element('input', { name: 'name', required: true, maxlength: 128, autofocus: true, autocomplete: 'off', spellcheck: 'false' });
	const labels = element('textarea', { name: 'labels', rows: 4, placeholder: 'cat\ndog\nneither', spellcheck: 'false' });
	const people = await peopleToAdmit();
	let made = '';
	return ask({
		title: 'New dataset',
		confirm: 'Make it',
		body: [
			field('Name', name, 'Such as leaves-2026. It stands in addresses and exports, and stays.'),
			field('Labels', labels, 'One a line. More can be added at any time.'),
			people.note,
		],
		async act() {
			if (made !== name.value) {
				await change('POST', '/v1/datasets', { name: name.value, labels: names(labels.value) });
				made = name.value; // what follows may fail, and be tried again
			}
			await people.admit(made);
			return made;
		},
	});
}

// Those who have a role on everything see each new dataset; the others can be let in, one by one.
async function peopleToAdmit() {
	const [{ user }, users] = await Promise.all([me(), listed('/v1/users')]);
	const everywhere = users.filter(each => each.role !== 'none' && each.user !== user);
	const others = users.filter(each => each.role === 'none');
	const choices = others.map(each => ({
		user: each,
		control: select(`role-${each.user}`, [['', 'no'], ...roles.map(([role, text]) => /** @type {[string, string]} */ ([role, text]))]),
	}));
	return {
		note: element('fieldset', {}, element('legend', {}, 'Who may work on it'),
			element('p', { class: 'note' }, everywhere.length
				? `You, and ${several(everywhere.map(each => each.user), 6)}, who may work on everything.`
				: 'You. Invite others on the page People.'),
			...choices.map(({ user: each, control }) => element('div', { class: 'line' }, field(each.user, control)))),
		async admit(dataset) {
			for (const { user: each, control } of choices)
				if (control.value)
					await change('PATCH', `/v1/users/${encodeURIComponent(each.user)}`, { datasets: { ...each.datasets, [dataset]: control.value } });
		},
	};
}
