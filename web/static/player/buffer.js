// Feeds fragments to one video element through Media Source Extensions (W3C MSE).
//
// A buffer lays media out on one axis of wall-clock time: media time 0 is the wall clock `base`, so that the video's
// currentTime says which moment is shown, for live pictures and recorded ones alike.

import { LABEL_SIZE, videoTime } from "./bytes.js";
import { isJpeg } from "./jpeg.js";
import { beginsAtOnce } from "./recovery.js";

/** @typedef {import("./bytes.js").Label} Label */

/** Footage up to this long before the first fragment can be added without starting over, in ms. */
const ROOM_BEFORE = 48 * 3600e3;

/** The wall clock of a run and its media time may drift this far apart before the offset is corrected, in seconds. */
const DRIFT = 0.02;

/** A longer queue means that the browser does not keep up: the queue is dropped, and the next key frame begins again. */
const MAX_QUEUE = 600;

/** A seek to a picture goes this far past its beginning, so that rounding cannot show the one before, s. */
export const INSIDE = 0.001;

/** A picture is long when a moment is further than this from its beginning, s. */
const LONG = 0.1;

/** @returns {typeof MediaSource | null} null where the browser cannot play a stream */
export function sourceClass() {
  const w = /** @type {any} */ (window);
  return w.MediaSource ?? w.ManagedMediaSource ?? null;
}

/**
 * Why this browser cannot play media of that type, in words; "" if it can, as far as it knows.
 * @param {string} mime
 */
export function refusal(mime) {
  const source = sourceClass();
  if (!source) return "This browser cannot play streamed video. Use a current Firefox, Chrome, Edge or Safari.";
  return source.isTypeSupported(mime) ? "" : cannotPlay(mime);
}

/** @param {string} mime */
export function cannotPlay(mime) {
  return `This browser cannot play this camera's ${codecName(mime)} stream.`;
}

/** @param {string} mime @returns {string} the name of the video codec */
export function codecName(mime) {
  if (/hvc1|hev1/.test(mime)) return "H.265";
  if (/av01/.test(mime)) return "AV1";
  if (isJpeg(mime)) return "JPEG";
  return /avc1|avc3/.test(mime) ? "H.264" : "video";
}

/** @param {string} mime @returns {number} how many tracks it names */
const tracks = (mime) => (/codecs="([^"]*)"/.exec(mime)?.[1] ?? "").split(",").length;

export class MediaBuffer {
  /**
   * @param {HTMLVideoElement} video
   * @param {(why: string) => void} onrefused called when the browser turned out not to play what it was given
   */
  constructor(video, onrefused) {
    this.video = video;
    this.onrefused = onrefused;
    /** @type {(() => void) | null} called when more has been buffered */
    this.onbuffered = null;
    this.base = 0;
    this.mime = "";
    /** @type {MediaSource | null} */
    this.source = null;
    /** @type {SourceBuffer | null} */
    this.sourceBuffer = null;
    /** @type {((b: SourceBuffer) => void)[]} */
    this.queue = [];
    this.needsKey = true;
    this.emptying = false; // what is buffered is on its way out
    /** @type {number | null} */
    this.wanted = null;
    this.offset = NaN;
    this.url = "";
    /** @type {(t: number) => number | null} when the picture of a moment begins, both in seconds of media time; null if not known */
    this.pictureAt = () => null;
    this.put = { at: NaN, moment: NaN }; // where the video was put last, and which moment that shows, s of media time
    video.addEventListener("error", () => this.failed());
    video.addEventListener("play", () => this.resume());
  }

