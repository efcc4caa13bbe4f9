import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { floorsOf, importsOf, sourcesIn } from './support/imports.js';

const here = fileURLToPath(new URL('..', import.meta.url));
const short = (file: string) => file.slice(here.length);

function graphOf(directory: string): Map<string, string[]> {
  const files = sourcesIn(`${here}${directory}`).map(short);
  return new Map(files.map((file) => [file, importsOf(`${here}${file}`).map(short)]));
}

/** Floor by floor, each file with what it imports. */
function textOf(graph: ReadonlyMap<string, string[]>, floors: string[][]): string {
  const name = (file: string) => file.replace(/^lib\//, '').replace(/\.ts$/, '');
  const line = (file: string) => `  ${name(file)}: ${graph.get(file)!.map(name).join(' ')}`.trimEnd();
  return floors.map((files, i) => [`floor ${String(i)}`, ...files.sort().map(line)].join('\n')).join('\n');
}

describe('no file imports itself, directly or not', () => {
  it.each(['lib', 'bench', 'examples'])('in %s', (directory) => {
    const graph = graphOf(directory);
    const { floors, circular } = floorsOf(graph);
    if (directory === 'lib') console.log(textOf(graph, floors));
    const inCircle = (file: string) => circular.includes(file);
    expect(circular.map((file) => `${file} imports ${graph.get(file)!.filter(inCircle).join(', ')}`)).toEqual([]);
  });

  it('would show', () => {
    const graph = new Map([['top', ['a']], ['a', ['b', 'ground']], ['b', ['c']], ['c', ['a']], ['ground', []], ['beside', ['ground']]]);
    expect(floorsOf(graph)).toEqual({ floors: [['ground'], ['beside']], circular: ['a', 'b', 'c'] });
  });
});

/** The rooms that `room` may take from, which are those below it and those that they may take from. */
function reachable(below: Readonly<Record<string, readonly string[]>>, room: string): string[] {
  return below[room]!.flatMap((next) => [next, ...reachable(below, next)]);
}

describe('rooms of native/', () => {
  /** The rooms that each may include, besides itself and what those may include. CONTRIBUTING says the same. */
  const below: Record<string, string[]> = {
    stack: [],
    engine: ['stack'],
    sched: ['engine'],
    pool: ['sched'],
    channel: ['sched'],
    net: ['sched'],
    tls: ['net'],
    disk: ['pool'],
    child: ['net', 'pool'],
    http: ['net'],
    websocket: [],
    http2: ['http'],
    runtime: ['net', 'pool'],
    binding: ['runtime', 'http2', 'websocket', 'tls', 'disk', 'child', 'channel'],
  };

  it('are all known', () => {
    expect(readdirSync(`${here}native`).sort()).toEqual(Object.keys(below).sort());
  });

  it.each(Object.keys(below))('%s includes rooms below it only', (room) => {
    const directory = `${here}native/${room}`;
    const included = readdirSync(directory)
      .flatMap((file) => [...readFileSync(`${directory}/${file}`, 'utf8').matchAll(/#include "\.\.\/(\w+)\//g)])
      .map((match) => match[1]!);
    const may = reachable(below, room);
    expect([...new Set(included)].filter((other) => !may.includes(other))).toEqual([]);
  });
});

describe('rooms of lib/', () => {
  /** Their files build on each other in an order of their own, which CONTRIBUTING names. */
  const ground = ['coroutine', 'internal', 'observe', 'schedule'];
  /** The rooms that each may import, besides itself. A file in lib/ belongs to the room of its name, if there is one. */
  const below: Record<string, string[]> = {
    ground: [],
    simulate: ['sync'],
    async: ['ground'],
    sync: ['ground'],
    fs: ['ground'],
    dns: ['ground'],
    fibers: ['ground'],
    future: ['fibers'],
    deasync: ['async'],
    net: ['async', 'sync', 'fs', 'dns'],
    child_process: ['net'],
    tls: ['net'],
    websocket: ['tls'],
    http: ['websocket', 'stream'],
    stream: ['net'],
    embed: ['async'],
    threads: ['async', 'sync'],
    patch: ['child_process'],
    main: ['ground'],
    inspect: ['http', 'simulate'],
    analyze: ['ground'],
    eslint: ['analyze'],
    index: ['simulate', 'net'],
    cli: ['index', 'inspect', 'child_process', 'patch', 'main', 'analyze'],
  };
  /** Files in lib/ that no room has the name of. */
  const single = ['index', 'future', 'deasync', 'eslint'];
  /** What an entry imports besides, for what it does when it is loaded: so `connect` of stackful/net can do `{ tls }`. */
  const loads: Record<string, string[]> = { 'lib/net.ts': ['lib/tls/for_net.ts'] };
  const imports = [...graphOf('lib')];
  const nameOf = (file: string) => /^lib\/(\w+)/.exec(file)?.[1];
  const roomOf = (file: string) => ground.find((name) => name === nameOf(file)) ? 'ground' : nameOf(file);

  it('are all known, and beside them lies what users import, and nothing else', () => {
    const { exports, bin } = JSON.parse(readFileSync(`${here}package.json`, 'utf8')) as { exports: Record<string, unknown>; bin: object };
    const names = Object.keys(exports).filter((name) => name !== './package.json' && !name.endsWith('/register'));
    const entries = names.map((name) => name === '.' ? 'index' : name.slice(2));
    const files = [...entries.filter((name) => !name.includes('/')), ...Object.values(bin).map((file: string) => /(\w+)\.js$/.exec(file)![1]!)].map((name) => `${name}.ts`);
    const rooms = [...ground, ...Object.keys(below).filter((room) => room !== 'ground' && !single.includes(room))];
    expect(readdirSync(`${here}lib`).sort()).toEqual([...files, ...rooms].sort());
  });

  it.each(Object.keys(below))('%s imports rooms below it only', (room) => {
    const files = imports.filter(([file]) => roomOf(file) === room);
    const may = [room, ...reachable(below, room)];
    const tooHigh = files.flatMap(([file, imported]) =>
      imported.filter((other) => other.startsWith('lib/') && !may.includes(roomOf(other)!) && !loads[file]?.includes(other)).map((other) => `${file} imports ${other}`));
    expect(tooHigh).toEqual([]);
  });
});

it("README's map links every room", () => {
  const rooms = ['lib', 'native'].flatMap((house) =>
    readdirSync(`${here}${house}`, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => `${house}/${name}`));
  const linked = [...readFileSync(`${here}README.md`, 'utf8').matchAll(/^\| \[`([^`]+)`\]\(\1\) \|/gm)].map(([, room]) => room!);
  expect(linked.filter((room) => room.includes('/')).sort()).toEqual(rooms.sort());
});
