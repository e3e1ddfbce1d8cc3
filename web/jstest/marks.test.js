import assert from "node:assert/strict";
import test from "node:test";
import { mark, noMarks, spanned, wrongMarks } from "../static/export/marks.js";

const at = (/** @type {string} */ clock) => Date.parse(`2026-11-22T${clock}Z`);
/** @param {import("../static/export/marks.js").Marks} m */
const clocks = (m) => [m.from, m.to].map((t) => (t === null ? "" : new Date(t).toISOString().slice(11, 19)));

test("the first mark brings an offer for the other, which gives way", () => {
  const first = mark(noMarks(), "from", at("13:05:20.700"));
  assert.deepEqual([clocks(first.marks), first.swapped], [["13:05:20", "13:06:20"], false]);
  const later = mark(first.marks, "from", at("13:09:00"));
  assert.deepEqual(clocks(later.marks), ["13:09:00", "13:10:00"]);
  assert.deepEqual(clocks(mark(noMarks(), "to", at("13:05:20.700")).marks), ["13:04:21", "13:05:21"]);
});

test("marks in their order span both seconds", () => {
  const both = mark(mark(noMarks(), "from", at("13:05:20")).marks, "to", at("13:05:24.900"));
  assert.deepEqual([clocks(both.marks), both.swapped, spanned(both.marks)], [["13:05:20", "13:05:25"], false, true]);
});

test("marks that were set the wrong way round are swapped, and span the same two seconds", () => {
  for (const [one, other] of /** @type {["from" | "to", "from" | "to"][]} */ ([["from", "to"], ["to", "from"]])) {
    const [first, second] = one === "from" ? ["13:05:30", "13:05:20"] : ["13:05:20", "13:05:30"];
    const m = mark(mark(noMarks(), one, at(first)).marks, other, at(second));
    assert.deepEqual([clocks(m.marks), m.swapped], [["13:05:20", "13:05:31"], true], one);
  }
});

test("what is wrong is said", () => {
  const set = { from: true, to: true };
  assert.equal(wrongMarks({ from: 1000, to: 2000, set }), "");
  for (const [from, to] of [[2000, 1000], [1000, 1000], [null, 1000]]) {
    assert.notEqual(wrongMarks({ from, to, set }), "");
    assert.equal(spanned({ from, to, set }), false);
  }
});
