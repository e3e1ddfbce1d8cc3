// The controls of the camera page: what each button and field does.

import { announce } from "../shell/messages.js";
import { byId } from "../shell/dom.js";
import { takeMoment } from "../time/timefield.js";
import { shiftDay } from "../time/zone.js";

/**
 * @typedef {object} ControlActions
 * @property {() => void} live
 * @property {() => void} toggle
 * @property {(by: number) => void} skip by ms
 * @property {() => void} full
 * @property {(direction: 1 | -1) => void} step
 * @property {() => void} snapshot
 * @property {() => void} pip
 * @property {(rate: number) => void} rate
 * @property {() => void} mute
 * @property {() => void} pickDay
 * @property {() => string} day that is shown
 * @property {(day: string) => void} goDay
 * @property {(t: number) => void} goTo
 * @property {() => Parameters<typeof takeMoment>[1]} context for what was typed
 */

/** @param {ControlActions} a @param {import("../timeline/control.js").TimelineControl} timeline */
export function wireControls(a, timeline) {
  /** @type {Record<string, () => void>} */
  const clicks = {
    live: a.live, play: a.toggle, back: () => a.skip(-10_000), forward: () => a.skip(10_000), full: a.full,
    "frame-back": () => a.step(-1), "frame-forward": () => a.step(1), snapshot: a.snapshot, pip: a.pip, mute: a.mute,
    "zoom-in": () => timeline.zoomBy(2), "zoom-out": () => timeline.zoomBy(0.5), "zoom-day": () => timeline.wholeDay(),
    "zoom-month": () => timeline.month(), "day-button": a.pickDay,
  };
  for (const [id, act] of Object.entries(clicks)) document.getElementById(id)?.addEventListener("click", act);
  const inSync = /** @type {HTMLAnchorElement | null} */ (document.getElementById("in-sync"));
  inSync?.addEventListener("click", () => { // the same moment there
    const at = new URL(location.href).searchParams.get("at");
    const there = new URL(inSync.href);
    if (at) there.searchParams.set("at", at);
    else there.searchParams.delete("at");
    inSync.href = there.href;
  });
  wireDayLink("day-previous", -1, a);
  wireDayLink("day-next", 1, a);
  const speed = /** @type {HTMLSelectElement} */ (byId("speed"));
  speed.addEventListener("change", () => a.rate(Number(speed.value)));
  byId("goto-form").addEventListener("submit", (e) => {
    e.preventDefault();
    typed(/** @type {HTMLInputElement} */ (byId("goto")), a);
  });
  byId("pip").hidden = !document.pictureInPictureEnabled;
}

/** @param {string} id @param {1 | -1} by @param {ControlActions} a */
function wireDayLink(id, by, a) {
  byId(id).addEventListener("click", (e) => {
    e.preventDefault();
    a.goDay(shiftDay(a.day(), by));
  });
}

/** @param {HTMLInputElement} input @param {ControlActions} a */
function typed(input, a) {
  const context = a.context();
  const t = takeMoment(input, context);
  if (t === null) return;
  a.goTo(Math.min(t, context.now));
  announce(`Playing from ${context.zone.clock(t)}`);
}
