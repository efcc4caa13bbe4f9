import { describe, expect, it } from 'vitest';

import { root, rootUrl } from '../../lib/internal/root.js';
import { framesOf, isInspector, isLibrary, isProgram, libraryFile, nameOfFrame, placeOf } from '../../lib/inspect/frames.js';

describe('frames', () => {
  it('are read from the text of a stack', () => {
    const frames = framesOf('    at lock (file:///app/my%20locks.js:7:1)\n    at file:///app/main.js:3:9\n    at spawn.name (file:///app/main.js:4:9)');
    expect(frames.map((frame) => [nameOfFrame(frame), placeOf(frame)])).toEqual([
      ['lock', 'my locks.js:7'], ['(anonymous)', 'main.js:3'], ['(anonymous)', 'main.js:4'],
    ]);
    expect(framesOf('')).toEqual([]);
  });

  it('are of the program, of the library, or of Node', () => {
    const [own, ours, node, inspector] = framesOf(
      `    at a (file:///app/a.js:1:1)\n    at b (${rootUrl}sync/mutex.js:1:1)\n    at c (node:events:1:1)\n    at d (${root}inspect/viewers.js:1:1)`,
    );
    expect([own, ours, node].map((frame) => [isProgram(frame!), isLibrary(frame!)])).toEqual([[true, false], [false, true], [false, false]]);
    expect(libraryFile(ours!)).toBe('sync/mutex');
    expect([isInspector([own!, ours!]), isInspector([own!, inspector!])]).toEqual([false, true]);
  });
});
