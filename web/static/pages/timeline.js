// The timeline's page: a day of all cameras, and the recordings of several of them in step.

import { announce, toast } from "../shell/messages.js";
import { byId, setText } from "../shell/dom.js";
import { keepAwake } from "../shell/awake.js";
import { TimelineRows } from "../timeline/rows.js";
import { Footage, gapText } from "../footage/footage.js";
import { keptText, parseKept } from "../footage/keptclips.js";
import { wireKeys } from "../shell/keys.js";
import { endedSession } from "../live/connection.js";
import { KEYS_FROM, RATES } from "../player/rates.js";
import { Master, Waiting } from "../sync/master.js";
import { columnsFor } from "../timeline/rowplan.js";
import { TimelineTile } from "../sync/timelinetile.js";
import { absence, address, allBegun, dark, edgeOfAny, gapOfAll, lastOfAny, nextOfAny, stepOfAny } from "../footage/combined.js";
import { takeMoment } from "../time/timefield.js";
import { Zone, shiftDay } from "../time/zone.js";

/** Playback stays this far behind the present, ms: what is newer is just being written. */
const PRESENT = 4000;

/** A step where no picture is known, and how far behind a picture's beginning it is looked at, ms. */
const FRAME = 67;
const INSIDE = 1;

/** How often the cameras are asked again what they recorded, ms. */
const ASK = 5000;

const page = byId("timeline-page").dataset;
const most = Number(page.most);
const zone = new Zone(page.zone ?? "");

/** The recorder's clock: by the time that it wrote into the page, and what has passed since. */
const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
const now = () => Number(document.documentElement.dataset.now) + performance.now() - (navigation?.responseStart ?? 0);

const master = new Master(now());
const waiting = new Waiting();

/** @typedef {{name: string, label: string, href: string, hasSub: boolean, audio: boolean, box: HTMLInputElement, footage: Footage, kept: import("../footage/keptclips.js").Kept[], chosen: boolean}} Camera */

/** @type {Camera[]} */
const cameras = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".timeline-row"))].map((row) => ({
  name: row.dataset.camera ?? "", label: row.dataset.label ?? "", href: row.dataset.href ?? "",
  hasSub: row.dataset.sub !== undefined, audio: row.dataset.audio !== undefined,
  box: /** @type {HTMLInputElement} */ (row.querySelector("input")),
  footage: Footage.parse(JSON.parse(row.dataset.timeline || "{}")), kept: [], chosen: false,
}));

let day = page.day ?? zone.day(now());
const state = { playing: false, dragAt: /** @type {number | null} */ (null), urlAt: 0, ended: "" };

/** @type {TimelineTile[]} */
let tiles = [];

const short = (/** @type {number} */ t) => zone.clock(t, { seconds: false });
const exactly = (/** @type {number} */ t) => zone.clock(t);
const clockOf = (/** @type {{from: number, to: number}} */ span) => (span.to - span.from < 120_000 ? exactly : short);

const rows = new TimelineRows(
  { canvas: byId("rows"), ruler: byId("ruler") }, zone, { onscrub: drag, onpick: pick, onhover: hover },
  { day: zone.dayBounds(day), footage: everything(), at: now(), now: now(), kept: [], markIn: null, markOut: null }, cameras,
);

/** All footage there is, to choose what of the day to show at first. */
function everything() {
  const spans = cameras.flatMap((c) => c.footage.spans).sort((a, b) => a.from - b.from);
  return new Footage(spans, []);
}

const shownFootage = () => tiles.filter((t) => !t.gone).map((t) => t.follower.options.footage());

/** The moment that is shown, ms. */
const moment = () => state.dragAt ?? master.at(performance.now());

/** @param {number} t */
function setURL(t) {
  state.urlAt = performance.now();
  history.replaceState(null, "", location.pathname + address(tiles.map((x) => x.facts.name), t));
}

/** Leads to the login if the session has ended, and from there back to this moment. @param {Response} answer */
function over(answer) {
  if (answer.status === 401) setURL(moment());
  return endedSession(answer);
}

// What is played.

/** Makes the tiles those of the cameras named. @param {string[]} names */
function choose(names) {
  const wanted = names.map((n) => cameras.find((c) => c.name === n)).filter((c) => c !== undefined).slice(0, most);
  for (const t of tiles) if (!wanted.some((c) => c.name === t.facts.name)) t.remove();
  const small = wanted.length > 4;
  tiles = wanted.map((c) => tiles.find((t) => t.facts.name === c.name) ?? makeTile(c, small));
  const box = byId("pictures");
  tiles.forEach((t) => box.append(t.element));
  for (const c of cameras) {
    c.chosen = wanted.includes(c);
    c.box.checked = c.chosen;
  }
  box.dataset.count = String(tiles.length);
  arrange();
  waiting.forget();
  rows.draw();
}

