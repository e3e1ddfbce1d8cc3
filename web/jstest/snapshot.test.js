import assert from "node:assert/strict";
import { test } from "node:test";
import { pictureName } from "../static/player/snapshot.js";
import { Zone } from "../static/time/zone.js";

test("a picture's file says whose it is and when it was, by the clock of the site", () => {
  const t = Date.parse("2026-11-22T12:05:20.900Z");
  assert.equal(pictureName("front-door", new Zone("Europe/Berlin"), t), "front-door_2026-11-22_13-05-20.900+0100.png");
});

test("the two hours of one name in autumn have two names", () => {
  const first = Date.parse("2026-10-25T00:30:00Z");
  const zone = new Zone("Europe/Berlin");
  assert.notEqual(pictureName("a", zone, first), pictureName("a", zone, first + 3600e3));
});
