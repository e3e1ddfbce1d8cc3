import assert from "node:assert/strict";
import { test } from "node:test";
import { Footage } from "../static/footage/footage.js";
import { absence, address, allBegun, dark, edgeOfAny, gapOfAll, lastOfAny, nextOfAny, stepOfAny } from "../static/footage/combined.js";

const T = Date.parse("2026-11-22T02:00:00Z");
const MIN = 60e3;
const m = (/** @type {number} */ minutes) => T + minutes * MIN;

// Minutes:    0        10       20       30       40
const front = new Footage([{ from: m(0), to: m(10) }, { from: m(30), to: m(40) }], [{ from: m(10), to: m(30), reason: "camera unreachable" }]);
const garage = new Footage([{ from: m(5), to: m(15) }, { from: m(20), to: m(40) }], [
  { from: m(0), to: m(5), reason: "not set up" }, { from: m(15), to: m(20), reason: "wrong password" },
]);
const both = [front, garage];

test("it is dark only while every camera has a gap", () => {
  const at = [2, 7, 12, 15, 17, 20, 25, 35].map((x) => dark(both, m(x)));
  assert.deepEqual(at, [false, false, false, true, true, false, false, false]);
  assert.equal(dark([], m(17)), false);
});

test("a common gap reaches from where the last of them lost its picture to where the first has one, and names every reason", () => {
  assert.deepEqual(gapOfAll(both, m(17), m(60)), { from: m(15), to: m(20), reason: "camera unreachable; wrong password" });
  assert.equal(gapOfAll(both, m(12), m(60)), null);
  assert.deepEqual(gapOfAll([front], m(11), m(60)), { from: m(10), to: m(30), reason: "camera unreachable" });
});

test("footage is found before and after", () => {
  assert.equal(nextOfAny(both, m(17)), m(20));
  assert.equal(nextOfAny(both, m(3)), m(3));
  assert.equal(nextOfAny(both, m(41)), null);
  assert.equal(lastOfAny(both, m(41)), m(40));
  assert.equal(lastOfAny(both, m(17)), m(15));
  assert.equal(lastOfAny(both, m(4)), null);
});

test("the edges of all cameras are gone to one after another", () => {
  const way = [];
  for (let t = /** @type {number | null} */ (m(0)); t !== null; t = edgeOfAny(both, t, 1)) way.push((t - T) / MIN);
  assert.deepEqual(way, [0, 5, 20, 30]);
  assert.equal(edgeOfAny(both, m(25), -1), m(20));
});

test("a gap that reached to the present goes on until the recorder says otherwise, footage that did may go on", () => {
  const dead = new Footage([{ from: m(0), to: m(10) }], [{ from: m(10), to: m(20), reason: "camera unreachable" }]);
  assert.equal(absence(dead, m(21))?.reason, "camera unreachable");
  assert.equal(absence(garage, m(41)), null);
  assert.equal(absence(garage, m(17))?.reason, "wrong password");
  assert.equal(absence(new Footage([], []), m(1)), null, "what is not known yet may be footage");
});

test("an address holds the cameras in order and the moment to the second", () => {
  assert.equal(address(["front-door", "garage"], Date.parse("2026-11-22T13:05:20.700Z")), "?cameras=front-door,garage&at=2026-11-22T13:05:20Z");
  assert.equal(address([], null), "?cameras=");
});

test("a step is one picture of the first camera, unless another has clearly more of them", () => {
  const slow = { to: 1200, lasts: 200 };
  const usual = { to: 1077, lasts: 67 };
  const alike = { to: 1096, lasts: 66 };
  assert.equal(stepOfAny([usual, alike]), 1077);
  assert.equal(stepOfAny([alike, usual]), 1096);
  assert.equal(stepOfAny([slow, usual, alike]), 1077);
  assert.equal(stepOfAny([slow]), 1200);
  assert.equal(stepOfAny([]), null);
});

test("a day is opened where all cameras have begun, but for one that begins just now or never", () => {
  assert.equal(allBegun(both, m(2), m(50)), m(5));
  assert.equal(allBegun(both, m(7), m(50)), m(7));
  assert.equal(allBegun(both, m(-1), m(4)), m(0));
  assert.equal(allBegun([new Footage([], [])], m(7), m(50)), m(7));
});
