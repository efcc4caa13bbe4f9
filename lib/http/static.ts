import { constants, readlinkSync, realpathSync, statSync, type Stats } from 'node:fs';

import entityTag from 'etag';
import mime from 'mime-types';

import { open, stat, type File } from '../fs.js';
import { invalidType, numberIn } from '../internal/arguments.js';
import { systemError } from '../internal/system_errors.js';
import { judge } from './conditional.js';
import { HttpError } from './errors.js';
import { NO_FIELDS, TEXT_LINE, fieldsOf, type ResponseHeaders } from './fields.js';
import { ENTRY_BYTES, FileCache, SETTLED_MS, SharedFile, type Entry, type Stamp } from './file_cache.js';
import { refuseUnknown } from './known.js';
import { METHODS, httpPolls } from './native.js';
import { parseRange, rangeStillHolds } from './range.js';
import { markForgetful, type Request } from './request.js';
import { FileResponse, PreparedResponse, type ResponseParts } from './response.js';

/** The options of {@link staticFiles}. */
export interface StaticOptions {
  /** The file that is served for its directory; `false` for none. Default `index.html`. */
  index?: string | false;
  /** The file, in the directory served, that is sent with a 404; `false` for a line of text. Default `404.html`. */
  notFound?: string | false;
  /** Whether names that begin with a dot are served. Default false, except `.well-known`. */
  dotfiles?: boolean;
  /** Default `public, max-age=0`: caches revalidate at every request. `false` for no such header. */
  cacheControl?: string | false;
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
/** How far the clock of the Date field may be behind. */
const CLOCK_TICK_MS = 10;
const METHOD_NAMES: ReadonlySet<string> = new Set(METHODS);
/** A small share of a process's descriptors, and usually all large files of a site that are requested. */
const MOST_OPEN_FILES = 64;
const NOT_ALLOWED = Object.freeze({ Allow: 'GET, HEAD' });
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
/** Linux's flag, which node:fs lacks: it opens a path without permission to read it. */
const O_PATH = 0o10000000;
/** Errors for names that no file has, or that lead nowhere: a client gets 404 for both. */
const ABSENT: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EINVAL', 'ENXIO']);
const FORBIDDEN: ReadonlySet<string | undefined> = new Set(['EACCES', 'EPERM']);

/** An entry, and a large file's open file, which the caller has to close. */
interface Found {
  readonly entry: Entry;
  readonly file: SharedFile | undefined;
}

class StaticFiles {
  private readonly root: string;
  private readonly prefix: string;
  private readonly index: string | false;
  private readonly notFound: string | false;
  private readonly dotfiles: boolean;
  private readonly commonLines: string;
  private readonly cache: FileCache;
  private readonly openFiles: FileCache;
  private readonly smallBytes: number;

  constructor(directory: string, options: StaticOptions) {
    if (typeof directory !== 'string') throw invalidType('directory', 'a string', directory);
    if (typeof options !== 'object' || options === null) throw invalidType('options', 'an object', options);
    refuseUnknown('options', options, ['index', 'notFound', 'dotfiles', 'cacheControl', 'headers', 'cache']);
    refuseUnknown('options.cache', options.cache ?? {}, ['bytes', 'fileBytes', 'revalidateMs']);
    if (!statSync(directory).isDirectory()) throw systemError(-20, 'open', { path: directory }); // ENOTDIR
    this.root = realpathSync(directory);
    this.prefix = this.root === '/' ? '/' : `${this.root}/`;
    this.index = options.index ?? 'index.html';
    this.notFound = options.notFound ?? '404.html';
    this.dotfiles = options.dotfiles ?? false;
    const cacheControl = options.cacheControl ?? 'public, max-age=0';
    this.commonLines =
      (cacheControl === false ? '' : fieldsOf({ 'Cache-Control': cacheControl }).lines) +
      (options.headers ? fieldsOf(options.headers) : NO_FIELDS).lines;
    const { bytes = 64 * KIB * KIB, fileBytes = 128 * KIB, revalidateMs = 0 } = options.cache ?? {};
    numberIn('options.cache.bytes', bytes, 0, Number.MAX_SAFE_INTEGER);
    this.smallBytes = numberIn('options.cache.fileBytes', fileBytes, 0, Number.MAX_SAFE_INTEGER);
    this.cache = new FileCache(bytes, numberIn('options.cache.revalidateMs', revalidateMs, 0, Infinity));
    this.openFiles = new FileCache(bytes === 0 ? 0 : MOST_OPEN_FILES * ENTRY_BYTES, revalidateMs);
  }

