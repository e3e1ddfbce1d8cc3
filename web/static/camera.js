// The camera page: live picture, recordings and the day's timeline, and the controls that join them.

import { announce, byId, keepAwake, toast } from "./app.js";
import { noAge } from "./edge.js";
import { Feed, pageClock } from "./feed.js";
import { Footage, gapText } from "./footage.js";
import { keptOf, keptText } from "./kept.js";
import { HlsPlayback, playsHls } from "./hls.js";
import { listGaps } from "./gaplist.js";
import { wireKeys } from "./keys.js";
import { Link, endedSession } from "./link.js";
import { Playback } from "./playback.js";
import { Save } from "./save.js";
import { wireKeep } from "./keep.js";
import { Scrub } from "./scrub.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { Zone, parseMoment, shiftDay } from "./zone.js";

/** How long a recorded picture stays while the live one is on its way, ms. */
const PATIENCE = 4000;

const RATES = [0.25, 0.5, 1, 2, 4, 8];

const page = byId("camera").dataset;
const camera = page.camera ?? "";
const mayPlay = page.playback !== undefined;
const zone = new Zone(page.zone ?? "");
const clock = pageClock();
const now = () => clock.at(Date.now());

const stage = new Stage();
const link = new Link();
const feed = new Feed(stage.videos.live, clock, page);
link.listeners.set(1, feed);

/** What the page is doing. @type {{mode: "live" | "past", playing: boolean, rate: number, dragAt: number | null, ended: string, liveSince: number, life: string}} */
const state = { mode: "live", playing: true, rate: 1, dragAt: null, ended: "", liveSince: 0, life: "" };

let footage = Footage.parse(JSON.parse(page.timeline ?? "{}"));
let day = page.day ?? zone.day(now());
let stream = /** @type {"main" | "sub"} */ ("main");
let frameSeconds = 1 / 15;
let urlAt = 0;

const short = (/** @type {number} */ t) => zone.clock(t, { seconds: false });
const playback = new (playsHls() ? HlsPlayback : Playback)(stage.videos.past, {
  camera, stream, footage: () => footage, now,
  onpassed: (gap) => toast(gapText(gap, gap.to - gap.from < 120_000 ? (t) => zone.clock(t) : short)),
  oncaught: () => { toast("caught up: live"); goLive(); },
  onrefused: (why) => playbackRefused(why),
});
const scrub = new Scrub(stage.videos.scrub, { camera, stream }, () => { if (state.dragAt !== null) stage.show("scrub"); });
const save = new Save(zone, () => ({ at: moment(), now: now() }), () => timeline.update(save.marks()));
wireKeep(save.form, loadKept);
const timeline = new Timeline(byId("timeline"), zone, { onscrub: drag, onpick: pick, onhover: hover }, {
  day: zone.dayBounds(day), footage, at: now(), now: now(), kept: [], markIn: null, markOut: null,
});

/** The moment that is shown, ms. */
function moment() {
  if (state.dragAt !== null) return state.dragAt;
  if (state.mode === "past") return playback.wall();
  return feed.shown && !comingBack() ? feed.wall() : now();
}

/** Whether the way back to live is so short that what was shown may stay until there is a picture of now. */
function comingBack() {
  return stage.shown === "past" && !feed.fresh() && Date.now() - state.liveSince < PATIENCE;
}

function watch() {
  const wanted = state.mode === "live" && !document.hidden;
  link.watch(wanted ? [{ tile: stream === "main" ? 1 : 2, camera, stream }] : []);
}

function goLive() {
  if (state.mode !== "live") state.liveSince = Date.now();
  state.mode = "live";
  state.playing = true;
  state.ended = "";
  setRate(1);
  playback.setPlaying(false); // its picture stays until there is one of now
  showDay(zone.day(now()));
  history.replaceState(null, "", location.pathname);
  watch();
  paint();
}

/**
 * Plays from a moment; one that lies at the present is the live picture.
 * @param {number} t @param {boolean} [play]
 */
