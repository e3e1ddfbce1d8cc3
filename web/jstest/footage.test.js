import assert from "node:assert/strict";
import { test } from "node:test";
import { Footage, gapText } from "../static/footage/footage.js";

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

test("what is newer takes the place of what was known of that span, and of no other", () => {
  const part = Footage.parse({ spans: [{ from: iso(12), to: iso(16) }], gaps: [{ from: iso(16), to: iso(40), reason: "wrong password" }] });
  const now = footage.patched({ from: T + 12 * MIN, to: T + 40 * MIN }, part);
  assert.deepEqual(now.spans.map((s) => [(s.from - T) / MIN, (s.to - T) / MIN]), [[0, 16], [40, 60]]);
  assert.deepEqual(now.gaps.map((g) => [(g.from - T) / MIN, (g.to - T) / MIN]), [[16, 40]]);
});

test("a gap that two answers were cut through is one gap", () => {
  const a = Footage.parse({ spans: [], gaps: [{ from: iso(0), to: iso(5), reason: "wrong password" }] });
  const b = Footage.parse({ spans: [], gaps: [{ from: iso(5), to: iso(9), reason: "wrong password" }] });
  assert.deepEqual(a.patched({ from: T + 5 * MIN, to: T + 9 * MIN }, b).gaps, [{ from: T, to: T + 9 * MIN, reason: "wrong password" }]);
  const rounded = { from: T + 5 * MIN - 0.4, to: T + 9 * MIN }; // asked for by the whole millisecond
  assert.deepEqual(a.patched(rounded, b).gaps, [{ from: T, to: T + 9 * MIN, reason: "wrong password" }]);
});

test("a moment without footage has a nearest, and ways to both sides", () => {
  assert.deepEqual(footage.around(T + 16 * MIN), { before: T + 14 * MIN, after: T + 31 * MIN, nearest: -1 });
  assert.deepEqual(footage.around(T + 28 * MIN), { before: T + 14 * MIN, after: T + 31 * MIN, nearest: 1 });
  assert.deepEqual(footage.around(T - MIN), { before: null, after: T, nearest: 1 });
  assert.deepEqual(footage.around(T + 70 * MIN), { before: T + 60 * MIN, after: null, nearest: -1 });
  assert.deepEqual(new Footage([], []).around(T), { before: null, after: null, nearest: 0 });
});

test("a slice is cut at its edges", () => {
  const cut = footage.slice({ from: T + 13 * MIN, to: T + 19 * MIN });
  assert.deepEqual(cut.spans, [{ from: T + 13 * MIN, to: T + 14 * MIN }]);
  assert.deepEqual(cut.gaps.map((g) => [g.from, g.to]), [[T + 14 * MIN, T + 19 * MIN]]);
});

test("the last footage before a moment ends where it was recorded, also at short gaps within a span", () => {
  const at = (/** @type {number} */ ms) => new Date(T + ms).toISOString();
  const f = Footage.parse({
    spans: [{ from: at(0), to: at(1306) }, { from: at(1373), to: at(9000) }],
    gaps: [{ from: at(1306), to: at(1351), reason: "stopped" }, { from: at(1351), to: at(1373), reason: "connecting" }],
  });
  assert.equal(f.spans.length, 1);
  assert.deepEqual(f.before(T + 1372.6), { from: T, to: T + 1306 });
  assert.deepEqual(f.before(T + 1310), { from: T, to: T + 1306 });
  assert.deepEqual(f.before(T + 1300), { from: T, to: T + 1300 });
  assert.deepEqual(f.before(T + 2000), { from: T, to: T + 2000 });
  assert.deepEqual(f.before(T + 10_000), { from: T, to: T + 9000 });
});
