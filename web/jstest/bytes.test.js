import assert from "node:assert/strict";
import { test } from "node:test";
import { LABEL_SIZE, Splitter, parseLabel, parseMessage, pictureTimes, pictures, videoTime } from "../static/player/bytes.js";

const TYPE = "6b656570776184638801 6c6162656c31".replace(" ", "");

/** @param {string} hex */
const unhex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (x) => parseInt(x, 16));

/** @param {string} type @param {...Uint8Array} parts */
function box(type, ...parts) {
  const size = 8 + parts.reduce((n, p) => n + p.length, 0);
  const b = new Uint8Array(size);
  new DataView(b.buffer).setUint32(0, size);
  for (let i = 0; i < 4; i++) b[4 + i] = type.charCodeAt(i);
  let at = 8;
  for (const p of parts) { b.set(p, at); at += p.length; }
  return b;
}

/** @param {{kind?: number, seq?: number, startUS?: bigint}} [o] */
function label({ kind = 2, seq = 7, startUS = 1795352720123456n } = {}) {
  const body = new Uint8Array(LABEL_SIZE - 8);
  body.set(unhex(TYPE));
  const v = new DataView(body.buffer);
  body[16] = 1; body[17] = kind; body[18] = 2; body[19] = 3;
  body.fill(0xab, 24, 40);
  body.fill(0xcd, 40, 56);
  v.setBigUint64(56, BigInt(seq));
  v.setBigInt64(64, startUS);
  v.setUint32(72, 500_000);
  return box("uuid", body);
}

/** @param {number} ticks */
function moof(ticks) {
  const tfhd = (/** @type {number} */ track) => box("tfhd", unhex("00020000"), Uint8Array.of(0, 0, 0, track));
  const tfdt = (/** @type {number} */ t) => {
    const b = new Uint8Array(12);
    b[0] = 1;
    new DataView(b.buffer).setBigUint64(4, BigInt(t));
    return box("tfdt", b);
  };
  return box("moof", box("mfhd", new Uint8Array(8)), box("traf", tfhd(2), tfdt(48000)), box("traf", tfhd(1), tfdt(ticks)));
}

/** @param {...Uint8Array} parts */
function concat(...parts) {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) { out.set(p, at); at += p.length; }
  return out;
}

const init = concat(box("ftyp", unhex("69736f35")), box("moov", new Uint8Array(40)), label({ kind: 1 }));
const fragment = (/** @type {number} */ seq) => concat(label({ seq }), moof(90000 * seq), box("mdat", new Uint8Array(1000 + seq)));

test("a label is read field by field", () => {
  const l = parseLabel(label());
  assert.ok(l);
  assert.deepEqual([l.kind, l.stream, l.random, l.damaged, l.seq, l.duration], ["fragment", "sub", true, true, 7, 500]);
  assert.equal(l.camera, "abababab-abab-abab-abab-abababababab");
  assert.equal(l.run, "cdcdcdcd-cdcd-cdcd-cdcd-cdcdcdcdcdcd");
  assert.equal(l.start, 1795352720123.456);
});

test("what is no label is not read as one", () => {
  const other = label();
  other[9] ^= 1;
  const newer = label();
  newer[24] = 2;
  for (const b of [other, newer, label().subarray(0, 119), box("free", new Uint8Array(112)), label({ kind: 3 })]) {
    assert.equal(parseLabel(b), null);
  }
});

test("a stream is cut into the same parts whatever its chunks", () => {
  const stream = concat(init, fragment(1), fragment(2), init, fragment(1));
  for (const size of [1, 7, 119, 1000, stream.length]) {
    const splitter = new Splitter();
    const parts = [];
    for (let at = 0; at < stream.length; at += size) parts.push(...splitter.push(stream.subarray(at, at + size)));
    assert.deepEqual(parts.map((p) => `${p.kind} ${p.bytes.length}`), [
      `init ${init.length}`, `fragment ${fragment(1).length}`, `fragment ${fragment(2).length}`,
      `init ${init.length}`, `fragment ${fragment(1).length}`,
    ]);
    assert.deepEqual(concat(...parts.map((p) => p.bytes)), stream);
    assert.equal(splitter.rest.length, 0);
  }
});

