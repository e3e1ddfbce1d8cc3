import assert from "node:assert/strict";
import { test } from "node:test";
import { pictureName } from "../static/snapshot.js";

test("a picture's file says whose it is and when it was, by the clock of the site", () => {
  const t = Date.parse("2026-11-22T12:05:20.900Z");
  assert.equal(pictureName("front-door", t, "Europe/Berlin"), "front-door_2026-11-22_13-05-20+0100.png");
  assert.equal(pictureName("a", t, "America/St_Johns"), "a_2026-11-22_08-35-20-0330.png");
  assert.equal(pictureName("a", t, "UTC"), "a_2026-11-22_12-05-20+0000.png");
});

test("the two hours of one name in autumn have two names", () => {
  const first = Date.parse("2026-10-25T00:30:00Z");
  assert.notEqual(pictureName("a", first, "Europe/Berlin"), pictureName("a", first + 3600e3, "Europe/Berlin"));
});
