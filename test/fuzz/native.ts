/** libFuzzer over test/native/fuzz, with address and undefined behaviour sanitizers: built, seeded, run for a while. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CORPUS } from './requests.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = join(root, '.cache/fuzz');

interface Target {
  name: string;
  /** Besides its own source, below the root; a folder stands for the sources in it. */
  sources: string[];
  /** The choices that the first two bytes of an input make: see the target. */
  prefixes: string[];
  /** Beginnings besides whole conversations. */
  seeds?: string[];
}

const TARGETS: readonly Target[] = [
  {
    name: 'http_parser_fuzz',
    sources: ['native/http/parser.cc', 'native/http/chunked.cc', 'native/http/target.cc'],
    prefixes: ['\0\x01', '\0\x02', '\x01\x01', '\x02\x20'],
    seeds: ['5\r\nHello\r\n0\r\n\r\n', 'A;n=v;q="s\\"t"\r\n0123456789\r\n0\r\nT: v\r\n\r\n', '/a/../b%20c?d=e', 'http://a/%2e%2e/b'],
  },
  {
    name: 'http_connection_fuzz',
    sources: ['native/stack', 'native/sched', 'native/net', 'native/disk', 'native/http', 'test/native/plain_engine.cc'],
    prefixes: ['\0\x01', '\x01\x05', '\x02\x09', '\x03\x11', '\x04\x21', '\x05\x41'],
  },
];

const FLAGS = [
  '-std=c++20', '-D_GNU_SOURCE', '-g', '-O1', '-fno-strict-aliasing', '-mno-red-zone', '-fno-omit-frame-pointer', '-fcf-protection=none',
  '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all', '-pthread',
];
const compiler = process.env.CLANGXX ?? 'clang++';

function sourcesOf(target: Target): string[] {
  const own = join('test/native/fuzz', `${target.name}.cc`);
  const others = target.sources.flatMap((source) => {
    if (/\.\w+$/.test(source)) return [source];
    return readdirSync(join(root, source)).filter((name) => /\.(cc|S)$/.test(name)).map((name) => join(source, name));
  });
  return [own, ...others];
}

/** Runs a program, its output shown; whether it ended well. */
function run(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<boolean> {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  return new Promise((resolve) => {
    child.on('error', () => { resolve(false); });
    child.on('close', (code) => { resolve(code === 0); });
  });
}

function seed(target: Target, directory: string): void {
  for (const [i, text] of [...CORPUS, ...(target.seeds ?? [])].entries()) {
    for (const [k, prefix] of target.prefixes.entries()) writeFileSync(join(directory, `seed-${i}-${k}`), prefix + text, 'latin1');
  }
}

async function fuzz(target: Target, seconds: number): Promise<boolean> {
  const program = join(cache, target.name);
  // Grows from run to run.
  const corpus = join(cache, 'corpus', target.name);
  mkdirSync(corpus, { recursive: true });
  console.log(`\n=== ${target.name}: building`);
  const sources = sourcesOf(target).map((name) => join(root, name));
  if (!(await run(compiler, [...FLAGS, '-I', join(root, 'native'), '-o', program, ...sources]))) return false;
  seed(target, corpus);
  console.log(`=== ${target.name}: ${seconds} s`);
  const limits = [`-max_total_time=${seconds}`, '-max_len=4000', '-timeout=10', '-rss_limit_mb=2048', '-print_final_stats=1', '-verbosity=1'];
  // An input that crashes is written here; the program with the file as its argument repeats the crash.
  const artifacts = `-artifact_prefix=${cache}/${target.name}-`;
  return run(program, [...limits, artifacts, corpus], { ASAN_OPTIONS: 'detect_stack_use_after_return=0' });
}

/** Fuzzes every target for `seconds`, one after the other. False when one fails; true and a word where clang is missing. */
export async function fuzzNative(seconds: number): Promise<boolean> {
  if (spawnSync(compiler, ['--version']).status !== 0) {
    console.log(`fuzz: SKIPPED, ${compiler} is not installed (Debian: apt-get install clang libclang-rt-dev)`);
    return true;
  }
  for (const target of TARGETS) if (!(await fuzz(target, seconds))) return false;
  return true;
}
