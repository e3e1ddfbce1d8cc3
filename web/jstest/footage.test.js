import assert from "node:assert/strict";
import { test } from "node:test";
import { Footage, gapText } from "../static/footage.js";

const T = Date.parse("2026-11-22T02:00:00Z");
const MIN = 60e3;
const iso = (/** @type {number} */ minutes) => new Date(T + minutes * MIN).toISOString();

const footage = Footage.parse({
  spans: [{ from: iso(0), to: iso(10) }, { from: iso(10), to: iso(14) }, { from: iso(31), to: iso(60) }],
  gaps: [
    { from: iso(14), to: iso(20), reason: "camera unreachable" },
    { from: iso(20), to: iso(31), reason: "wrong password" },
    { from: iso(60), to: iso(90), reason: "not yet" },
  ],
});

test("runs that touch are one stretch of footage", () => {
  assert.deepEqual(footage.spans.map((s) => [(s.from - T) / MIN, (s.to - T) / MIN]), [[0, 14], [31, 60]]);
});

test("every moment is in footage or in a gap, at its edges too", () => {
  for (let m = 0; m < 60; m++) {
    const t = T + m * MIN;
    assert.equal((footage.spanAt(t) ? 1 : 0) + (footage.gapAt(t) ? 1 : 0), 1, `minute ${m}`);
  }
});

test("time that has not come is neither", () => {
  assert.equal(footage.spanAt(T + 70 * MIN), null);
  assert.equal(footage.gapAt(T + 70 * MIN), null);
});

test("the next footage after a gap is where the gap ends", () => {
  assert.equal(footage.next(T + 5 * MIN), T + 5 * MIN);
  assert.equal(footage.next(T + 15 * MIN), T + 31 * MIN);
  assert.equal(footage.next(T + 60 * MIN), null);
  assert.equal(footage.next(T - MIN), T);
});

test("playback that passes a gap can say from when to when and why", () => {
  const gap = footage.between(T + 14 * MIN, T + 31 * MIN);
  assert.ok(gap);
  const text = gapText(gap, (ms) => new Date(ms).toISOString().slice(11, 16));
  assert.equal(text, "no recording 02:14–02:31: camera unreachable, then wrong password");
  assert.equal(footage.between(T + 5 * MIN, T + 5 * MIN + 800), null);
});

test("one can go from edge to edge", () => {
  assert.equal(footage.edge(T + 5 * MIN, 1), T + 31 * MIN);
  assert.equal(footage.edge(T + 40 * MIN, 1), null);
  assert.equal(footage.edge(T + 40 * MIN, -1), T + 31 * MIN);
  assert.equal(footage.edge(T + 5 * MIN, -1), T);
  assert.equal(footage.end(), T + 60 * MIN);
  assert.equal(new Footage([], []).end(), null);
});