/** @param {Camera} c @param {boolean} small @returns {TimelineTile} */
function makeTile(c, small) {
  const options = {
    camera: c.name, stream: /** @type {"main" | "sub"} */ (small && c.hasSub ? "sub" : "main"), hasSub: c.hasSub,
    footage: () => c.footage, now, over,
  };
  return new TimelineTile(byId("timeline-tile"), c, options, (heard) => tiles.forEach((t) => { if (t !== heard) t.mute(true); }));
}

function arrange() {
  const columns = columnsFor(tiles.length, matchMedia("(max-width: 719px)").matches);
  byId("pictures").style.setProperty("--columns", String(columns));
  byId("pictures").style.setProperty("--lines", String(Math.max(1, Math.ceil(tiles.length / columns))));
}

/** @param {Camera} c */
function toggleCamera(c) {
  const names = tiles.map((t) => t.facts.name);
  if (c.box.checked && names.length >= most) {
    c.box.checked = false;
    toast(`Up to ${most} cameras can play together. Remove one first.`);
    return;
  }
  choose(c.box.checked ? [...names, c.name] : names.filter((n) => n !== c.name));
  if (tiles.length === 0) pause();
  setURL(moment());
}

// Where playback is.

/**
 * Goes to a moment; from one of which no camera has footage to where footage next begins, with a word.
 * @param {number} t @param {boolean} [play]
 */
async function goTo(t, play = state.playing) {
  const latest = now() - PRESENT;
  let target = Math.min(t, latest);
  state.playing = play;
  state.ended = "";
  if (zone.day(target) !== day) await showDay(zone.day(target));
  const footage = shownFootage();
  const gap = gapOfAll(footage, target, rows.shown.day.to);
  if (gap) target = passed(gap, footage, target);
  rows.follow = true;
  master.set(target, performance.now());
  master.run(false, performance.now());
  waiting.forget();
  for (const tile of tiles) tile.follower.go(target);
  setURL(target);
  tick();
  paint();
}

/**
 * Says which gap is passed, and returns the moment to go on from.
 * @param {import("../footage/footage.js").Gap} gap @param {Footage[]} footage @param {number} t
 */
function passed(gap, footage, t) {
  const next = nextOfAny(footage, t);
  if (next !== null) {
    toast(gapText({ ...gap, to: next }, clockOf({ from: gap.from, to: next })));
    return next + 20;
  }
  const last = lastOfAny(footage, t);
  const rest = `No recording for the rest of this day: ${gap.reason}.`;
  state.playing = false;
  if (last === null) {
    state.ended = `No recording on this day: ${gap.reason}.`;
    announce(state.ended);
    return t;
  }
  toast(rest);
  return Math.max(last - 2000, rows.shown.day.from);
}

/** Shows another day. @param {string} which */
async function showDay(which) {
  day = which;
  const bounds = zone.dayBounds(which);
  for (const c of cameras) c.footage = new Footage([], []);
  rows.update({ day: bounds, footage: new Footage([], []) });
  paintDay();
  await Promise.all(cameras.map((c) => load(c, which)));
}

/** Asks what a camera recorded on a day. @param {Camera} c @param {string} which */
async function load(c, which) {
  const bounds = zone.dayBounds(which);
  const query = new URLSearchParams({ from: new Date(bounds.from).toISOString(), to: new Date(bounds.to).toISOString() });
  try {
    const answer = await fetch(`/api/v1/cameras/${c.name}/timeline?${query}`, { cache: "no-store" });
    if (over(answer) || which !== day) return;
    const tile = tiles.find((t) => t.facts.name === c.name);
    if (tile && tile.gone !== (answer.status === 404)) leave(tile, answer.status === 404);
    if (answer.status === 404) c.footage = new Footage([], []);
    if (!answer.ok) return;
    c.footage = Footage.parse(await answer.json());
    rows.draw();
  } catch {
    // No network: what is drawn stays; the pictures say that there is no connection.
  }
}

/** A camera was taken away from this viewer, or given back. @param {TimelineTile} tile @param {boolean} gone */
function leave(tile, gone) {
  tile.gone = gone;
  if (gone) tile.follower.stop();
  announce(`${tile.facts.label}: ${gone ? tile.why(moment()) : "available again"}`);
}

let turn = 0;

/** Keeps what is drawn true: those that are played, and one after another of the others. */
async function ask() {
  if (document.hidden) return;
  const others = cameras.filter((c) => !c.chosen);
  const also = others.length > 0 ? [others[turn++ % others.length]] : [];
  for (const c of [...cameras.filter((x) => x.chosen), ...also]) await load(c, day);
}

