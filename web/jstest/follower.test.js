import assert from "node:assert/strict";
import { test } from "node:test";
import { Follower } from "../static/sync/follower.js";
import { Footage } from "../static/footage/footage.js";

const media = /** @type {any} */ (globalThis);
media.HTMLMediaElement ??= { HAVE_CURRENT_DATA: 2, HAVE_FUTURE_DATA: 3 };

/** A video element that holds twenty seconds and does at once what it is told. */
class Video extends EventTarget {
  constructor() {
    super();
    this.paused = true;
    this.seeking = false;
    this.readyState = 4;
    this.playbackRate = 1;
    this.buffered = { length: 1, start: () => 0, end: () => 20 };
    /** @type {number[]} */
    this.seeks = [];
    this.time = 0;
  }

  get currentTime() {
    return this.time;
  }

  set currentTime(t) {
    this.seeks.push(t);
    this.time = t;
    this.dispatchEvent(new Event("seeked"));
  }

  async play() {
    this.paused = false;
  }

  pause() {
    this.paused = true;
  }
}

test("a picture that stops is that of the very moment, though its clock stands there already", () => {
  const video = new Video();
  const options = /** @type {any} */ ({ camera: "yard", stream: "main", hasSub: false, footage: () => new Footage([{ from: 0, to: 20_000 }], []), now: () => 1e6, moment: () => 5000, over: () => false });
  const follower = new Follower(/** @type {any} */ (video), /** @type {any} */ (new Video()), options);
  follower.reader.from = 0;
  follower.reader.next = 20_000;
  const place = (/** @type {number} */ at, /** @type {boolean} */ running) =>
    follower.place({ at, rate: 1, running, dragged: false, exact: !running });
  follower.go(5000);
  place(5000, true);
  assert.equal(video.paused, false);
  video.time = 6.001; // what it painted last may be the picture of a moment before or after
  video.seeks.length = 0;
  place(6000, false);
  place(6000, false);
  assert.equal(video.paused, true);
  assert.deepEqual(video.seeks, [6], "once");
});