  handle(request: Request): ResponseParts {
    const { method } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      return METHOD_NAMES.has(method)
        ? { status: 405, headers: NOT_ALLOWED, body: '405 Method Not Allowed\n' }
        : { status: 501, body: '501 Not Implemented\n' };
    }
    const { path } = request;
    if (!path.startsWith('/')) throw new HttpError(400, 'the target has no path', { code: 'ERR_HTTP_INVALID_TARGET' });
    const hints = request.fileHints();
    const arrival = Math.floor(hints / 2);
    if (!this.dotfiles && path.includes('/.') && hasHiddenSegment(path)) return this.absent(arrival);
    try {
      let name = path;
      if (path.endsWith('/')) {
        if (this.index === false) return this.absent(arrival);
        name += this.index;
      }
      const found = this.find(name, arrival);
      if (found === 'absent') return this.absent(arrival);
      if (found === 'directory') return path.endsWith('/') ? this.absent(arrival) : redirect(request, path);
      // The whole file: nearly every request.
      if (hints % 2 === 0) return wholeOf(found);
      return this.respond(request, found);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (ABSENT.has(code)) return this.absent(arrival);
      if (FORBIDDEN.has(code)) return this.forbidden(path, arrival);
      throw error;
    }
  }

  /** `name` is the normalized path of a request; see FileCache for `arrival`. */
  private find(name: string, arrival: number): Found | 'directory' | 'absent' {
    const cached = this.cache.get(name, arrival) ?? this.openFiles.get(name, arrival);
    if (cached) return { entry: cached, file: cached.file?.share() };
    const path = this.root === '/' ? name : this.root + name;
    const poll = httpPolls();
    // Checked before opening, because opening a device or a pipe can have effects.
    const before = stat(path);
    if (before.isDirectory()) return this.leadsInside(path) ? 'directory' : 'absent';
    if (!before.isFile()) return 'absent';
    const file = open(path, OPEN_FLAGS);
    const shared = new SharedFile(file);
    let kept = false;
    try {
      const now = file.stat();
      if (!now.isFile() || !this.isInside(file)) return 'absent';
      const small = now.size <= this.smallBytes;
      const entry = this.describe(path, now, small ? readAll(file, now.size) : shared);
      (small ? this.cache : this.openFiles).add(name, path, entry, poll);
      kept = !small;
      return { entry, file: kept ? shared : undefined };
    } finally {
      if (!kept) shared.close();
    }
  }

  /**
   * Whether an open file lies in the directory; symbolic links may lead to it. The kernel tells the path of the file that
   * was opened, because the requested path could lead elsewhere by now.
   */
  private isInside(file: File): boolean {
    const path = readlinkSync(`/proc/self/fd/${String(file.fd)}`);
    return path.startsWith(this.prefix) || path === this.root;
  }

  /** The same for a path that is not opened for reading: a directory, or a file without permission. */
  private leadsInside(path: string): boolean {
    const file = open(path, O_PATH);
    try {
      return this.isInside(file);
    } finally {
      file.close();
    }
  }

