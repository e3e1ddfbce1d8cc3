import assert from "node:assert/strict";
import { test } from "node:test";
import { EDGE, landing, namer, noteText } from "../static/footage/landing.js";
import { Zone } from "../static/time/zone.js";

const berlin = new Zone("Europe/Berlin");
const T = Date.parse("2026-11-22T02:00:00Z");
const MIN = 60e3;
const around = { before: T, after: T + 17 * MIN, nearest: -1 };

test("a link to a gap leads to the nearest footage, a skip on in its direction", () => {
  assert.deepEqual(landing(around, T + MIN, 0), { at: T - EDGE, forward: false, brief: false });
  assert.deepEqual(landing({ ...around, nearest: 1 }, T + 16 * MIN, 0), { at: T + 17 * MIN, forward: true, brief: false });
  assert.equal(landing(around, T + MIN, 1).at, T + 17 * MIN);
  assert.equal(landing(around, T + 17 * MIN - 7000, -1).at, T - 7000, "ten seconds back from three after the gap");
});

test("where there is footage on one side only, every direction leads there, and where there is none, none", () => {
  for (const direction of /** @type {const} */ ([-1, 0, 1])) {
    assert.equal(landing({ before: null, after: T, nearest: 1 }, T - MIN, direction).at, T);
    assert.equal(landing({ before: T, after: null, nearest: -1 }, T + MIN, direction).at, T - EDGE);
    assert.equal(landing({ before: null, after: null, nearest: 0 }, T, direction).at, null);
  }
});

test("a gap of a second is passed without a word", () => {
  assert.deepEqual(landing({ before: T, after: T + 1000, nearest: -1 }, T + 100, 0), { at: T + 1000, forward: true, brief: true });
});

test("the note says why, and tells days apart where there are several", () => {
  const day = namer(berlin, [T, T + MIN, null]);
  assert.equal(noteText({ t: T, reason: "camera unreachable", shown: T + MIN }, day),
    "Nothing recorded at 03:00:00: camera unreachable. Showing the nearest recording, 03:01:00.");
  const days = namer(berlin, [T, T + 26 * 60 * MIN]);
  assert.equal(noteText({ t: T, reason: "", shown: T + 26 * 60 * MIN }, days),
    "Nothing recorded at 22 Nov 03:00:00. Showing the nearest recording, 23 Nov 05:00:00.");
  assert.match(noteText({ t: T, reason: "", shown: null }, day), /There is no other recording/);
});
