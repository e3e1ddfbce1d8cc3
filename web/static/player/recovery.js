// Makes a browser begin at a recovery point of H.264 after which pictures get exact only later (intra refresh). Chromium begins at one
// whose message (ITU-T H.264 D.1.8) says "exact at once", and drops everything before. Pure.

import { LABEL_SIZE } from "./bytes.js";

/** NAL unit types of H.264, table 7-1. */
const SLICE = 1;
const IDR = 5;
const SEI = 6;

/** The payload type of the message. */
const RECOVERY_POINT = 6;

/** recovery_frame_cnt 0, exact_match_flag 1, no broken link; the rest of the message is not read. */
const AT_ONCE = 0xc4;

/**
 * A fragment whose first picture is a recovery point, as one at which a browser begins. The decoded pictures are the same.
 * @param {Uint8Array} fragment label, moof, mdat @returns {Uint8Array} a copy, or the same bytes if there is no such message
 */
export function beginsAtOnce(fragment) {
  const payload = mediaPayload(fragment);
  const v = new DataView(fragment.buffer, fragment.byteOffset, fragment.byteLength);
  for (let at = payload; at > 0 && at + 5 <= fragment.length;) {
    const end = at + 4 + v.getUint32(at);
    const kind = fragment[at + 4] & 0x1f;
    if (end > fragment.length || (kind >= SLICE && kind <= IDR)) break;
    const message = kind === SEI ? recoveryPoint(fragment, at + 5, end) : null;
    if (message) {
      const copy = fragment.slice();
      copy.fill(0xff, message.from, message.to);
      copy[message.from] = AT_ONCE;
      return copy;
    }
    at = end;
  }
  return fragment;
}

/** @param {Uint8Array} b one fragment @returns {number} where its media begin; 0 if there are none */
function mediaPayload(b) {
  const v = new DataView(b.buffer, b.byteOffset, b.byteLength);
  for (let at = LABEL_SIZE; at + 8 <= b.length;) {
    const size = v.getUint32(at);
    if (v.getUint32(at + 4) === 0x6d646174) return at + 8;
    if (size < 8) break;
    at += size;
  }
  return 0;
}

/**
 * Where the payload of the message is among the messages of a NAL unit (7.3.2.3.1).
 * @param {Uint8Array} b @param {number} at of its first message @param {number} end of the NAL unit
 */
function recoveryPoint(b, at, end) {
  /** Positions of the bytes that are no emulation prevention (7.4.1). @type {number[]} */
  const where = [];
  for (let i = at; i < end; i++) {
    if (b[i] !== 3 || i < at + 2 || b[i - 1] !== 0 || b[i - 2] !== 0) where.push(i);
  }
  let i = 0;
  const number = () => {
    let n = 0;
    for (;;) {
      const x = b[where[i++]];
      n += x;
      if (x !== 255) return n;
    }
  };
  while (i + 2 < where.length) {
    const kind = number();
    const size = number();
    if (!(i + size <= where.length)) return null;
    if (kind === RECOVERY_POINT && size > 0) return { from: where[i], to: where[i + size - 1] + 1 };
    i += size;
  }
  return null;
}