  /** A 403 for a file without permission; a 404 if it lies outside, or that cannot be found out. */
  private forbidden(path: string, arrival: number): ResponseParts {
    try {
      if (this.leadsInside(this.root === '/' ? path : this.root + path)) return { status: 403, body: '403 Forbidden\n' };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!ABSENT.has(code) && !FORBIDDEN.has(code)) throw error;
    }
    return this.absent(arrival);
  }

  private describe(path: string, stats: Stats, content: Buffer | SharedFile): Entry {
    const { dev, ino, mtimeMs, ctimeMs } = stats;
    // If it was being written meanwhile, the stamp has the size announced before, and will not match at the next check.
    const stamp: Stamp = { dev, ino, mtimeMs, ctimeMs, size: stats.size };
    const now = Date.now();
    // Clients join parts with the same strong tag. So the tag includes ctime, because a program can set mtime, and it is weak
    // while the file may change without a change of its times.
    const etag = entityTag(`${String(stats.size)} ${String(mtimeMs)} ${String(ctimeMs)}`, { weak: now - ctimeMs < SETTLED_MS });
    // RFC 9110 section 8.8.2.1: not later than Date.
    const changed = [mtimeMs, ctimeMs].find((time) => time <= now) ?? now - CLOCK_TICK_MS;
    const lastModified = new Date(Math.floor(changed / 1000) * 1000).toUTCString();
    const linesUnchanged = `ETag: ${etag}\r\nLast-Modified: ${lastModified}\r\n${this.commonLines}`;
    const type = mime.contentType(extensionOf(path)) || 'application/octet-stream';
    const lines = `Content-Type: ${type}\r\nAccept-Ranges: bytes\r\n${linesUnchanged}`;
    const body = content instanceof SharedFile ? undefined : content;
    const file = content instanceof SharedFile ? content : undefined;
    return { stamp, etag, lastModified, lines, linesUnchanged, body, file, whole: new PreparedResponse(200, lines, body) };
  }

  private respond(request: Request, found: Found): ResponseParts {
    const { entry, file } = found;
    let handedOver = false;
    try {
      const { headers } = request;
      const verdict = judge(headers, entry);
      if (verdict === 'unchanged') return new PreparedResponse(304, entry.linesUnchanged, undefined);
      if (verdict === 'failed') return new PreparedResponse(412, TEXT_LINE, '412 Precondition Failed\n');
      const size = entry.body ? entry.body.length : entry.stamp.size;
      const wanted = request.method === 'GET' ? headers.get('range') : undefined;
      if (wanted !== undefined) {
        const ifRange = headers.get('if-range');
        const holds = ifRange === undefined || rangeStillHolds(ifRange, entry.etag, entry.lastModified);
        const range = holds ? parseRange(wanted, size) : undefined;
        if (range === null) {
          return new PreparedResponse(416, `${TEXT_LINE}Content-Range: bytes */${String(size)}\r\n`, '416 Range Not Satisfiable\n');
        }
        if (range) {
          const { first, last } = range;
          const lines = `${entry.lines}Content-Range: bytes ${String(first)}-${String(last)}/${String(size)}\r\n`;
          if (!file) return new PreparedResponse(206, lines, entry.body!.subarray(first, last + 1));
          handedOver = true;
          return new FileResponse(206, lines, file, first, last + 1 - first);
        }
      }
      handedOver = true;
      return wholeOf(found);
    } finally {
      if (file && !handedOver) file.close();
    }
  }

  private absent(arrival: number): ResponseParts {
    if (this.notFound !== false) {
      try {
        const found = this.find(`/${this.notFound}`, arrival);
        if (typeof found === 'object') {
          const { entry, file } = found;
          if (file) return new FileResponse(404, entry.lines, file, 0, entry.stamp.size);
          return new PreparedResponse(404, entry.lines, entry.body);
        }
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (!ABSENT.has(code) && !FORBIDDEN.has(code)) throw error;
      }
    }
    return { status: 404, body: '404 Not Found\n' };
  }
}

function wholeOf({ entry, file }: Found): ResponseParts {
  return file ? new FileResponse(200, entry.lines, file, 0, entry.stamp.size) : entry.whole;
}

function hasHiddenSegment(path: string): boolean {
  return path.split('/').some((segment) => segment.startsWith('.') && segment !== '.well-known');
}

function extensionOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot) : '';
}

function readAll(file: File, size: number): Buffer {
  const buffer = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  while (filled < size) {
    const n = file.read(buffer, filled, size - filled, filled);
    if (n === 0) break;
    filled += n;
  }
  return buffer.subarray(0, filled);
}

/** Uses the normalized path, which begins with one slash: a Location that begins with two would lead to another host. */
function redirect(request: Request, path: string): ResponseParts {
  const { target } = request;
  const question = target.indexOf('?');
  const location = `${path.split('/').map(encodeURIComponent).join('/')}/${question < 0 ? '' : target.slice(question)}`;
  return { status: 301, headers: { Location: location }, body: `Moved to ${location}\n` };
}

/**
 * A handler that serves the files in a directory: GET and HEAD, conditional requests, single ranges, `index.html`,
 * `404.html`. It resolves the directory now, and never serves a file outside: a symbolic link to one gives 404. It keeps
 * small files in memory, and the kernel sends large ones; nothing blocks the thread. A file's ETag is made of its size and
 * times: it is strong from 0.1 s after the last change, and differs between machines.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`), RangeError (`ERR_OUT_OF_RANGE`); `ENOENT`, `ENOTDIR`, ...
 *   when there is no such directory
 *
 * @example
 * ```ts
 * import { mkdirSync, writeFileSync } from 'node:fs';
 * import { serve, staticFiles } from 'stackful/http';
 *
 * mkdirSync('public');
 * writeFileSync('public/index.html', '<h1>Hello</h1>');
 * const files = staticFiles('public', { cacheControl: 'public, max-age=60' });
 * const server = serve((request) => (request.path === '/api' ? 'an answer' : files(request)), { host: '127.0.0.1' });
 * const response = await fetch(`http://127.0.0.1:${server.port}/`);
 * console.log(response.headers.get('content-type')); // text/html; charset=utf-8
 * await response.text();
 * await server.close();
 * ```
 */
export function staticFiles(directory: string, options: StaticOptions = {}): (request: Request) => ResponseParts {
  const files = new StaticFiles(directory, options);
  return markForgetful((request: Request) => files.handle(request));
}
