import { constants, type Stats } from 'node:fs';

import entityTag from 'etag';
import mime from 'mime-types';

import { open, stat, type File } from '../fs.js';
import { readlinkSync } from '../internal/originals.js';
import { judge } from './conditional.js';
import { EncodedFiles, readAll, type Found, type SentAs } from './encoded_files.js';
import { HttpError } from './errors.js';
import { TEXT_LINE } from './fields.js';
import { ENTRY_BYTES, FileCache, SETTLED_MS, SharedFile, type Entry, type Stamp } from './file_cache.js';
import { listingOf } from './listing.js';
import { METHODS, httpPolls } from './native.js';
import { parseRange, rangeStillHolds } from './range.js';
import { markForgetful, type Request } from './request.js';
import { FileResponse, PreparedResponse, type ResponseParts } from './response.js';
import { staticSettings, type StaticOptions, type StaticSettings } from './static_options.js';

export type { StaticOptions } from './static_options.js';

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

class StaticFiles {
  private readonly prefix: string;
  private readonly cache: FileCache;
  private readonly openFiles: FileCache;
  private readonly encoded: EncodedFiles | undefined;

  constructor(private readonly settings: StaticSettings) {
    const { root, cacheBytes, revalidateMs } = settings;
    this.prefix = root === '/' ? '/' : `${root}/`;
    this.cache = new FileCache(cacheBytes, revalidateMs);
    this.openFiles = new FileCache(cacheBytes === 0 ? 0 : MOST_OPEN_FILES * ENTRY_BYTES, revalidateMs);
    const find = (name: string, arrival: number, sent?: SentAs): Found | undefined => {
      const found = this.find(name, arrival, sent);
      return typeof found === 'object' ? found : undefined;
    };
    if (settings.negotiation) this.encoded = new EncodedFiles(settings, settings.negotiation, find);
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
    const { dotfiles, index, listing } = this.settings;
    if (!dotfiles && path.includes('/.') && hasHiddenSegment(path)) return this.absent(arrival);
    try {
      let name = path;
      // A router gives `/` for the path at which it has mounted this, with a slash or without.
      if (path === '/' && request.base !== '' && !request.target.split('?', 1)[0]!.endsWith('/')) return redirect(request, '');
      if (path.endsWith('/')) {
        if (index === false && !listing) return this.absent(arrival, request);
        name += index === false ? '' : index;
      }
      const plain = index === false && name === path && path.endsWith('/') ? 'absent' : this.find(name, arrival);
      if (plain === 'absent') return (path.endsWith('/') && listing && this.list(request, path)) || this.absent(arrival, request);
      if (plain === 'directory') return path.endsWith('/') ? this.absent(arrival, request) : redirect(request, path);
      const found = this.encoded?.choose(request, name, arrival, plain) ?? plain;
      // The whole file: nearly every request.
      if (hints % 2 === 0) return wholeOf(found);
      return this.respond(request, found);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (ABSENT.has(code)) return (path.endsWith('/') && listing && this.list(request, path)) || this.absent(arrival, request);
      if (FORBIDDEN.has(code)) return this.forbidden(path, arrival);
      throw error;
    }
  }

  /** The page that lists a folder; undefined where there is none. */
  private list(request: Request, path: string): ResponseParts | undefined {
    const folder = this.pathOf(path);
    try {
      if (!stat(folder).isDirectory() || !this.leadsInside(folder)) return undefined;
    } catch (error) {
      if (ABSENT.has((error as NodeJS.ErrnoException).code)) return undefined;
      throw error;
    }
    return listingOf(folder, request.base + path, this.settings.dotfiles);
  }

  private pathOf(name: string): string {
    return this.settings.root === '/' ? name : this.settings.root + name;
  }

  /** `name` is the normalized path of a request; see FileCache for `arrival`. */
  private find(name: string, arrival: number, sent?: SentAs): Found | 'directory' | 'absent' {
    const key = sent ? `${sent.encoding}:${name}` : name;
    const cached = this.cache.get(key, arrival) ?? this.openFiles.get(key, arrival);
    if (cached) return { entry: cached, file: cached.file?.share() };
    const path = this.pathOf(name);
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
      const small = now.size <= this.settings.fileBytes;
      const entry = this.describe(name, now, small ? readAll(file.fd, now.size) : shared, sent);
      (small ? this.cache : this.openFiles).add(key, path, entry, poll);
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
    return path.startsWith(this.prefix) || path === this.settings.root;
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
      if (this.leadsInside(this.pathOf(path))) return { status: 403, body: '403 Forbidden\n' };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!ABSENT.has(code) && !FORBIDDEN.has(code)) throw error;
    }
    return this.absent(arrival);
  }

  private describe(name: string, stats: Stats, content: Buffer | SharedFile, sent?: SentAs): Entry {
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
    const type = mime.contentType(extensionOf(sent?.name ?? name)) || 'application/octet-stream';
    const vary = sent !== undefined || this.encoded?.covers(type) ? 'Vary: Accept-Encoding\r\n' : '';
    const linesUnchanged = `ETag: ${etag}\r\nLast-Modified: ${lastModified}\r\n${this.settings.linesFor(sent?.name ?? name)}${vary}`;
    const coding = sent ? `Content-Encoding: ${sent.encoding}\r\n` : 'Accept-Ranges: bytes\r\n';
    const lines = `Content-Type: ${type}\r\n${coding}${linesUnchanged}`;
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

  private absent(arrival: number, request?: Request): ResponseParts {
    const { notFound, spa } = this.settings;
    const page = spa !== false && request !== undefined && wantsPage(request) ? this.page(200, spa, arrival) : undefined;
    return page ?? (notFound === false ? undefined : this.page(404, notFound, arrival)) ?? { status: 404, body: '404 Not Found\n' };
  }

  /** A file that stands for another path. */
  private page(status: number, name: string, arrival: number): ResponseParts | undefined {
    try {
      const found = this.find(`/${name}`, arrival);
      if (typeof found !== 'object') return undefined;
      const { entry, file } = found;
      if (!file) return new PreparedResponse(status, entry.lines, entry.body);
      return new FileResponse(status, entry.lines, file, 0, entry.stamp.size);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!ABSENT.has(code) && !FORBIDDEN.has(code)) throw error;
      return undefined;
    }
  }
}

function wholeOf({ entry, file }: Found): ResponseParts {
  return file ? new FileResponse(200, entry.lines, file, 0, entry.stamp.size) : entry.whole;
}

/** Whether a browser goes to a path that may be one of the page's own. */
function wantsPage(request: Request): boolean {
  return /(?:^|,)\s*text\/html\s*(?:;|,|$)/i.test(request.headers.get('accept') ?? '') && !/\.[^/]*$/.test(request.path);
}

function hasHiddenSegment(path: string): boolean {
  return path.split('/').some((segment) => segment.startsWith('.') && segment !== '.well-known');
}

function extensionOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot) : '';
}

/** Uses the normalized path, which begins with one slash: a Location that begins with two would lead to another host. */
function redirect(request: Request, path: string): ResponseParts {
  const { target } = request;
  const question = target.indexOf('?');
  const location = `${(request.base + path).split('/').map(encodeURIComponent).join('/')}/${question < 0 ? '' : target.slice(question)}`;
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
  const files = new StaticFiles(staticSettings(directory, options));
  return markForgetful((request: Request) => files.handle(request));
}
