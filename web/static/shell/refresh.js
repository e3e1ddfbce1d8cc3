// Pages that show a state keep it true: the page is fetched again every few seconds, and what differs is put in place. The
// server alone decides how it looks; focus, selection and scroll stay where they are.

import { endedSession } from "./session.js";

/** @param {Element} from @param {Element} to */
function sameShape(from, to) {
  return from.tagName === to.tagName && from.id === to.id && from.childNodes.length === to.childNodes.length;
}

/**
 * Makes a node like another one, changing as little as possible.
 * @param {Node} from @param {Node} to
 */
export function morph(from, to) {
  if (from.isEqualNode(to)) return;
  if (!(from instanceof Element) || !(to instanceof Element) || !sameShape(from, to)) {
    from.parentNode?.replaceChild(document.importNode(to, true), from);
    return;
  }
  for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
  const children = [...from.childNodes];
  [...to.childNodes].forEach((child, i) => morph(children[i], child));
}

/** How often a page is fetched again, and how long an answer may take, ms. */
const PERIOD = 5000;

/** How soon after a failure it is tried once more, ms. */
const AGAIN = 700;

/** Keeps the part of a page that is marked `data-refresh` true. */
export class Refresh {
  constructor() {
    this.fetched = new Date(); // when what the page shows was true
  }

  start() {
    setInterval(() => this.refresh(), PERIOD);
    document.addEventListener("visibilitychange", () => this.refresh());
  }

  /** @param {boolean} [again] whether it is the second attempt */
  async refresh(again = false) {
    const part = document.querySelector("[data-refresh]");
    if (!part || document.hidden) return;
    try {
      const answer = await fetch(location.href, { cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(PERIOD) });
      if (endedSession(answer)) return;
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-refresh]");
      if (fresh) morph(part, fresh);
      this.fetched = new Date();
      document.getElementById("offline")?.remove();
      delete document.body.dataset.offline;
    } catch (error) {
      // A request also fails when the page is being left, or the network changes: wait for a second failure.
      if (again || /** @type {Error} */ (error).name === "TimeoutError") this.sayOffline(part);
      else setTimeout(() => this.refresh(true), AGAIN);
    }
  }

  /**
   * Says over the page that it is out of date.
   * @param {Element} part
   */
  sayOffline(part) {
    if (document.getElementById("offline")) return;
    const words = document.createElement("p");
    words.id = "offline";
    words.className = "offline";
    words.setAttribute("role", "status");
    part.before(words); // before it has words, so that a screen reader hears them come
    words.textContent = `No connection to the recorder, reconnecting. This page is from ${this.fetched.toLocaleTimeString()}.`;
    document.body.dataset.offline = "";
  }
}
