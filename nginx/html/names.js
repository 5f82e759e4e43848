// Whether the files' names are shown: they may tell the answer, so a person can hide them, in this browser.

import { basePath } from './api.js';
import { storage } from './storage.js';

const KEY = `${basePath}hide-names`;

export const namesHidden = () => storage.get(KEY) === 'yes';
export const hideNames = (/** @type {boolean} */ hidden) => hidden ? storage.set(KEY, 'yes') : storage.remove(KEY);

/** What an image is called. @type {(filepath: string) => string} */
export const nameOf = filepath => namesHidden() ? 'without its name' : filepath;
