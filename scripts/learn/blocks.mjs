// The blocks of native/engine/v8_layout.h, read and written.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../addon.mjs';

/** The addon's number for "no such word". */
export const ABSENT = 2 ** 64;

/** The constants that a search covers, by their names in the addon; the others are the same in all V8s we know. */
export const SEARCHED = [
  'handleImplementerBytes', 'handleDataBytes', 'handleDataInImplementer', 'spareInImplementer', 'managerAnchors', 'interruptScopes',
  'threadIdWord', 'isolateWord', 'tryCatchWord', 'trapFlagWord', 'accessCheckWord', 'twoLimits', 'heapStackStartInTarget',
  'shutdownList', 'stackReach',
];
/** Those that only compiling, the self-test and test/engine check. */
const COPIED = ['kExitFrameWord', 'kExitFunctionWord', 'kHandlerWord'];

const header = readFileSync(join(root, 'native/engine/v8_layout.h'), 'utf8');
const constant = (name) => `k${name[0].toUpperCase()}${name.slice(1)}`;

/** The text of each block and its Node, by the major version of V8. */
export const blocks = Object.fromEntries(
  [...header.matchAll(/#(?:el)?if STACKFUL_LAYOUT == (\d+)[^\n]*Node (\d+)\n(.*?)(?=#el)/gs)].map(([, major, node, text]) => [major, { node, text }]),
);

function valueOf(text) {
  const value = text.replaceAll(/\s+/g, ' ').trim();
  if (value === 'SIZE_MAX') return ABSENT;
  if (value === 'true' || value === 'false') return Number(value === 'true');
  const sum = value.replace('sizeof(pthread_mutex_t)', process.arch === 'arm64' ? '48' : '40').split('+');
  const total = sum.reduce((all, one) => all + Number(one), 0);
  if (Number.isNaN(total)) throw new Error(`v8_layout.h: "${text}" is no number`);
  return total;
}

const read = (major, name) => new RegExp(`\\b${name} =([^,;]+)[,;]`).exec(blocks[major].text)?.[1];

/** The numbers of a block, as the addon names them. */
export function numbersOf(major) {
  return Object.fromEntries(SEARCHED.map((name) => [name, valueOf(read(major, constant(name)))]));
}

/** A block to be pasted. */
export function render({ from, node, v8, numbers }) {
  const [major, minor] = v8.split('.');
  const write = (name) => {
    const value = numbers[name];
    if (name === 'twoLimits' || name === 'shutdownList' || name === 'stackReach') {
      return `inline constexpr bool ${constant(name)} = ${value === 1};`;
    }
    const text = value === ABSENT ? 'SIZE_MAX' : name.endsWith('Word') ? String(value) : value < 16 ? `0x0${value.toString(16)}` : `0x${value.toString(16)}`;
    return `inline constexpr size_t ${constant(name)} = ${text};`;
  };
  const vectors = /kVectorsInUse\[\] = [^;]+;/.exec(blocks[from].text)[0];
  return [
    `#elif STACKFUL_LAYOUT == ${major}  // Node ${node} (V8 ${major}.${minor})`,
    `inline constexpr const char* kNode = "${node}";`,
    ...SEARCHED.map(write),
    `// Copied from the block of V8 ${from}, and not searched for: npm run matrix has to show that they are right.`,
    ...COPIED.map((name) => `inline constexpr size_t ${name} =${read(from, name)};`),
    `inline constexpr size_t ${vectors}`,
  ].join('\n');
}
