/// <reference types="node" preserve="true" />
/**
 * The rules of `stackful analyze` as a plugin for ESLint. It needs typed linting, by typescript-eslint.
 *
 * @module stackful/eslint
 */

import { eslintRules, type EslintRule } from './analyze/eslint_rules.js';

export type { EslintRule } from './analyze/eslint_rules.js';

/** A plugin of ESLint. */
export interface EslintPlugin {
  /** Its name in reports. */
  readonly meta: { readonly name: string };
  /** The rules, by their names. */
  readonly rules: Readonly<Record<string, EslintRule>>;
  /** `recommended`: all rules that find mistakes, as a part of a flat configuration. */
  readonly configs: {
    readonly recommended: { readonly plugins: Record<string, EslintPlugin>; readonly rules: Record<string, 'error' | 'warn'> };
  };
}

const rules = eslintRules();

/** The plugin: `{ plugins: { stackful }, rules: { 'stackful/wrong-stack': 'error' } }`, or `stackful.configs.recommended`. */
const plugin: EslintPlugin = {
  meta: { name: 'stackful' },
  rules,
  configs: {
    get recommended() {
      const found = Object.keys(rules).filter((name) => name !== 'lock-outside');
      const sure = new Set(['wrong-stack', 'atomic-parks', 'lock-recursive']);
      return {
        plugins: { stackful: plugin },
        rules: Object.fromEntries(found.map((name): [string, 'error' | 'warn'] => [`stackful/${name}`, sure.has(name) ? 'error' : 'warn'])),
      };
    },
  },
};

export default plugin;
