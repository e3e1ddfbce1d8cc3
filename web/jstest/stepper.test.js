import assert from "node:assert/strict";
import { test } from "node:test";
import { Frames } from "../static/player/frames.js";
import { Stepper } from "../static/player/stepper.js";

const at = (/** @type {number} */ n) => n / 15;

/** A video element of a browser that tells which picture it painted: one that was sought is painted a moment later. */
class Video extends EventTarget {
  constructor(/** @type {Frames} */ frames) {
    super();
    this.frames = frames;
    this.time = 0;
    this.seeking = false;
    this.seeks = 0;
    /** @type {((now: number, data: {mediaTime: number}) => void)[]} */
    this.watchers = [];
  }

  requestVideoFrameCallback(/** @type {(now: number, data: {mediaTime: number}) => void} */ watcher) {
    this.watchers.push(watcher);
  }

  get currentTime() {
    return this.time;
  }

  set currentTime(t) {
    this.time = t;
    this.seeking = true;
    this.seeks++;
    queueMicrotask(() => {
      this.dispatchEvent(new Event("seeking"));
      this.seeking = false;
      this.paint(this.frames.at(t) ?? NaN);
    });
  }

  /** Plays and stops: the clock stands at one moment, painted was the picture of another. */
  stop(/** @type {number} */ clock, /** @type {number} */ painted) {
    this.time = clock;
    this.paint(painted);
  }

  paint(/** @type {number} */ t) {
    this.painted = t;
    for (const watcher of this.watchers.splice(0)) watcher(0, { mediaTime: t });
  }
}

/** A playback of thirty pictures that stands. @param {import("../static/player/stepper.js").Clock} [clock] */
function standing(clock) {
  const frames = new Frames();
  frames.add(Array.from({ length: 30 }, (_, n) => at(n)), "run", 0);
  const video = new Video(frames);
  const buffer = { show(/** @type {number} */ t) { video.currentTime = t; }, base: 0, wanted: /** @type {number | null} */ (null), ranges: () => [{ start: 0, end: at(30) }], time: (/** @type {number} */ t) => t / 1000 };
  const playback = {
    video, frames, buffer, active: true, wantPlay: false, dropAhead() {}, fill() {}, fetchBefore: async () => false,
    options: { footage: () => ({ between: () => null }), onpassed() {} }, reader: { request: /** @type {object | null} */ (null), waits: () => false },
  };
  const stepper = new Stepper(/** @type {any} */ (playback), clock);
  return { video, frames, buffer, playback, stepper };
}

/** Where the clock of a browser stood beside the picture that it had painted last, s. */
const apart = [["runs ahead of the picture", 0.078], ["stands in the picture", 0.03], ["is behind the picture", -0.006], ["is far behind the picture", -0.026]];

for (const [name, by] of apart) {
  test(`a step goes to the picture next to the one that is seen, where the clock ${name}`, async () => {
    for (const direction of /** @type {(1 | -1)[]} */ ([1, -1])) {
      const { video, stepper } = standing();
      video.stop(at(10) + Number(by), at(10));
      assert.equal(await stepper.step(direction), true);
      assert.equal(video.painted, at(10 + direction));
      await stepper.step(direction);
      assert.equal(video.painted, at(10 + 2 * direction));
    }
  });
}

test("a picture that was painted before a seek is not taken for the one that is shown", async () => {
  const { video, stepper } = standing();
  video.stop(at(20), at(20));
  video.paint = () => {}; // a browser that does not tell of the picture that it shows already
  video.currentTime = at(5) + 0.01;
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(stepper.shown(), at(5));
});

test("a step during a jump begins where the jump leads to", async () => {
  const { video, buffer, stepper } = standing();
  video.stop(at(20), at(20));
  buffer.wanted = at(5) * 1000; // asked for, and not fetched yet
  const step = stepper.step(1);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(video.seeks, 0);
  buffer.wanted = null;
  video.currentTime = at(5) + 0.001;
  assert.equal(await step, true);
  assert.equal(video.painted, at(6));
});

test("a picture whose footage is on its way is waited for, however slow the recorder is", async () => {
  let time = 0;
  const clock = { now: () => time, sleep: async (/** @type {number} */ ms) => { time += ms; } };
  const { video, frames, playback, stepper } = standing(clock);
  video.stop(at(29), at(29));
  playback.fill = () => {
    playback.reader.request = time < 5000 ? {} : null;
    if (time >= 5000) frames.add([at(30)], "run", 0);
  };
  assert.equal(await stepper.step(1), true);
  assert.equal(video.painted, at(30));
});

test("a picture that nobody fetches is waited for no longer than it takes to be recorded", async () => {
  let time = 0;
  const { video, stepper } = standing({ now: () => time, sleep: async (ms) => { time += ms; } });
  video.stop(at(29), at(29));
  assert.equal(await stepper.step(1), false);
  assert.ok(time < 4000, `${time} ms`);
});
