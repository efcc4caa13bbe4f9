/** A later window counts so much more than the one before it: what was learned is half forgotten after 23 windows. */
const FORGETTING = 0.97;
/** How often each unknown is solved for with the others as they are; what is left of the error goes at the next windows. */
const SWEEPS = 4;
/** The part of an edge's own sum of squares by which a window must tell of it, or it keeps what it has. */
const LEAST = 1e-9;

/**
 * Learns how much of a resource a unit of work uses at each edge, from windows of time: so many units at each edge, so much used by all
 * of them together. Least squares without negative uses, by coordinate descent, in which older windows fade. Nothing has to be measured
 * for each unit, nor at each switch.
 */
export class UseModel {
  /** By edge; see {@link other}. */
  readonly uses: number[] = [];
  /** Used in a window besides. */
  other = 0;
  /** Sums of products, of edge with edge and of edge with the total; row and column 0 are for what is used besides. */
  private readonly products: number[][] = [[0]];
  private readonly totals: number[] = [0];

  /** A window with so many `units` at each edge, in which `total` was used. One of an edge cannot have used more than `most` has. */
  add(units: readonly number[], total: number, most: readonly number[] = []): void {
    this.grow(units.length + 1);
    const at = (i: number): number => (i === 0 ? 1 : (units[i - 1] ?? 0));
    const size = this.totals.length;
    for (let i = 0; i < size; i++) {
      const row = this.products[i]!;
      for (let j = 0; j < size; j++) row[j] = row[j]! * FORGETTING + at(i) * at(j);
      this.totals[i] = this.totals[i]! * FORGETTING + at(i) * total;
    }
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      // What is used besides comes last, so that it is what the edges do not explain.
      for (let i = size - 1; i >= 0; i--) this.solve(i, size, most[i - 1] ?? Infinity);
    }
  }

  private solve(i: number, size: number, most: number): void {
    const row = this.products[i]!;
    if (row[i]! < LEAST) return;
    let rest = this.totals[i]!;
    for (let j = 0; j < size; j++) if (j !== i) rest -= row[j]! * (j === 0 ? this.other : this.uses[j - 1]!);
    const use = Math.min(most, Math.max(0, rest / row[i]!));
    if (i === 0) this.other = use;
    else this.uses[i - 1] = use;
  }

  private grow(size: number): void {
    while (this.totals.length < size) {
      for (const row of this.products) row.push(0);
      this.totals.push(0);
      this.products.push(new Array<number>(this.totals.length).fill(0));
      this.uses.push(0);
    }
  }
}
