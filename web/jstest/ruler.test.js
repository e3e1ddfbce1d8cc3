import assert from "node:assert/strict";
import { test } from "node:test";
import { CLOSEST, WIDEST, clampView, firstView, monthAround, pinch, placeLabels, spanAround, ticks, toT, toX, viewWords, zoom } from "../static/timeline/ruler.js";
import { Zone } from "../static/time/zone.js";

const berlin = new Zone("Europe/Berlin");
const HOUR = 3600e3;
const day = berlin.dayBounds("2026-11-22");

test("pixels and moments convert into each other", () => {
  for (const x of [0, 1, 317, 1000]) assert.ok(Math.abs(toX(day, 1000, toT(day, 1000, x)) - x) < 1e-6);
});

test("zooming keeps the moment under the pointer where it is", () => {
  const anchor = day.from + 10 * HOUR;
  const closer = zoom(day, 4, anchor, day);
  assert.ok(Math.abs(toX(closer, 1000, anchor) - toX(day, 1000, anchor)) < 1e-6);
  assert.equal(closer.to - closer.from, 6 * HOUR);
});

test("no zoom leaves its limits or goes closer than a second", () => {
  assert.deepEqual(zoom(day, 0.1, day.from, day), day);
  const close = zoom(day, 1e9, day.to, day);
  assert.equal(close.to - close.from, CLOSEST);
  assert.equal(close.to, day.to);
  assert.deepEqual(clampView({ from: day.from - HOUR, to: day.from + HOUR }, day), { from: day.from, to: day.from + 2 * HOUR });
});

test("two fingers keep their moments under them", () => {
  const a = { t: day.from + 6 * HOUR, x: 300 };
  const b = { t: day.from + 12 * HOUR, x: 700 };
  const v = pinch(a, b, 1000, day);
  assert.ok(Math.abs(toX(v, 1000, a.t) - 300) < 1e-6 && Math.abs(toX(v, 1000, b.t) - 700) < 1e-6);
  const flipped = pinch({ ...a, x: 500 }, { ...b, x: 500 }, 1000, day);
  assert.ok(flipped.to > flipped.from);
});

test("labels keep their distance at every width and zoom", () => {
  for (const width of [300, 390, 1440, 2560]) {
    for (let v = day; v.to - v.from > CLOSEST; v = zoom(v, 1.7, day.from + 7.3 * HOUR, day)) {
      const labelled = ticks(v, width, berlin).filter((t) => t.label);
      for (let i = 1; i < labelled.length; i++) {
        assert.ok(toX(v, width, labelled[i].t) - toX(v, width, labelled[i - 1].t) >= 63, `${width} px, ${v.to - v.from} ms`);
      }
      assert.ok(ticks(v, width, berlin).length < width / 4);
    }
  }
});

test("labels at the edges stay inside, and give way where they would touch the next", () => {
  const at = (/** @type {number[]} */ ...xs) => placeLabels(xs.map((x) => ({ x, wide: 50 })), 400).map((l) => l.left).sort((a, b) => a - b);
  assert.deepEqual(at(0, 100, 200, 395), [0, 75, 175, 350]);
  assert.deepEqual(at(3, 70, 200), [45, 175], "the first would touch the second");
  assert.deepEqual(at(100, 345, 399), [75, 320], "the last would touch the one before");
});

test("on the day with 25 hours both hours of two o'clock are labelled, differently", () => {
  const long = berlin.dayBounds("2026-10-25");
  const labels = ticks(long, 2560, berlin).map((t) => t.label).filter((l) => l.startsWith("02:00"));
  assert.equal(labels.length, 2);
  assert.notEqual(labels[0], labels[1]);
});

test("on the day with 23 hours the ticks stand at round hours of the wall clock", () => {
  const short = berlin.dayBounds("2026-03-29");
  const labels = ticks(short, 700, berlin).map((t) => t.label).filter(Boolean);
  assert.ok(labels.every((l) => /^\d\d:00$/.test(l)), labels.join(" "));
  assert.ok(labels.includes("06:00") && labels.includes("12:00"));
});

