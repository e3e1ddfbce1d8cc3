// Pages that show a state keep it true: the page is fetched again and what differs is put in place, so that the server
// alone decides how it looks, and focus, selection and scroll stay where they are.

import { endedSession } from "./link.js";

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

const period = 5000;

/** When what the page shows was true. */
let fetched = new Date();

/**
 * Says over the page that it is out of date, since a page that goes on claiming that all is well would lie.
 * @param {Element} part
 */
function sayOffline(part) {
  if (document.getElementById("offline")) return;
  const words = document.createElement("p");
  words.id = "offline";
  words.className = "offline";
  words.setAttribute("role", "status");
  part.before(words); // before it has words, so that a screen reader hears them come
  words.textContent = `No connection to the recorder, reconnecting. Below is how it was at ${fetched.toLocaleTimeString()}.`;
  document.body.dataset.offline = "";
}

/** @param {boolean} [again] whether it is the second attempt */
async function refresh(again) {
  const part = document.querySelector("[data-refresh]");
  if (!part || document.hidden) return;
  try {
    const answer = await fetch(location.href, { cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(period) });
    if (endedSession(answer)) return;
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-refresh]");
    if (fresh) morph(part, fresh);
    fetched = new Date();
    document.getElementById("offline")?.remove();
    delete document.body.dataset.offline;
  } catch (error) {
    // A request breaks off as well when the page is being left, or the network changes: that is no news yet.
    if (again || /** @type {Error} */ (error).name === "TimeoutError") sayOffline(part);
    else setTimeout(() => refresh(true), 700);
  }
}

setInterval(refresh, period);
document.addEventListener("visibilitychange", () => refresh());
