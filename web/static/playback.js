// Recorded pictures: footage is fetched in stretches ahead of what is shown, and gaps are passed with a word.

import { Splitter } from "./bytes.js";
import { endedSession } from "./link.js";
import { Sink, refusal } from "./sink.js";

/** @typedef {import("./footage.js").Footage} Footage */
/** @typedef {import("./footage.js").Gap} Gap */

/** Length of one stretch and of what is kept ahead, at normal speed, ms. */
const STRETCH = 20_000;
const AHEAD = 10_000;

/** Seconds of what was shown that stay buffered, for steps back. */
const KEEP = 30;

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
 */

export class Playback {
  /** @param {HTMLVideoElement} video @param {PlaybackOptions} options */
  constructor(video, options) {
    this.video = video;
    this.options = options;
    this.sink = new Sink(video, options.onrefused);
    this.active = false;
    this.wantPlay = false;
    this.rate = 1;
    this.target = 0;
    this.shown = false;
    this.next = 0; // the moment from which to fetch, ms
    this.run = "";
    this.seq = -1; // of the last fragment of that run that was taken
    this.retryAt = 0;
    this.nudge = 1; // ms after `next` at which to ask, see fill
    this.broken = false; // the last request got no answer, or none that helps
    /** @type {AbortController | null} */
    this.request = null;
    video.muted = true;
    const arrived = () => { this.shown = this.shown || this.sink.wanted === null; };
    video.addEventListener("seeked", arrived);
    video.addEventListener("playing", arrived);
  }

  resetReading() {
    this.next = 0;
    this.run = "";
    this.seq = -1;
    this.retryAt = 0;
    this.nudge = 1;
    this.broken = false;
    this.request = null;
  }

  /**
   * Goes to a moment, in ms. In a gap it goes to where footage next begins, and says so.
   * @param {number} t @param {boolean} play
   */
  seek(t, play) {
    this.active = true;
    this.wantPlay = play;
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
    if (this.sink.holds(this.target)) {
      this.sink.seek(this.target);
    } else {
      this.request?.abort();
      this.resetReading();
      this.sink.clear();
      this.shown = false;
      this.next = this.target;
      this.sink.seek(this.target);
    }
    this.apply();
    this.fill();
  }

  /** @param {boolean} play */
  setPlaying(play) {
    this.wantPlay = play;
    this.apply();
  }

  /** @param {number} rate */
  setRate(rate) {
    this.rate = rate;
    this.apply();
  }

  apply() {
    if (!this.active) return;
    this.video.defaultPlaybackRate = this.rate;
    this.video.playbackRate = this.rate;
    if (this.wantPlay && this.video.paused) this.video.play().catch(() => {});
    if (!this.wantPlay && !this.video.paused) this.video.pause();
  }

  /** The moment that is shown, or that is on its way, in ms. */
  wall() {
    return this.shown && this.sink.wanted === null ? this.sink.wall() : this.target;
  }

  stop() {
    this.active = false;
    this.request?.abort();
    this.resetReading();
    this.sink.close();
    this.shown = false;
  }

  /** Goes over gaps and fetches what comes next; called a few times a second. */
  tick() {
    if (!this.active) return;
    this.sink.arrive();
    this.passGap();
    this.sink.trim(this.video.currentTime - KEEP);
    this.fill();
  }

  passGap() {
    const now = this.video.currentTime;
    const ranges = this.sink.ranges();
    if (this.sink.wanted !== null || this.video.seeking) return;
    const near = this.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA ? 1.2 : 0.12; // a starved decoder stops early
    const current = ranges.find((r) => r.start - 0.1 <= now && now < r.end - near);
    const later = ranges.find((r) => r.start > now + 0.05);
    if (current || !later || !this.wantPlay) return;
    const gap = this.options.footage().between(this.sink.wall(), this.sink.base + later.start * 1000);
    if (gap) this.options.onpassed(gap);
    this.video.currentTime = later.start + 0.001;
  }