function goTo(t, play = state.playing) {
  if (!mayPlay) return;
  if (t > now() - 3000) {
    goLive();
    return;
  }
  state.mode = "past";
  state.playing = play;
  state.ended = "";
  watch();
  timeline.follow = true;
  const target = zone.day(t);
  if (target === day) playback.seek(t, play);
  else showDay(target).then(() => playback.seek(t, play));
  setURL(t);
  paint();
}

/** @param {number} t */
function setURL(t) {
  urlAt = Date.now();
  history.replaceState(null, "", `${location.pathname}?at=${new Date(t).toISOString().slice(0, 19)}Z`);
}

/** @param {number} t a drag is there */
function drag(t) {
  if (!mayPlay) return;
  state.dragAt = t;
  const gap = footage.gapAt(t);
  stage.notice(gap ? gapText(gap, short) : "");
  setText("age", "release to play");
  byId("camera").dataset.life = "past";
  if (!gap) scrub.show(t);
  paint();
}

/** @param {number} t */
function pick(t) {
  state.dragAt = null;
  stage.notice("");
  goTo(t, true);
}

/** @param {number | null} t @param {number} x */
function hover(t, x) {
  const tip = byId("tip");
  if (t === null) {
    delete tip.dataset.shown;
    return;
  }
  const gap = footage.gapAt(t);
  const words = [gap && t < now() ? gapText(gap, short) : "", footage.clockNote(t), keptText(timeline.shown.kept, t)];
  tip.textContent = [zone.clock(t), ...words.filter(Boolean)].join(" · ");
  tip.dataset.shown = "";
  const half = tip.offsetWidth / 2;
  const left = Math.min(Math.max(x, half), timeline.width - half);
  tip.style.setProperty("--x", `${Math.round(left)}px`);
}

/**
 * Fetches a day's timeline and shows it.
 * @param {string} which
 */
async function showDay(which) {
  const bounds = zone.dayBounds(which);
  if (which !== day) {
    day = which;
    footage = new Footage([], []);
    timeline.update({ day: bounds, footage });
    paintDay();
  }
  await loadFootage(which, bounds);
}

/** @param {string} which @param {{from: number, to: number}} bounds */
async function loadFootage(which, bounds) {
  if (!mayPlay) return;
  const query = new URLSearchParams({ from: new Date(bounds.from).toISOString(), to: new Date(bounds.to).toISOString() });
  try {
    const answer = await fetch(`/api/v1/cameras/${camera}/timeline?${query}`, { cache: "no-store" });
    if (answer.status === 401 && state.mode === "past") setURL(playback.wall()); // so that the login leads back to it
    if (endedSession(answer) || !answer.ok || which !== day) return;
    footage = Footage.parse(await answer.json());
    timeline.update({ footage, now: now() });
    listGaps(footage, zone, now(), (t) => goTo(t, true));
  } catch {
    // No network: what is drawn stays; the picture says that there is no connection.
  }
}

/** Draws the clips that are kept. */
async function loadKept() {
  if (mayPlay) timeline.update({ kept: await keptOf(camera) });
}

function paintDay() {
  const words = zone.date(zone.dayBounds(day).from + 12 * 3600e3);
  setText("day-words", words);
  const input = /** @type {HTMLInputElement} */ (byId("day"));
  if (input.value !== day) input.value = day;
  byId("day-next").toggleAttribute("aria-disabled", day >= zone.day(now()));
  input.max = zone.day(now());
  setText("gaps-day", words.replace(/^\w+, /, ""));
}

