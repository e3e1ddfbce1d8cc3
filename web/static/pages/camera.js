// The camera page: live picture, recordings and the day's timeline, and the controls that join them.

import { announce, toast } from "../shell/messages.js";
import { byId, setText } from "../shell/dom.js";
import { keepAwake } from "../shell/awake.js";
import { Calendar } from "../time/calendar.js";
import { wireControls } from "../camera/controls.js";
import { noAge } from "../live/edge.js";
import { LiveFeed, pageClock } from "../live/livefeed.js";
import { Footage, gapText } from "../footage/footage.js";
import { GapNote } from "../camera/gapnote.js";
import { keptOf } from "../footage/keptclips.js";
import { HlsPlayback, playsHls } from "../player/hlsplayback.js";
import { listGaps } from "../camera/gaplist.js";
import { wireKeys } from "../shell/keys.js";
import { EDGE, landing, noteText } from "../footage/landing.js";
import { LiveConnection } from "../live/connection.js";
import { HoverPreview } from "../camera/hoverpreview.js";
import { Playback } from "../player/playback.js";
import { OLDEST, RecordingList } from "../footage/recordinglist.js";
import { ClipExport } from "../export/clipexport.js";
import { wireKeep } from "../camera/keepclip.js";
import { KeyFrameView } from "../player/keyframeview.js";
import { KEYS_FROM, KeyFramePlayer } from "../player/keyframeplayer.js";
import { pictureName, savePicture } from "../player/snapshot.js";
import { Stage } from "../camera/stage.js";
import { TimelineControl } from "../timeline/control.js";
import { Zone } from "../time/zone.js";

/** How long a recorded picture stays while the live one is on its way, ms. */
const PATIENCE = 4000;

const RATES = [0.25, 0.5, 1, 2, 4, 8, 16];

/** Before this much has passed, what was just recorded may not be known yet, ms. */
const FRESH = 15_000;

const page = byId("camera").dataset;
const camera = page.camera ?? "";
const mayPlay = page.playback !== undefined;
const zone = new Zone(page.zone ?? "");
const clock = pageClock();
const now = () => clock.at(Date.now());

const stage = new Stage();
const link = new LiveConnection(clock);
const feed = new LiveFeed(stage.videos.live, clock, page);
link.listeners.set(1, feed);

/**
 * What the page is doing. wish: a moment that is asked for and not yet on its way; turn counts what was asked for.
 * @type {{mode: "live" | "past", playing: boolean, rate: number, dragAt: number | null, wish: number | null, turn: number,
 * ended: string, liveSince: number, life: string}}
 */
const state = { mode: "live", playing: true, rate: 1, dragAt: null, wish: null, turn: 0, ended: "", liveSince: 0, life: "" };

let day = page.day ?? zone.day(now());
let today = { day: "", end: 0 };
let stream = /** @type {"main" | "sub"} */ ("main");
let urlAt = 0;

/** What can be gone to. */
function limits() {
  const of = zone.day(now());
  if (of !== today.day) today = { day: of, end: zone.dayBounds(of).to };
  return { from: today.end - OLDEST, to: today.end };
}

const short = (/** @type {number} */ t) => zone.clock(t, { seconds: false });
const gapWords = (/** @type {import("../footage/footage.js").Gap} */ gap) =>
  gapText(gap, gap.to - gap.from < 120_000 ? (t) => zone.clock(t) : short);
const recordings = new RecordingList(camera, Footage.parse(JSON.parse(page.timeline ?? "{}")), zone.dayBounds(day), {
  limits, now, onleave: keepMoment,
  onchange: () => {
    timeline.update({ footage: recordings.footage, now: now() });
    listDayGaps();
  },
  ongone: () => nothingLeft("This camera is no longer there, or no longer shared with you."),
});
const footage = () => recordings.footage;
const passed = (/** @type {import("../footage/footage.js").Gap} */ gap) => toast(gapWords(gap));
const caught = () => { toast("caught up: live"); goLive(); };
const playback = new (playsHls() ? HlsPlayback : Playback)(stage.videos.past, {
  camera, stream, footage, now, onpassed: passed, oncaught: caught, onrefused: (why) => playbackRefused(why),
  onshown: () => paint(), onleave: keepMoment, onend: (gap) => ranOut(gap, playback.wall()),
});
const keyView = new KeyFrameView(stage.videos.scrub, { camera, stream }, (wall) => {
  keyPlayer.shown(wall);
  if (state.dragAt !== null || keyPlayer.active) stage.show("scrub");
});
const keyPlayer = new KeyFramePlayer(keyView, { footage, now, onpassed: passed, oncaught: caught, onend: ranOut });
const save = new ClipExport(zone, () => ({ at: moment(), now: now() }), () => timeline.update(save.marks()));
wireKeep(save.form, loadKept);
const note = new GapNote(zone, { go: (t, play) => goTo(t, play) });
const calendar = new Calendar(camera, zone, { today: () => zone.day(now()), onpick: goDay });
const preview = new HoverPreview({ camera, zone, now, recordings, timeline: () => timeline });
const timeline = new TimelineControl(byId("timeline"), zone, { onscrub: drag, onpick: pick, onhover: (t, x) => preview.hover(t, x), onview: looked }, {
  day: zone.dayBounds(day), limits: limits(), footage: footage(), at: now(), now: now(), kept: [], markIn: null, markOut: null,
  pictures: (from, to) => playback.pictures(from, to),
});

