// The timeline page: a day of all cameras, and the recordings of several of them in sync. It puts the parts together.

import { keepAwake } from "../shell/awake.js";
import { byId } from "../shell/dom.js";
import { wireKeys } from "../shell/keys.js";
import { announce } from "../shell/messages.js";
import { allBegun } from "../footage/combined.js";
import { Footage } from "../footage/footage.js";
import { CameraDay, camerasOfPage } from "../sync/cameraday.js";
import { INSIDE, PRESENT, SyncPlayer } from "../sync/syncplayer.js";
import { SyncReadout } from "../sync/syncreadout.js";
import { takeMoment } from "../time/timefield.js";
import { Zone, shiftDay } from "../time/zone.js";
import { TimelineRows } from "../timeline/rows.js";

/** How often the pictures are brought in line, the page is written, and the cameras are asked what they recorded; ms. */
const TICK = 50;
const PAINT = 100;
const ASK = 5000;

/** @typedef {ReturnType<typeof build>} Parts */

/** Makes the parts and joins them. */
function build() {
  const page = byId("timeline-page").dataset;
  const zone = new Zone(page.zone ?? "");
  // The recorder's clock: by the time that it wrote into the page, and what has passed since.
  const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  const now = () => Number(document.documentElement.dataset.now) + performance.now() - (navigation?.responseStart ?? 0);

  const cameras = camerasOfPage();
  /** @type {CameraDay} */
  const day = new CameraDay(page.day ?? zone.day(now()), cameras, zone, {
    over: (answer) => player.over(answer), ondraw: () => rows.draw(), ongone: (name, gone) => player.leave(name, gone),
    onday: () => {
      rows.update({ day: day.bounds(), footage: new Footage([], []) });
      readout.paintDay();
    },
  });
  /** @type {SyncPlayer} */
  const player = new SyncPlayer({
    most: Number(page.most), now, zone, day, rows: () => rows, onchange: () => readout.paint(),
    onrate: (rate) => { /** @type {HTMLSelectElement} */ (byId("speed")).value = String(rate); },
  });
  const rows = new TimelineRows({ canvas: byId("rows"), ruler: byId("ruler") }, zone, {
    onscrub: (t) => player.drag(t), onpick: (t) => player.pick(t), onhover: (t, x) => readout.hover(t, x),
  }, { day: day.bounds(), footage: day.everything(), at: now(), now: now(), kept: [], markIn: null, markOut: null }, cameras);
  const readout = new SyncReadout({ zone, now, day, player, rows });
  return { page, zone, now, cameras, day, player, rows, readout };
}

/** @param {HTMLInputElement} input @param {Parts} parts */
function typed(input, { zone, now, day, player }) {
  const t = takeMoment(input, { zone, day: day.day, now: now() });
  if (t === null) return;
  player.goTo(t, true);
  announce(`Playing from ${zone.clock(t)}`);
}

async function fullScreen() {
  const box = byId("pictures");
  if (document.fullscreenElement) await document.exitFullscreen();
  else await box.requestFullscreen?.().catch(() => {});
}

/** Joins buttons and fields with what they do. @param {Parts} parts */
function wire(parts) {
  const { cameras, day, player, rows } = parts;
  const on = (/** @type {string} */ id, /** @type {() => void} */ act) => byId(id).addEventListener("click", act);
  on("play", () => player.toggle());
  on("back", () => player.goTo(player.moment() - 10_000));
  on("forward", () => player.goTo(player.moment() + 10_000));
  on("edge-back", () => player.toEdge(-1));
  on("edge-forward", () => player.toEdge(1));
  on("timeline-full", fullScreen);
  on("zoom-in", () => rows.zoomBy(2));
  on("zoom-out", () => rows.zoomBy(0.5));
  on("zoom-day", () => rows.wholeDay());
  for (const [id, by] of /** @type {[string, number][]} */ ([["day-previous", -1], ["day-next", 1]])) {
    byId(id).addEventListener("click", (e) => {
      e.preventDefault();
      player.goDay(shiftDay(day.day, by));
    });
  }
  const speed = /** @type {HTMLSelectElement} */ (byId("speed"));
  speed.addEventListener("change", () => player.setRate(Number(speed.value)));
  const field = /** @type {HTMLInputElement} */ (byId("day"));
  field.addEventListener("change", () => player.goDay(field.value));
  byId("goto-form").addEventListener("submit", (e) => {
    e.preventDefault();
    typed(/** @type {HTMLInputElement} */ (byId("goto")), parts);
  });
  for (const c of cameras) c.box.addEventListener("change", () => player.toggleCamera(c));
  matchMedia("(max-width: 719px)").addEventListener("change", () => player.arrange());
}

/** @param {Parts} parts */
function wireKeyboard({ player, rows }) {
  const nothing = () => {};
  wireKeys({
    toggle: () => player.toggle(), skip: (by) => player.goTo(player.moment() + by), step: (direction) => player.step(direction),
    edge: (direction) => player.toEdge(direction), speed: (direction) => player.changeRate(direction), zoom: (f) => rows.zoomBy(f),
    typeTime: () => byId("goto").focus(), pickDay: () => byId("day").focus(), live: () => location.assign("/live"), full: fullScreen,
    mute: () => player.tiles.forEach((t) => t.mute(true)),
    markIn: nothing, markOut: nothing, save: nothing, snapshot: nothing, pip: nothing,
  });
}

/** Plays what the address names, or shows the present, and goes on from there. @param {Parts} parts */
function start({ page, now, cameras, day, player, readout }) {
  byId("timeline-page").style.setProperty("--count", String(cameras.length));
  byId("timeline-page").style.setProperty("--shown", String(Math.min(5.5, cameras.length)));
  readout.paintDay();
  player.choose((page.chosen ?? "").split(","));
  day.loadKept();
  const at = Date.parse(page.at ?? "");
  if (Number.isNaN(at)) player.goTo(allBegun(player.footage(), now() - 60_000, now() - PRESENT) + INSIDE, false);
  else player.goTo(at, true);
  setInterval(() => { if (player.tiles.length > 0) player.tick(); }, TICK);
  setInterval(() => { if (!document.hidden) readout.paint(); }, PAINT);
  setInterval(() => day.refresh(), ASK);
  keepAwake(() => player.playing);
}

const parts = build();
wire(parts);
wireKeyboard(parts);
start(parts);
