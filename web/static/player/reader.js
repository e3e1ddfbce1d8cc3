// Fetches the footage of one camera into a buffer, part by part.

import { Splitter, pictureTimes } from "./bytes.js";
import { Frames } from "./frames.js";
import { refusal } from "./buffer.js";

/** @typedef {import("../footage/footage.js").Footage} Footage */

/** Length of the first part, which is to come soon, of all later parts, and of what is buffered ahead, at normal speed; ms. */
const FIRST = 6_000;
export const PART = 20_000;
export const AHEAD = 10_000;

/** If the buffer begins so much later than the first known frame, the browser has evicted what was before, s. */
const LEFT = 1;

/** How much earlier to begin where the sound ends soon after the wanted moment, ms. */
const SILENCE = 4000;

/** A browser that has played all that is buffered may stand this long before its end, ms. */
const STARVED = 1200;

/** How long to wait before asking again for footage that is just being written, and after a failure, ms. */
const AGAIN = 700;
const MEND = 1400;

/**
 * @typedef {object} ReaderOptions
 * @property {string} camera
 * @property {"main" | "sub"} stream
 * @property {() => Footage} footage of the day that is shown
 * @property {() => number} now the recorder's time, ms
 * @property {() => number} moment the wall clock of what is shown or on its way there, ms
 * @property {(answer: Response) => boolean} over whether an answer says that the session has ended
 * @property {(why: string) => void} onrefused the browser cannot play what came
 * @property {() => void} onmissing there is no such stream
 * @property {(end: number, start: number) => void} [onanew] the buffer began anew, after the end of what was shown, ms
 */

export class Reader {
  /** @param {import("./buffer.js").MediaBuffer} buffer @param {ReaderOptions} options */
  constructor(buffer, options) {
    this.buffer = buffer;
    this.options = options;
    this.frames = new Frames(); // the pictures that were given to the buffer
    buffer.pictureAt = (t) => this.frames.at(t);
    this.from = NaN; // the moment from which on is there what could be had
    this.next = NaN; // the moment from which to fetch
    this.run = "";
    this.seq = -1;
    this.retryAt = 0;
    this.nudge = 1; // ms after `next` at which to ask: times in URLs are whole milliseconds
    this.first = true;
    this.broken = false; // the last request got no answer, or none that helps
    this.earlier = false; // it began earlier than asked for, to have sound
    this.turn = NaN; // where the buffer has to begin anew, once what comes before it was shown; wall clock, ms
    /** @type {AbortController | null} */
    this.request = null;
  }

  /** Forgets everything, to begin at a moment. @param {number} t */
  restart(t) {
    this.go(t);
    this.from = t;
    this.retryAt = 0;
    this.nudge = 1;
    this.first = true;
    this.earlier = false;
    this.buffer.clear();
    this.frames.clear();
  }

  /** Goes on from a moment: what comes from there begins with the init header of its run. @param {number} t */
  go(t) {
    this.request?.abort();
    this.request = null;
    this.next = t;
    this.run = "";
    this.seq = -1;
    this.turn = NaN;
  }

  /** Whether nothing more can be buffered until what is there has been shown. */
  waits() {
    const { video } = this.buffer;
    const over = video.ended && !this.buffer.isPut(); // a browser also says so of a video that was put at its last picture
    const starved = over || (!video.paused && video.readyState === HTMLMediaElement.HAVE_CURRENT_DATA);
    return this.options.moment() < this.turn - (starved ? STARVED : 0);
  }

  /** Forgets what was shown before a moment of media time. @param {number} before s */
  trim(before) {
    this.buffer.trim(before);
    const [range] = this.buffer.ranges();
    const first = this.frames.first();
    if (!range || first === null || first > range.start - LEFT) return;
    this.frames.trim(range.start - LEFT);
    this.from = Math.max(this.from, this.buffer.base + range.start * 1000);
  }

  /** Whether that moment is among what was fetched, or is next. @param {number} t */
  covers(t) {
    return t >= this.from - 50 && t <= this.next + 50;
  }

  stop() {
    this.go(NaN);
    this.from = NaN;
    this.broken = false;
    this.frames.clear();
  }

  /**
   * Fetches the next part when little is buffered after the current moment.
   * @param {number} at @param {number} speed
   */
  async fill(at, speed) {
    if (this.request || Number.isNaN(this.next) || performance.now() < this.retryAt || this.waits()) return;
    const start = this.options.footage().next(this.next) ?? this.next;
    if (start - at > AHEAD * speed) return;
    if (start > this.options.now() - 800) {
      this.retryAt = performance.now() + AGAIN;
      return;
    }
    const came = await this.ask(start, (this.first ? FIRST : PART) * speed);
    if (came !== null) this.first = false;
  }