  /**
   * Begins a run: fragments that follow belong to it. at is the wall clock, in ms, of the next fragment. If a part of the run
   * is buffered already, offset is that part's, so that both join without overlap.
   * @param {string} mime @param {Uint8Array} bytes the init header with its label @param {number} at @param {number} [offset] s
   */
  init(mime, bytes, at, offset = NaN) {
    const rebuild = !this.source || !this.takes(mime) || at < this.base;
    if (rebuild) this.open(mime, at);
    else if (mime !== this.mime) this.queue.push((b) => b.changeType(mime));
    this.mime = mime;
    this.needsKey = true;
    this.offset = NaN;
    const header = bytes.subarray(0, bytes.length - LABEL_SIZE);
    this.push((b) => b.appendBuffer(/** @type {BufferSource} */ (header)));
    if (rebuild || Number.isNaN(offset)) return;
    this.offset = offset;
    this.push((b) => { b.timestampOffset = offset; });
  }

  /**
   * Whether media of a type can follow what is buffered. Otherwise the buffer begins anew, for example where the sound came or
   * went: a source buffer keeps its number of tracks (MSE, section 3.5.7).
   * @param {string} mime
   */
  takes(mime) {
    return mime === this.mime || (tracks(mime) === tracks(this.mime) && "changeType" in SourceBuffer.prototype);
  }

  /**
   * Adds a fragment of the run that init began. After an init, fragments are skipped until one begins with a key frame.
   * @param {Uint8Array} bytes @param {Label} label
   */
  fragment(bytes, label) {
    if (this.needsKey && !label.random) return;
    if (this.queue.length > MAX_QUEUE) {
      this.queue.length = 0;
      this.emptying = false;
      this.needsKey = true;
      return;
    }
    const time = videoTime(bytes) ?? 0;
    const offset = (label.start - this.base) / 1000 - time;
    const correct = Number.isNaN(this.offset) || (label.random && Math.abs(offset - this.offset) > DRIFT);
    if (correct) {
      this.offset = offset;
      this.queue.push((b) => { b.timestampOffset = offset; });
    }
    this.needsKey = false;
    const playable = label.refresh > 0 && /avc1/.test(this.mime) ? beginsAtOnce(bytes) : bytes;
    const media = playable.subarray(LABEL_SIZE);
    this.push((b) => b.appendBuffer(/** @type {BufferSource} */ (media)));
  }

  /** Signals the end of the stream, so that the decoder shows the frames that it holds back. */
  finish() {
    this.push(() => {
      if (this.source?.readyState === "open") this.source.endOfStream();
    });
  }

  /** Forgets everything that is buffered and on its way there. */
  clear() {
    this.queue.length = 0;
    this.needsKey = true;
    this.offset = NaN;
    this.wanted = null;
    if (!this.sourceBuffer) return;
    this.emptying = true;
    this.push((b) => { if (!b.updating) b.abort(); });
    this.push((b) => b.remove(0, Infinity));
    this.push(() => { this.emptying = false; });
  }

  /**
   * Forgets what lies before a moment of media time, in seconds.
   * @param {number} before
   */
  trim(before) {
    const ranges = this.ranges();
    if (ranges.length === 0 || before - ranges[0].start < 5) return;
    this.push((b) => b.remove(0, before));
  }

  /**
   * Goes to a moment as soon as it is there.
   * @param {number} wall ms
   */
  seek(wall) {
    this.wanted = wall;
    this.arrive();
  }

  /** @returns {{start: number, end: number}[]} what is buffered and stays so, in seconds of media time */
  ranges() {
    if (this.emptying) return [];
    const out = [];
    const b = this.video.buffered;
    for (let i = 0; i < b.length; i++) out.push({ start: b.start(i), end: b.end(i) });
    return out;
  }

  /** @returns {number} the wall clock, in ms, of the moment that is shown */
  wall() {
    return this.base + (this.isPut() ? this.put.moment : this.video.currentTime) * 1000;
  }

  /** @param {number} wall ms @returns {number} seconds of media time */
  time(wall) {
    return (wall - this.base) / 1000;
  }

  /** @param {number} wall ms whether that moment is buffered */
  holds(wall) {
    const t = this.time(wall);
    return this.ranges().some((r) => r.start - 0.05 <= t && t < r.end - 0.05);
  }

