// The note about a moment that was not recorded: why, what is shown instead, and the ways to both sides of the gap.

import { announce, byId } from "./app.js";

/** @typedef {import("./zone.js").Zone} Zone */
/** @typedef {{before: number | null, after: number | null}} Around */

/**
 * What the note says. Pure.
 * @param {{t: number, reason: string, shown: number | null}} of the moment asked for, why there is nothing of it, and the
 * moment that is shown instead, ms
 * @param {(t: number) => string} name of a moment
 */
export function noteText({ t, reason, shown }, name) {
  const why = reason ? `: ${reason}` : "";
  const instead = shown === null ? "Nothing else was recorded, either." : `The nearest recording is shown: ${name(shown)}.`;
  return `No recording at ${name(t)}${why}. ${instead}`;
}

/**
 * Names moments by the time of day, and by the date too unless all are of one day. Pure.
 * @param {Zone} zone @param {(number | null)[]} all the moments to tell apart
 * @returns {(t: number) => string}
 */
export function namer(zone, all) {
  const known = all.filter((t) => t !== null);
  const oneDay = new Set(known.map((t) => zone.day(t))).size < 2;
  return (t) => (oneDay ? zone.clock(t) : `${zone.date(t).replace(/^\w+, | \d{4}$/g, "")} ${zone.clock(t)}`);
}

export class GapNote {
  /** @param {Zone} zone @param {{go: (t: number, play: boolean) => void}} hooks */
  constructor(zone, hooks) {
    this.zone = zone;
    this.hooks = hooks;
    this.element = byId("gap-note");
    /** @type {Around} */
    this.ways = { before: null, after: null };
    byId("gap-before").addEventListener("click", () => { if (this.ways.before !== null) this.leave(this.ways.before, false); });
    byId("gap-after").addEventListener("click", () => { if (this.ways.after !== null) this.leave(this.ways.after, true); });
    byId("gap-close").addEventListener("click", () => this.hide());
  }

  /** @param {number} t @param {boolean} play */
  leave(t, play) {
    this.hide();
    this.hooks.go(t, play);
  }

  /** @param {{t: number, reason: string, shown: number | null}} of @param {Around} ways */
  show(of, ways) {
    this.ways = ways;
    const name = namer(this.zone, [of.t, of.shown, ways.before, ways.after]);
    const words = noteText(of, name);
    byId("gap-words").textContent = words;
    this.way("gap-before", ways.before, (t) => `‹ Last before, ${name(t)}`);
    this.way("gap-after", ways.after, (t) => `First after, ${name(t)} ›`);
    this.element.hidden = false;
    announce(words);
  }

  /** @param {string} id @param {number | null} t @param {(t: number) => string} words */
  way(id, t, words) {
    const button = byId(id);
    button.hidden = t === null;
    button.textContent = t === null ? "" : words(t);
  }

  hide() {
    this.element.hidden = true;
  }
}
