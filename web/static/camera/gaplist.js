// The list of a day's gaps. It looks like the one that the server writes, for days that are opened without loading a page.

import { lengthText } from "../time/zone.js";
import { byId } from "../shell/dom.js";

/** @typedef {import("../time/zone.js").Zone} Zone */
/** @typedef {import("../footage/footage.js").Footage} Footage */

/** Shorter gaps are drawn, but not listed, ms. */
const LISTED = 2000;

/** @param {string} className @param {string} text */
function span(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}

/**
 * @param {Footage} footage @param {Zone} zone @param {number} now
 * @param {(t: number) => void} go called with where a chosen gap ends
 */
export function listGaps(footage, zone, now, go) {
  const list = byId("gaps");
  const gaps = footage.gaps.filter((g) => g.to - g.from >= LISTED && g.from < now);
  const key = gaps.map((g) => `${g.from}-${Math.min(g.to, now - (now % 5000))}-${g.reason}`).join();
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...gaps.map((gap) => {
    const to = Math.min(gap.to, now);
    const seconds = to - gap.from < 120_000;
    const clock = (/** @type {number} */ t) => zone.clock(t, { seconds });
    const link = document.createElement("a");
    link.href = `?at=${new Date(gap.to).toISOString().slice(0, 19)}Z`;
    const time = span("gap-time", `${clock(gap.from)}–${clock(to)}`);
    link.append(time, " ", span("", gap.reason), " ", span("quiet", lengthText(to - gap.from)));
    link.addEventListener("click", (e) => {
      e.preventDefault();
      go(gap.to);
    });
    const item = document.createElement("li");
    item.append(link);
    return item;
  }));
  byId("gaps-none").hidden = gaps.length > 0;
}
