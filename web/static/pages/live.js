// The live page: every tile that can be seen is watched, on one connection.

import { keepAwake } from "../shell/awake.js";
import { typing } from "../shell/dom.js";
import { Swap } from "../shell/swap.js";
import { wireDrag } from "../live/arrange.js";
import { LiveTiles } from "../live/livetiles.js";

/** How often the ages of pictures are written, ms. */
const TICK = 400;

const tiles = new LiveTiles();

document.addEventListener("click", (event) => tiles.clicked(event), { capture: true });

document.addEventListener("dblclick", (event) => {
  const t = tiles.at(event.target);
  if (t?.full) t.fullScreen();
});

document.addEventListener("keydown", (event) => {
  if (typing(event) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key.toLowerCase() === "f") tiles.current()?.fullScreen();
  if (event.key.toLowerCase() === "m") tiles.toggleSound(tiles.all.find((t) => t.audible) ?? tiles.current());
});

const swap = new Swap("live", (fresh) => tiles.put(fresh));
wireDrag((form, data) => swap.send(form, data));
for (const turn of ["visibilitychange", "fullscreenchange", "resume"]) {
  document.addEventListener(turn, () => { tiles.watch(); tiles.tick(); }); // at once, so that no old picture looks live for a moment
}
tiles.adopt();
setInterval(() => tiles.tick(), TICK);
keepAwake(() => tiles.all.some((t) => t.life === "live"));
