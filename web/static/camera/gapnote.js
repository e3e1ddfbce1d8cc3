// The note about a moment that was not recorded: why, what is shown instead, and buttons to both sides of the gap.

import { announce } from "../shell/messages.js";
import { byId } from "../shell/dom.js";
import { namer, noteText } from "../footage/landing.js";

/** @typedef {import("../time/zone.js").Zone} Zone */
/** @typedef {import("../footage/landing.js").Around} Around */

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
    this.way("gap-before", ways.before, (t) => `‹ Before: ${name(t)}`);
    this.way("gap-after", ways.after, (t) => `After: ${name(t)} ›`);
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
