// Whether resident memory stays where it was: the median of late samples against that of early ones.

const MIB = 2 ** 20;
/** How much more the late samples may be. Compilers and allocators keep some MiB after a while, at any size. */
const TOLERANCE = { share: 0.1, bytes: 12 * MIB };
const FEWEST = 15;

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;

export class Memory {
  #samples = [];

  /** Reads resident memory after a collection. */
  sample() {
    globalThis.gc();
    this.#samples.push(process.memoryUsage.rss());
  }

  get enough() {
    return this.#samples.length >= FEWEST;
  }

  now() {
    return mib(process.memoryUsage.rss());
  }

  /** The first fifth of the samples is warm-up, the second fifth is early, the last fifth is late. */
  verdict() {
    const fifth = Math.floor(this.#samples.length / 5);
    if (!this.enough) return { flat: false, text: `memory: ${this.#samples.length} samples are too few to tell` };
    const early = median(this.#samples.slice(fifth, 2 * fifth));
    const late = median(this.#samples.slice(-fifth));
    const limit = early * (1 + TOLERANCE.share) + TOLERANCE.bytes;
    const flat = late <= limit;
    const text =
      `memory: ${mib(early)} early, ${mib(late)} late (${this.#samples.length} samples; may be ` +
      `${TOLERANCE.share * 100} % and ${mib(TOLERANCE.bytes)} more): ${flat ? 'flat' : 'grew'}`;
    return { flat, text };
  }
}
