import { statSync, realpathSync } from '../internal/originals.js';
import { invalidType, numberIn } from '../internal/arguments.js';
import { systemError } from '../internal/system_errors.js';
import { NO_FIELDS, fieldsOf, type ResponseHeaders } from './fields.js';
import { refuseUnknown } from './known.js';
import { COMPRESS_OPTIONS, Negotiation, type CompressOptions } from './negotiated.js';

/** The options of {@link staticFiles}. */
export interface StaticOptions {
  /** The file that is served for its directory; `false` for none. Default `index.html`. */
  index?: string | false;
  /** The file, in the directory served, that is sent with a 404; `false` for a line of text. Default `404.html`. */
  notFound?: string | false;
  /** Whether names that begin with a dot are served. Default false, except `.well-known`. */
  dotfiles?: boolean;
  /**
   * Default `public, max-age=0`: caches revalidate at every request. `false` for no such header. A function gives the value for a path,
   * once for each time that the file is read: `(path) => path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'`.
   */
  cacheControl?: string | false | ((path: string) => string | false);
  /**
   * Whether files whose type becomes smaller, of up to 4 MiB, are compressed for clients that accept it: on the thread pool when they are
   * first requested, and then kept in memory with the small files. Default false.
   */
  compress?: boolean | CompressOptions;
  /** Whether a file `app.js.br`, `app.js.zst` or `app.js.gz` is sent for `app.js` to clients that accept it. Default false. */
  precompressed?: boolean;
  /** Whether a folder without an index is answered with the list of its files. Default false. */
  listing?: boolean;
  /**
   * For applications that have their routes in the page: the file that is sent, with status 200, for a path without a file that a browser
   * wants as a page, and that has no dot in its last part. `true`: `index.html`. Default false.
   */
  spa?: boolean | string;
  /** More headers for every response that has a file. */
  headers?: ResponseHeaders;
  /** The memory for small files. */
  cache?: {
    /** Memory for small files, in bytes; 0 keeps none. Default 64 MiB. */
    bytes?: number;
    /**
     * The size of the largest small file, in bytes. Default 128 KiB. The 64 last requested larger files stay open, for two
     * minutes at most.
     */
    fileBytes?: number;
    /**
     * How long a file from memory may be served without checking its times and size, in milliseconds. Default 0: a change
     * before a request's arrival is served. (Of requests that arrived together, the first checks for all. A change shows by
     * size, times and inode number; one made through a memory mapping when the kernel updates the times.)
     */
    revalidateMs?: number;
  };
}

const KIB = 1024;
const KNOWN = [
  'index', 'notFound', 'dotfiles', 'cacheControl', 'compress', 'precompressed', 'listing', 'spa', 'headers', 'cache',
] as const satisfies (keyof StaticOptions)[];
/** For bodies that are kept: smaller than those of `compress`, and dearer. */
const KEPT = { gzip: 6, br: 5, zstd: 6 } as const;

/** What {@link StaticOptions} say, checked. */
export interface StaticSettings {
  readonly root: string;
  readonly index: string | false;
  readonly notFound: string | false;
  readonly spa: string | false;
  readonly dotfiles: boolean;
  readonly listing: boolean;
  /** The lines of every response that has the file. */
  readonly linesFor: (path: string) => string;
  /** Undefined: nothing is sent compressed. */
  readonly negotiation: Negotiation | undefined;
  readonly compress: boolean;
  readonly precompressed: boolean;
  readonly cacheBytes: number;
  readonly fileBytes: number;
  readonly revalidateMs: number;
}

function flag(name: string, value: unknown): boolean {
  if (value !== undefined && typeof value !== 'boolean') throw invalidType(name, 'a boolean', value);
  return value ?? false;
}

function linesOf({ cacheControl = 'public, max-age=0', headers }: StaticOptions): (path: string) => string {
  const common = (headers ? fieldsOf(headers) : NO_FIELDS).lines;
  const line = (value: string | false) => (value === false ? '' : fieldsOf({ 'Cache-Control': value }).lines);
  if (typeof cacheControl === 'function') return (path) => line(cacheControl(path)) + common;
  const lines = line(cacheControl) + common;
  return () => lines;
}

export function staticSettings(directory: string, options: StaticOptions): StaticSettings {
  if (typeof directory !== 'string') throw invalidType('directory', 'a string', directory);
  if (typeof options !== 'object' || (options as unknown) === null) throw invalidType('options', 'an object', options);
  refuseUnknown('options', options, KNOWN);
  refuseUnknown('options.cache', options.cache ?? {}, ['bytes', 'fileBytes', 'revalidateMs']);
  if (!statSync(directory).isDirectory()) throw systemError(-20, 'open', { path: directory }); // ENOTDIR
  const { compress = false, spa = false } = options;
  if (typeof compress !== 'boolean' && (typeof compress !== 'object' || (compress as unknown) === null)) {
    throw invalidType('options.compress', 'a boolean or an object', compress);
  }
  if (typeof compress === 'object') refuseUnknown('options.compress', compress, COMPRESS_OPTIONS);
  if (typeof spa !== 'boolean' && typeof spa !== 'string') throw invalidType('options.spa', 'a boolean or a string', spa);
  const precompressed = flag('options.precompressed', options.precompressed);
  const { bytes = 64 * KIB * KIB, fileBytes = 128 * KIB, revalidateMs = 0 } = options.cache ?? {};
  return {
    root: realpathSync(directory),
    index: options.index ?? 'index.html',
    notFound: options.notFound ?? '404.html',
    spa: spa === true ? 'index.html' : spa,
    dotfiles: options.dotfiles ?? false,
    listing: flag('options.listing', options.listing),
    linesFor: linesOf(options),
    negotiation: compress === false && !precompressed ? undefined : new Negotiation(typeof compress === 'object' ? compress : {}, KEPT),
    compress: compress !== false,
    precompressed,
    cacheBytes: numberIn('options.cache.bytes', bytes, 0, Number.MAX_SAFE_INTEGER),
    fileBytes: numberIn('options.cache.fileBytes', fileBytes, 0, Number.MAX_SAFE_INTEGER),
    revalidateMs: numberIn('options.cache.revalidateMs', revalidateMs, 0, Infinity),
  };
}
