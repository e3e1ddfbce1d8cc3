// Plays the recordings of one camera. It fetches footage ahead of the current moment, and skips gaps with a message.

import { endedSession } from "../shell/session.js";
import { AHEAD, Reader, PART } from "./reader.js";
import { INSIDE, MediaBuffer } from "./buffer.js";
import { Stepper } from "./stepper.js";

/** @typedef {import("../footage/footage.js").Footage} Footage */
/** @typedef {import("../footage/footage.js").Gap} Gap */

/** Seconds of what was shown that stay buffered, for steps back. */
const KEEP = 30;

/** How much is fetched before what is buffered, for steps further back, ms. */
const BACK = 4000;

/** The last picture before a moment is looked for this long before it, ms. */
const LAST = 30;

/** How long to wait before asking again for footage that is just being written, ms. */
const AGAIN = 700;

/**
 * @typedef {object} PlaybackOptions
 * @property {string} camera
 * @property {"main" | "sub"} stream
 * @property {() => Footage} footage of the day that is shown
 * @property {() => number} now the server's time, ms
 * @property {(gap: Gap) => void} onpassed playback went over a gap
 * @property {() => void} oncaught playback has come to the present
 * @property {(why: string) => void} onrefused nothing can be shown, for the reason given
 * @property {() => void} [onshown] a picture of the moment asked for has come
 * @property {(gap: Gap | null) => void} [onend] playback has come to where footage ends, though the present is later
 * @property {() => void} [onleave] the session has ended, and the page is about to be left for the login
 */

/** @param {HTMLVideoElement} video @param {boolean} play @param {number} rate */
export function drive(video, play, rate) {
  video.defaultPlaybackRate = rate;
  video.playbackRate = rate;
  if (play && video.paused) video.play().catch(() => {});
  if (!play && !video.paused) video.pause();
}

export class Playback {
  /** @param {HTMLVideoElement} video @param {PlaybackOptions} options */
  constructor(video, options) {
    this.video = video;
    this.options = options;
    this.buffer = new MediaBuffer(video, options.onrefused);
    this.active = false;
    this.wantPlay = false;
    this.rate = 1;
    this.target = 0;
    this.shown = false;
    this.reader = new Reader(this.buffer, this.reading());
    this.frames = this.reader.frames;
    this.stepper = new Stepper(this);
    this.ended = false; // footage ends here, which was told
    this.before = NaN; // a moment before what is buffered whose footage cannot be buffered beside it, ms
    video.muted = true;
    const arrived = () => {
      const first = !this.shown && this.buffer.wanted === null;
      this.shown = this.shown || first;
      this.apply(); // a buffer that began anew has paused the video
      if (first) options.onshown?.();
    };
    video.addEventListener("seeked", arrived);
    video.addEventListener("playing", arrived);
  }

  /** What the reader has to know, and to tell. @returns {import("./reader.js").ReaderOptions} */
  reading() {
    const { options } = this;
    return {
      camera: options.camera, footage: options.footage, now: options.now, onrefused: options.onrefused, moment: () => this.wall(),
      onanew: (end, start) => this.goOn(end, start),
      get stream() { return options.stream; },
      over: (answer) => {
        if (answer.status === 401) options.onleave?.();
        return endedSession(answer);
      },
      onmissing: () => options.onrefused("This browser cannot play the full-resolution stream, and no low-resolution stream is recorded. Save a clip to play it in another player."),
    };
  }

  /**
   * Goes to a moment, in ms. In a gap it goes to where footage next begins, and says so.
   * @param {number} t @param {boolean} play
   */
  seek(t, play) {
    this.active = true;
    this.wantPlay = play;
    this.ended = false;
    this.stepper.forget();
    const start = this.options.footage().next(t);
    const rest = this.options.footage().gapAt(t);
    if (start === null && t < this.options.now() - 2 * AHEAD && rest) {
      this.stop();
      this.target = t; // stays the moment that is told
      this.options.onrefused(`No recording for the rest of this day: ${rest.reason}.`);
      return;
    }
    const gap = start === null ? null : this.options.footage().between(t, start);
    if (gap) this.options.onpassed(gap);
    this.target = start ?? t;
    if (this.buffer.holds(this.target)) {
      this.buffer.seek(this.target);
    } else {
      this.reader.restart(this.target);
      this.reader.broken = false;
      this.shown = false;
      this.buffer.seek(this.target);
    }
    this.apply();
    this.fill();
  }

  /** Goes on from where footage ended to where it begins again, in a buffer that began anew. @param {number} end @param {number} start ms */
  goOn(end, start) {
    const gap = this.options.footage().between(end, start);
    if (gap) this.options.onpassed(gap);
    this.target = start;
    this.shown = false;
    this.buffer.seek(start);
    this.apply();
  }

  /** @param {boolean} play */
  setPlaying(play) {
    if (play) this.stepper.forget();
    this.wantPlay = play;
    if (play && this.video.ended && this.goOver(1, true)) return; // a browser would play from the beginning again
    this.apply();
  }

  /** @param {number} rate */
  setRate(rate) {
    this.rate = rate;
    this.apply();
  }

  apply() {
    if (this.active) drive(this.video, this.wantPlay, this.rate);
  }

  /** The moment that is shown, or that is on its way, in ms. */
  wall() {
    return this.shown && this.buffer.wanted === null ? this.buffer.wall() : this.target;
  }

  stop() {
    this.active = false;
    this.reader.stop();
    this.buffer.close();
    this.stepper.forget();
    this.shown = false;
  }

