import assert from "node:assert/strict";
import { test } from "node:test";
import { Stills } from "../static/live/stills.js";
import { tileWords } from "../static/live/edge.js";

/** A page and a server, as real as the key frames need them. @param {(url: string) => Response} serve */
function world(serve, plays = true) {
  const asked = /** @type {string[]} */ ([]);
  let drawn = 0;
  const element = {
    play: () => (plays ? Promise.resolve() : Promise.reject(new Error("NotSupportedError"))),
    getContext: () => ({ drawImage: () => { drawn++; } }),
  };
  Object.assign(globalThis, {
    document: { createElement: () => ({ ...element }) },
    fetch: async (/** @type {string} */ url) => { asked.push(url); return serve(url); },
  });
  const shown = /** @type {boolean[]} */ ([]);
  const stills = new Stills(/** @type {any} */ ({ after: () => {} }), "garden", (is) => shown.push(is));
  return { stills, asked, shown, drawn: () => drawn };
}

const noon = Date.parse("2026-11-22T12:00:00Z");
const frame = (/** @type {string} */ start) => new Response("mp4", { headers: { "Keepwatch-Start": start } });

test("without MSE a key frame is asked for once a second, and drawn once", async () => {
  const w = world((url) => frame(url.includes("12%3A00%3A02") ? "2026-11-22T12:00:02Z" : "2026-11-22T12:00:00Z"));
  for (const ms of [0, 300, 600, 1000, 1500, 2000]) await w.stills.due("sub", noon + ms);
  assert.equal(w.asked.length, 3);
  assert.match(w.asked[0], /^\/api\/v1\/cameras\/garden\/keyframe\.mp4\?at=2026-11-22T12%3A00%3A00\.000Z&stream=sub$/);
  assert.equal(w.drawn(), 2, "a key frame that stands already is drawn again");
  assert.deepEqual(w.shown, [true, true]);
  assert.equal(w.stills.at, noon + 2000);
});

test("what is not there or cannot be decoded is told", async () => {
  const absent = world(() => new Response("", { status: 404 }));
  await absent.stills.due("main", noon);
  assert.deepEqual(absent.shown, [false]);
  const undecodable = world(() => frame("2026-11-22T12:00:00Z"), false);
  await undecodable.stills.due("main", noon);
  assert.deepEqual(undecodable.shown, [false]);
  assert.equal(undecodable.stills.at, 0);
});

test("single pictures are never called a moving one, and freeze like one", () => {
  const tile = { connected: true, state: "recording", reason: "", behind: 5, refused: "", gone: false, lost: false, stills: true };
  assert.deepEqual(tileWords(tile), { life: "live", age: "key frames only · 5.0 s", words: "" });
  assert.equal(tileWords({ ...tile, behind: 11 }).life, "stale");
  assert.equal(tileWords({ ...tile, stills: false }).life, "stale");
});
