// Pictures of a JPEG stream. No browser plays JPEG from MP4, so they are drawn one by one, over the video that would show them.

import { pictures } from "./bytes.js";

/** @param {string} mime whether its video is JPEG */
export function isJpeg(mime) {
  return /codecs="jpeg\b/.test(mime);
}

/** A picture may be drawn so much later than it is due, ms; a later one is left out. */
const LATE = 400;

export class JpegCanvas {
  /**
   * @param {HTMLVideoElement} video in whose place the pictures stand @param {string} kind a further class of the canvas
   * @param {(wall: number) => void} onshown called when the picture of that moment has been drawn
   */
  constructor(video, kind, onshown) {
    this.onshown = onshown;
    this.at = 0; // wall clock of the picture that is shown, ms; 0 before the first
    this.turn = 0; // counts what was begun anew
    /** @type {Set<number>} */
    this.timers = new Set();
    this.canvas = document.createElement("canvas");
    this.canvas.className = `still ${kind}`;
    video.after(this.canvas);
  }

  /** Plays the pictures of a live fragment at the pace at which they were taken. @param {Uint8Array} fragment @param {number} start wall clock of the first, ms */
  play(fragment, start) {
    const all = pictures(fragment);
    const due = performance.now();
    for (const p of all) {
      const after = (p.time - all[0].time) * 1000;
      const timer = window.setTimeout(() => {
        this.timers.delete(timer);
        if (performance.now() - due - after < LATE || p === all[all.length - 1]) this.draw(p.bytes, start + after);
      }, after);
      this.timers.add(timer);
    }
  }

  /** Draws the first picture of a fragment. @param {Uint8Array} fragment @param {number} start its wall clock, ms */
  async show(fragment, start) {
    const [first] = pictures(fragment);
    if (first) await this.draw(first.bytes, start);
  }

  /** @param {Uint8Array} bytes a JPEG file @param {number} at its wall clock, ms */
  async draw(bytes, at) {
    const { turn } = this;
    let image;
    try {
      image = await createImageBitmap(new Blob([/** @type {BlobPart} */ (bytes)], { type: "image/jpeg" }));
    } catch {
      return; // damaged
    }
    if (turn === this.turn) {
      this.canvas.width = image.width;
      this.canvas.height = image.height;
      this.canvas.getContext("2d")?.drawImage(image, 0, 0);
      this.at = at;
      this.onshown(at);
    }
    image.close();
  }

  /** Takes the picture away. */
  clear() {
    this.turn++;
    this.timers.forEach((timer) => clearTimeout(timer));
    this.timers.clear();
    this.at = 0;
    this.canvas.width = 0;
  }

  /** Takes the canvas out of the page. */
  close() {
    this.clear();
    this.canvas.remove();
  }
}
