import assert from "node:assert/strict";
import { test } from "node:test";
import { Footage } from "../static/footage/footage.js";
import { keptText, parseKept } from "../static/footage/keptclips.js";

const kept = parseKept({ kept: [
  { from: "2026-11-22T02:00:00Z", to: "2026-11-22T02:01:00Z", note: "parcel" },
  { from: "2026-11-22T02:00:30Z", to: "2026-11-22T02:02:00Z", note: "" },
] });
const at = (/** @type {string} */ clock) => Date.parse(`2026-11-22T${clock}Z`);

test("a moment in a kept clip says so, with the note", () => {
  assert.equal(keptText(kept, at("02:00:40")), "kept: parcel");
  assert.equal(keptText(kept, at("02:01:30")), "kept");
  assert.equal(keptText(kept, at("02:02:00")), "");
});

test("an answer without clips draws none", () => {
  assert.deepEqual(parseKept({}), []);
});

test("footage that was filed later than it happened says so, and no other", () => {
  const footage = Footage.parse({
    spans: [
      { from: "2026-11-22T02:00:00Z", to: "2026-11-22T02:01:00Z" },
      { from: "2026-11-22T02:01:00Z", to: "2026-11-22T02:02:00Z", shift_seconds: 30 },
    ],
    gaps: [],
  });
  assert.equal(footage.spans.length, 1);
  assert.equal(footage.clockNote(at("02:00:30")), "");
  assert.match(footage.clockNote(at("02:01:30")), /clock was set back.* 30 s earlier/);
});
