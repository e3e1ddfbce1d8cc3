import assert from "node:assert/strict";
import { test } from "node:test";
import { bandOf, columnsFor, partOf, planHeight, rowAt } from "../static/timeline/rowplan.js";

const plan = { top: 26, pitch: 36, inset: 5, band: 26, count: 16 };

test("every row is found where its band is drawn, and no other is", () => {
  for (let row = 0; row < plan.count; row++) {
    const { top, bottom } = bandOf(plan, row);
    assert.equal(bottom - top, plan.band);
    for (const y of [top, (top + bottom) / 2, bottom - 1]) assert.equal(rowAt(plan, y), row);
  }
  assert.equal(rowAt(plan, 10), null);
  assert.equal(rowAt(plan, planHeight(plan)), null);
  assert.equal(bandOf(plan, 15).bottom <= planHeight(plan), true);
});

test("what is in view is drawn within the width, the shortest gap a pixel wide", () => {
  const x = (/** @type {number} */ t) => t / 10;
  assert.deepEqual(partOf({ from: 100, to: 300 }, x, 50), { left: 10, wide: 20 });
  assert.deepEqual(partOf({ from: -100, to: 900 }, x, 50), { left: 0, wide: 50 });
  assert.deepEqual(partOf({ from: 100, to: 101 }, x, 50), { left: 10, wide: 1 });
  assert.equal(partOf({ from: -50, to: -10 }, x, 50), null);
  assert.equal(partOf({ from: 600, to: 700 }, x, 50), null);
});

test("up to nine pictures stand in a grid that is as wide as high", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 9].map((n) => columnsFor(n, false)), [1, 1, 2, 2, 2, 3, 3]);
  assert.deepEqual([1, 2, 4, 9].map((n) => columnsFor(n, true)), [1, 2, 2, 2]);
});
