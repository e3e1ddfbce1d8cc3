// The bytes that the server sends: frames of the live connection, boxes of fragmented MP4 (ISO/IEC 14496-12), and the
// label that stands before every fragment and after every init header. Pure.

/** Size of a label with its box header, in bytes. */
export const LABEL_SIZE = 120;

/** Ticks a second of a run's video timestamps. */
const VIDEO_TIMESCALE = 90000;

/** No box that we are sent is larger; a larger one is damage, and waiting for its end would fill the memory. */
const MAX_BOX = 64 << 20;

const LABEL_TYPE = [0x6b, 0x65, 0x65, 0x70, 0x77, 0x61, 0x84, 0x63, 0x88, 0x01, 0x6c, 0x61, 0x62, 0x65, 0x6c, 0x31];

/**
 * @typedef {object} Label
 * @property {"init" | "fragment"} kind
 * @property {"main" | "sub"} stream
 * @property {boolean} random begins with a key frame
 * @property {number} refresh decoding that starts here is exact after so many more pictures
 * @property {boolean} damaged
 * @property {string} camera UUID
 * @property {string} run UUID
 * @property {number} seq
 * @property {number} start wall clock, milliseconds since the epoch
 * @property {number} duration milliseconds
 */

/** @param {Uint8Array} b */
const view = (b) => new DataView(b.buffer, b.byteOffset, b.byteLength);

