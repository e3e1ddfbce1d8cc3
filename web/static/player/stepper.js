// Steps from frame to frame, exactly: the times of all frames are read from the footage itself.

import { INSIDE } from "./buffer.js";

/** @typedef {import("./playback.js").Playback} Playback */

/** How long to wait for the browser to paint a frame, ms. */
const PATIENCE = 500;

/** How long to wait for the next picture to be recorded, ms. */
const RECORDED = 3000;

/** How long to wait for a picture that is being fetched, ms. */
const FETCHED = 15_000;

/** @typedef {{now: () => number, sleep: (ms: number) => Promise<void>}} Clock in ms */

/** @type {Clock} */
const browserClock = {
  now: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => { setTimeout(resolve, ms); }),
};

export class Stepper {
  /** @param {Playback} playback @param {Clock} [clock] */
  constructor(playback, clock = browserClock) {
    this.playback = playback;
    this.clock = clock;
    this.video = playback.video;
    this.exact = "requestVideoFrameCallback" in this.video;
    /** @type {number | null} where the last step went; null once something else moved the picture */
    this.aimed = null;
    this.painted = NaN; // media time of the picture that the browser painted last; NaN from a seek until its picture is painted
    this.wanted = 0; // steps that are still to be done
    /** @type {Promise<boolean> | null} */
    this.walk = null;
    if (this.exact) this.listen();
  }

  listen() {
    const lost = () => { this.painted = NaN; };
    this.video.addEventListener("seeking", lost);
    this.video.addEventListener("emptied", lost);
    this.watch();
  }

  watch() {
    this.video.requestVideoFrameCallback((_, data) => {
      // During a seek, a picture of before it may still be told of.
      if (!this.video.seeking || this.isPicture(data.mediaTime, this.video.currentTime)) this.painted = data.mediaTime;
      this.watch();
    });
  }

  /** Whether the picture that begins at a time is the one of a moment. @param {number} begins @param {number} moment */
  isPicture(begins, moment) {
    const picture = this.playback.frames.at(moment);
    return picture !== null && Math.abs(begins - picture) < INSIDE;
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

  /**
   * Media time of the visible frame: the one that the browser painted last. The browser's clock may point to another. It runs
   * on after the last frame was painted, and a frame may be painted a moment before its time.
   */
  shown() {
    const { frames } = this.playback;
    if (this.aimed !== null) return this.aimed;
    const { painted, video } = this;
    if (!video.seeking && this.isPicture(painted, painted)) return frames.at(painted) ?? painted;
    return frames.at(video.currentTime) ?? video.currentTime;
  }

  /** Waits for a jump to reach its moment. @returns {Promise<boolean>} whether the picture stands there */
  async landed() {
    const { playback, clock } = this;
    const until = clock.now() + FETCHED;
    while (playback.buffer.wanted !== null && playback.active && !playback.wantPlay && clock.now() < until) await clock.sleep(20);
    return playback.buffer.wanted === null && playback.active && !playback.wantPlay;
  }

  /** @param {1 | -1} direction */
  async once(direction) {
    const { playback } = this;
    const { frames, buffer } = playback;
    if (!(await this.landed())) return false;
    const from = this.shown();
    const [range] = buffer.ranges();
    if (range) frames.trim(range.start - INSIDE);
    let target = frames.next(from, direction);
    if (target === null && await this.more(from, direction)) target = frames.next(from, direction);
    if (target === null || !playback.active || playback.wantPlay) return false;
    const [a, b] = [from, target].sort((x, y) => x - y).map((t) => buffer.base + t * 1000);
    const gap = playback.options.footage().between(a, b);
    if (gap) playback.options.onpassed(gap);
    this.aimed = target;
    await this.paint(target);
    if (direction < 0) playback.dropAhead();
    return true;
  }

  /** @param {number} from @param {1 | -1} direction @returns {Promise<boolean>} whether the picture wanted has come */
  async more(from, direction) {
    const { playback, clock } = this;
    if (direction < 0) return playback.fetchBefore();
    const asked = clock.now();
    let until = asked + RECORDED;
    while (clock.now() < until && !playback.wantPlay && playback.active && !playback.reader.waits()) {
      playback.fill();
      await clock.sleep(40);
      if (playback.frames.next(from, 1) !== null) return true;
      if (playback.reader.request) until = Math.min(clock.now() + RECORDED, asked + FETCHED);
    }
    return false;
  }

  /** Shows a picture, and waits until the browser has painted it. @param {number} target */
  async paint(target) {
    const { video, clock } = this;
    const until = clock.now() + PATIENCE;
    while (clock.now() < until && !this.holds(target)) await clock.sleep(10); // what was fetched is being added
    this.playback.buffer.show(target + INSIDE);
    const done = () => (this.exact ? Math.abs(this.painted - target) < INSIDE : !video.seeking);
    while (clock.now() < until && !done()) await clock.sleep(4);
  }

  /** @param {number} target */
  holds(target) {
    return this.playback.buffer.ranges().some((r) => r.start - INSIDE < target && target + INSIDE < r.end);
  }
}
