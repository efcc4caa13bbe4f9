import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type TS from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';

import { buildGraph } from '../../lib/analyze/call_graph.js';
import { parkingOf, type Parking } from '../../lib/analyze/library.js';
import type { Graph } from '../../lib/analyze/model.js';
import { ParkingAnalysis } from '../../lib/analyze/parking.js';
import { loadProgram, type Loaded } from '../../lib/analyze/program.js';
import { loadTypeScript, ts } from '../../lib/analyze/typescript.js';
import { publicFunctions, type PublicFunction } from '../support/public_functions.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The functions of the addon that park the coroutine that calls them. */
const NATIVE = new Set([
  'park', 'parkFor', 'suspend', 'yieldNow', 'sleep', 'sleepSoftly', 'netSelect', 'netConnect', 'netAccept', 'netRead', 'netReadInto', 'netWrite',
  'netWritev', 'netSendFile', 'netEnd',
  'netPipe', 'netFlush', 'netSendDescriptors', 'netReceiveDescriptors', 'udpSend', 'udpSendMany', 'udpReceive', 'fsOpen', 'fsClose', 'fsRead', 'fsWrite', 'fsReadFile', 'fsWriteFile',
  'fsStat', 'fsLstat', 'fsFstat', 'fsExists', 'fsReaddir', 'fsRealpath', 'fsSync', 'fsCall', 'httpAccept', 'httpPause', 'httpHandOver', 'httpNext', 'httpText', 'httpRespond', 'httpBegin',
  'httpWrite', 'httpSendFile', 'httpFinish', 'httpReadBody', 'tlsHandshake', 'wsReceive', 'wsSend', 'childWait', 'childFeed', 'httpEarlyHints', 'httpClientSend', 'httpClientRead', 'httpClientReadHead',
  'channelSend', 'channelSendMoving', 'channelReceive',
]);

/** Those that come to a function that parks only as far as the analysis sees, and why they do not. */
const KNOWN: Readonly<Record<string, string>> = {
  'inheritedListeners (lib/net/inherited.ts)': 'it listens on descriptors, and no name is looked up',
  'unwatchFile (lib/fs/watch.ts)': 'of all functions named stop, it calls that of a watcher',
  'Server.close (lib/http/server.ts)': 'its httpAccept does not wait',
  'Reader.close (lib/stream/reader.ts)': 'what it closes is no file, which would have the same method',
  'Reader[Symbol.dispose] (lib/stream/reader.ts)': 'the same',
  'Writer.close (lib/stream/writer.ts)': 'the same',
  'Writer[Symbol.dispose] (lib/stream/writer.ts)': 'the same',
};

describe('what the comments of lib say about parking', () => {
  let loaded: Loaded;
  let graph: Graph;
  let analysis: ParkingAnalysis;
  let all: PublicFunction[];

  beforeAll(() => {
    loadTypeScript(root);
    loaded = loadProgram(join(root, 'lib'), join(root, 'tsconfig.json'));
    graph = buildGraph(loaded);
    // What parks is what comes to the addon, whatever comments say.
    for (const site of graph.fns.flatMap(({ sites }) => sites)) {
      delete site.seed;
      const { expression: callee } = site.node as Partial<TS.CallExpression>;
      // `statWith(fsStat, …)` calls what it is given.
      const name = [callee, ...site.args].flatMap((one) => (one && nativeName(one, loaded.checker)) ?? []).find((one) => NATIVE.has(one));
      if (name !== undefined) site.seed = { name, room: 'native', certainty: 'always', steps: false } satisfies Parking;
    }
    analysis = new ParkingAnalysis(graph);
    all = publicFunctions(loaded.program);
  });

  const placeOf = ({ name, declaration }: PublicFunction) => `${name} (${declaration.getSourceFile().fileName.slice(root.length)})`;
  const functions = () => all.flatMap((one) => {
    const fn = graph.fnOf(one.declaration);
    return fn ? [{ place: placeOf(one), comes: analysis.reasonOf(fn) !== undefined, says: parkingOf(one.declaration, one.checker) }] : [];
  });

  it('is true: each function of which they say so comes to a function of the addon that parks', () => {
    // What makes an iterator parks in the steps of that.
    const said = functions().filter(({ says, place }) => says && !says.steps && !place.includes('[Symbol.iterator]'));
    expect(said.length).toBeGreaterThan(150);
    expect(said.filter(({ comes }) => !comes).map(({ place }) => place).sort()).toEqual([]);
  });

  it('is all: each function that comes to one says so', () => {
    const silent = functions().filter(({ comes, says }) => comes && !says).map(({ place }) => place);
    expect(silent.filter((place) => !(place in KNOWN)).sort()).toEqual([]);
    expect(Object.keys(KNOWN).filter((place) => !silent.includes(place))).toEqual([]);
  });
});

/** The name of a function of the addon, one of those that lib/…/native.ts declares. */
function nativeName(expression: TS.Expression, checker: TS.TypeChecker): string | undefined {
  const callee = ts.isPropertyAccessExpression(expression) ? expression.name : expression;
  let symbol = ts.isIdentifier(callee) ? checker.getSymbolAtLocation(callee) : undefined;
  if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
  const declared = symbol?.declarations?.[0];
  if (!declared) return undefined;
  const taken = ts.isBindingElement(declared) && declared.parent.parent.initializer?.getText() === 'native';
  if (taken) return (declared.propertyName ?? declared.name).getText();
  return /\/native\.ts$/.test(declared.getSourceFile().fileName) ? callee.getText() : undefined;
}