/** The moment that is shown, ms. */
function moment() {
  if (state.dragAt !== null) return state.dragAt;
  if (state.wish !== null) return state.wish;
  if (state.mode === "past") return keyPlayer.active ? keyPlayer.at : playback.wall();
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
  leaveMoment();
  state.mode = "live";
  state.playing = true;
  setRate(1);
  playback.setPlaying(false); // its picture stays until there is one of now
  timeline.follow = true;
  history.replaceState(null, "", location.pathname);
  watch();
  paint();
}

/** What was shown or asked for is over. */
function leaveMoment() {
  state.turn++;
  state.wish = null;
  state.ended = "";
  keyPlayer.stop();
  note.hide();
}

/**
 * Plays from a moment; one that lies at the present is the live picture. A moment without footage leads to the nearest that has
 * some, or, where a direction is given, to the next in that direction.
 * @param {number} t @param {boolean} [play] @param {1 | -1 | 0} [direction]
 */
async function goTo(t, play = state.playing, direction = 0) {
  if (!mayPlay) return;
  if (t > now() - 3000) {
    goLive();
    return;
  }
  leaveMoment();
  const { turn } = state;
  state.mode = "past";
  state.playing = play;
  state.wish = t;
  watch();
  timeline.follow = true;
  if (!recordings.covers({ from: t, to: t + 1 })) {
    paint();
    await recordings.ensure(zone.dayBounds(zone.day(t)));
  }
  if (turn !== state.turn) return;
  const unrecorded = footage().gapAt(t) !== null || (!footage().spanAt(t) && t < now() - FRESH);
  if (unrecorded) await goAround(t, play, direction);
  else playFrom(t, play);
  if (turn === state.turn) paint();
}

/**
 * Goes to footage beside a moment that has none, and says so.
 * @param {number} t @param {boolean} play @param {1 | -1 | 0} direction
 */
async function goAround(t, play, direction) {
  const { turn } = state;
  const { before, after, nearest } = await recordings.around(t);
  if (turn !== state.turn) return;
  const { at, forward, brief } = landing({ before, after, nearest }, t, direction);
  const reason = footage().gapAt(t)?.reason ?? "";
  if (at === null) {
    playback.stop();
    playback.target = t;
    state.wish = null;
    nothingLeft(noteText({ t, reason, shown: null }, (x) => zone.clock(x)));
    return;
  }
  const ways = { before: before === null ? null : before - EDGE, after };
  if (direction === 0 && !brief) note.show({ t, reason, shown: forward ? at : before }, ways);
  else if (!brief) passed({ from: before ?? t, to: after ?? now(), reason });
  playFrom(at, play && (forward || direction < 0));
}

/** @param {number} at a moment that has footage @param {boolean} play */
function playFrom(at, play) {
  state.wish = null;
  state.playing = play;
  setURL(at);
  if (play && state.rate >= KEYS_FROM) {
    playback.setPlaying(false);
    keyPlayer.start(at, state.rate);
    return;
  }
  keyPlayer.stop();
  playback.seek(at, play);
}

/** Footage ends here, and the present is not near. @param {import("../footage/footage.js").Gap | null} gap @param {number} at */
function ranOut(gap, at) {
  state.playing = false;
  if (keyPlayer.active || playback.wantPlay) playFrom(at - EDGE, false);
  toast(gap?.reason ? `the recording ends here: ${gap.reason}` : "the recording ends here");
}

/** @param {string} why nothing can be shown */
function nothingLeft(why) {
  if (state.mode === "live") return; // the live connection says it
  if (state.ended !== why) announce(why);
  state.ended = why;
}

/** @param {number} t */
function setURL(t) {
  urlAt = Date.now();
  history.replaceState(null, "", `${location.pathname}?at=${new Date(t).toISOString()}`);
}