async function loadKept() {
  try {
    const answer = await fetch("/api/v1/kept", { cache: "no-store" });
    if (!answer.ok) return;
    const { kept } = /** @type {{kept: {camera: string, from: string, to: string, note: string}[]}} */ (await answer.json());
    for (const c of cameras) c.kept = parseKept({ kept: kept.filter((k) => k.camera === c.name) });
    rows.draw();
  } catch {
    // No network: the day is drawn without them.
  }
}

/** Moves the master and everything that follows it; called many times a second. */
function tick() {
  const time = performance.now();
  const edge = now() - PRESENT;
  if (state.dragAt === null && master.at(time) > edge) {
    master.set(edge, time);
    if (master.rate > 1) {
      setRate(1);
      toast("Caught up: now at normal speed");
    }
  }
  const at = moment();
  if (state.playing && state.dragAt === null && !state.ended) passOn(at);
  const wanted = tiles.filter((t) => t.wanted(at));
  const going = state.playing && !document.hidden && state.dragAt === null && !state.ended && tiles.length > 0;
  const ready = wanted.map((t) => ({ camera: t.facts.name, ready: t.follower.ready(at) }));
  const running = going && (master.rate >= KEYS_FROM || !waiting.stand(ready, time));
  if (running !== master.running) master.run(running, time);
  const place = { at: moment(), rate: master.rate, running, dragged: state.dragAt !== null, exact: !going };
  for (const t of tiles) t.place(place, exactly);
}

/** Goes over what no camera recorded, and from the end of a day to the next. @param {number} at */
function passOn(at) {
  if (at >= rows.shown.day.to) {
    goTo(at);
    return;
  }
  if (dark(shownFootage(), at) && at < now() - PRESENT - 1000) goTo(at);
}

// Fingers, keys and buttons.

/** @param {number} t a drag is there */
function drag(t) {
  state.dragAt = t;
  tick();
  paint();
}

/** @param {number} t */
function pick(t) {
  state.dragAt = null;
  goTo(t, true);
}

/** @param {number | null} t @param {number} x */
function hover(t, x) {
  const tip = byId("tip");
  if (t === null) {
    delete tip.dataset.shown;
    return;
  }
  const row = rows.hovered === null ? null : cameras[rows.hovered];
  const gap = row && t < now() ? absence(row.footage, t) : null;
  const words = row ? [row.label, gap ? gapText(gap, clockOf(gap)) : "", row.footage.clockNote(t), keptText(row.kept, t)] : [];
  tip.textContent = [exactly(t), ...words.filter(Boolean)].join(" · ");
  tip.dataset.shown = "";
  const left = byId("timeline-slider").offsetLeft;
  const half = tip.offsetWidth / 2;
  tip.style.setProperty("--x", `${Math.round(left + Math.min(Math.max(x, half - left), rows.width - half))}px`);
}

/** @param {number} rate */
function setRate(rate) {
  const keys = master.rate >= KEYS_FROM;
  master.setRate(rate, performance.now());
  /** @type {HTMLSelectElement} */ (byId("speed")).value = String(rate);
  if (keys && rate < KEYS_FROM) for (const t of tiles) t.follower.go(moment());
}

function toggle() {
  state.playing = !state.playing && tiles.length > 0;
  if (!state.playing) setURL(moment());
  if (state.playing) state.ended = "";
  tick();
  paint();
}

function pause() {
  state.playing = false;
  master.run(false, performance.now());
}

/** @param {1 | -1} direction */
function toEdge(direction) {
  const t = edgeOfAny(shownFootage(), moment(), direction);
  if (t !== null) goTo(t + 20);
}

/** Shows the next picture, or the one before. @param {1 | -1} direction */
function step(direction) {
  const at = moment();
  const steps = tiles.map((t) => (t.wanted(at) ? t.follower.step(at, direction) : null)).filter((s) => s !== null);
  goTo((stepOfAny(steps) ?? at + direction * FRAME) + INSIDE, false);
}

/** @param {string} which a day to show at the same time of day */
function goDay(which) {
  if (!which || which > zone.day(now())) return;
  const w = zone.wall(moment());
  const [year, month, date] = which.split("-").map(Number);
  goTo(zone.instant({ ...w, year, month, day: date }));
}

/** @param {HTMLInputElement} input */
function typed(input) {
  const t = takeMoment(input, { zone, day, now: now() });
  if (t === null) return;
  goTo(t, true);
  announce(`Playing from ${exactly(t)}`);
}

async function fullScreen() {
  const box = byId("pictures");
  if (document.fullscreenElement) await document.exitFullscreen();
  else await box.requestFullscreen?.().catch(() => {});
}

// What is written on the page.

function paintDay() {
  setText(byId("day-words"), zone.date(zone.dayBounds(day).from + 12 * 3600e3));
  const input = /** @type {HTMLInputElement} */ (byId("day"));
  if (input.value !== day) input.value = day;
  input.max = zone.day(now());
  byId("day-next").toggleAttribute("aria-disabled", day >= zone.day(now()));
}

