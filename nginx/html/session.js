// Who is signed in, and what that person may do.

import { call } from './api.js';

/** @typedef {import('v1').components['schemas']['Me']} Me */
/** @typedef {import('v1').components['schemas']['Role']} Role */

const ROLES = ['none', 'viewer', 'annotator', 'contributor', 'admin'];

/** What each role may do, for people; each may do what those before it may. */
export const roles = /** @type {const} */ ([
	['viewer', 'Viewer', 'looks at images and labels'],
	['annotator', 'Annotator', 'also labels'],
	['contributor', 'Contributor', 'also uploads and removes images, and changes labels'],
	['admin', 'Admin', 'also makes, changes and removes datasets'],
]);
export const roleText = role => roles.find(([name]) => name === role)?.[1] ?? 'No role';

let asked;

/** @type {() => Promise<Me>} */
export const me = () => asked ??= call('GET', '/v1/me').catch(error => {
	asked = undefined;
	throw error;
});

/** The role on a dataset; without one, on everything. @type {(who: Me, dataset?: string) => Role} */
export const roleOn = ({ role, datasets }, dataset) =>
	role === 'admin' || dataset === undefined || !Object.hasOwn(datasets, dataset) ? role : datasets[dataset];

/** @type {(role: string, least: string) => boolean} */
export const reaches = (role, least) => ROLES.indexOf(role) >= ROLES.indexOf(least);
