// What eslint checks of the pages' scripts, beside what tsc does (tsconfig.json).
import { createRequire } from 'node:module';

const installed = createRequire(new URL('../../build/node/', import.meta.url));
const js = installed('@eslint/js');

export default [
	js.configs.recommended,
	{
		languageOptions: { ecmaVersion: 2023, sourceType: 'module' },
		linterOptions: { reportUnusedDisableDirectives: 'error' },
		rules: {
			'no-undef': 'off', // tsc knows what a browser has
			'array-callback-return': 'error',
			'eqeqeq': ['error', 'always', { null: 'ignore' }],
			'no-console': 'error',
			'no-eval': 'error',
			'no-implicit-coercion': 'error',
			'no-promise-executor-return': 'off',
			'no-restricted-properties': ['error',
				...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'write'].map(property =>
					({ property, message: 'Text from the data is never HTML: see dom.js.' }))],
			'no-shadow': ['error', { builtinGlobals: false }],
			'no-var': 'error',
			'object-shorthand': 'error',
			'prefer-const': 'error',
			'prefer-template': 'error',
		},
	},
];
