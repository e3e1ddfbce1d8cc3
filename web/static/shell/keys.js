// The keys of the camera page.

import { typing } from "./dom.js";

/**
 * @typedef {object} Actions
 * @property {() => void} toggle play or pause
 * @property {(by: number) => void} skip by ms
 * @property {(direction: 1 | -1) => void} step by a picture
 * @property {(direction: 1 | -1) => void} edge to the next or last edge of footage
 * @property {(direction: 1 | -1) => void} speed
 * @property {() => void} typeTime
 * @property {() => void} pickDay
 * @property {() => void} markIn
 * @property {() => void} markOut
 * @property {() => void} save
 * @property {() => void} live
 * @property {() => void} full
 * @property {() => void} mute
 * @property {() => void} snapshot
 * @property {() => void} pip
 * @property {(factor: number) => void} zoom
 */

/** The keys that do what they do again while they are held. */
const REPEATED = /^(Arrow|[,.+=-]$)/;

/** @param {KeyboardEvent} e */
const skipOf = (e) => (e.shiftKey ? 1_000 : e.altKey ? 60_000 : 10_000);

/**
 * What a key does; null if nothing.
 * @param {KeyboardEvent} e @param {Actions} a @returns {(() => void) | null}
 */
function actionOf(e, a) {
  if (e.key === "ArrowLeft") return () => a.skip(-skipOf(e));
  if (e.key === "ArrowRight") return () => a.skip(skipOf(e));
  if (e.altKey) return null;
  switch (e.key.toLowerCase()) {
    case " ": case "k": return a.toggle;
    case "arrowup": return () => a.edge(-1);
    case "arrowdown": return () => a.edge(1);
    case ",": return () => a.step(-1);
    case ".": return () => a.step(1);
    case "[": return () => a.speed(-1);
    case "]": return () => a.speed(1);
    case "t": return a.typeTime;
    case "d": return a.pickDay;
    case "i": return a.markIn;
    case "o": return a.markOut;
    case "e": return a.save;
    case "l": return a.live;
    case "f": return a.full;
    case "m": return a.mute;
    case "s": return a.snapshot;
    case "p": return a.pip;
    case "+": case "=": return () => a.zoom(2);
    case "-": return () => a.zoom(0.5);
  }
  return null;
}

/** @param {Actions} actions */
export function wireKeys(actions) {
  document.addEventListener("keydown", (e) => {
    if (typing(e) || e.ctrlKey || e.metaKey || document.querySelector("dialog[open]")) return;
    const onControl = e.target instanceof Element && e.target.closest("button, a, summary");
    if (onControl && (e.key === " " || e.key === "Enter")) return;
    const action = actionOf(e, actions);
    if (!action) return;
    e.preventDefault();
    if (!e.repeat || REPEATED.test(e.key)) action();
  });
}