/** @param {Uint8Array} b */
function uuidText(b) {
  const hex = Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * Reads the label that b begins with; null if it does not begin with one. The MAC is the server's business.
 * @param {Uint8Array} b @returns {Label | null}
 */
export function parseLabel(b) {
  if (b.length < LABEL_SIZE || boxType(b) !== "uuid" || view(b).getUint32(0) !== LABEL_SIZE) return null;
  if (LABEL_TYPE.some((x, i) => b[8 + i] !== x) || b[24] !== 1 || b[25] < 1 || b[25] > 2) return null;
  const v = view(b);
  return {
    kind: b[25] === 1 ? "init" : "fragment",
    stream: b[26] === 2 ? "sub" : "main",
    random: (b[27] & 1) !== 0,
    refresh: v.getUint16(84),
    damaged: (b[27] & 2) !== 0,
    camera: uuidText(b.subarray(32, 48)),
    run: uuidText(b.subarray(48, 64)),
    seq: Number(v.getBigUint64(64)),
    start: Number(v.getBigInt64(72)) / 1000,
    duration: v.getUint32(80) / 1000,
  };
}

/**
 * Reads one binary message of the live connection; null if it is not one.
 * @param {ArrayBuffer} message
 * @returns {{kind: "init" | "fragment", tile: number, bytes: Uint8Array} | null}
 */
export function parseMessage(message) {
  if (message.byteLength < 8) return null;
  const v = new DataView(message);
  const kind = v.getUint8(1);
  if (v.getUint8(0) !== 1 || kind < 1 || kind > 2) return null;
  return { kind: kind === 1 ? "init" : "fragment", tile: v.getUint16(2), bytes: new Uint8Array(message, 8) };
}

/** @param {Uint8Array} b @param {number} [at] */
function boxType(b, at = 0) {
  return String.fromCharCode(b[at + 4], b[at + 5], b[at + 6], b[at + 7]);
}

/**
 * The boxes side by side in b, as far as they are whole.
 * @param {Uint8Array} b
 * @returns {Generator<{type: string, body: Uint8Array}>}
 */
function* boxes(b) {
  const v = view(b);
  for (let at = 0; at + 8 <= b.length;) {
    const size = v.getUint32(at);
    if (size < 8 || at + size > b.length) return;
    yield { type: boxType(b, at), body: b.subarray(at + 8, at + size) };
    at += size;
  }
}

/**
 * The decoding time of a fragment's first picture, in seconds since the start of its run: tfdt of track 1. Null if b
 * holds no such thing.
 * @param {Uint8Array} b one fragment: label, moof, mdat
 */
export function videoTime(b) {
  for (const moof of boxes(b)) {
    if (moof.type !== "moof") continue;
    for (const traf of boxes(moof.body)) {
      if (traf.type !== "traf") continue;
      let track = 0;
      for (const { type, body } of boxes(traf.body)) {
        if (type === "tfhd") track = view(body).getUint32(4);
        if (type !== "tfdt" || track !== 1) continue;
        const v = view(body);
        return (body[0] === 1 ? Number(v.getBigUint64(4)) : v.getUint32(4)) / VIDEO_TIMESCALE;
      }
    }
  }
  return null;
}

/**
 * When each picture of a fragment is presented, in seconds since the start of its run, in order: tfdt of track 1, and of
 * each sample in trun the duration before it and its composition offset (ISO/IEC 14496-12 8.8.8). Pictures that refer to
 * later ones are decoded in another order than they are shown in.
 * @param {Uint8Array} b one fragment: label, moof, mdat @returns {number[]} none if b holds no such thing
 */
export function pictureTimes(b) {
  const begin = videoTime(b);
  const run = begin === null ? null : videoRun(b);
  if (begin === null || !run) return [];
  const v = view(run);
  const flags = v.getUint32(0) & 0xffffff;
  const fields = [0x100, 0x200, 0x400, 0x800].filter((f) => flags & f);
  let at = 8 + (flags & 1 ? 4 : 0) + (flags & 4 ? 4 : 0);
  let decoded = 0;
  const times = [];
  for (let left = v.getUint32(4); left > 0 && at + 4 * fields.length <= run.length; left--) {
    const field = (/** @type {number} */ f) => at + 4 * fields.indexOf(f);
    const offset = flags & 0x800 ? v.getInt32(field(0x800)) : 0;
    times.push(begin + (decoded + offset) / VIDEO_TIMESCALE);
    decoded += flags & 0x100 ? v.getUint32(field(0x100)) : 0;
    at += 4 * fields.length;
  }
  return times.sort((x, y) => x - y);
}

/**
 * The pictures of a fragment in decoding order: when each is decoded, in seconds since the start of its run, and its bytes.
 * @param {Uint8Array} b one fragment: label, moof, mdat @returns {{time: number, bytes: Uint8Array}[]} none if b holds no such thing
 */
export function pictures(b) {
  const begin = videoTime(b);
  const run = begin === null ? null : videoRun(b);
  const payload = [...boxes(b)].find((x) => x.type === "mdat")?.body;
  if (begin === null || !run || !payload) return [];
  const v = view(run);
  const flags = v.getUint32(0) & 0xffffff;
  if ((flags & 0x301) !== 0x301) return []; // every fragment of ours has them
  const each = 4 * [0x100, 0x200, 0x400, 0x800].filter((f) => flags & f).length;
  const all = [];
  let at = 12 + (flags & 4 ? 4 : 0);
  let decoded = 0;
  let from = 0;
  for (let left = v.getUint32(4); left > 0 && at + each <= run.length; left--) {
    const to = from + v.getUint32(at + 4);
    if (to > payload.length) break;
    all.push({ time: begin + decoded / VIDEO_TIMESCALE, bytes: payload.subarray(from, to) });
    decoded += v.getUint32(at);
    from = to;
    at += each;
  }
  return all;
}

/** @param {Uint8Array} b one fragment @returns {Uint8Array | null} the trun of track 1 */
function videoRun(b) {
  for (const moof of boxes(b)) {
    if (moof.type !== "moof") continue;
    for (const traf of boxes(moof.body)) {
      if (traf.type !== "traf") continue;
      const parts = [...boxes(traf.body)];
      const head = parts.find((x) => x.type === "tfhd");
      const run = parts.find((x) => x.type === "trun");
      if (head && run && view(head.body).getUint32(4) === 1) return run.body;
    }
  }
  return null;
}

/**
 * @typedef {{kind: "init", bytes: Uint8Array, label: Label}} InitPart
 * @typedef {{kind: "fragment", bytes: Uint8Array, label: Label}} FragmentPart
 */

/**
 * Cuts a stream of bytes into init headers (ftyp, moov, label) and fragments (label, moof, mdat), whatever the chunks
 * are in which they arrive.
 */
export class Splitter {
  constructor() {
    /** @type {Uint8Array} */
    this.rest = new Uint8Array(0);
  }

  /**
   * Takes the next chunk and returns what is now whole, in order. Throws on bytes that cannot be such a stream.
   * @param {Uint8Array} chunk
   * @returns {(InitPart | FragmentPart)[]}
   */
  push(chunk) {
    const all = new Uint8Array(this.rest.length + chunk.length);
    all.set(this.rest);
    all.set(chunk, this.rest.length);
    /** @type {(InitPart | FragmentPart)[]} */
    const parts = [];
    let done = 0;
    for (;;) {
      const part = nextPart(all.subarray(done));
      if (!part) break;
      parts.push(part);
      done += part.bytes.length;
    }
    this.rest = all.slice(done);
    return parts;
  }
}

/** @param {Uint8Array} b @returns {InitPart | FragmentPart | null} */
function nextPart(b) {
  const v = view(b);
  let label = null;
  for (let at = 0; at + 8 <= b.length;) {
    const size = v.getUint32(at);
    if (size < 8 || size > MAX_BOX) throw new Error(`a box of ${size} bytes in the stream`);
    if (at + size > b.length) return null;
    const type = boxType(b, at);
    if (type === "uuid") label = parseLabel(b.subarray(at, at + size)) ?? label;
    at += size;
    if (type === "uuid" && label?.kind === "init") return { kind: "init", bytes: b.subarray(0, at), label };
    if (type === "mdat" && label) return { kind: "fragment", bytes: b.subarray(0, at), label };
  }
  return null;
}