/** @param {string} id @param {string} text */
function setText(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

/** Brings what is written on the page in line with the state; called several times a second. */
function paint() {
  const t = moment();
  setText("clock", zone.clock(t));
  setText("date", zone.date(t));
  byId("camera").dataset.mode = state.mode;
  byId("camera").dataset.playing = String(state.mode === "live" || state.playing);
  byId("live").setAttribute("aria-pressed", String(state.mode === "live"));
  byId("play").setAttribute("aria-label", state.mode === "live" || state.playing ? "Pause" : "Play");
  timeline.update({ at: t, now: now() });
  const slider = byId("timeline-slider");
  slider.setAttribute("aria-valuenow", String(Math.round((t - timeline.shown.day.from) / 1000)));
  const gap = footage.gapAt(t);
  slider.setAttribute("aria-valuetext", gap ? `${zone.clock(t)}, ${gapText(gap, short)}` : zone.clock(t));
  if (state.dragAt === null) paintStage();
}

function paintStage() {
  const told = feed.tick(!link.broken);
  if (state.mode === "live" && comingBack()) {
    setText("age", "waiting");
    byId("camera").dataset.life = "waiting";
    stage.busy(true);
    stage.notice("");
    return;
  }
  if (state.mode === "live") {
    if (playback.active) playback.stop();
    tellLife(told);
    setText("age", told.age || noAge(told.life, feed.state, !link.broken));
    byId("camera").dataset.life = told.life;
    stage.notice(told.life === "live" ? "" : [told.age, told.words].filter(Boolean).join(" · "), told.life !== "waiting");
    if (feed.shown) stage.show("live");
    stage.busy(told.life === "waiting" && !link.broken && feed.state !== "offline");
    return;
  }
  byId("camera").dataset.life = "past";
  setText("age", `recorded · ${state.rate === 1 ? "" : `${state.rate}× · `}${state.playing ? "playing" : "paused"}`);
  const stalled = !state.ended && playback.stalled();
  stage.busy(!playback.shown && !state.ended && !stalled);
  stage.notice(stalled ? "no connection to the recorder, reconnecting" : state.ended);
  if (state.ended) {
    setText("age", "nothing to play");
    stage.show("");
  }
  if (!playback.shown) return;
  stage.show("past");
  if (Date.now() - urlAt > 10_000 && state.playing) setURL(playback.wall());
}

/** Says to screen readers when the live picture stops, and when it is back. @param {{life: string, words: string}} told */
function tellLife({ life, words }) {
  if (life === state.life) return;
  if (state.life === "live") announce(words);
  else if (state.life === "stale" && life === "live") announce("live again");
  state.life = life;
}

/** @param {number} rate */
function setRate(rate) {
  state.rate = rate;
  playback.setRate(rate);
  const select = /** @type {HTMLSelectElement} */ (byId("speed"));
  select.value = String(rate);
}

function toggle() {
  if (state.mode === "live") {
    goTo(moment() < now() - 3000 ? moment() : now() - 3100, false);
    return;
  }
  state.playing = !state.playing;
  playback.setPlaying(state.playing);
  if (!state.playing) setURL(playback.wall());
  paint();
}

/** @param {1 | -1} direction */
function changeSpeed(direction) {
  if (state.mode === "live") return;
  const next = RATES[RATES.indexOf(state.rate) + direction];
  if (next) setRate(next);
}

/** @param {number} by ms */
function skip(by) {
  if (state.mode === "past" || by < 0) goTo(moment() + by);
}

/** @param {1 | -1} direction */
function toEdge(direction) {
  const t = footage.edge(moment(), direction);
  if (t !== null) goTo(t);
}

/** @param {1 | -1} direction */
function stepFrame(direction) {
  if (state.mode === "live") toggle();
  state.playing = false;
  playback.step(direction, frameSeconds);
}

function toggleMute() {
  const muted = !stage.videos.live.muted;
  stage.mute(muted);
  const button = byId("mute");
  button.setAttribute("aria-pressed", String(!muted));
  button.setAttribute("aria-label", muted ? "Sound on" : "Sound off");
}

/** @param {string} which a day to show at the same time of day */
function goDay(which) {
  if (!which || which > zone.day(now())) return;
  const w = zone.wall(moment());
  const [year, month, date] = which.split("-").map(Number);
  goTo(zone.instant({ ...w, year, month, day: date }));
}

/** When main does not play here, the small picture may. */
feed.onrefused = () => {
  if (stream === "sub" || page.sub === undefined) return;
  toast(`${feed.refused} Showing the small one.`);
  stream = "sub";
  link.listeners.set(2, feed);
  watch();
};

/** @param {string} why */
function playbackRefused(why) {
  const { options } = playback;
  if (options.stream === "sub" || page.sub === undefined || !why.includes("cannot play")) {
    if (state.ended !== why) announce(why);
    state.ended = why;
    return;
  }
  const at = playback.wall();
  options.stream = "sub";
  scrub.of.stream = "sub";
  playback.stop();
  playback.seek(at, state.playing);
}

function wireControls() {
  const on = (/** @type {string} */ id, /** @type {() => void} */ act) => byId(id).addEventListener("click", act);
  on("live", () => { if (state.mode !== "live") goLive(); });
  on("play", toggle);
  on("back", () => skip(-10_000));
  on("forward", () => skip(10_000));
  on("full", () => stage.fullScreen());
  on("zoom-in", () => timeline.zoomBy(2));
  on("zoom-out", () => timeline.zoomBy(0.5));
  on("zoom-day", () => timeline.wholeDay());
  const onLink = (/** @type {string} */ id, /** @type {number} */ by) => byId(id).addEventListener("click", (e) => {
    e.preventDefault();
    goDay(shiftDay(day, by));
  });
  onLink("day-previous", -1);
  onLink("day-next", 1);
  document.getElementById("mute")?.addEventListener("click", toggleMute);
  const speed = /** @type {HTMLSelectElement} */ (byId("speed"));
  speed.addEventListener("change", () => setRate(Number(speed.value)));
  const dayInput = /** @type {HTMLInputElement} */ (byId("day"));
  dayInput.addEventListener("change", () => goDay(dayInput.value));
  dayInput.addEventListener("mousedown", (e) => {
    if (!("showPicker" in dayInput)) return;
    e.preventDefault(); // no focus, so that the day stays written out
    dayInput.showPicker();
  });
  byId("goto-form").addEventListener("submit", (e) => {
    e.preventDefault();
    typed(/** @type {HTMLInputElement} */ (byId("goto")));
  });
  stage.element.addEventListener("dblclick", () => stage.fullScreen());
  wireKeys({
    toggle, skip, step: stepFrame, edge: toEdge, speed: changeSpeed, zoom: (f) => timeline.zoomBy(f),
    typeTime: () => byId("goto").focus(), pickDay: () => byId("day").focus(),
    markIn: () => save.mark("from"), markOut: () => save.mark("to"), live: goLive,
    save: () => { save.panel.open = true; byId("save-button").focus(); },
    full: () => stage.fullScreen(), mute: () => { if (document.getElementById("mute")) toggleMute(); },
  });
}

/** @param {HTMLInputElement} input */
function typed(input) {
  const t = parseMoment(input.value, { zone, day, now: now() });
  if (t === null) {
    input.setCustomValidity("Type a time such as 14:05, yesterday 9, or 10 min ago.");
    input.reportValidity();
    input.addEventListener("input", () => input.setCustomValidity(""), { once: true });
    return;
  }
  input.value = "";
  input.blur();
  goTo(Math.min(t, now()), true);
  announce(`playing from ${zone.clock(t)}`);
}

/** Learns how long a picture of this camera lasts, for going from one to the next. */
function measureFrames() {
  let last = 0;
  const next = (/** @type {number} */ _, /** @type {VideoFrameCallbackMetadata} */ data) => {
    const apart = data.mediaTime - last;
    if (apart > 0.005 && apart < 0.5) frameSeconds = apart;
    last = data.mediaTime;
    stage.videos.past.requestVideoFrameCallback(next);
  };
  if ("requestVideoFrameCallback" in stage.videos.past) stage.videos.past.requestVideoFrameCallback(next);
}

function start() {
  wireControls();
  measureFrames();
  paintDay();
  loadKept();
  const at = Date.parse(page.at ?? "");
  if (mayPlay && !Number.isNaN(at) && at < now() - 3000) goTo(at, true);
  else goLive();
  document.addEventListener("visibilitychange", watch);
  setInterval(() => {
    playback.tick();
    if (!document.hidden) paint();
  }, 200);
  setInterval(() => {
    if (!document.hidden && day === zone.day(now())) loadFootage(day, zone.dayBounds(day));
  }, 5000);
  keepAwake(() => state.playing);
}

start();
