import assert from "node:assert/strict";
import { test } from "node:test";
import { Footage } from "../static/footage/footage.js";
import { OLDEST, RecordingList } from "../static/footage/recordinglist.js";

const DAY = 24 * 3600e3;
const END = Date.parse("2026-11-23T00:00:00Z");
const RECORDED = { from: END - 40 * DAY, to: END - 39 * DAY };

/** A recordings whose server recorded one day, and the spans that were asked for. @param {{from: number, to: number}} loaded */
function listOf(loaded) {
  /** @type {{from: number, to: number}[]} */
  const asked = [];
  const hooks = { limits: () => ({ from: END - OLDEST, to: END }), now: () => END - 1, onchange() {}, ongone() {}, onleave() {} };
  const recordings = new RecordingList("yard", new Footage([], []), loaded, hooks);
  globalThis.fetch = /** @type {any} */ (async (/** @type {string} */ url) => {
    const q = new URL(url, "http://x").searchParams;
    const span = { from: Date.parse(q.get("from") ?? ""), to: Date.parse(q.get("to") ?? "") };
    asked.push(span);
    const cut = { from: Math.max(span.from, RECORDED.from), to: Math.min(span.to, RECORDED.to) };
    const iso = (/** @type {number} */ t) => new Date(t).toISOString();
    const spans = cut.from < cut.to ? [{ from: iso(cut.from), to: iso(cut.to) }] : [];
    return { ok: true, status: 200, json: async () => ({ spans, gaps: [] }) };
  });
  return { recordings, asked };
}

test("only what is missing is fetched, and never more than the server gives", async () => {
  const { recordings, asked } = listOf({ from: END - DAY, to: END });
  await recordings.ensure({ from: END - 3 * DAY, to: END - 2 * DAY });
  await recordings.ensure({ from: END - 2 * DAY, to: END });
  assert.deepEqual(asked, [{ from: END - 3 * DAY, to: END - DAY }]);
  await recordings.ensure({ from: 0, to: END });
  assert.ok(asked.every((s) => s.to - s.from <= 400 * DAY));
});

test("footage is found on the other side of weeks without any, and for moments older than all", async () => {
  const { recordings } = listOf({ from: END - DAY, to: END });
  assert.deepEqual(await recordings.around(END - DAY / 2), { before: RECORDED.to, after: null, nearest: -1 });
  const old = Date.parse("2011-03-01T12:00:00Z");
  const { recordings: other, asked } = listOf({ from: old - DAY / 2, to: old + DAY / 2 });
  assert.deepEqual(await other.around(old), { before: null, after: RECORDED.from, nearest: 1 });
  assert.ok(asked.every((s) => s.to - s.from <= 400 * DAY));
});
