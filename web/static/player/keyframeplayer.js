// Plays at high speed by key frames only. A clock runs at the rate, and each key frame is fetched by itself.

import { KEYS_FROM } from "./rates.js";

/** @typedef {import("../footage/footage.js").Footage} Footage */
/** @typedef {import("../footage/footage.js").Gap} Gap */
/** @typedef {import("./keyframeview.js").KeyFrameView} KeyFrameView */

/** How often the clock is looked at, ms. */
const BEAT = 30;

/**
 * @typedef {object} KeyFramePlayerOptions
 * @property {() => Footage} footage
 * @property {() => number} now the server's time, ms
 * @property {(gap: Gap) => void} onpassed a gap was passed
 * @property {() => void} oncaught the present is reached
 * @property {(gap: Gap | null, at: number) => void} onend footage ends here
 */

export class KeyFramePlayer {
  /** @param {KeyFrameView} keyView @param {KeyFramePlayerOptions} options */
  constructor(keyView, options) {
    this.keyView = keyView;
    this.options = options;
    this.active = false;
    this.at = 0; // the moment that the clock shows, ms
    this.rate = KEYS_FROM;
    this.beaten = 0;
    this.asked = -Infinity; // the moment asked for last
    this.apart = 500; // between key frames, as far as was seen; ms
    this.painted = NaN;
    this.timer = 0;
  }

  /** @param {number} at @param {number} rate */
  start(at, rate) {
    this.stop();
    this.active = true;
    this.at = at;
    this.rate = rate;
    this.asked = -Infinity;
    this.painted = NaN;
    this.beaten = performance.now();
    this.timer = window.setInterval(() => this.beat(), BEAT);
    this.beat();
  }

  stop() {
    this.active = false;
    clearInterval(this.timer);
  }

  /** @param {number} wall the key frame of that moment was painted */
  shown(wall) {
    const apart = wall - this.painted;
    if (apart > 50 && apart < 10_000) this.apart = apart;
    this.painted = wall;
  }

  beat() {
    const beat = performance.now();
    const passed = Math.min(beat - this.beaten, 500); // a tab that was suspended does not jump
    this.beaten = beat;
    // The clock waits for a late frame, so that it always shows the time of the visible frame.
    if (this.asked > this.painted + 4 * this.apart && this.keyView.request) return;
    this.at += passed * this.rate;
    this.passGap();
    if (!this.active || this.keyView.request || this.at - this.asked < this.apart / 2) return;
    this.asked = this.at;
    this.keyView.show(this.at);
  }

  passGap() {
    const { footage, now, onpassed, oncaught, onend } = this.options;
    if (this.at > now() - 3000) {
      this.stop();
      oncaught();
      return;
    }
    const next = footage().next(this.at);
    if (next === this.at) return;
    const gap = next === null ? footage().gapAt(this.at) : footage().between(this.at, next);
    if (next === null && !gap) return; // not known yet: the recorder is asked again soon
    if (next === null) {
      this.stop();
      onend(gap, this.at);
      return;
    }
    if (gap) onpassed(gap);
    this.at = next;
  }
}
