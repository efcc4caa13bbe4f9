/** Numbers as people read them. */

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Three digits, and no more of them behind the point than say something. */
function digits(value: number): string {
  return value.toFixed(value >= 99.5 || value === 0 ? 0 : value >= 9.95 ? 1 : 2).replace(/\.0+$/, '');
}

/** `940 µs`, `12 ms`, `3.4 s`, `5 min`, `2 h`. */
export function duration(ms: number): string {
  if (ms < 1) return `${digits(ms * 1_000)} µs`;
  if (ms < 999.5) return `${digits(ms)} ms`;
  if (ms < 60_000) return `${digits(ms / 1_000)} s`;
  if (ms < 3_600_000) return `${String(Math.floor(ms / 60_000))} min`;
  return `${digits(ms / 3_600_000)} h`;
}

/** `940`, `12k`, `3.4M`. */
export function count(value: number): string {
  if (value < 1_000) return Number.isInteger(value) ? String(value) : digits(value);
  if (value < 999_500) return `${digits(value / 1_000)}k`;
  return `${digits(value / 1_000_000)}M`;
}

export function rate(perSecond: number): string {
  return `${count(perSecond)}/s`;
}

export function bytes(value: number): string {
  let unit = 0;
  for (; value >= 1_023.5 && unit < BYTES.length - 1; unit++) value /= 1_024;
  return `${digits(value)} ${BYTES[unit]!}`;
}

export function percent(share: number): string {
  return `${digits(share * 100)} %`;
}

/** Cut in the middle of nothing: at the end, with an ellipsis. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