  /** Goes over gaps and fetches what comes next; called a few times a second. */
  tick() {
    if (!this.active) return;
    this.buffer.arrive();
    this.passGap();
    this.buffer.trim(this.video.currentTime - KEEP);
    this.tellEnd();
    this.fill();
  }

  /** Reports once that the footage ends: everything buffered was played, and there is no more. */
  tellEnd() {
    if (this.ended || !this.wantPlay || !this.shown || this.buffer.wanted !== null) return;
    const ranges = this.buffer.ranges();
    const footage = this.options.footage();
    const rest = footage.next(this.reader.next) === null ? footage.gapAt(this.reader.next + 1000) : null;
    if (!rest || ranges.length === 0 || this.video.currentTime < ranges[ranges.length - 1].end - 1) return;
    if (this.options.now() - this.reader.next < AHEAD) return; // it may be on its way to the disk
    this.ended = true;
    this.options.onend?.(rest);
  }

  passGap() {
    const now = this.video.currentTime;
    const ranges = this.buffer.ranges();
    if (this.buffer.wanted !== null || this.video.seeking) return;
    const near = this.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA ? 1.2 : 0.12; // a starved decoder stops early
    const current = ranges.find((r) => r.start - 0.1 <= now && now < r.end - near);
    const later = ranges.find((r) => r.start > now + 0.05);
    if (current || !later || !this.wantPlay) return;
    const gap = this.options.footage().between(this.buffer.wall(), this.buffer.base + later.start * 1000);
    if (gap) this.options.onpassed(gap);
    this.buffer.show(later.start + INSIDE);
  }

  /** Whether playback has stopped because the recorder does not answer. */
  stalled() {
    return this.reader.broken && (!this.shown || (this.wantPlay && this.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA));
  }

  /** @returns {number} ms that are buffered after what is shown, and meant to be */
  ahead() {
    return this.reader.next - this.wall();
  }

  /** Fetches the next part when little is left. */
  async fill() {
    const { reader } = this;
    const speed = Math.max(1, this.rate);
    if (reader.request || !this.active || this.ahead() > AHEAD * speed || performance.now() < reader.retryAt || reader.waits()) return;
    const start = this.options.footage().next(reader.next) ?? reader.next;
    if (start > this.options.now() - 800 || (await reader.ask(start, PART * speed)) === false) this.waitForMore();
  }

  /** There is nothing to fetch yet: try again soon, and report when playback has reached the present. */
  waitForMore() {
    this.reader.retryAt = performance.now() + AGAIN;
    const close = this.options.now() - this.buffer.wall() < 2500;
    if (this.wantPlay && this.shown && close) this.options.oncaught();
  }

  /**
   * Fetches some seconds before the first picture that is buffered, and adds them.
   * @returns {Promise<boolean>} whether there were any
   */
  async fetchBefore() {
    const first = this.frames.first();
    if (first === null) return false;
    const edge = this.buffer.base + first * 1000;
    const span = this.options.footage().before(edge - 1);
    if (!span) return false;
    const { reader } = this;
    const { next } = reader;
    reader.go(NaN);
    this.before = NaN;
    const request = new AbortController();
    reader.request = request;
    try {
      await this.fetchRuns(Math.max(span.from, span.to - BACK), span.to, request.signal);
      if (!Number.isNaN(reader.turn)) this.before = span.to - LAST;
    } catch {
      // No answer: what is buffered stays as it is.
    } finally {
      if (reader.request === request) reader.go(next);
    }
    const now = this.frames.first();
    return now !== null && now < first;
  }

  /**
   * Fetches all of a span, run by run.
   * @param {number} from @param {number} to @param {AbortSignal} signal
   */
  async fetchRuns(from, to, signal) {
    const { reader } = this;
    reader.next = from;
    for (let asked = -Infinity; reader.next < to - 50 && reader.next > asked && !signal.aborted;) {
      asked = reader.next;
      reader.seq = -1;
      await reader.fetchPart(Math.ceil(asked) + 1, to, signal);
    }
  }

  /**
   * The pictures that are known of a span, by the wall clock.
   * @param {number} from @param {number} to ms @returns {number[]}
   */
  pictures(from, to) {
    if (!this.active) return [];
    return this.frames.within(this.buffer.time(from), this.buffer.time(to)).map((t) => this.buffer.base + t * 1000);
  }

  /** Drops what lies far ahead, so that many steps back do not fill the browser's memory. */
  dropAhead() {
    const t = this.video.currentTime;
    const from = this.buffer.wall() + 2 * PART;
    if (this.reader.next < from + 2 * PART) return;
    this.buffer.push((b) => b.remove(t + (2 * PART) / 1000, Infinity));
    this.frames.cut(t + (2 * PART) / 1000);
    this.reader.go(from);
  }

  /**
   * Goes one picture back or forward, paused.
   * @param {1 | -1} direction @returns {Promise<boolean>} whether there was one
   */
  async step(direction) {
    this.setPlaying(false);
    if (await this.stepper.step(direction)) return true;
    return this.active && !this.wantPlay && this.goOver(direction, false) && this.stepper.landed();
  }

  /**
   * Goes to the picture before or after all that is buffered, where it cannot be buffered beside that.
   * @param {1 | -1} direction @param {boolean} play @returns {boolean} whether there is one
   */
  goOver(direction, play) {
    const to = direction > 0 ? this.options.footage().next(this.reader.turn + 1) : this.before;
    this.before = NaN;
    if (to === null || Number.isNaN(to)) return false;
    this.buffer.clear(); // even a moment just beside what is there has to be fetched
    this.seek(to, play);
    return true;
  }
}
