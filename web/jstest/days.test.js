import assert from "node:assert/strict";
import { test } from "node:test";
import { dayByKey, dayWords, shiftMonth, weeksOf } from "../static/time/days.js";
import { Zone, fileTime } from "../static/time/zone.js";

test("keys lead to the days that they show", () => {
  const from = "2026-11-22"; // a Sunday
  const to = Object.fromEntries(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown", "x"].map((k) => [k, dayByKey(k, from)]));
  assert.deepEqual(to, {
    ArrowLeft: "2026-11-21", ArrowRight: "2026-11-23", ArrowUp: "2026-11-15", ArrowDown: "2026-11-29", Home: "2026-11-16",
    End: "2026-11-22", PageUp: "2026-10-22", PageDown: "2026-12-22", x: "",
  });
  assert.equal(dayByKey("PageUp", "2026-03-31"), "2026-02-28");
  assert.equal(dayByKey("PageDown", "2024-01-30"), "2024-02-29");
});

test("a month is whole weeks from Monday, with each of its days once", () => {
  for (const [month, length] of /** @type {[string, number][]} */ ([["2026-02", 28], ["2026-11", 30], ["2024-02", 29], ["2027-08", 31]])) {
    const weeks = weeksOf(month);
    assert.ok(weeks.every((w) => w.length === 7));
    assert.equal(weeks.flat().filter(Boolean).length, length);
    for (const w of weeks) assert.ok(w[0] === "" || new Date(w[0]).getUTCDay() === 1);
  }
  assert.equal(shiftMonth("2026-01", -1), "2025-12");
});

test("a day says what was recorded and what is missing", () => {
  const day = "2026-11-22";
  assert.equal(dayWords({ day, recorded_seconds: 86400, missing_seconds: 0 }, true), "24 h recorded");
  assert.equal(dayWords({ day, recorded_seconds: 82800, missing_seconds: 3600 }, true), "23 h recorded, 60 min missing");
  assert.equal(dayWords(undefined, true), "nothing recorded");
  assert.equal(dayWords(undefined, false), "");
});

test("a picture's file is named by the site's clock and its distance from UTC", () => {
  assert.equal(fileTime(new Zone("Europe/Berlin"), Date.parse("2026-11-22T12:05:20.25Z")), "2026-11-22_13-05-20.250+0100");
  assert.equal(fileTime(new Zone("America/St_Johns"), Date.parse("2026-07-01T00:00:00Z")), "2026-06-30_21-30-00.000-0230");
});
