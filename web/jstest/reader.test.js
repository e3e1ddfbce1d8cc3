import assert from "node:assert/strict";
import { test } from "node:test";
import { Reader } from "../static/player/reader.js";
import { Footage } from "../static/footage/footage.js";

const withSound = 'video/mp4; codecs="avc1.42c00d, mp4a.40.2"', silent = 'video/mp4; codecs="avc1.42c00d"';
const boundary = 30_000;

/** A reader that has buffered footage with sound until the boundary, where a run without sound begins. */
function atTheBoundary() {
  const media = /** @type {any} */ (globalThis);
  media.window = { MediaSource: { isTypeSupported: () => true } };
  media.HTMLMediaElement = { HAVE_CURRENT_DATA: 2, HAVE_FUTURE_DATA: 3 };
  const asked = /** @type {string[]} */ ([]);
  media.fetch = async (/** @type {string} */ url) => {
    asked.push(url);
    return new Response(new Uint8Array(8), { headers: { "Content-Type": silent } });
  };
  const at = { moment: boundary - 8000, put: false };
  const video = { paused: true, readyState: 4, ended: false };
  const buffer = { video, base: 0, finished: 0, finish() { this.finished++; }, push() {}, isPut: () => at.put, takes: (/** @type {string} */ mime) => mime === withSound, pictureAt: null };
  const reader = new Reader(/** @type {any} */ (buffer), {
    camera: "yard", stream: "main", footage: () => new Footage([{ from: 0, to: 60_000 }], []), now: () => 1e6,
    moment: () => at.moment, over: () => false, onrefused: assert.fail, onmissing: assert.fail,
  });
  reader.from = 0;
  reader.next = boundary;
  reader.frames.add([20, 20.04], "run", 0);
  return { reader, at, video, asked, buffer };
}

test("what cannot be buffered beside what is there waits until that has been shown", async () => {
  const { reader, at, video, asked, buffer } = atTheBoundary();
  await reader.fill(at.moment, 1);
  assert.equal(asked.length, 1);
  assert.equal(reader.turn, boundary);
  assert.equal(reader.next, boundary, "it is to be fetched again");
  assert.equal(buffer.finished, 1, "pictures after the sound's end are shown only when no more sound can come");
  await reader.fill(at.moment, 1);
  at.moment = boundary - 1;
  await reader.fill(at.moment, 1);
  assert.equal(asked.length, 1, "the last picture may be looked at for as long as one likes");
  Object.assign(video, { paused: false, readyState: 2 });
  assert.equal(reader.waits(), false, "a browser that has played what there is stands a little before the end");
  Object.assign(video, { paused: true, readyState: 4, ended: true });
  assert.equal(reader.waits(), false, "or stopped at the end");
  at.put = true;
  assert.equal(reader.waits(), true, "unless somebody looks at the last picture");
  video.ended = false;
  at.moment = boundary;
  await reader.fill(at.moment, 1);
  assert.equal(asked.length, 2);
});

test("going elsewhere ends the waiting", async () => {
  const { reader, at } = atTheBoundary();
  await reader.fill(at.moment, 1);
  assert.equal(reader.waits(), true);
  reader.go(40_000);
  assert.equal(reader.waits(), false);
});

test("earlier footage that cannot be buffered beside what is there does not replace it", async () => {
  const { reader, buffer } = atTheBoundary();
  reader.next = 10_000;
  assert.equal(await reader.fetchPart(10_000, 14_000, new AbortController().signal), true);
  assert.equal(reader.next, 10_000);
  assert.equal(reader.turn, 10_000);
  assert.equal(reader.frames.first(), 20);
  assert.equal(buffer.finished, 0);
});