test("the span offered for saving is a minute, and never in the future", () => {
  const t = day.from + HOUR;
  assert.deepEqual(spanAround(t, day.to), { from: t - 30e3, to: t + 30e3 });
  assert.deepEqual(spanAround(t, t), { from: t - 60e3, to: t });
});

test("on its first day a recorder shows what little there is, later the whole day", () => {
  const now = day.from + 10 * HOUR;
  const fresh = firstView(day, [{ from: now - 60e3, to: now }], now);
  assert.equal(fresh.to - fresh.from, 600e3);
  assert.ok(fresh.from < now - 60e3 && fresh.to > now);
  assert.deepEqual(firstView(day, [{ from: now - 3 * HOUR, to: now }], now), day);
  assert.deepEqual(firstView(day, [{ from: day.from, to: day.from + 60e3 }], day.from + 60e3), day);
  assert.deepEqual(firstView(day, [], now), day);
  assert.deepEqual(firstView(day, [{ from: now - 60e3, to: now }], day.to + HOUR), day);
});

test("out of the day goes as far as a month, in to a second, with labels at both ends", () => {
  const limits = { from: day.from - 399 * 24 * HOUR, to: day.to };
  const month = zoom(day, 1e-9, day.from, limits);
  assert.equal(month.to - month.from, WIDEST);
  const labels = ticks(month, 1440, berlin).map((t) => t.label).filter(Boolean);
  assert.ok(labels.length >= 10 && labels.every((l) => /^\d{1,2} (Oct|Nov)$/.test(l)), labels.join(" "));
  const second = zoom(day, 1e9, day.from + 13 * HOUR, limits);
  const close = ticks(second, 1440, berlin).map((t) => t.label).filter(Boolean);
  assert.ok(close.length >= 5 && close.every((l) => /^\d\d:\d\d:\d\d\.\d$/.test(l)), close.join(" "));
});

test("labels keep their distance from a second to a month", () => {
  const limits = { from: day.from - 399 * 24 * HOUR, to: day.to };
  for (const width of [300, 390, 1440, 2560]) {
    for (let v = zoom(day, 1e-9, day.from, limits); v.to - v.from > CLOSEST; v = zoom(v, 1.7, day.from - 5.3 * HOUR, limits)) {
      const all = ticks(v, width, berlin);
      const x = all.filter((t) => t.label).map((t) => toX(v, width, t.t));
      for (let i = 1; i < x.length; i++) assert.ok(x[i] - x[i - 1] >= 60, `${width} px, ${v.to - v.from} ms`);
      assert.ok(x.length > 0 || v.to - v.from < 3000, `no label: ${width} px, ${v.to - v.from} ms`);
      assert.ok(all.length < width / 3);
    }
  }
});

test("days stand where they begin in a month with a change of clocks, and Mondays are named where there is little room", () => {
  const begin = berlin.dayStart("2026-10-10");
  const v = { from: begin, to: begin + WIDEST };
  const days = ticks(v, 1440, berlin);
  for (const t of days) assert.equal(berlin.clock(t.t), "00:00:00");
  assert.equal(new Set(days.map((t) => berlin.day(t.t))).size, days.length);
  const named = ticks(v, 390, berlin).filter((t) => t.label);
  assert.ok(named.length >= 3 && named.every((t) => berlin.date(t.t).startsWith("Mon")), named.map((t) => t.label).join());
});

test("what is shown is named: a day, or from when to when", () => {
  assert.equal(viewWords(day, berlin), "Sun, 22 Nov 2026");
  assert.equal(viewWords(berlin.dayBounds("2026-10-25"), berlin), "Sun, 25 Oct 2026", "25 hours are a day");
  const month = monthAround(day.from + HOUR, { from: day.from - 400 * 24 * HOUR, to: day.to });
  assert.equal(month.to, day.to);
  assert.equal(viewWords(month, berlin), "23 Oct – 22 Nov 2026");
});
