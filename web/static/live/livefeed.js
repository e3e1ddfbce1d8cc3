// One live picture: fragments from the live connection, held close to the present.

import { parseLabel } from "../player/bytes.js";
import { STALE, ServerClock, settle, steer, tileWords } from "./edge.js";
import { MediaBuffer, cannotPlay, refusal, sourceClass } from "../player/buffer.js";
import { JpegCanvas, isJpeg } from "../player/jpeg.js";
import { Stills } from "./stills.js";

/** Seconds of the past that stay buffered. */
const KEEP = 8;

/** How long a tile says that pictures were left out, ms. */
const SAY_LOST = 5000;

/** A browser that has been given a key frame for so long, ms, and shows nothing cannot play it, whatever it says. */
const PROBE = 8000;

/** The server's clock, by the time that it wrote into the page. */
export function pageClock() {
  const made = Number(document.documentElement.dataset.now);
  const [navigation] = performance.getEntriesByType("navigation");
  const received = performance.timeOrigin + (/** @type {PerformanceResourceTiming} */ (navigation)?.responseStart ?? 0);
  return new ServerClock(made || Date.now(), made ? received : Date.now());
}

export class LiveFeed {
  /**
   * @param {HTMLVideoElement} video @param {ServerClock} clock
   * @param {{camera?: string, state?: string, reason?: string}} first the camera, with its state as the page was made with
   */
  constructor(video, clock, first) {
    this.video = video;
    this.clock = clock;
    this.state = first.state ?? "";
    this.reason = first.reason ?? "";
    this.refused = "";
    this.gone = false;
    this.shown = false;
    this.lostAt = -Infinity;
    this.stream = "";
    /** @type {(() => void) | null} called when the browser cannot play what comes */
    this.onrefused = null;
    /** @type {(() => void) | null} called when the first picture has been painted */
    this.onpainted = null;
    this.given = 0; // when the first fragment was handed to the browser, by a clock that nobody sets
    this.buffer = new MediaBuffer(video, (why) => this.refuse(why));
    /** @type {Stills | null} */
    this.stills = sourceClass() ? null : new Stills(video, first.camera ?? "", (shown) => this.stillCame(shown));
    /** @type {JpegCanvas | null} shows a stream of JPEG */
    this.jpeg = null;
    video.muted = true;
    if (!("requestVideoFrameCallback" in video)) {
      const element = /** @type {HTMLVideoElement} */ (video);
      element.addEventListener("playing", () => requestAnimationFrame(() => requestAnimationFrame(() => this.painted())));
    }
    this.buffer.onbuffered = () => { if (!this.shown) this.keepUp(); };
  }

  painted() {
    if (this.shown) return;
    this.shown = true;
    this.onpainted?.();
  }

  /** Waits for the first picture to be on the screen. */
  awaitPicture() {
    if (this.shown || !("requestVideoFrameCallback" in this.video)) return;
    const { source } = this.buffer;
    this.video.requestVideoFrameCallback(() => { if (source === this.buffer.source) this.painted(); });
  }

  /** @param {{state: string, reason: string}} message */
  setState(message) {
    this.state = message.state;
    this.reason = message.reason ?? "";
    this.gone = false;
  }

  /** @param {{mime: string, stream: string}} message @param {Uint8Array} bytes */
  init(message, bytes) {
    this.stream = message.stream;
    this.gone = false;
    if (isJpeg(message.mime)) {
      this.refused = "";
      this.buffer.close();
      this.jpeg ??= new JpegCanvas(this.video, "", () => this.painted());
      return;
    }
    this.jpeg?.close();
    this.jpeg = null;
    if (this.stills) return;
    const why = refusal(message.mime);
    if (why) {
      this.refuse(why);
      return;
    }
    this.refused = "";
    this.given = 0;
    this.buffer.init(message.mime, bytes, this.clock.at(Date.now()));
    this.awaitPicture();
  }

  /** @param {Uint8Array} bytes */
  fragment(bytes) {
    const label = parseLabel(bytes);
    if (!label || this.refused || !this.stream) return; // without an init it is a rest of what was watched before
    this.clock.arrived(label.start + label.duration, Date.now());
    if (this.jpeg) {
      this.jpeg.play(bytes, label.start);
      return;
    }
    if (this.stills) {
      this.stills.due(label.stream, this.clock.at(Date.now()));
      return;
    }
    this.buffer.fragment(bytes, label);
    this.given ||= performance.now();
    if (this.video.paused) this.video.play().catch(() => {}); // autoplay forbidden: the age says that it stands
  }

  /** @param {boolean} shown whether a key frame is, or none can be */
  stillCame(shown) {
    if (shown) this.painted();
    else this.refuse(refusal(""));
  }

  /** The wall clock of the picture that is shown, ms. */
  wall() {
    return this.jpeg?.at ?? this.stills?.at ?? this.buffer.wall();
  }

  /** What shows the picture. @returns {HTMLCanvasElement | HTMLVideoElement} */
  picture() {
    return this.jpeg?.canvas ?? this.stills?.canvas ?? /** @type {HTMLVideoElement} */ (this.video);
  }

  lost() {
    this.lostAt = Date.now();
  }

  /** @param {string} why */
  refuse(why) {
    this.refused = why;
    this.onrefused?.();
  }

  /** @returns {number | null} seconds between the picture and the present */
  behind() {
    return this.shown ? (this.clock.at(Date.now()) - this.wall()) / 1000 : null;
  }

  /**
   * Keeps the picture at the live edge; called a few times a second.
   * @param {boolean} connected false once the live connection was lost or cannot be made @returns {ReturnType<typeof tileWords>} what there is to say
   */
  tick(connected) {
    this.keepUp();
    this.probe();
    const lost = Date.now() - this.lostAt < SAY_LOST;
    return tileWords({
      connected, state: this.state, reason: this.reason, behind: this.behind(), refused: this.refused, gone: this.gone, lost,
      stills: this.stills !== null && this.jpeg === null,
    });
  }

  keepUp() {
    const { video, buffer } = this;
    const ranges = buffer.ranges();
    if (ranges.length === 0 || video.seeking) return;
    const behind = (this.clock.at(Date.now()) - buffer.wall()) / 1000;
    const step = steer({ position: video.currentTime, behind, ranges });
    if (step.seek !== undefined) video.currentTime = step.seek;
    const rate = settle(video.playbackRate, step.rate, behind);
    if (video.playbackRate !== rate) video.playbackRate = rate;
    buffer.trim(video.currentTime - KEEP);
  }

  /** Tells a browser that says it plays a codec, takes it, and shows nothing. */
  probe() {
    if (this.shown || this.refused || this.given === 0 || document.hidden) return;
    if (performance.now() - this.given < PROBE || this.buffer.ranges().length === 0) return;
    if (this.video.getVideoPlaybackQuality().totalVideoFrames > 0) return;
    const { mime } = this.buffer;
    this.buffer.close();
    this.refuse(cannotPlay(mime));
  }

  /** Whether the picture is of now. */
  fresh() {
    const behind = this.behind();
    return behind !== null && behind < STALE;
  }

  close() {
    this.shown = false;
    this.stream = "";
    this.given = 0;
    this.jpeg?.clear();
    this.buffer.close();
  }
}
