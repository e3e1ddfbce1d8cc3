// The live page: every tile that can be seen is watched, on one connection.

import { pageClock } from "../live/livefeed.js";
import { LiveConnection } from "../live/connection.js";
import { Swap } from "../shell/swap.js";
import { LiveTile } from "../live/livetile.js";
import { wireDrag } from "../live/arrange.js";
import { announce } from "../shell/messages.js";
import { keepAwake } from "../shell/awake.js";
import { typing } from "../shell/dom.js";

const clock = pageClock();
const link = new LiveConnection(clock);
const page = { link, clock, onchange: watch };

/** @type {Map<string, number>} a camera's numbers on the connection are its own as long as the page lives */
const numbers = new Map();

/** @type {LiveTile[]} */
let tiles = [];

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const t = tiles.find((x) => x.element === entry.target);
    if (t) t.visible = entry.isIntersecting;
  }
  watch();
}, { rootMargin: "80px" });

/** Asks for what can be seen, and for nothing else. */
function watch() {
  link.watch(tiles.flatMap((t) => t.wishes()));
}

/** Makes tiles of the elements that there are; those whose camera had one go on playing in their new place. */
function adopt() {
  const before = new Map(tiles.map((t) => [t.camera, t]));
  const elements = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".tile"));
  seen.disconnect();
  tiles = [...elements].map((element) => before.get(element.dataset.camera ?? "") ?? make(element));
  for (const t of before.values()) if (!tiles.includes(t)) t.close();
  for (const t of tiles) {
    t.visible = inView(t.element);
    seen.observe(t.element);
  }
  for (const button of document.querySelectorAll('[data-do="pip"]')) {
    button.toggleAttribute("hidden", !document.pictureInPictureEnabled);
  }
  watch();
}

/** @param {HTMLElement} element */
function make(element) {
  const camera = element.dataset.camera ?? "";
  const number = numbers.get(camera) ?? 2 * numbers.size + 1;
  numbers.set(camera, number);
  return new LiveTile(element, number, page);
}

/** @param {HTMLElement} element */
function inView(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return top < window.innerHeight && bottom > 0;
}

/** @param {HTMLElement} fresh the same part of the page in another state */
function put(fresh) {
  for (const t of tiles) {
    const element = /** @type {HTMLElement | null} */ (fresh.querySelector(`.tile[data-camera="${t.camera}"]`));
    if (element) t.moveTo(element);
  }
  document.getElementById("live")?.replaceWith(fresh);
  adopt();
  tick();
  announce(`${tiles.length} ${tiles.length === 1 ? "camera" : "cameras"}`);
}

function tick() {
  for (const t of tiles) if (t.active) t.tick();
}

/** @param {EventTarget | null} target @returns {LiveTile | undefined} */
function tileAt(target) {
  const element = target instanceof Element ? target.closest(".tile") : null;
  return tiles.find((t) => t.element === element);
}

/** The tile that a key is meant for. */
function current() {
  return tiles.find((t) => t.full) ?? tileAt(document.activeElement) ?? tileAt(document.querySelector(".tile:hover")) ??
    tiles.find((t) => t.element.dataset.large !== undefined) ?? tiles[0];
}

/** One tile at most is heard. @param {LiveTile | undefined} t */
function toggleSound(t) {
  if (!t?.element.querySelector('[data-do="sound"]')) return;
  const audible = !t.audible;
  for (const other of tiles) if (other !== t && other.audible) other.hear(false);
  t.hear(audible);
  announce(`${t.element.dataset.label}: sound ${audible ? "on" : "off"}`);
}

/** @param {LiveTile | null} t whose tools stay on the screen, for fingers */
function showTools(t) {
  for (const other of tiles) {
    const is = other === t;
    other.element.toggleAttribute("data-tools", is);
    other.element.querySelector('[data-do="more"]')?.setAttribute("aria-expanded", String(is));
  }
}

document.addEventListener("click", (event) => {
  const t = tileAt(event.target);
  const button = event.target instanceof Element ? event.target.closest("[data-do]") : null;
  const what = button instanceof HTMLElement ? button.dataset.do : "";
  if (!t || !what) {
    showTools(null);
    if (t?.full) event.preventDefault(); // a picture that fills the screen is not a link
    return;
  }
  if (what === "more") showTools(t.element.hasAttribute("data-tools") ? null : t);
  if (what === "sound") toggleSound(t);
  if (what === "snapshot") t.save();
  if (what === "pip") t.pictureInPicture();
  if (what === "full") t.fullScreen();
}, { capture: true });

document.addEventListener("dblclick", (event) => {
  const t = tileAt(event.target);
  if (t?.full) t.fullScreen();
});

document.addEventListener("keydown", (event) => {
  if (typing(event) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key.toLowerCase() === "f") current()?.fullScreen();
  if (event.key.toLowerCase() === "m") toggleSound(tiles.find((t) => t.audible) ?? current());
});

const swap = new Swap("live", put);
wireDrag((form, data) => swap.send(form, data));
for (const turn of ["visibilitychange", "fullscreenchange", "resume"]) {
  document.addEventListener(turn, () => { watch(); tick(); }); // at once, so that no old picture looks live for a moment
}
adopt();
setInterval(tick, 400);
keepAwake(() => tiles.some((t) => t.life === "live"));