  /**
   * Fetches a part. It asks for a moment just after the end of what is there: times in URLs are whole milliseconds, and the
   * end may not be. The server begins with the key frame before, so nothing is missed, and a run that begins there is found.
   * @param {number} start @param {number} length ms
   * @returns {Promise<boolean | null>} whether anything new came; null when it was given up or there was no answer that helps
   */
  async ask(start, length) {
    const request = new AbortController();
    this.request = request;
    try {
      const from = Math.ceil(start) + this.nudge;
      const came = await this.fetchPart(from, from + length, request.signal);
      if (request.signal.aborted) return null;
      this.broken = false;
      this.nudge = came ? 1 : Math.min(2 * this.nudge + 20, 2000);
      if (!came) this.retryAt = performance.now() + AGAIN;
      return came;
    } catch {
      if (request.signal.aborted) return null;
      this.broken = true;
      this.retryAt = performance.now() + MEND;
      return null;
    } finally {
      if (this.request === request) this.request = null;
    }
  }

  /**
   * @param {number} from @param {number} to ms @param {AbortSignal} signal
   * @returns {Promise<boolean>} whether anything new came
   */
  async fetchPart(from, to, signal) {
    const { camera, stream } = this.options;
    const span = new URLSearchParams({
      from: new Date(Math.floor(from)).toISOString(), to: new Date(Math.ceil(to)).toISOString(), stream,
    });
    const answer = await fetch(`/api/v1/cameras/${camera}/segments.mp4?${span}`, { signal });
    if (this.options.over(answer)) throw new Error("the session has ended");
    if (answer.status === 404) return this.missing(from);
    if (!answer.ok || !answer.body) throw new Error(`segments: ${answer.status}`);
    const mime = answer.headers.get("Content-Type") ?? "";
    const why = refusal(mime);
    if (why) {
      this.options.onrefused(why);
      throw new Error(why);
    }
    if (this.apart(mime)) {
      await answer.body.cancel();
      return true;
    }
    const splitter = new Splitter();
    const reader = answer.body.getReader();
    let came = false;
    for (;;) {
      const { done, value } = await reader.read();
      if (signal.aborted || done) return came;
      for (const part of splitter.push(value)) came = this.take(part, mime) || came;
    }
  }

  /**
   * Whether the part that comes now cannot be buffered beside what is there. If it comes later, it waits for its turn.
   * @param {string} mime
   */
  apart(mime) {
    const first = this.frames.first();
    if (first === null || this.buffer.takes(mime)) return false;
    this.turn = this.next;
    if (this.turn < this.buffer.base + first * 1000) return true;
    if (!this.waits()) return false;
    // Sound that went ended before the pictures. A browser holds back pictures without their sound while that may still come, and
    // always if there is none at all.
    this.buffer.finish();
    this.buffer.push(() => { if (this.buffer.ranges().length === 0) setTimeout(() => this.startEarlier()); });
    return true;
  }

  /** Fetches again from where there was sound, once. */
  startEarlier() {
    const { from, turn } = this;
    const { wanted } = this.buffer;
    if (this.earlier || Number.isNaN(turn)) return;
    this.restart(from - SILENCE);
    this.earlier = true;
    if (wanted !== null) this.buffer.seek(wanted);
  }

  /**
   * The timeline listed footage that is not there: the sub stream is not recorded, or the footage was deleted just now.
   * @param {number} from @returns {boolean} whether there is something else to fetch at once
   */
  missing(from) {
    if (this.options.stream === "sub") {
      this.options.onmissing();
      return false;
    }
    const next = this.options.footage().edge(from, 1);
    if (next !== null) this.next = next;
    return next !== null;
  }

  /**
   * @param {ReturnType<Splitter["push"]>[number]} part @param {string} mime
   * @returns {boolean} whether it was new
   */
  take(part, mime) {
    const { label, bytes } = part;
    if (part.kind === "init") {
      if (label.run === this.run) return false;
      this.run = label.run;
      this.seq = -1;
      const { source } = this.buffer;
      this.buffer.init(mime, bytes, this.next, this.frames.offset(label.run, this.buffer.time(this.next)));
      if (this.buffer.source !== source) this.frames.clear(); // it began anew
      return false;
    }
    if (label.seq <= this.seq) return false;
    this.seq = label.seq;
    if (!Number.isNaN(this.turn)) {
      this.options.onanew?.(this.turn, label.start);
      this.turn = NaN;
    }
    this.buffer.fragment(bytes, label);
    const { offset } = this.buffer;
    if (!Number.isNaN(offset)) this.frames.add(pictureTimes(bytes).map((t) => t + offset), label.run, offset);
    const end = label.start + label.duration;
    const fresh = end > this.next;
    this.next = Math.max(this.next, end);
    return fresh;
  }
}
