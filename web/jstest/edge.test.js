import assert from "node:assert/strict";
import { test } from "node:test";
import { BEHIND, ServerClock, ageText, backoff, settle, stateWords, steer, tileWords, noAge } from "../static/live/edge.js";

/** Plays a camera whose fragments of half a second arrive when they are whole, and returns how far behind it ends. */
function simulate(/** @type {{start: number, stallAt?: number, stall?: number, seconds: number}} */ o) {
  let position = o.start;
  let rate = 1;
  let jumps = 0;
  let waited = 0;
  const dt = 0.05;
  for (let now = 0; now < o.seconds; now += dt) {
    const end = Math.floor(now / 0.5) * 0.5;
    const stalled = o.stallAt !== undefined && now > o.stallAt && now < o.stallAt + (o.stall ?? 0);
    if (end <= 0.5 || stalled) continue;
    const step = steer({ position, behind: now - position, ranges: [{ start: 0, end }] });
    rate = settle(rate, step.rate, now - position);
    if (step.seek !== undefined) { position = step.seek; jumps++; }
    if (position + dt * rate > end) waited++;
    position = Math.min(end, position + dt * rate);
  }
  return { behind: o.seconds - position, jumps, waited };
}

test("a picture that is too old is caught up with gently", () => {
  const r = simulate({ start: 0, seconds: 60, stallAt: 10, stall: 1.5 });
  assert.ok(r.behind <= BEHIND.most + 0.1, `ends ${r.behind} s behind`);
  assert.ok(r.behind >= 0.5);
  assert.equal(r.jumps, 0);
});

test("beyond three seconds it jumps, once", () => {
  const r = simulate({ start: 0, seconds: 60, stallAt: 10, stall: 6 });
  assert.equal(r.jumps, 1);
  assert.ok(r.behind <= BEHIND.most + 0.1, `ends ${r.behind} s behind`);
});

test("near the present nothing is changed, and playback does not run dry", () => {
  const r = simulate({ start: 0, seconds: 120 });
  assert.equal(r.jumps, 0);
  assert.ok(r.waited < 10, `${r.waited} waits`);
});

test("a clock that is wrong by minutes does not make it jump for ever", () => {
  for (const wrong of [200, -200]) {
    const step = steer({ position: 9.5, behind: 0.8 + wrong, ranges: [{ start: 0, end: 10 }] });
    assert.equal(step.seek, undefined);
  }
});

test("a position outside of what is buffered moves to the newest range", () => {
  const step = steer({ position: 3, behind: 50, ranges: [{ start: 0, end: 3.5 }, { start: 48, end: 52 }].slice(1) });
  assert.ok(step.seek !== undefined && step.seek >= 48 && step.seek < 52);
  assert.deepEqual(steer({ position: 3, behind: 50, ranges: [] }), { rate: 1 });
});

test("ages are short and honest", () => {
  assert.deepEqual([-1, 0.84, 9.96, 12.4, 300, 10000, 200000].map(ageText), ["0.0 s", "0.8 s", "10 s", "12 s", "5 min", "3 h", "2 days"]);
});

const tile = { connected: true, state: "recording", reason: "", behind: 0.8, refused: "", gone: false, lost: false };

test("only a fresh picture is called live", () => {
  assert.deepEqual(tileWords(tile), { life: "live", age: "live · 0.8 s", words: "" });
  assert.deepEqual(tileWords({ ...tile, behind: 12 }), { life: "stale", age: "frozen 12 s", words: "reconnecting" });
  assert.equal(tileWords({ ...tile, behind: null }).life, "waiting");
});

test("trouble is said in the words of its cause", () => {
  assert.match(tileWords({ ...tile, behind: 12, connected: false }).words, /no connection to the recorder/);
  assert.equal(tileWords({ ...tile, behind: 12, state: "offline", reason: "wrong password" }).words, "offline: wrong password");
  assert.equal(tileWords({ ...tile, refused: "cannot play H.265" }).words, "cannot play H.265");
  assert.equal(tileWords({ ...tile, gone: true }).life, "refused");
  assert.match(tileWords({ ...tile, lost: true }).age, /skipping frames/);
  assert.equal(stateWords("connecting", ""), "connecting");
});

test("reconnecting backs off to four seconds and never waits less than a quarter of one", () => {
  assert.equal(backoff(0, 0), 250);
  assert.ok(backoff(50, 0.999) <= 4_000);
  assert.ok(backoff(3, 0.5) > backoff(2, 0.5));
});

test("a fragment from the future corrects our idea of the server's clock, one from the past does not", () => {
  const clock = new ServerClock(1_000_000, 900_000);
  clock.arrived(1_002_000, 901_000);
  assert.equal(clock.at(901_000), 1_002_000);
  clock.arrived(1_000_000, 903_000);
  assert.equal(clock.at(903_000), 1_004_000);
});

test("where there is no picture the caption says what is the matter, in a word", () => {
  assert.equal(noAge("refused", "recording", true), "no picture");
  assert.equal(noAge("waiting", "offline", true), "offline");
  assert.equal(noAge("waiting", "offline", false), "no connection");
  assert.equal(noAge("waiting", "recording", true), "waiting");
});

test("a clock that is set in either direction makes no old picture young, and the next word of the server mends it", () => {
  for (const by of [-3600e3, 3600e3, 7 * 3600e3]) {
    const clock = new ServerClock(1_000_000, 1_000_000);
    assert.equal(clock.stepped(1_000_000, 50), false);
    assert.equal(clock.stepped(1_002_000, 2050), false);
    assert.equal(clock.stepped(1_004_000 + by, 4050), true);
    assert.ok(clock.at(1_004_000 + by) >= 1_004_000, `set by ${by}`);
    clock.arrived(1_004_100, 1_004_100 + by);
    clock.told(1_004_500, 1_004_500 + by);
    assert.equal(clock.at(1_005_000 + by), 1_005_000);
  }
});

test("the server's time arrives late, and the earliest word counts", () => {
  const clock = new ServerClock(0, 0);
  clock.told(10_000, 10_050);
  assert.equal(clock.at(0), 0);
  clock.told(20_300, 20_000);
  clock.told(30_000, 30_900);
  assert.equal(clock.at(0), 300);
});
