import { constants, readlinkSync, realpathSync, statSync, type Stats } from 'node:fs';

import entityTag from 'etag';
import isFresh from 'fresh';
import mime from 'mime-types';

import { open, stat, type File } from '../fs.js';
import { invalidType, numberIn } from '../internal/arguments.js';
import { systemError } from '../internal/codes.js';
import { HttpError } from './errors.js';
import { NO_FIELDS, TEXT_LINE, fieldsOf, type ResponseHeaders } from './fields.js';
import { ENTRY_BYTES, FileCache, SharedFile, type Entry, type Stamp } from './file_cache.js';
import { METHODS, httpPolls } from './native.js';
import { parseRange, rangeStillHolds } from './range.js';
import { markForgetful, type Request } from './request.js';
import { FileResponse, PreparedResponse, type ResponseParts } from './response.js';

export interface StaticOptions {
  /** The file that stands for its directory; `false` for none. Default `index.html`. */
  index?: string | false;
  /** The file, in the directory served, that is sent with a 404; `false` for a line of text. Default `404.html`. */
  notFound?: string | false;
  /** Are names that begin with a dot served? Default no, except `.well-known`. */
  dotfiles?: boolean;
  /** Default `public, max-age=0`: caches ask again each time. `false` for no such header. */
  cacheControl?: string | false;
  /** More headers for every response that has a file. */
  headers?: ResponseHeaders;
  cache?: {
    /** Memory for files that are small; 0 keeps none. Default 64 MiB. */
    bytes?: number;
    /** What is small. Default 128 KiB. Of larger files, the 64 last asked for stay open, for two minutes at most. */
    fileBytes?: number;
    /**
     * How long a file from memory may be served without asking the file system for its time and size. Default 0: what
     * was changed before a request arrived is served changed. (Of several requests that arrived together, one asks for
     * all. Changes are recognised by size, times and inode number; those made through a memory mapping show when the
     * kernel updates the times.)
     */
    revalidateMs?: number;
  };
}

const KIB = 1024;
const METHOD_NAMES: ReadonlySet<string> = new Set(METHODS);
/** As a part of what a process may have open this is small; as a part of a site it is usually all that is asked for. */
const MOST_OPEN_FILES = 64;
const NOT_ALLOWED = Object.freeze({ Allow: 'GET, HEAD' });
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
/** Names that no file has, or that lead nowhere: the same to a client. */
const ABSENT: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EINVAL', 'ENXIO']);
const FORBIDDEN: ReadonlySet<string | undefined> = new Set(['EACCES', 'EPERM']);

/** An entry, and for a large file the file itself, opened; whoever has it closes it. */
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
      if (FORBIDDEN.has(code)) return { status: 403, body: '403 Forbidden\n' };
      throw error;
    }
  }

  /** `name` is the normalized path of a request; see FileCache for `arrival`. */
  private find(name: string, arrival: number): Found | 'directory' | 'absent' {
    const cached = this.cache.get(name, arrival) ?? this.openFiles.get(name, arrival);
    if (cached) return { entry: cached, file: cached.file?.share() };
    const path = this.root === '/' ? name : this.root + name;
    const poll = httpPolls();
    // Asked before opening: to open a device or a pipe can do something.
    const before = stat(path);
    if (before.isDirectory()) return 'directory';
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
   * Symbolic links are followed, but what they lead to must be in the directory. The kernel is asked what has been
   * opened, and not what the path stands for, which could be something else by then.
   */
  private isInside(file: File): boolean {
    return readlinkSync(`/proc/self/fd/${String(file.fd)}`).startsWith(this.prefix);
  }

  private describe(path: string, stats: Stats, content: Buffer | SharedFile): Entry {
    const { dev, ino, mtimeMs, ctimeMs } = stats;
    // Read while it was being written: what was read counts, and the stamp, of the size announced, will not match.
    const stamp: Stamp = { dev, ino, mtimeMs, ctimeMs, size: stats.size };
    const etag = entityTag(stats);
    const lastModified = new Date(Math.floor(mtimeMs / 1000) * 1000).toUTCString();
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
      const noneMatch = headers.get('if-none-match');
      const modifiedSince = headers.get('if-modified-since');
      if (noneMatch !== undefined || modifiedSince !== undefined) {
        const asked = { 'if-none-match': noneMatch, 'if-modified-since': modifiedSince, 'cache-control': headers.get('cache-control') };
        if (isFresh(asked, { etag: entry.etag, 'last-modified': entry.lastModified })) {
          return new PreparedResponse(304, entry.linesUnchanged, undefined);
        }
      }
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

/** From the normalized path, which begins with one slash: a target that begins with two would lead to another host. */
function redirect(request: Request, path: string): ResponseParts {
  const { target } = request;
  const question = target.indexOf('?');
  const location = `${path.split('/').map(encodeURIComponent).join('/')}/${question < 0 ? '' : target.slice(question)}`;
  return { status: 301, headers: { Location: location }, body: `Moved to ${location}\n` };
}

/**
 * A handler that serves the files in a directory: GET and HEAD, conditional requests, single ranges, `index.html`,
 * `404.html`. The directory is resolved now; nothing outside it is ever served, also not through symbolic links. Small
 * files are kept in memory, large ones are sent by the kernel; nothing here blocks the thread.
 *
 * @throws `ENOENT`, `ENOTDIR`, ... when the directory is not there
 */
export function staticFiles(directory: string, options: StaticOptions = {}): (request: Request) => ResponseParts {
  const files = new StaticFiles(directory, options);
  return markForgetful((request: Request) => files.handle(request));
}
