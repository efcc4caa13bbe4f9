/**
 * The paired-sample sign test of "Progress-based regulation of low-importance processes" (Douceur, Bolosky, SOSP 1999): from a
 * sequence of samples, each of which is below the target or not, it tells whether they are worse than chance.
 *
 * If nothing is wrong, a sample is below the target with a probability of one half at most. `poor`: so many below are that improbable.
 * `good`: so few below would be improbable if things were worse. Otherwise it needs more samples.
 */

/** How improbable a false `poor` has to be, and a false `good`. */
const POOR = 0.05;
const GOOD = 0.2;
/** After so many without a verdict the next one begins anew: they are about as good as they should be. */
export const MOST = 64;

/** Of `count` samples that are below with a probability of one half: how probable it is that at least `below` are. */
export function atLeast(below: number, count: number): number {
  let ways = 1;
  let sum = 0;
  for (let k = 0; k <= count; k++) {
    if (k >= below) sum += ways;
    ways = (ways * (count - k)) / (k + 1);
  }
  return sum / 2 ** count;
}

export class SignTest {
  private count = 0;
  private below = 0;

  /** The verdict, with which the next sequence begins, or undefined for as long as there is none. */
  add(below: boolean): 'poor' | 'good' | undefined {
    this.count++;
    if (below) this.below++;
    const verdict = this.verdict();
    if (verdict !== undefined || this.count === MOST) this.count = this.below = 0;
    return verdict;
  }

  private verdict(): 'poor' | 'good' | undefined {
    if (atLeast(this.below, this.count) <= POOR) return 'poor';
    // By symmetry: how probable it is that so few, or fewer, are below.
    return atLeast(this.count - this.below, this.count) <= GOOD ? 'good' : undefined;
  }
}
