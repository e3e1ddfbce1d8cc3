import assert from "node:assert/strict";
import { test } from "node:test";
import { activityStep, activityText, height, levels, parseActivity } from "../static/footage/activity.js";

const from = Date.parse("2026-11-22T02:00:00Z");
const of = (/** @type {(number | null)[]} */ rates) => parseActivity({ from: "2026-11-22T02:00:00Z", step_seconds: 10, rates });
const all = { from, to: from + 3600e3 };

test("one burst does not flatten the rest", () => {
  const a = of([...Array(50).fill(100_000), ...Array(50).fill(200_000), 9_000_000]);
  const l = levels(a, all);
  assert.ok(l);
  assert.ok(height(200_000, l) - height(100_000, l) > 0.5, JSON.stringify(l));
  assert.equal(height(9_000_000, l), 1);
});

test("a picture that never changes is quiet throughout, noise and all", () => {
  const a = of(Array.from({ length: 100 }, (_, i) => 100_000 + (i % 7) * 500));
  for (let i = 0; i < 100; i++) assert.equal(activityText(a, all, from + i * 10_000 + 5), "little movement");
});

test("words follow what is seen, and nothing is said where nothing was recorded", () => {
  const a = of([...Array(20).fill(100_000), 160_000, ...Array(3).fill(300_000), null]);
  assert.equal(activityText(a, all, from + 5_000), "little movement");
  assert.equal(activityText(a, all, from + 210_500), "lots of movement");
  assert.equal(activityText(a, all, from + 245_000), "");
  assert.equal(activityText(a, all, from - 1), "");
  assert.equal(activityText(null, all, from), "");
  assert.equal(levels(of([null, null]), all), null);
});

test("what is much is judged by what is in view", () => {
  const a = of([...Array(100).fill(100_000), ...Array(100).fill(150_000), ...Array(100).fill(4_000_000)]);
  const quiet = { from, to: from + 2_000_000 };
  assert.equal(activityText(a, quiet, from + 1_500_000), "lots of movement");
  assert.equal(activityText(a, { from, to: from + 3_000_000 }, from + 1_500_000), "little movement");
});

test("no more is asked for than can be drawn", () => {
  assert.equal(activityStep({ from: 0, to: 1000 }, 1440), 1);
  assert.equal(activityStep({ from: 0, to: 86_400_000 }, 1440), 180);
  assert.ok(31 * 86_400 / activityStep({ from: 0, to: 31 * 86_400_000 }, 390) <= 131);
});