/** Before the page is left for the login, its address is made to lead back to what is shown. */
function keepMoment() {
  if (state.mode === "past") setURL(moment());
}

/** @param {number} t a drag is there */
function drag(t) {
  if (!mayPlay) return;
  state.dragAt = t;
  note.hide();
  const gap = footage().gapAt(t);
  stage.notice(gap ? gapText(gap, short) : "");
  setText(byId("age"), "release to go there");
  byId("camera").dataset.life = "past";
  if (!gap) keyView.show(t);
  paint();
}

/** @param {number} t */
function pick(t) {
  state.dragAt = null;
  stage.notice("");
  goTo(t);
}

function looked() {
  if (mayPlay) preview.moved();
  paintDay();
}

/** The list of the day's gaps below. */
function listDayGaps() {
  if (mayPlay) listGaps(footage().slice(zone.dayBounds(day)), zone, now(), (t) => goTo(t, true));
}

/** Draws the clips that are kept. */
async function loadKept() {
  if (mayPlay) timeline.update({ kept: await keptOf(camera) });
}

function paintDay() {
  setText(byId("day-button"), preview.words());
  byId("day-next").toggleAttribute("aria-disabled", preview.day(day) >= zone.day(now()));
  setText(byId("gaps-day"), zone.date(zone.dayBounds(day).from + 12 * 3600e3).replace(/^\w+, /, ""));
}

/** The picture is of another day than before. @param {string} to */
function turnDay(to) {
  day = to;
  timeline.update({ day: zone.dayBounds(day), limits: limits() });
  paintDay();
  listDayGaps();
  announce(zone.date(timeline.shown.day.from + 12 * 3600e3));
}

/** Brings what is written on the page in line with the state; called several times a second. */
function paint() {
  const t = moment();
  setText(byId("clock"), zone.clock(t));
  setText(byId("date"), zone.date(t));
  byId("camera").dataset.mode = state.mode;
  byId("camera").dataset.playing = String(state.mode === "live" || state.playing);
  byId("live").setAttribute("aria-pressed", String(state.mode === "live"));
  byId("play").setAttribute("aria-label", state.mode === "live" || state.playing ? "Pause" : "Play");
  if (zone.day(t) !== day) turnDay(zone.day(t));
  timeline.update({ at: t, now: now() });
  const { from, to } = timeline.shown.day;
  const slider = byId("timeline-slider");
  slider.setAttribute("aria-valuemax", String(Math.round((to - from) / 1000)));
  slider.setAttribute("aria-valuenow", String(Math.round((t - from) / 1000)));
  const gap = footage().gapAt(t);
  const words = [preview.long() ? zone.date(t) : "", zone.clock(t), gap ? gapText(gap, short) : ""];
  slider.setAttribute("aria-valuetext", words.filter(Boolean).join(", "));
  if (state.dragAt === null) paintStage();
}

function paintStage() {
  const told = feed.tick(!link.broken);
  if (state.mode === "live" && comingBack()) {
    setText(byId("age"), "waiting");
    byId("camera").dataset.life = "waiting";
    stage.busy(true);
    stage.notice("");
    return;
  }
  if (state.mode === "live") {
    if (playback.active) playback.stop();
    tellLife(told);
    setText(byId("age"), told.age || noAge(told.life, feed.state, !link.broken));
    byId("camera").dataset.life = told.life;
    stage.notice(told.life === "live" ? "" : [told.age, told.words].filter(Boolean).join(" · "), told.life !== "waiting");
    if (feed.shown) stage.show("live");
    stage.busy(told.life === "waiting" && !link.broken && feed.state !== "offline");
    return;
  }
  byId("camera").dataset.life = "past";
  const rate = state.rate === 1 ? "" : `${state.rate}× · ${state.rate >= KEYS_FROM ? "key frames · " : ""}`;
  setText(byId("age"), `recorded · ${rate}${state.playing ? "playing" : "paused"}`);
  if (keyPlayer.active) {
    stage.busy(false);
    stage.notice("");
    if (Date.now() - urlAt > 10_000) setURL(keyPlayer.at);
    return;
  }
  const stalled = !state.ended && playback.stalled();
  stage.busy(!playback.shown && !state.ended && !stalled);
  stage.notice(stalled ? "no connection to the recorder, reconnecting" : state.ended);
  if (state.ended) {
    setText(byId("age"), "nothing to play");
    stage.show("");
  }
  if (!playback.shown) return;
  stage.show("past");
  if (Date.now() - urlAt > 5000 && state.playing) setURL(playback.wall());
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
  const skims = state.rate >= KEYS_FROM;
  state.rate = rate;
  keyPlayer.rate = rate;
  playback.setRate(Math.min(rate, KEYS_FROM));
  const select = /** @type {HTMLSelectElement} */ (byId("speed"));
  select.value = String(rate);
  if (state.mode === "past" && state.playing && skims !== rate >= KEYS_FROM) playFrom(moment(), true);
}

