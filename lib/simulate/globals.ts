/** What a program asks about time and chance, besides the library: put aside while something is recorded or replayed. */
const ASKED = [['Date.now', Date, 'now'], ['performance.now', performance, 'now'], ['Math.random', Math, 'random']] as const;

/** Puts functions in the place of these; `by` gets the name and the original. Returns what undoes it. */
export function replaceGlobals(by: (name: string, original: () => number) => () => number): () => void {
  const undo = ASKED.map(([name, object, key]) => {
    const before = Object.getOwnPropertyDescriptor(object, key);
    const original = (object as unknown as Record<string, () => number>)[key]!.bind(object);
    Object.defineProperty(object, key, { value: by(name, original), configurable: true, writable: true });
    return () => {
      if (before) Object.defineProperty(object, key, before);
      else Reflect.deleteProperty(object, key);
    };
  });
  return () => { for (const one of undo) one(); };
}
