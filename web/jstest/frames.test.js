import assert from "node:assert/strict";
import { test } from "node:test";
import { Frames } from "../static/player/frames.js";

const seconds = (/** @type {number[]} */ ...frames) => frames.map((n) => n / 25);

test("each picture has one before and one after, and the ends have none", () => {
  const f = new Frames();
  f.add(seconds(0, 1, 2), "a", 0);
  f.add(seconds(3, 4), "a", 0);
  for (let n = 0; n < 5; n++) {
    assert.equal(f.next(n / 25 + 0.001, 1), n < 4 ? (n + 1) / 25 : null);
    assert.equal(f.next(n / 25 + 0.001, -1), n > 0 ? (n - 1) / 25 : null);
    assert.equal(f.at(n / 25 + 0.039), n / 25);
  }
  assert.equal(f.at(-1), null);
  assert.equal(f.next(-1, 1), 0);
});

test("pictures of fragments that interleave stand in the order in which they are shown", () => {
  const f = new Frames();
  f.add(seconds(0, 1, 4), "a", 0); // cut in the order of decoding: 4 is referred to by 2 and 3
  f.add(seconds(2, 3, 5), "a", 0);
  assert.deepEqual(f.within(0, 1), seconds(0, 1, 2, 3, 4, 5));
});

test("what is fetched twice is there once", () => {
  const f = new Frames();
  f.add(seconds(5, 6, 7), "a", 0);
  f.add(seconds(3, 4, 5, 6).map((t) => t + 2e-7), "a", 0);
  assert.equal(f.all.length, 5);
  assert.equal(f.first(), 3 / 25 + 2e-7);
});

test("what has left the buffer is forgotten, at either end", () => {
  const f = new Frames();
  f.add(seconds(0, 1, 2, 3, 4), "a", 0);
  f.trim(2 / 25);
  f.cut(4 / 25);
  assert.deepEqual(f.within(0, 1), seconds(2, 3));
});

test("a run that is partly there keeps the offset of its nearest part", () => {
  const f = new Frames();
  f.add(seconds(0, 1), "a", 10);
  f.add(seconds(50, 51), "b", 11);
  f.add(seconds(100, 101), "a", 10.02);
  assert.equal(f.offset("a", 1), 10);
  assert.equal(f.offset("a", 3.9), 10.02);
  assert.ok(Number.isNaN(f.offset("c", 1)));
});
