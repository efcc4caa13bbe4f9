// The times that both sides of the bench `runtime` set their timers to: 1 s to 1 min, the same for both, from a small
// generator (G. Marsaglia, "Xorshift RNGs", 2003), so that neighbours in the program are not neighbours in time.
export function deadlines(count) {
  const list = new Float64Array(count);
  let state = 88172645;
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    list[i] = 1000 + ((state >>> 0) % 59_000);
  }
  return list;
}

/** Nanoseconds per item since `began`. */
export const perItem = (began, items) => ((performance.now() - began) * 1e6) / items;

/** The list that a bench of nanoseconds prints. */
export const samplesOf = (subject, metrics) =>
  Object.entries(metrics).map(([metric, value]) => ({ subject, metric, value, unit: 'ns' }));
