import assert from "node:assert/strict";
import { test } from "node:test";
import { Zone, inputValue, lengthText, parseInput, parseMoment, shiftDay } from "../static/time/zone.js";

const berlin = new Zone("Europe/Berlin");
const at = (/** @type {string} */ s) => Date.parse(s);
const HOUR = 3600e3;

test("a day in spring has 23 hours and one in autumn 25", () => {
  const spring = berlin.dayBounds("2026-03-29");
  const autumn = berlin.dayBounds("2026-10-25");
  assert.equal(new Date(spring.from).toISOString(), "2026-03-28T23:00:00.000Z");
  assert.equal((spring.to - spring.from) / HOUR, 23);
  assert.equal((autumn.to - autumn.from) / HOUR, 25);
});

test("a day whose midnight is skipped begins at its first instant", () => {
  // In Beirut the clock went from 00:00 to 01:00 on 29 March 2026.
  const zone = new Zone("Asia/Beirut");
  const day = zone.dayBounds("2026-03-29");
  assert.equal(zone.day(day.from), "2026-03-29");
  assert.equal(zone.day(day.from - 1), "2026-03-28");
  assert.equal((day.to - day.from) / HOUR, 23);
});

test("days follow each other without a hole in zones far from UTC", () => {
  for (const name of ["Pacific/Kiritimati", "Pacific/Niue", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]) {
    const zone = new Zone(name);
    assert.equal(zone.dayBounds("2026-10-03").to, zone.dayBounds("2026-10-04").from, name);
    assert.equal(zone.day(zone.dayStart("2026-10-04")), "2026-10-04", name);
  }
});

test("the repeated hour is told apart by its abbreviation", () => {
  const first = at("2026-10-25T00:30:00Z");
  assert.notEqual(berlin.clock(first), berlin.clock(first + HOUR));
  assert.equal(berlin.clock(first).slice(0, 8), "02:30:00");
  assert.equal(berlin.repeated(first), true);
  assert.equal(berlin.clock(first + 3 * HOUR), "04:30:00");
});

test("a time in the skipped hour is read as if the clock had not moved", () => {
  const t = berlin.instant({ year: 2026, month: 3, day: 29, hour: 2, minute: 30, second: 0 });
  assert.equal(new Date(t).toISOString(), "2026-03-29T01:30:00.000Z");
});

test("typed moments are read as people write them", () => {
  const context = { zone: berlin, day: "2026-11-20", now: at("2026-11-22T12:00:00Z") };
  const cases = {
    "14:05": "2026-11-20T13:05:00Z", "14:05:30": "2026-11-20T13:05:30Z", "1405": "2026-11-20T13:05:00Z",
    "9": "2026-11-20T08:00:00Z", "2pm": "2026-11-20T13:00:00Z", "12 am": "2026-11-19T23:00:00Z",
    "yesterday 9": "2026-11-21T08:00:00Z", "Today 14:05": "2026-11-22T13:05:00Z", "yesterday at 2:30 pm": "2026-11-21T13:30:00Z",
    "2026-11-01 06:00": "2026-11-01T05:00:00Z", "2026-11-01T06:00": "2026-11-01T05:00:00Z", "2026-11-01": "2026-10-31T23:00:00Z",
    "10 min ago": "2026-11-22T11:50:00Z", "2 h ago": "2026-11-22T10:00:00Z", "3 days ago 8:15": "2026-11-19T07:15:00Z",
    "now": "2026-11-22T12:00:00Z",
  };
  for (const [typed, want] of Object.entries(cases)) assert.equal(parseMoment(typed, context), at(want), typed);
});

test("what is not a moment is not guessed at", () => {
  const context = { zone: berlin, day: "2026-11-20", now: at("2026-11-22T12:00:00Z") };
  for (const typed of ["", "soon", "25:00", "12:61", "13pm", "0 am", "2026-13-01 10:00", "yesterday noonish", "-5", "14:05 14:05"]) {
    assert.equal(parseMoment(typed, context), null, typed);
  }
});

test("a date input gives back the instant that it was given", () => {
  for (const s of ["2026-11-22T13:05:20Z", "2026-07-01T22:30:00Z", "2026-03-29T01:00:00Z"]) {
    assert.equal(parseInput(berlin, inputValue(berlin, at(s))), at(s));
  }
  assert.equal(parseInput(berlin, ""), null);
});

test("lengths are told in the unit that fits", () => {
  assert.deepEqual([48e3, 150e3, 900e3, 7200e3, 7500e3].map(lengthText), ["48 s", "2 min 30 s", "15 min", "2 h", "2 h 5 min"]);
});

test("shifting a day crosses months and years", () => {
  assert.equal(shiftDay("2026-03-01", -1), "2026-02-28");
  assert.equal(shiftDay("2026-12-31", 1), "2027-01-01");
});
