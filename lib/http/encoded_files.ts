import { read } from '../fs.js';
import { encodeWhole, type Encoding } from './encoders.js';
import { FileCache, sameFile, type Entry, type SharedFile } from './file_cache.js';
import { httpPolls } from './native.js';
import { isCompressible, type Negotiation } from './negotiated.js';
import type { Request } from './request.js';
import { PreparedResponse } from './response.js';
import type { StaticSettings } from './static_options.js';

/** An entry, and a large file's open file, which the caller has to close. */
export interface Found {
  readonly entry: Entry;
  readonly file: SharedFile | undefined;
}

/** A file whose content is another one's, compressed. */
export interface SentAs {
  readonly encoding: Encoding;
  /** The name of the other one. */
  readonly name: string;
}

type Find = (name: string, arrival: number, sent?: SentAs) => Found | undefined;

const ENDINGS: Readonly<Record<Encoding, string>> = { br: '.br', zstd: '.zst', gzip: '.gz' };
const MOST_BYTES = 4 * 1024 * 1024;
const ABSENT: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EACCES', 'EPERM']);
const TYPE = /^Content-Type: (.*)\r$/m;

/** Compressed forms of static files: those that lie beside them, and those made here, which are kept. */
export class EncodedFiles {
  private readonly made: FileCache;
  /** Being made; other clients get the file as it is meanwhile. */
  private readonly making = new Set<string>();

  constructor(
    private readonly settings: StaticSettings,
    private readonly negotiation: Negotiation,
    private readonly find: Find,
  ) {
    this.made = new FileCache(settings.cacheBytes, settings.revalidateMs);
  }

  /** Whether responses of this type depend on what the client accepts. */
  covers(type: string): boolean {
    return this.settings.precompressed || isCompressible(type);
  }

  /** The form of the file `plain` for this client, or undefined for the file itself. Closes `plain` when it is not sent. Parks. */
  choose(request: Request, name: string, arrival: number, plain: Found): Found | undefined {
    const encoding = this.negotiation.chosen(request.headers.get('accept-encoding'));
    // A range is one of the file as it is.
    if (encoding === undefined || request.headers.has('range')) return undefined;
    try {
      let found = this.beside(name, arrival, encoding);
      if (!found && this.settings.compress) found = this.make(name, arrival, plain, encoding);
      if (found) plain.file?.close();
      return found;
    } catch (error) {
      plain.file?.close();
      throw error;
    }
  }

  private beside(name: string, arrival: number, encoding: Encoding): Found | undefined {
    if (!this.settings.precompressed) return undefined;
    try {
      return this.find(name + ENDINGS[encoding], arrival, { encoding, name });
    } catch (error) {
      if (ABSENT.has((error as NodeJS.ErrnoException).code)) return undefined;
      throw error;
    }
  }

  private make(name: string, arrival: number, { entry, file }: Found, encoding: Encoding): Found | undefined {
    const { size } = entry.stamp;
    const type = TYPE.exec(entry.lines)![1]!;
    if (size < this.negotiation.minBytes || size > MOST_BYTES || !isCompressible(type)) return undefined;
    const key = `${encoding}:${name}`;
    const cached = this.made.get(key, arrival);
    // The file may have changed since it was made, and before the check of the file itself.
    if (cached && sameFile(cached.stamp, entry.stamp)) return { entry: cached, file: undefined };
    if (this.making.has(key)) return undefined;
    this.making.add(key);
    try {
      const poll = httpPolls();
      const path = this.settings.root === '/' ? name : this.settings.root + name;
      const content = entry.body ?? readAll(file!.fd, size);
      // It has changed meanwhile: the next request will see that.
      if (content.length !== size) return undefined;
      const body = encodeWhole(encoding, this.negotiation.levels[encoding], content, 0);
      if (body.length >= size) return undefined;
      const made = entryOf(entry, encoding, body);
      this.made.add(key, path, made, poll);
      return { entry: made, file: undefined };
    } finally {
      this.making.delete(key);
    }
  }
}

/** The first `size` bytes of an open file, or all if it has become shorter. Its path may lead elsewhere by now. */
export function readAll(fd: number, size: number): Buffer {
  const content = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  for (let count = 1; count > 0 && filled < size; filled += count) count = read(fd, content, filled, size - filled, filled);
  return content.subarray(0, filled);
}

/** The entry of a file's compressed form, which has a tag of its own. */
function entryOf({ stamp, etag, lastModified, lines, linesUnchanged }: Entry, encoding: Encoding, body: Buffer): Entry {
  const tag = `${etag.slice(0, -1)}-${encoding}"`;
  const tagged = (text: string) => text.replace(`ETag: ${etag}\r\n`, `ETag: ${tag}\r\n`);
  const own = tagged(lines).replace('Accept-Ranges: bytes\r\n', `Content-Encoding: ${encoding}\r\n`);
  const whole = new PreparedResponse(200, own, body);
  return { stamp, etag: tag, lastModified, lines: own, linesUnchanged: tagged(linesUnchanged), body, file: undefined, whole };
}
