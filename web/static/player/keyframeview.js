// Shows single key frames, as while somebody drags along the timeline. A newer request replaces an older one.

import { Splitter } from "./bytes.js";
import { endedSession } from "../shell/session.js";
import { MediaBuffer, refusal } from "./buffer.js";
import { JpegCanvas, isJpeg } from "./jpeg.js";

/** How long a request may take before a newer one replaces it, ms. */
const PATIENCE = 120;

export class KeyFrameView {
  /**
   * @param {HTMLVideoElement} video
   * @param {{camera: string, stream: "main" | "sub"}} of
   * @param {(wall: number) => void} onshown called when the key frame of that moment has been painted
   */
  constructor(video, of, onshown) {
    this.video = video;
    this.of = of;
    this.onshown = onshown;
    this.buffer = new MediaBuffer(video, () => {});
    /** @type {number | null} */
    this.wanted = null;
    /** @type {AbortController | null} */
    this.request = null;
    this.since = 0;
    this.timer = 0;
    this.last = -1;
    /** @type {JpegCanvas | null} shows a stream of JPEG */
    this.jpeg = null;
    video.muted = true;
  }

  /** @param {number} wall ms */
  show(wall) {
    this.wanted = wall;
    if (!this.request) {
      this.fetchNext();
      return;
    }
    const older = this.request; // and none that begins before the time is over
    const wait = PATIENCE - (performance.now() - this.since);
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => older.abort(), Math.max(0, wait));
  }

  async fetchNext() {
    while (this.wanted !== null) {
      const wall = this.wanted;
      this.wanted = null;
      const request = new AbortController();
      this.request = request;
      this.since = performance.now();
      try {
        await this.fetchFrame(wall, request.signal);
      } catch {
        // Aborted for a newer moment, or not there: the next move asks again.
      }
      this.request = null;
    }
  }

  /** @param {number} wall ms @param {AbortSignal} signal */
  async fetchFrame(wall, signal) {
    const query = new URLSearchParams({ at: new Date(wall).toISOString(), stream: this.of.stream });
    const answer = await fetch(`/api/v1/cameras/${this.of.camera}/keyframe.mp4?${query}`, { signal });
    if (endedSession(answer) || !answer.ok) return;
    const mime = answer.headers.get("Content-Type") ?? "";
    const bytes = new Uint8Array(await answer.arrayBuffer());
    clearTimeout(this.timer);
    if ((!isJpeg(mime) && refusal(mime)) || signal.aborted) return;
    const parts = new Splitter().push(bytes);
    const frame = parts.find((p) => p.kind === "fragment");
    const init = parts.find((p) => p.kind === "init");
    if (!frame || !init) return;
    if (frame.label.start === this.last) {
      this.onshown(this.last); // it is there already
      return;
    }
    this.last = frame.label.start;
    if (isJpeg(mime)) {
      this.jpeg ??= new JpegCanvas(this.video, "scrub", () => {});
      await this.jpeg.show(frame.bytes, this.last);
      this.onshown(frame.label.start);
      return;
    }
    this.jpeg?.clear();
    this.put(mime, init.bytes, frame);
    await this.painted();
    this.onshown(frame.label.start);
  }

  /** @param {string} mime @param {Uint8Array} init @param {import("./bytes.js").FragmentPart} frame */
  put(mime, init, frame) {
    this.buffer.clear();
    this.buffer.init(mime, init, frame.label.start);
    this.buffer.fragment(frame.bytes, frame.label);
    this.buffer.finish();
    this.buffer.seek(frame.label.start);
  }

  /** Resolves when the browser has shown a new picture, or when it took too long to matter. */
  painted() {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, 400);
      const done = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
      if ("requestVideoFrameCallback" in this.video) this.video.requestVideoFrameCallback(done);
      else this.buffer.video.addEventListener("seeked", done, { once: true });
    });
  }

  stop() {
    this.wanted = null;
    this.request?.abort();
    clearTimeout(this.timer);
    this.last = -1;
    this.jpeg?.clear();
    this.buffer.close();
  }
}
