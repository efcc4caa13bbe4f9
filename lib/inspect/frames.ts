import { root } from '../internal/root.js';

/** One line of a stack. */
export interface Frame {
  /** '' for code outside functions, and for functions without a name. */
  name: string;
  /** The script, as V8 names it. */
  script: string;
  line: number;
}

const GUESSED = /^[\w$]+(?:\.[\w$]+)+$/;
const LINE = /^ {4}at (?:(.*) \()?(.*?):(\d+):\d+\)?$/;

/** The frames of a text that `Coroutine.stack` gives, the innermost first. */
export function framesOf(stack: string): Frame[] {
  const frames: Frame[] = [];
  for (const text of stack.split('\n')) {
    const match = LINE.exec(text);
    if (match) frames.push({ name: match[1] ?? '', script: match[2]!, line: Number(match[3]) });
  }
  return frames;
}

/** Whether it is code of this library. */
export function isLibrary({ script }: Frame): boolean {
  return script.includes(root);
}

/** Whether it is code of the program: not of this library, nor Node's own. */
export function isProgram(frame: Frame): boolean {
  return !isLibrary(frame) && !frame.script.startsWith('node:');
}

/** `orders.js:12`: the end of the path, because the whole one is too long for a list. */
export function placeOf({ script, line }: Frame): string {
  return `${decoded(script.slice(script.lastIndexOf('/') + 1))}:${String(line)}`;
}

/** The name of a function, or of what has none. V8 guesses one, such as `spawn.name`, from what stands around it. */
export function nameOfFrame({ name }: Frame): string {
  return name === '' || GUESSED.test(name) ? '(anonymous)' : name;
}

/** `http/connection`: a file of the library. */
export function libraryFile({ script }: Frame): string {
  return script.slice(script.indexOf(root) + root.length).replace(/\.[jt]s$/, '');
}

/** Whether the inspector itself runs there; the parks of its coroutines are not the program's. */
export function isInspector(frames: readonly Frame[]): boolean {
  return frames.some((frame) => isLibrary(frame) && libraryFile(frame).startsWith('inspect/'));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A name with a % that is no escape.
    return text;
  }
}
