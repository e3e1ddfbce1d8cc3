// The live page: every tile that can be seen is watched, on one connection.

import { Feed, pageClock } from "./feed.js";
import { noAge } from "./edge.js";
import { Link } from "./link.js";
import { announce, keepAwake } from "./app.js";

const link = new Link();
const clock = pageClock();

/** @typedef {{tile: number, element: HTMLElement, camera: string, feed: Feed, visible: boolean, life: string}} Tile */

/** @param {HTMLElement} element @param {number} index @returns {Tile} */
function makeTile(element, index) {
  const video = /** @type {HTMLVideoElement} */ (element.querySelector("video"));
  const feed = new Feed(video, clock, element.dataset);
  link.listeners.set(index + 1, feed);
  return { tile: index + 1, element, camera: element.dataset.camera ?? "", feed, visible: false, life: "" };
}

const tiles = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".tile"))].map(makeTile);

/** Asks for what can be seen, and for nothing else. */
function watchVisible() {
  const wanted = document.hidden ? [] : tiles.filter((t) => t.visible);
  link.watch(wanted.map((t) => ({ tile: t.tile, camera: t.camera, stream: "sub" })));
}

/** @param {Element | null} element @param {string} text */
function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/** @param {Tile} t */
function paint(t) {
  const { life, age, words } = t.feed.tick(!link.broken);
  setText(t.element.querySelector(".age"), age || noAge(life, t.feed.state, !link.broken));
  setText(t.element.querySelector(".notice-age"), life === "stale" ? age : "");
  setText(t.element.querySelector(".notice-words"), words);
  if (t.life === life) return;
  if (t.life === "live" || (life === "live" && t.life === "stale")) {
    announce(`${t.element.dataset.label}: ${life === "live" ? "live again" : words}`);
  }
  t.life = life;
  t.element.dataset.life = life;
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const t = tiles.find((x) => x.element === entry.target);
    if (t) t.visible = entry.isIntersecting;
  }
  watchVisible();
}, { rootMargin: "80px" });

for (const t of tiles) seen.observe(t.element);
document.addEventListener("visibilitychange", watchVisible);
setInterval(() => {
  if (!document.hidden) tiles.filter((t) => t.visible).forEach(paint);
}, 400);
keepAwake(() => tiles.some((t) => t.life === "live"));
