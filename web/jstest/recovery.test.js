import assert from "node:assert/strict";
import test from "node:test";

import { LABEL_SIZE } from "../static/player/bytes.js";
import { beginsAtOnce } from "../static/player/recovery.js";

/** @param {number[][]} nalus @returns {Uint8Array} a label, a moof without content, and an mdat with one picture */
function fragment(...nalus) {
  const payload = nalus.flatMap((n) => [0, 0, 0, n.length, ...n]);
  return Uint8Array.from([...new Array(LABEL_SIZE).fill(0), 0, 0, 0, 8, 0x6d, 0x6f, 0x6f, 0x66, 0, 0, 0, 8 + payload.length, 0x6d, 0x64, 0x61, 0x74, ...payload]);
}

const slice = [0x41, 0x9a, 6, 6, 1, 0x24];

test("a recovery point that is exact later becomes one that is exact at once", () => {
  const before = fragment([6, 6, 2, 0x09, 0xc4, 0x80], slice);
  const kept = before.slice();
  assert.deepEqual(beginsAtOnce(before), fragment([6, 6, 2, 0xc4, 0xff, 0x80], slice));
  assert.deepEqual(before, kept);
});

test("the message is found behind others, also behind emulation prevention", () => {
  const user = [5, 4, 0, 0, 3, 1, 7];
  assert.deepEqual(beginsAtOnce(fragment([6, 5, 1, 9, 0x80], [6, ...user, 6, 2, 0x09, 0xc4, 0x80], slice)),
    fragment([6, 5, 1, 9, 0x80], [6, ...user, 6, 2, 0xc4, 0xff, 0x80], slice));
});

test("nothing else is changed", () => {
  for (const f of [fragment(slice), fragment([6, 5, 2, 0x09, 0xc4, 0x80], slice), fragment(slice, [6, 6, 1, 0x09, 0x80]), fragment([6, 6, 9, 1], slice),
    fragment([6, 255, 255], slice), new Uint8Array(LABEL_SIZE), new Uint8Array(0)]) {
    assert.equal(beginsAtOnce(f), f);
  }
});
