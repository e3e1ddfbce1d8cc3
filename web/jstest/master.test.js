import assert from "node:assert/strict";
import { test } from "node:test";
import { Master, PATIENCE, STEP, Waiting, keepSync } from "../static/sync/master.js";

const T = Date.parse("2026-11-22T13:05:20Z");

test("the master's moment is a function of the rate, of when it was started, and of now", () => {
  const m = new Master(T);
  m.set(T, 5000);
  assert.equal(m.at(9000), T, "it stands until it is let run");
  m.run(true, 9000);
  assert.equal(m.at(9000), T);
  assert.equal(m.at(10_500), T + 1500);
  m.setRate(4, 10_500);
  assert.equal(m.at(10_500), T + 1500, "a new rate moves nothing");
  assert.equal(m.at(11_000), T + 3500);
  m.run(false, 11_000);
  m.setRate(0.25, 20_000);
  assert.equal(m.at(99_000), T + 3500);
  m.run(true, 99_000);
  assert.equal(m.at(103_000), T + 4500);
});

test("only differences of the browser's clock count", () => {
  const moments = [0, 1e9, -1e12].map((shift) => {
    const m = new Master(T);
    m.set(T, 100 + shift);
    m.run(true, 150 + shift);
    return m.at(1150 + shift);
  });
  assert.deepEqual(moments, [T + 1000, T + 1000, T + 1000]);
});

test("a small difference is nudged in the right direction and ever less, a large one is jumped or waited for", () => {
  assert.deepEqual(keepSync({ off: 0, rate: 1 }), { rate: 1, go: false, wait: false });
  assert.deepEqual(keepSync({ off: STEP.still - 1, rate: 1 }), { rate: 1, go: false, wait: false });
  assert.ok(keepSync({ off: 60, rate: 1 }).rate < 1);
  assert.ok(keepSync({ off: -60, rate: 1 }).rate > keepSync({ off: -20, rate: 1 }).rate);
  assert.ok(keepSync({ off: -390, rate: 1 }).rate <= 1.25);
  assert.ok(keepSync({ off: 390, rate: 2 }).rate >= 1.5);
  assert.deepEqual(keepSync({ off: -STEP.nudge - 1, rate: 1 }), { rate: 1, go: true, wait: false });
  assert.deepEqual(keepSync({ off: STEP.nudge + 1, rate: 1 }), { rate: 1, go: false, wait: true });
  assert.equal(keepSync({ off: -STEP.nudge - 1, rate: 4 }).go, false, "at four times the speed four times as much is small");
});

test("four pictures that begin apart are within a frame of each other after a second, and stay", () => {
  const master = new Master(T);
  master.run(true, 0);
  const players = [-180, 90, 0, -350].map((off) => ({ at: T + off, rate: 1, speed: 1 + off * 1e-5 })); // browsers' clocks differ, too
  for (let now = 0; now <= 20_000; now += 50) {
    for (const p of players) {
      const step = keepSync({ off: p.at - master.at(now), rate: 1 });
      assert.equal(step.go, false);
      p.at += 50 * step.rate * p.speed;
    }
    const spread = Math.max(...players.map((p) => p.at)) - Math.min(...players.map((p) => p.at));
    if (now > 1800) assert.ok(spread < 1000 / 15, `${spread} ms apart after ${now} ms`);
    if (now > 6000) assert.ok(spread < 20, `${spread} ms apart after ${now} ms`);
  }
});

test("the others wait for one whose pictures do not come, but not for ever, and wait again once it has come", () => {
  const w = new Waiting();
  const pictures = (/** @type {boolean} */ b) => [{ camera: "a", ready: true }, { camera: "b", ready: b }];
  assert.equal(w.stand(pictures(true), 0), false);
  assert.equal(w.stand(pictures(false), 1000), true);
  assert.equal(w.stand(pictures(false), 1000 + PATIENCE - 1), true);
  assert.equal(w.stand(pictures(false), 1000 + PATIENCE), false);
  assert.equal(w.stand(pictures(false), 60_000), false, "who was given up is not waited for");
  assert.equal(w.stand(pictures(true), 61_000), false);
  assert.equal(w.stand(pictures(false), 62_000), true);
  assert.equal(w.stand(pictures(true), 62_500), false);
});

test("without any picture playback stands until there is one; without any camera that has footage nothing is waited for", () => {
  const w = new Waiting();
  const none = [{ camera: "a", ready: false }, { camera: "b", ready: false }];
  assert.equal(w.stand(none, 0), true);
  assert.equal(w.stand(none, 100 * PATIENCE), true);
  assert.equal(w.stand([], 0), false);
});
