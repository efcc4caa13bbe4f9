import { inspect, type InspectOptions } from 'node:util';

import { invalidType } from '../internal/arguments.js';
import { nameOf } from '../internal/names.js';
import { knownOptions } from '../internal/options.js';
import { shown } from '../internal/shown.js';
import { describeWaitable, type Waitable } from '../internal/waiting.js';

export interface NameOptions {
  /** Shown beside its number in errors, dumps and reports of deadlocks. */
  name?: string;
}

const KNOWN = new Set(['name']);

let lastId = 0;

/** The base of locks, channels and the like: a number, and perhaps a name, by which reports tell them apart. */
export abstract class SharedObject implements Waitable {
  /** @internal */
  readonly id = ++lastId;
  /** The name given to the constructor. */
  readonly name: string | undefined;

  /** @throws TypeError (`ERR_UNKNOWN_OPTION`, `ERR_INVALID_ARG_TYPE`) */
  constructor(options?: NameOptions) {
    this.name = options && nameIn(new.target.name, options);
  }

  /** @internal */
  get label(): string {
    return `${this.constructor.name} ${nameOf(this)}`;
  }

  /** The properties that `console.log` shows besides the label and the holders. @internal */
  about(): object {
    return {};
  }

  /** @internal */
  [inspect.custom](depth: number, options: InspectOptions): string {
    return shown(describeWaitable(this), this.about(), depth, options);
  }
}

function nameIn(operation: string, options: NameOptions): string | undefined {
  knownOptions(operation, options, KNOWN);
  const { name } = options;
  if (name !== undefined && typeof name !== 'string') throw invalidType('options.name', 'of type string', name);
  return name;
}
