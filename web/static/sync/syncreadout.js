// Writes the texts of the timeline page: the time, what plays, and the tip over the drawn day.

import { byId, setText } from "../shell/dom.js";
import { keptText } from "../footage/keptclips.js";
import { KEYS_FROM } from "../player/rates.js";

/** How often the address follows what plays, ms. */
const FOLLOW = 10_000;

/**
 * @typedef {object} SyncReadoutParts
 * @property {import("../time/zone.js").Zone} zone
 * @property {() => number} now ms
 * @property {import("./cameraday.js").CameraDay} day
 * @property {import("./syncplayer.js").SyncPlayer} player
 * @property {import("../timeline/rows.js").TimelineRows} rows
 */

export class SyncReadout {
  /** @param {SyncReadoutParts} parts */
  constructor(parts) {
    this.parts = parts;
  }

  paintDay() {
    const { zone, now, day } = this.parts;
    setText(byId("day-words"), zone.date(day.bounds().from + 12 * 3600e3));
    const input = /** @type {HTMLInputElement} */ (byId("day"));
    if (input.value !== day.day) input.value = day.day;
    input.max = zone.day(now());
    byId("day-next").toggleAttribute("aria-disabled", day.day >= zone.day(now()));
  }

  /** What is going on, in a word. */
  doing() {
    const { player } = this.parts;
    const { master } = player;
    if (player.tiles.length === 0) return "no camera selected";
    if (player.dragAt !== null) return "release to play";
    if (player.ended) return "nothing to play";
    if (!player.playing) return "paused";
    const speed = master.rate === 1 ? "" : `${master.rate}× · `;
    if (master.running) return `${speed}${master.rate >= KEYS_FROM ? "key frames" : "in sync"}`;
    return "buffering";
  }

  /** Brings what is written in line with what is shown; called several times a second. */
  paint() {
    const { zone, now, player, rows } = this.parts;
    const t = player.moment();
    const none = player.tiles.length === 0;
    setText(byId("clock"), zone.clock(t));
    setText(byId("date"), zone.date(t));
    setText(byId("age"), this.doing());
    byId("timeline-page").dataset.playing = String(player.playing);
    byId("play").setAttribute("aria-label", player.playing ? "Pause" : "Play");
    byId("play").toggleAttribute("disabled", none);
    setText(byId("timeline-note"), none ? "Select cameras in the list below to play them here, in sync." : player.ended);
    rows.update({ at: t, now: now() });
    for (const tile of player.tiles) tile.lead(t);
    const { from, to } = rows.shown.day;
    const slider = byId("timeline-slider");
    slider.setAttribute("aria-valuenow", String(Math.round((t - from) / 1000)));
    slider.setAttribute("aria-valuemax", String(Math.round((to - from) / 1000)));
    slider.setAttribute("aria-valuetext", this.spoken(t));
    if (player.playing && performance.now() - player.urlAt > FOLLOW) player.setURL(t);
  }

  /** The moment for screen readers, with those who have no footage of it. @param {number} t */
  spoken(t) {
    const { zone, player } = this.parts;
    const missing = player.tiles.filter((x) => !x.wanted(t)).map((x) => `${x.facts.label}: no recording, ${x.why(t)}`);
    return [zone.clock(t), ...missing].join(". ");
  }

  /** The tip for the moment and the camera under the pointer. @param {number | null} t null: it has left @param {number} x */
  hover(t, x) {
    const { zone, day, player, rows } = this.parts;
    const tip = byId("tip");
    if (t === null) {
      delete tip.dataset.shown;
      return;
    }
    const c = rows.hovered === null ? null : day.cameras[rows.hovered];
    const words = c ? [c.label, player.gapOf(c, t), c.footage.clockNote(t), keptText(c.kept, t)] : [];
    tip.textContent = [zone.clock(t), ...words.filter(Boolean)].join(" · ");
    tip.dataset.shown = "";
    const left = byId("timeline-slider").offsetLeft;
    const half = tip.offsetWidth / 2;
    tip.style.setProperty("--x", `${Math.round(left + Math.min(Math.max(x, half - left), rows.width - half))}px`);
  }
}