/** What is going on, in a word. */
function doing() {
  if (state.dragAt !== null) return "release to play";
  if (state.ended) return "nothing to play";
  if (!state.playing) return "paused";
  const speed = master.rate === 1 ? "" : `${master.rate}× · `;
  if (master.running) return `${speed}${master.rate >= KEYS_FROM ? "key frames" : "in sync"}`;
  return "buffering";
}

function paint() {
  const t = moment();
  setText(byId("clock"), exactly(t));
  setText(byId("date"), zone.date(t));
  setText(byId("age"), tiles.length === 0 ? "no camera selected" : doing());
  page.playing = String(state.playing);
  byId("play").setAttribute("aria-label", state.playing ? "Pause" : "Play");
  byId("play").toggleAttribute("disabled", tiles.length === 0);
  setText(byId("timeline-note"), tiles.length === 0 ? "Select cameras in the list below to play them here, in sync." : state.ended);
  rows.update({ at: t, now: now() });
  for (const tile of tiles) tile.lead(t);
  const slider = byId("timeline-slider");
  slider.setAttribute("aria-valuenow", String(Math.round((t - rows.shown.day.from) / 1000)));
  slider.setAttribute("aria-valuemax", String(Math.round((rows.shown.day.to - rows.shown.day.from) / 1000)));
  slider.setAttribute("aria-valuetext", spoken(t));
  if (state.playing && performance.now() - state.urlAt > 10_000) setURL(t);
}

/** The moment for screen readers, with those who have no footage of it. @param {number} t */
function spoken(t) {
  const missing = tiles.filter((x) => !x.wanted(t)).map((x) => `${x.facts.label}: no recording, ${x.why(t)}`);
  return [exactly(t), ...missing].join(". ");
}

function wire() {
  const on = (/** @type {string} */ id, /** @type {() => void} */ act) => byId(id).addEventListener("click", act);
  on("play", toggle);
  on("back", () => goTo(moment() - 10_000));
  on("forward", () => goTo(moment() + 10_000));
  on("edge-back", () => toEdge(-1));
  on("edge-forward", () => toEdge(1));
  on("timeline-full", fullScreen);
  on("zoom-in", () => rows.zoomBy(2));
  on("zoom-out", () => rows.zoomBy(0.5));
  on("zoom-day", () => rows.wholeDay());
  for (const [id, by] of /** @type {[string, number][]} */ ([["day-previous", -1], ["day-next", 1]])) {
    byId(id).addEventListener("click", (e) => {
      e.preventDefault();
      goDay(shiftDay(day, by));
    });
  }
  const speed = /** @type {HTMLSelectElement} */ (byId("speed"));
  speed.addEventListener("change", () => setRate(Number(speed.value)));
  const field = /** @type {HTMLInputElement} */ (byId("day"));
  field.addEventListener("change", () => goDay(field.value));
  byId("goto-form").addEventListener("submit", (e) => {
    e.preventDefault();
    typed(/** @type {HTMLInputElement} */ (byId("goto")));
  });
  for (const c of cameras) c.box.addEventListener("change", () => toggleCamera(c));
  matchMedia("(max-width: 719px)").addEventListener("change", arrange);
}

function wireKeyboard() {
  const faster = (/** @type {1 | -1} */ by) => setRate(RATES[RATES.indexOf(master.rate) + by] ?? master.rate);
  const nothing = () => {};
  const actions = {
    toggle, skip: (/** @type {number} */ by) => goTo(moment() + by), step, edge: toEdge, speed: faster, zoom: (/** @type {number} */ f) => rows.zoomBy(f),
    typeTime: () => byId("goto").focus(), pickDay: () => byId("day").focus(), live: () => location.assign("/live"),
    markIn: nothing, markOut: nothing, save: nothing, snapshot: nothing, pip: nothing, full: fullScreen,
    mute: () => tiles.forEach((t) => t.mute(true)),
  };
  wireKeys(actions);
}

function start() {
  byId("timeline-page").style.setProperty("--count", String(cameras.length));
  byId("timeline-page").style.setProperty("--shown", String(Math.min(5.5, cameras.length)));
  wire();
  wireKeyboard();
  paintDay();
  choose((page.chosen ?? "").split(","));
  loadKept();
  const at = Date.parse(page.at ?? "");
  if (Number.isNaN(at)) goTo(allBegun(shownFootage(), now() - 60_000, now() - PRESENT) + INSIDE, false);
  else goTo(at, true);
  setInterval(() => { if (tiles.length > 0) tick(); }, 50);
  setInterval(() => { if (!document.hidden) paint(); }, 100);
  setInterval(ask, ASK);
  keepAwake(() => state.playing);
}

start();
