/** Which kind of stream something is. By what it can do, because there are other classes than Node's (streamx, readable-stream). */

const has = (value: unknown, method: string) =>
  typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[method] === 'function';

type Listener = (...args: unknown[]) => void;

/** A stream to read from: Node's, or of a class like it. */
export interface NodeReadable {
  /** What has arrived, or null. */
  read(): unknown;
  /** Adds a listener. */
  on(event: string, listener: Listener): unknown;
  /** Removes one. */
  off(event: string, listener: Listener): unknown;
  /** By this it is known. */
  pipe: unknown;
}

/** A stream to write to: Node's, or of a class like it. */
export interface NodeWritable {
  /** Whether it wants more. */
  write(chunk: Uint8Array): boolean;
  /** No more will come. */
  end(): unknown;
  /** Adds a listener. */
  on(event: string, listener: Listener): unknown;
  /** Removes one. */
  off(event: string, listener: Listener): unknown;
}

export const isNodeReadable = (value: unknown): value is NodeReadable =>
  has(value, 'pipe') && has(value, 'on') && has(value, 'read');

export const isNodeWritable = (value: unknown): value is NodeWritable =>
  has(value, 'write') && has(value, 'on') && has(value, 'end');

export const isWebReadable = (value: unknown): value is ReadableStream => has(value, 'getReader') && has(value, 'tee');

export const isWebWritable = (value: unknown): value is WritableStream => has(value, 'getWriter') && has(value, 'abort');