  /** Whether playback stands still because the recorder does not answer. */
  stalled() {
    return this.broken && (!this.shown || (this.wantPlay && this.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA));
  }

  /** @returns {number} ms that are buffered after what is shown, and meant to be */
  ahead() {
    return this.next - this.wall();
  }

  /**
   * Fetches the next stretch when little is left. The moment asked for is a little after the end of what is there, since
   * times in URLs are whole milliseconds and the end may not be: the server begins with the key frame before, so nothing
   * is missed, and a run that begins exactly there is found.
   */
  async fill() {
    const speed = Math.max(1, this.rate);
    if (this.request || !this.active || this.ahead() > AHEAD * speed || Date.now() < this.retryAt) return;
    const start = this.options.footage().next(this.next) ?? this.next;
    if (start > this.options.now() - 800) {
      this.waitForMore();
      return;
    }
    const request = new AbortController();
    this.request = request;
    try {
      const from = Math.ceil(start) + this.nudge;
      const came = await this.fetchStretch(from, from + STRETCH * speed, request.signal);
      if (request.signal.aborted) return;
      this.broken = false;
      this.nudge = came ? 1 : Math.min(2 * this.nudge + 20, 2000);
      if (!came) this.waitForMore();
    } catch {
      if (request.signal.aborted) return;
      this.broken = true;
      this.retryAt = Date.now() + 2 * AGAIN;
    } finally {
      if (this.request === request) this.request = null;
    }
  }

  /** There is nothing to fetch yet: ask again soon, and say so when playback has run up to the present. */
  waitForMore() {
    this.retryAt = Date.now() + AGAIN;
    const close = this.options.now() - this.sink.wall() < 2500;
    if (this.wantPlay && this.shown && close) this.options.oncaught();
  }

  /**
   * @param {number} from @param {number} to ms @param {AbortSignal} signal
   * @returns {Promise<boolean>} whether anything new came
   */
  async fetchStretch(from, to, signal) {
    const { camera, stream } = this.options;
    const span = new URLSearchParams({
      from: new Date(Math.floor(from)).toISOString(), to: new Date(Math.ceil(to)).toISOString(), stream,
    });
    const answer = await fetch(`/api/v1/cameras/${camera}/segments.mp4?${span}`, { signal });
    if (endedSession(answer)) throw new Error("the session has ended");
    if (answer.status === 404 && stream === "sub") {
      this.options.onrefused("This browser cannot play the full picture, and the small one is not recorded. A saved clip plays elsewhere.");
      return false;
    }
    if (answer.status === 404) return this.skipHole(from);
    if (!answer.ok || !answer.body) throw new Error(`segments: ${answer.status}`);
    const mime = answer.headers.get("Content-Type") ?? "";
    const why = refusal(mime);
    if (why) {
      this.options.onrefused(why);
      throw new Error(why);
    }
    const splitter = new Splitter();
    const reader = answer.body.getReader();
    let came = false;
    for (;;) {
      const { done, value } = await reader.read();
      if (signal.aborted) return came;
      if (done) break;
      for (const part of splitter.push(value)) came = this.take(part, mime) || came;
    }
    return came;
  }

  /**
   * The timeline promised footage that is not there (it may just have been deleted): go on after it.
   * @param {number} from @returns {boolean}
   */
  skipHole(from) {
    const next = this.options.footage().edge(from, 1);
    if (next === null) return false;
    this.next = next;
    return true;
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
      this.sink.init(mime, bytes, this.next);
      return false;
    }
    if (label.seq <= this.seq) return false;
    this.seq = label.seq;
    this.sink.fragment(bytes, label);
    const end = label.start + label.duration;
    const fresh = end > this.next;
    this.next = Math.max(this.next, end);
    return fresh;
  }

  /**
   * Goes one picture back or forward, paused.
   * @param {1 | -1} direction @param {number} frame duration of a picture, s
   */
  step(direction, frame) {
    this.setPlaying(false);
    this.video.currentTime = Math.max(0, this.video.currentTime + direction * frame);
  }
}