  /** Releases everything. The buffer can be used again. */
  close() {
    this.queue.length = 0;
    this.emptying = false;
    this.source = null;
    this.sourceBuffer = null;
    this.mime = "";
    this.wanted = null;
    this.put = { at: NaN, moment: NaN };
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = "";
    this.video.removeAttribute("src");
    this.video.load();
  }

  /** @param {string} mime @param {number} at */
  open(mime, at) {
    const wanted = this.wanted;
    if (this.source) this.close();
    this.wanted = wanted;
    const Source = sourceClass();
    if (!Source) return;
    this.base = Math.floor(at / 1000) * 1000 - ROOM_BEFORE;
    const source = new Source();
    this.source = source;
    source.addEventListener("sourceopen", () => {
      if (source !== this.source || this.sourceBuffer) return;
      try {
        this.sourceBuffer = source.addSourceBuffer(mime);
      } catch {
        this.onrefused(cannotPlay(mime));
        return;
      }
      this.sourceBuffer.addEventListener("updateend", () => { this.arrive(); this.drain(); this.onbuffered?.(); });
      this.sourceBuffer.addEventListener("error", () => this.failed());
      this.drain();
    });
    this.video.disableRemotePlayback = true; // ManagedMediaSource asks for it
    this.url = URL.createObjectURL(source);
    this.video.src = this.url;
  }

  /** @param {(b: SourceBuffer) => void} step */
  push(step) {
    this.queue.push(step);
    this.drain();
  }

  /** Runs queued operations until the source buffer is busy. */
  drain() {
    const b = this.sourceBuffer;
    while (b && this.queue.length > 0 && !b.updating && this.source?.readyState !== "closed") {
      const step = this.queue[0];
      try {
        step(b);
        this.queue.shift();
      } catch (err) {
        if (!this.mend(err)) return;
      }
    }
  }

  /** @param {unknown} err @returns {boolean} whether to go on with the queue */
  mend(err) {
    const now = this.video.currentTime;
    const full = err instanceof DOMException && err.name === "QuotaExceededError";
    if (full && this.sourceBuffer && this.ranges().some((r) => r.start < now - 2)) {
      this.sourceBuffer.remove(0, now - 1);
      return false;
    }
    this.queue.shift();
    this.needsKey = true;
    return true;
  }

  /** Goes to the moment that was asked for, once it is buffered. */
  arrive() {
    if (this.wanted === null) return;
    const t = this.time(this.wanted);
    const range = this.ranges().find((r) => t < r.end - 0.02 && t > r.start - 1.5);
    if (!range) return;
    this.wanted = null;
    this.show(Math.max(t, range.start + INSIDE), range.start);
  }

  /**
   * Shows a moment that is buffered. A paused video goes to where the moment's picture begins, if that is long before: after a
   * seek into the later part of a long picture, Chromium sometimes paints the next one.
   * @param {number} moment @param {number} [start] of the buffered range, both in seconds of media time
   */
  show(moment, start = -Infinity) {
    const begins = this.video.paused ? this.pictureAt(moment) : null;
    const long = begins !== null && moment - begins > LONG && begins + INSIDE >= start;
    this.put = { at: long ? begins + INSIDE : moment, moment };
    this.video.currentTime = this.put.at;
  }

  /** Whether the video is where it was put, as closely as a browser tells. */
  isPut() {
    return Math.abs(this.video.currentTime - this.put.at) < INSIDE / 2;
  }

  /** Begins to play from the moment that is shown, not from the beginning of its picture. */
  resume() {
    if (this.isPut() && this.put.moment > this.put.at) this.show(this.put.moment);
  }

  failed() {
    if (!this.source || !this.video.error) return;
    const mime = this.mime;
    const shown = this.video.currentTime > 0 && this.video.getVideoPlaybackQuality().totalVideoFrames > 0;
    this.close();
    if (!shown) this.onrefused(cannotPlay(mime));
  }
}