function toggle() {
  if (state.mode === "live") {
    goTo(moment() < now() - 3000 ? moment() : now() - 3100, false);
    return;
  }
  state.playing = !state.playing;
  if (keyPlayer.active || (state.playing && state.rate >= KEYS_FROM)) playFrom(moment(), state.playing);
  else playback.setPlaying(state.playing);
  if (state.playing) note.hide();
  else setURL(moment());
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
  if (state.mode === "past" || by < 0) goTo(moment() + by, state.playing, by < 0 ? -1 : 1);
}

/** @param {1 | -1} direction */
async function toEdge(direction) {
  const t = moment();
  if (footage().edge(t, direction) === null) await recordings.around(t);
  const edge = footage().edge(t, direction);
  if (edge !== null) goTo(edge);
  else if (direction > 0 && state.mode === "past") goLive();
}

/** @param {1 | -1} direction */
async function stepFrame(direction) {
  if (state.mode === "live" || keyPlayer.active) return toggle(); // the picture has to stand first
  state.playing = false;
  if (await playback.step(direction)) setURL(playback.wall());
  else if (!state.playing && state.mode === "past") toast(direction < 0 ? "there is no earlier picture" : "there is no later picture yet");
  paint();
}

async function saveShown() {
  const name = pictureName(camera, zone, moment());
  toast(await savePicture(stage.current(), name) ? `saved as ${name}` : "there is no picture to save yet");
}

async function popOut() {
  if (!(await stage.pictureInPicture())) toast("This browser does not show this picture in a window of its own.");
}

/** @param {string} which a day to show at the same time of day, or at the nearest at which it has footage */
async function goDay(which) {
  if (!mayPlay || !which || which > zone.day(now())) return;
  const bounds = zone.dayBounds(which);
  const [year, month, date] = which.split("-").map(Number);
  const t = zone.instant({ ...zone.wall(moment()), year, month, day: date });
  await recordings.ensure(bounds);
  const { before, after, nearest } = footage().slice(bounds).around(t);
  timeline.wholeDay();
  if (footage().spanAt(t) || nearest === 0) goTo(Math.min(t, now()));
  else goTo(nearest > 0 ? Number(after) : Number(before) - EDGE);
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
    nothingLeft(why);
    return;
  }
  const at = playback.wall();
  options.stream = "sub";
  keyView.of.stream = "sub";
  playback.stop();
  playback.seek(at, state.playing);
}

function wire() {
  const common = {
    toggle, skip, step: stepFrame, live: () => { if (state.mode !== "live") goLive(); }, full: () => stage.fullScreen(),
    snapshot: saveShown, pip: popOut, pickDay: () => calendar.open(preview.day(day), byId("day-button")),
    mute: () => stage.toggleMute(),
  };
  wireControls({
    ...common, rate: setRate, day: () => preview.day(day), goDay, goTo: (t) => goTo(t, true), context: () => ({ zone, day, now: now() }),
  }, timeline);
  stage.element.addEventListener("dblclick", (e) => {
    if (!(e.target instanceof Element && e.target.closest("button"))) stage.fullScreen();
  });
  wireKeys({
    ...common, edge: toEdge, speed: changeSpeed, zoom: (f) => timeline.zoomBy(f), typeTime: () => byId("goto").focus(),
    markIn: () => save.mark("from"), markOut: () => save.mark("to"),
    save: () => { save.panel.open = true; byId("save-button").focus(); },
  });
}

/** Every few seconds: what has been recorded since. */
function refresh() {
  if (document.hidden || !mayPlay) return;
  const t = moment();
  recordings.ensure({ from: t - 3600e3, to: t + 3600e3 });
  recordings.refresh();
}

function start() {
  wire();
  paintDay();
  loadKept();
  looked();
  const at = Date.parse(page.at ?? "");
  mayPlay && !Number.isNaN(at) && at < now() - 3000 ? goTo(at, true) : goLive();
  document.addEventListener("visibilitychange", watch);
  setInterval(() => {
    playback.tick();
    if (!document.hidden) paint();
  }, 200);
  setInterval(refresh, 5000);
  setInterval(() => { if (!document.hidden && mayPlay && timeline.view.to > now() - 60_000) preview.loadActivity(); }, 30_000);
  preview.follow(() => ((state.mode === "live" || state.playing) && state.dragAt === null ? moment() : null));
  keepAwake(() => state.playing);
}

start();
