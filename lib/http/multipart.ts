import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy';

import { waitOnce } from '../async/wait_once.js';
import { spawn } from '../coroutine/coroutine.js';
import { integerIn, numberIn } from '../internal/arguments.js';
import { Channel } from '../sync/channel.js';
import { HttpError } from './errors.js';
import { FormPart } from './form_part.js';
import { refuseUnknown } from './known.js';
import type { Request } from './request.js';

/** Limits on a form. What goes beyond makes reading it fail, with status 413 (`ERR_HTTP_BODY_TOO_LARGE`). */
export interface FormLimits {
  /** All of the body, in bytes. Default: the server's `limits.bodyBytes`; a form with files mostly needs more. */
  bodyBytes?: number;
  /** The content of each file, in bytes. Default: no limit but `bodyBytes`. */
  fileBytes?: number;
  /** The value of each field, in bytes. Default 1 MiB. */
  fieldBytes?: number;
  /** The number of files. Default 100. */
  files?: number;
  /** The number of fields. Default 1000. */
  fields?: number;
}

const FORM_LIMITS = ['bodyBytes', 'fileBytes', 'fieldBytes', 'files', 'fields'] as const satisfies (keyof FormLimits)[];
const MOST = Number.MAX_SAFE_INTEGER;
const FIELD_BYTES = 2 ** 20;
const NAME_BYTES = 1000;
const MOST_FILES = 100;
const MOST_FIELDS = 1000;

const tooLarge = (what: string) => new HttpError(413, `the form has ${what}`, { code: 'ERR_HTTP_BODY_TOO_LARGE' });
const malformed = (cause: unknown) => new HttpError(400, 'the form is malformed', { code: 'ERR_HTTP_BODY_MALFORMED', cause });

export function formLimits(limits: FormLimits): Required<Omit<FormLimits, 'bodyBytes'>> & Pick<FormLimits, 'bodyBytes'> {
  refuseUnknown('limits', limits, FORM_LIMITS);
  const { bodyBytes, fileBytes = Infinity, fieldBytes = FIELD_BYTES, files = MOST_FILES, fields = MOST_FIELDS } = limits;
  numberIn('limits.fileBytes', fileBytes, 0, Infinity);
  numberIn('limits.fieldBytes', fieldBytes, 0, Infinity);
  for (const [name, count] of Object.entries({ files, fields })) if (count !== Infinity) integerIn(`limits.${name}`, count, 0, MOST);
  return { bodyBytes, fileBytes, fieldBytes, files, fields };
}

/** Whether the request has a form whose parts {@link partsOf} can read. */
export function isMultipart(request: Request): boolean {
  return /^\s*multipart\/form-data\s*(?:;|$)/i.test(request.headers.get('content-type') ?? '');
}

/** The parser of the package `@fastify/busboy`, whose events become parts in a channel, or its failure. */
class Parsing {
  /** Without a limit: what one piece of the body holds, which is bounded. */
  readonly parts = new Channel<FormPart>(Infinity);
  failure: unknown;
  readonly busboy: BusboyInstance;
  /** The content that has not ended. */
  private open: BusboyFileStream | undefined;

  constructor(type: string, limits: ReturnType<typeof formLimits>) {
    try {
      this.busboy = new Busboy({
        headers: { 'content-type': type },
        limits: {
          fieldNameSize: NAME_BYTES,
          fieldSize: Math.min(limits.fieldBytes, MOST),
          fileSize: Math.min(limits.fileBytes, MOST),
          files: limits.files,
          fields: limits.fields,
        },
      });
    } catch (cause) {
      throw malformed(cause);
    }
    this.busboy
      .on('field', (name, value, nameCut, cut, _encoding, fieldType) => {
        if (nameCut) this.fail(tooLarge('a name that is too long'));
        else if (cut) this.fail(tooLarge('a field that is too long'));
        else this.add(new FormPart(name, undefined, fieldType, value));
      })
      .on('file', (name, content, filename, _encoding, fileType) => {
        this.open = content;
        content.on('error', (error) => { this.fail(malformed(error)); });
        content.on('limit', () => { this.fail(tooLarge('a file that is too large')); });
        content.on('end', () => { this.open = undefined; });
        this.add(new FormPart(name, filename, fileType, content, () => this.failure));
      })
      .on('filesLimit', () => { this.fail(tooLarge('too many files')); })
      .on('fieldsLimit', () => { this.fail(tooLarge('too many fields')); })
      .on('error', (error) => { this.fail(error instanceof HttpError ? error : malformed(error)); })
      .on('finish', () => { this.parts.close(); });
  }

  private add(part: FormPart): void {
    if (this.parts.closed) part.skip();
    else this.parts.trySend(part);
  }

  fail(error: unknown): void {
    this.failure ??= error;
    this.parts.close();
    this.open?.destroy();
    this.open = undefined;
  }
}

/** The parts of a form, as they arrive; see Request.parts. */
export function* partsOf(request: Request, given: FormLimits): Generator<FormPart, void, undefined> {
  const limits = formLimits(given);
  const type = request.headers.get('content-type') ?? '';
  if (!isMultipart(request)) throw new HttpError(415, 'the body is no multipart/form-data', { code: 'ERR_HTTP_BODY_NOT_FORM' });
  const chunks = request.chunks(limits.bodyBytes);
  const parsing = new Parsing(type, limits);
  const pump = spawn(() => {
    try {
      for (const chunk of chunks) {
        if (parsing.failure !== undefined) return;
        if (!parsing.busboy.write(chunk)) waitOnce(parsing.busboy, 'drain');
      }
      parsing.busboy.end();
    } catch (error) {
      parsing.fail(error);
    }
  }, { name: 'http form' });
  try {
    for (const part of parsing.parts) {
      if (parsing.failure !== undefined) break;
      try {
        yield part;
      } finally {
        // The next part comes only when this one has gone by.
        part.skip();
      }
    }
    if (parsing.failure !== undefined) throw parsing.failure;
  } finally {
    pump.cancel();
    parsing.fail(new Error('the form was not read further'));
  }
}

/** A whole form, in memory; see Request.formData. */
export function formDataOf(request: Request, limits: FormLimits): FormData {
  const form = new FormData();
  if (!isMultipart(request)) {
    if (!/^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i.test(request.headers.get('content-type') ?? '')) {
      throw new HttpError(415, 'the body is no form', { code: 'ERR_HTTP_BODY_NOT_FORM' });
    }
    const { fields, bodyBytes } = formLimits(limits);
    const pairs = [...new URLSearchParams(request.text(bodyBytes))];
    if (pairs.length > fields) throw tooLarge('too many fields');
    for (const [name, value] of pairs) form.append(name, value);
    return form;
  }
  for (const part of partsOf(request, limits)) {
    if (!part.isFile) form.append(part.name, part.text());
    else form.append(part.name, new File([part.bytes()], part.filename ?? '', { type: part.type }), part.filename ?? '');
  }
  return form;
}
