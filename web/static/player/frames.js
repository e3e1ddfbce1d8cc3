// The presentation time of every buffered frame. Pure. Times are seconds of media time.

/** Two times that differ by less than this are one: a browser rounds to microseconds. */
const SAME = 0.0005;

/** @typedef {{t: number, run: string, offset: number}} Picture offset: by how much its run was moved to stand on the axis */

export class Frames {
  constructor() {
    /** @type {Picture[]} in the order in which they are shown */
    this.all = [];
  }

  /**
   * Adds the pictures of a fragment. Fragments may interleave, since pictures are stored in the order of decoding.
   * @param {number[]} times @param {string} run @param {number} offset
   */
  add(times, run, offset) {
    const fresh = times.filter((t) => !this.has(t)).map((t) => ({ t, run, offset }));
    if (fresh.length === 0) return;
    const last = this.all[this.all.length - 1];
    this.all.push(...fresh);
    if (last && last.t > fresh[0].t) this.all.sort((a, b) => a.t - b.t);
  }

  clear() {
    this.all = [];
  }

  /** @param {number} before forgets what lies before */
  trim(before) {
    if (this.all.length > 0 && this.all[0].t < before) this.all = this.all.filter((p) => p.t >= before);
  }

  /** @param {number} from forgets what lies from there on */
  cut(from) {
    this.all.length = this.from(from);
  }

  /** @returns {number | null} the first picture */
  first() {
    return this.all[0]?.t ?? null;
  }

  /** @param {number} t whether a picture begins then */
  has(t) {
    const i = this.from(t - SAME);
    return i < this.all.length && this.all[i].t < t + SAME;
  }

  /** @param {number} t @returns {number} index of the first picture that is not before t */
  from(t) {
    let low = 0;
    let high = this.all.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.all[middle].t < t) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** @param {number} t @returns {number | null} the picture that is shown then */
  at(t) {
    return this.all[this.from(t + SAME) - 1]?.t ?? null;
  }

  /**
   * The picture before or after the one that is shown at a moment.
   * @param {number} t @param {1 | -1} direction @returns {number | null}
   */
  next(t, direction) {
    const shown = this.from(t + SAME) - 1;
    return this.all[shown + direction]?.t ?? null;
  }

  /** @param {number} from @param {number} to @returns {number[]} the pictures in between */
  within(from, to) {
    return this.all.slice(this.from(from), this.from(to)).map((p) => p.t);
  }

  /**
   * The offset of a run on the time axis, if it is known. What is fetched again, or before, gets the same offset and joins
   * without overlap.
   * @param {string} run @param {number} t near which @returns {number} NaN if it is not
   */
  offset(run, t) {
    const of = this.all.filter((p) => p.run === run);
    if (of.length === 0) return NaN;
    return of.reduce((best, p) => (Math.abs(p.t - t) < Math.abs(best.t - t) ? p : best)).offset;
  }
}