test("bytes that are no boxes are refused instead of waited for", () => {
  assert.throws(() => new Splitter().push(unhex("ffffffff6d6f6f66")));
  assert.throws(() => new Splitter().push(unhex("000000036d6f6f66")));
});

test("the decoding time is that of the video track", () => {
  assert.equal(videoTime(fragment(3)), 3);
  assert.equal(videoTime(init), null);
  assert.equal(videoTime(fragment(3).subarray(0, 150)), null);
});

test("a message of the live connection is told by its header", () => {
  const message = concat(unhex("0102000900000000"), fragment(1));
  const m = parseMessage(message.buffer);
  assert.ok(m);
  assert.deepEqual([m.kind, m.tile, m.bytes.length], ["fragment", 9, fragment(1).length]);
  assert.equal(parseMessage(unhex("0202000900000000").buffer), null);
  assert.equal(parseMessage(unhex("0103000900000000").buffer), null);
  assert.equal(parseMessage(new ArrayBuffer(7)), null);
});

/** @param {number} base @param {[number, number][]} samples duration and composition offset, ticks */
function run(base, samples) {
  const tfdt = new Uint8Array(12);
  tfdt[0] = 1;
  new DataView(tfdt.buffer).setBigUint64(4, BigInt(base));
  const trun = new Uint8Array(12 + 16 * samples.length);
  const v = new DataView(trun.buffer);
  v.setUint32(0, 0x01000f01);
  v.setUint32(4, samples.length);
  samples.forEach(([duration, offset], i) => {
    v.setUint32(12 + 16 * i, duration);
    v.setInt32(12 + 16 * i + 12, offset);
  });
  const sound = box("traf", box("tfhd", unhex("00020000"), Uint8Array.of(0, 0, 0, 2)), box("tfdt", tfdt), box("trun", trun));
  const video = box("traf", box("tfhd", unhex("00020000"), Uint8Array.of(0, 0, 0, 1)), box("tfdt", tfdt), box("trun", trun));
  return concat(label(), box("moof", sound, video), box("mdat", new Uint8Array(3)));
}

test("pictures are told in the order in which they are shown, B-frames and all", () => {
  const frames = pictureTimes(run(90000, [[3600, 3600], [3600, 10800], [3600, 0], [3600, 0], [4500, 3600]]));
  assert.deepEqual(frames.map((t) => Math.round((t - 1) * 90000)), [3600, 7200, 10800, 14400, 18000]);
  const early = pictureTimes(run(90000, [[3600, -1800], [3600, 0]]));
  assert.deepEqual(early.map((t) => Math.round((t - 1) * 90000)), [-1800, 3600]);
  assert.deepEqual(pictureTimes(init), []);
  assert.deepEqual(pictureTimes(run(0, [[1, 0]]).subarray(0, 190)), []);
});

test("the pictures of a fragment come with their bytes and times", () => {
  const u32 = (/** @type {number} */ n) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
  const box = (/** @type {string} */ type, /** @type {number[]} */ body) => [...u32(8 + body.length), ...[...type].map((c) => c.charCodeAt(0)), ...body];
  const sample = (/** @type {number} */ size) => [...u32(9000), ...u32(size), ...u32(0x02000000), ...u32(0)];
  const traf = box("traf", [...box("tfhd", [0, 2, 0, 0, ...u32(1)]), ...box("tfdt", [1, 0, 0, 0, ...u32(0), ...u32(180000)]),
    ...box("trun", [1, 0, 0x0f, 1, ...u32(3), ...u32(0), ...sample(2), ...sample(1), ...sample(9)])]);
  const fragment = Uint8Array.from([...box("moof", traf), ...box("mdat", [1, 2, 3, 4])]);
  assert.deepEqual(pictures(fragment), [{ time: 2, bytes: Uint8Array.of(1, 2) }, { time: 2.1, bytes: Uint8Array.of(3) }]);
  assert.deepEqual(pictures(new Uint8Array(5)), []);
});
