// Plays one camera in sync with the master clock. It shows the master's moment, or nothing.

import { keepSync } from "./master.js";
import { KEYS_FROM } from "../player/rates.js";
import { Reader } from "../player/reader.js";
import { KeyFrameView } from "../player/keyframeview.js";
import { MediaBuffer } from "../player/buffer.js";
import { absence } from "../footage/combined.js";

/** Seconds of what was shown that stay buffered. */
const KEEP = 20;

/** Footage that begins this soon is fetched ahead, so that it joins in sync, ms at normal speed. */
const SOON = 4000;

/** How long a browser takes to seek within its buffer, ms: seeks go this far ahead of the master. */
const LEAD = 90;

/** Shorter holes between two runs are skipped silently, s. */
const HOLE = 0.3;

/** Times in URLs are rounded to milliseconds: smaller differences do not count, s. */
const ROUNDED = 0.005;

/** How long the last picture may stay while that of another moment is on its way, ms; then it would be a frozen one. */
const STAY = 600;

/** After waiting this long for footage that should be there, it is fetched again, ms. */
const ANEW = 4000;

/** A key frame may lie this long before the moment, ms, and at high speed as much longer as passes meanwhile. */
const KEY_AGE = 12_000;

/**
 * @typedef {object} FollowerOptions
 * @property {string} camera
 * @property {"main" | "sub"} stream
 * @property {boolean} hasSub
 * @property {() => import("../footage/footage.js").Footage} footage of the day that is shown
 * @property {() => number} now the recorder's time, ms
 * @property {() => number} moment that of the master, ms
 * @property {(answer: Response) => boolean} over whether an answer says that the session has ended
 */

/**
 * @typedef {object} Place
 * @property {number} at the master's moment
 * @property {number} rate
 * @property {boolean} running
 * @property {boolean} dragged whether a finger moves the moment: then single key frames are shown
 * @property {boolean} exact whether the master stands for as long as people like, so that small differences are worth a seek
 */

/** @typedef {"picture" | "key" | ""} Layer */

export class Follower {
  /** @param {HTMLVideoElement} video @param {HTMLVideoElement} key @param {FollowerOptions} options */
  constructor(video, key, options) {
    this.video = video;
    this.options = options;
    this.refused = "";
    this.buffer = new MediaBuffer(video, (why) => this.refuse(why));
    this.reader = new Reader(this.buffer, {
      ...options, onrefused: (why) => this.refuse(why), onmissing: () => this.use(this.fullRefused ? "" : "main", "The low-resolution stream is not recorded."),
    });
    this.fullRefused = "";
    this.arriving = true; // the picture of the moment that was gone to is not there yet
    this.ran = false; // the picture that is shown came by playing: a browser paints one a moment before its time, or late
    this.leftAt = -Infinity; // when the moment that is still shown was left
    this.absentSince = NaN;
    this.keyAt = NaN;
    this.keyAsked = NaN;
    this.keyView = new KeyFrameView(key, options, (wall) => { this.keyAt = wall; });
    video.muted = true;
    const arrived = () => { if (this.buffer.wanted === null) this.arriving = false; };
    video.addEventListener("seeked", arrived);
    video.addEventListener("playing", arrived);
  }

  /** Takes the small picture where the full one cannot be played, and says so where there is none. @param {string} why */
  refuse(why) {
    if (this.options.stream === "sub") {
      this.refused = why;
      return;
    }
    this.fullRefused = why;
    this.use(this.options.hasSub ? "sub" : "", why);
  }

  /** @param {"main" | "sub" | ""} stream "" for none @param {string} why there is none */
  use(stream, why) {
    if (!stream) {
      this.refused = this.fullRefused || why;
      return;
    }
    this.options.stream = stream;
    this.reader.options.stream = stream;
    this.keyView.of.stream = stream;
    this.reader.stop();
  }

  /** Goes to a moment that is not the next one. @param {number} at */
  go(at) {
    if (!this.arriving) this.leftAt = performance.now();
    this.arriving = true;
    if (absence(this.options.footage(), at)) return;
    if (!this.buffer.holds(at) || !this.held(at)) this.reader.restart(at);
    this.buffer.seek(at);
  }

  /**
   * The moment next to one that is buffered and can be shown: itself, or just beside it at the edge of a hole or where
   * footage begins or ends; null if there is none, or if pictures that come before the first that is buffered can be had.
   * @param {number} at @returns {number | null}
   */
  near(at) {
    const t = this.buffer.time(at);
    const ranges = this.buffer.ranges();
    const range = ranges.find((r) => r.start - HOLE <= t && t < r.end + HOLE / 2);
    if (!range) return null;
    const first = Math.max(ranges[0].start, this.reader.frames.first() ?? 0); // sound may begin before the pictures
    if (t < first - ROUNDED && at < this.reader.from - ROUNDED * 1000) return null;
    return this.buffer.base + Math.min(Math.max(t, range.start + 0.001), range.end - 0.03) * 1000;
  }

  /** Whether that moment is buffered, or lies in a hole that is passed. @param {number} at */
  held(at) {
    return this.near(at) !== null;
  }

  /** Whether it can go on from a moment at once. @param {number} at */
  ready(at) {
    return this.refused !== "" || (!this.arriving && this.held(at));
  }

