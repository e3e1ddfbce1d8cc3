// From one picture to the next, and back: exactly, since the times of all pictures are read from the footage itself.

/** @typedef {import("./playback.js").Playback} Playback */

/** A seek goes this far behind the picture's time, so that rounding cannot show the one before, s. */
const INSIDE = 0.001;

/** A browser that does not say within this time that a picture was painted is not asked further, ms. */
const PATIENCE = 500;

/** How long to wait for the next picture to be recorded or fetched, ms. */
const FETCH = 3000;

const sleep = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Stepper {
  /** @param {Playback} playback */
  constructor(playback) {
    this.playback = playback;
    this.video = playback.video;
    this.exact = "requestVideoFrameCallback" in this.video;
    /** @type {number | null} where the last step went; null once something else moved the picture */
    this.aimed = null;
    this.painted = NaN; // media time of the picture that the browser painted last
    this.wanted = 0; // steps that are still to be done
    /** @type {Promise<boolean> | null} */
    this.walk = null;
    if (this.exact) this.listen();
  }

  listen() {
    this.video.requestVideoFrameCallback((_, data) => {
      this.painted = data.mediaTime;
      this.listen();
    });
  }

  /** Something else moves the picture now. */
  forget() {
    this.aimed = null;
    this.wanted = 0;
  }

  /**
   * @param {1 | -1} direction @returns {Promise<boolean>} resolves when that and all steps asked for before are painted; false
   * if there was no such picture
   */
  step(direction) {
    this.wanted += direction;
    this.walk ??= this.go().finally(() => { this.walk = null; });
    return this.walk;
  }

  async go() {
    let found = true;
    while (this.wanted !== 0) {
      const direction = this.wanted > 0 ? 1 : -1;
      this.wanted -= direction;
      found = await this.once(direction);
      if (!found) this.wanted = 0;
    }
    return found;
  }

  /** Media time of the picture that is shown. */
  shown() {
    const { frames } = this.playback;
    const now = frames.at(this.video.currentTime) ?? this.video.currentTime;
    if (this.aimed !== null) return this.aimed;
    const before = frames.next(now, -1); // a clock runs on for a moment after the last picture was painted
    return before !== null && Math.abs(this.painted - before) < INSIDE ? before : now;
  }

  /** @param {1 | -1} direction */
  async once(direction) {
    const { playback } = this;
    const { frames, sink } = playback;
    const from = this.shown();
    const [range] = sink.ranges();
    if (range) frames.trim(range.start - INSIDE);
    let target = frames.next(from, direction);
    if (target === null && await this.more(from, direction)) target = frames.next(from, direction);
    if (target === null || !playback.active || playback.wantPlay) return false;
    const [a, b] = [from, target].sort((x, y) => x - y).map((t) => sink.base + t * 1000);
    const gap = playback.options.footage().between(a, b);
    if (gap) playback.options.onpassed(gap);
    this.aimed = target;
    await this.paint(target);
    if (direction < 0) playback.dropAhead();
    return true;
  }

  /** @param {number} from @param {1 | -1} direction @returns {Promise<boolean>} whether the picture wanted has come */
  async more(from, direction) {
    if (direction < 0) return this.playback.fetchBefore();
    const until = performance.now() + FETCH;
    while (performance.now() < until && !this.playback.wantPlay && this.playback.active) {
      this.playback.fill();
      await sleep(40);
      if (this.playback.frames.next(from, 1) !== null) return true;
    }
    return false;
  }

  /** Shows a picture, and waits until the browser has painted it. @param {number} target */
  async paint(target) {
    const until = performance.now() + PATIENCE;
    const { video } = this;
    while (performance.now() < until && !this.holds(target)) await sleep(10); // what was fetched is being added
    video.currentTime = target + INSIDE;
    const done = () => (this.exact ? Math.abs(this.painted - target) < INSIDE : !video.seeking);
    while (performance.now() < until && !done()) await sleep(4);
  }

  /** @param {number} target */
  holds(target) {
    return this.playback.sink.ranges().some((r) => r.start - INSIDE < target && target + INSIDE < r.end);
  }
}
