import assert from "node:assert/strict";
import { test } from "node:test";
import { MediaBuffer } from "../static/player/buffer.js";

/** A paused video element that holds ten seconds. */
class Video extends EventTarget {
  paused = true;
  currentTime = 0;
  buffered = { length: 1, start: () => 0, end: () => 10 };

  play() {
    this.paused = false;
    this.dispatchEvent(new Event("play"));
  }
}

/** A buffer with a picture each 40 ms, but none between 4 s and 4.8 s. */
function paused() {
  const video = new Video();
  const buffer = new MediaBuffer(/** @type {any} */ (video), assert.fail);
  buffer.base = 1e6;
  buffer.pictureAt = (t) => (t >= 4 && t < 4.8 ? 4 : Math.floor(t * 25) / 25);
  return { video, buffer };
}

test("a paused video stands where the moment's picture begins if that is long, and at the moment otherwise", () => {
  const { video, buffer } = paused();
  buffer.seek(1e6 + 4700);
  assert.equal(video.currentTime, 4.001);
  assert.equal(buffer.wall(), 1e6 + 4700, "the moment that was asked for");
  buffer.seek(1e6 + 3030);
  assert.equal(video.currentTime, 3.03);
  assert.equal(buffer.wall(), 1e6 + 3030);
  video.currentTime = 4.001; // by something else
  assert.equal(buffer.wall(), 1e6 + 4001);
});

test("playing goes on at the moment, and a video that plays goes there at once", () => {
  const { video, buffer } = paused();
  buffer.seek(1e6 + 4700);
  video.play();
  assert.equal(video.currentTime, 4.7);
  video.currentTime = 4.001;
  video.play();
  assert.equal(video.currentTime, 4.001, "it was not put there");
  buffer.seek(1e6 + 4500);
  assert.equal(video.currentTime, 4.5);
});

test("a picture whose beginning is not buffered is shown at the moment", () => {
  const { video, buffer } = paused();
  video.buffered.start = () => 4.2;
  buffer.seek(1e6 + 4700);
  assert.equal(video.currentTime, 4.7);
});
