import compressible from 'compressible';
import Negotiator from 'negotiator';

import { integerIn, invalidType, invalidValue, numberIn } from '../internal/arguments.js';
import { ENCODINGS, type Encoding, type Levels } from './encoders.js';
import { refuseUnknown } from './known.js';

/** Which bodies are compressed, and how. */
export interface CompressOptions {
  /** The encodings that may be used, the preferred first; those that this Node lacks are left out. Default `['br', 'zstd', 'gzip']`. */
  encodings?: readonly Encoding[];
  /** How well: gzip 1 to 9, br 0 to 11, zstd 1 to 19. The default depends on how often the result is used. */
  levels?: Partial<Levels>;
  /** Bodies of fewer bytes are sent as they are. Default 1024. */
  minBytes?: number;
}

const DEFAULT_ENCODINGS: readonly Encoding[] = ['br', 'zstd', 'gzip'];
const MIN_BYTES = 1024;
const LEVELS: Record<Encoding, readonly [least: number, most: number]> = { gzip: [1, 9], br: [0, 11], zstd: [1, 19] };
export const COMPRESS_OPTIONS = ['encodings', 'levels', 'minBytes'] as const satisfies (keyof CompressOptions)[];
/** Clients send few different headers; one that makes them up must not fill the memory. */
const MOST_KNOWN = 200;

/** Chooses the encoding that client and server like best. */
export class Negotiation {
  readonly minBytes: number;
  readonly levels: Levels;
  private readonly encodings: Encoding[];
  private readonly known = new Map<string, Encoding | undefined>();

  constructor(options: CompressOptions, levels: Levels) {
    if (typeof options !== 'object' || (options as unknown) === null) throw invalidType('options', 'an object', options);
    const { encodings = DEFAULT_ENCODINGS, minBytes = MIN_BYTES } = options;
    if (!(encodings instanceof Array)) throw invalidType('options.encodings', 'a list', encodings);
    for (const encoding of encodings) {
      if (DEFAULT_ENCODINGS.includes(encoding)) continue;
      throw invalidValue('options.encodings', `made of ${DEFAULT_ENCODINGS.join(', ')}`, encodings);
    }
    this.encodings = encodings.filter((encoding) => ENCODINGS.includes(encoding));
    this.minBytes = numberIn('options.minBytes', minBytes, 0, Infinity);
    refuseUnknown('options.levels', options.levels ?? {}, DEFAULT_ENCODINGS);
    this.levels = { ...levels, ...options.levels };
    for (const encoding of DEFAULT_ENCODINGS) integerIn(`options.levels.${encoding}`, this.levels[encoding], ...LEVELS[encoding]);
  }

  /** For the value of an `Accept-Encoding`; undefined: the body as it is. */
  chosen(accepted: string | undefined): Encoding | undefined {
    if (accepted === undefined || accepted === '') return undefined;
    if (this.known.has(accepted)) return this.known.get(accepted);
    if (this.known.size >= MOST_KNOWN) this.known.clear();
    const negotiator = new Negotiator({ headers: { 'accept-encoding': accepted } });
    const offered = [...this.encodings, 'identity'];
    // The types of the package lack the second argument.
    const encodings = negotiator.encodings.bind(negotiator) as (offered: string[], options: { preferred: string[] }) => string[];
    const [best] = encodings(offered, { preferred: offered });
    const encoding = best === 'identity' ? undefined : (best as Encoding | undefined);
    this.known.set(accepted, encoding);
    return encoding;
  }
}

/** Whether a body of this Content-Type becomes smaller. */
export function isCompressible(type: string | undefined): boolean {
  return type !== undefined && compressible(type) === true;
}
