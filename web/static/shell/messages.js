// Short messages: over the page, and to screen readers.

import { byId } from "./dom.js";

/** @param {string} words said politely to screen readers, once */
export function announce(words) {
  const region = document.getElementById("announcer");
  if (region) region.textContent = words;
}

/**
 * Shows a short message over the page for some seconds.
 * @param {string} words
 */
export function toast(words) {
  const chip = byId("toast");
  const lasts = 4000 + words.length * 40;
  const until = performance.now() + lasts;
  chip.textContent = words;
  chip.dataset.shown = String(until);
  setTimeout(() => { if (chip.dataset.shown === String(until)) delete chip.dataset.shown; }, lasts);
}