  /**
   * The step to the picture before or after the one of a moment. Those before all that is buffered are taken to be as far apart as
   * those after.
   * @param {number} at @param {1 | -1} direction @returns {import("../footage/combined.js").Step | null} null if it is not known
   */
  step(at, direction) {
    const { base } = this.buffer;
    const { frames } = this.reader;
    const t = this.buffer.time(at);
    const shown = frames.at(t);
    const after = frames.next(t, 1);
    if (shown === null || after === null) return null;
    const before = frames.next(t, -1);
    const lasts = direction > 0 || before === null ? after - shown : shown - before;
    const to = direction > 0 ? after : (before ?? shown - lasts / 2);
    return { to: base + to * 1000, lasts: lasts * 1000 };
  }

  /** By how much the picture is ahead of the master, ms. @param {number} at */
  off(at) {
    return this.buffer.wall() - at;
  }

  /**
   * Brings the picture in line with the master; called many times a second.
   * @param {Place} place @returns {Layer} what of it is to be seen
   */
  place(place) {
    const { at, rate } = place;
    if (this.refused) return this.rest();
    if (absence(this.options.footage(), at)) {
      this.prepare(at, rate);
      return this.rest();
    }
    if (place.dragged || (rate >= KEYS_FROM && place.running)) return this.showKey(place);
    this.keyAsked = NaN;
    this.fetch(at, rate);
    if (place.running) this.keepUp(at, rate);
    else this.stand(at, place.exact);
    if (this.arriving) {
      if (this.keyFresh(at, 0)) return "key";
      return performance.now() - this.leftAt < STAY ? "picture" : "";
    }
    return Math.abs(this.off(at)) < 1000 * Math.max(1, rate) ? "picture" : "";
  }

  /** @returns {Layer} */
  rest() {
    if (!this.video.paused) this.video.pause();
    this.keyAt = NaN;
    this.leftAt = -Infinity;
    return "";
  }

  /** In a gap, fetches what comes after it when that is soon. @param {number} at @param {number} rate */
  prepare(at, rate) {
    const start = this.options.footage().next(at);
    if (start === null || start - at > SOON * Math.max(1, rate) || rate >= KEYS_FROM) return;
    if (!this.reader.covers(start)) this.reader.restart(start);
    const { wanted } = this.buffer;
    if (wanted === null ? !this.video.seeking && Math.abs(this.off(start)) > 1500 : Math.abs(wanted - start) > 1500) {
      this.arriving = true;
      this.buffer.seek(start);
    }
    this.buffer.arrive();
    this.reader.fill(at, Math.max(1, rate));
  }

  /** @param {number} at @param {number} rate */
  fetch(at, rate) {
    const now = performance.now();
    const held = this.held(at);
    if (held) this.absentSince = NaN;
    else if (Number.isNaN(this.absentSince)) this.absentSince = now;
    if ((!held && !this.reader.covers(at)) || now - this.absentSince > ANEW) {
      this.absentSince = NaN;
      this.arriving = true;
      this.reader.restart(at);
      this.buffer.seek(at);
    }
    this.reader.fill(at, Math.max(1, rate));
    this.reader.trim(this.video.currentTime - KEEP);
    const target = this.buffer.wanted === null ? null : this.near(this.buffer.wanted);
    if (target !== null) this.buffer.seek(target);
  }

  /** @param {number} at @param {number} rate */
  keepUp(at, rate) {
    const { video } = this;
    if (this.arriving || this.buffer.wanted !== null || video.seeking) return;
    const off = this.off(at);
    const step = keepSync({ off, rate });
    const stuck = off < -80 && video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    if ((step.go || stuck) && this.buffer.holds(at + LEAD * rate)) {
      this.buffer.seek(at + LEAD * rate);
      return;
    }
    if (step.wait) {
      if (!video.paused) video.pause();
      return;
    }
    this.ran = true;
    if (video.playbackRate !== step.rate) video.playbackRate = step.rate;
    if (video.paused) video.play().catch(() => {});
  }

  /** @param {number} at @param {boolean} exact */
  stand(at, exact) {
    if (!this.video.paused) this.video.pause();
    if (this.buffer.wanted !== null || this.video.seeking) return;
    const target = this.near(at);
    if (target === null || (!this.arriving && !exact)) return;
    if (Math.abs(this.buffer.wall() - target) > 2 || (exact && this.ran)) {
      this.ran = false;
      this.buffer.seek(target);
    } else if (this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) this.arriving = false;
  }

  /** @param {Place} place @returns {Layer} */
  showKey({ at, rate, dragged }) {
    if (!this.video.paused) this.video.pause();
    if (Number.isNaN(this.keyAsked) || Math.abs(at - this.keyAsked) > (dragged ? 0 : 100 * rate)) {
      this.keyAsked = at;
      this.keyView.show(at);
    }
    return this.keyFresh(at, dragged ? 0 : rate) ? "key" : "";
  }

  /** @param {number} at @param {number} rate */
  keyFresh(at, rate) {
    const age = at - this.keyAt;
    return age > -500 - 500 * rate && age < KEY_AGE + 500 * rate;
  }

  /** Releases everything. */
  stop() {
    this.reader.stop();
    this.keyView.stop();
    this.buffer.close();
  }
}
