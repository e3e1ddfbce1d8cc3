// The day that the timeline page shows: the recordings and kept clips of each camera.

import { Footage } from "../footage/footage.js";
import { parseKept } from "../footage/keptclips.js";

/**
 * @typedef {{name: string, label: string, href: string, hasSub: boolean, audio: boolean, box: HTMLInputElement, footage: Footage,
 *   kept: import("../footage/keptclips.js").Kept[], chosen: boolean}} Camera
 */

/**
 * @typedef {object} CameraDayHooks
 * @property {(answer: Response) => boolean} over whether an answer says that the session has ended
 * @property {() => void} ondraw what is to be drawn has changed
 * @property {(name: string, gone: boolean) => void} ongone whether a camera is there for this viewer
 * @property {() => void} onday another day is shown
 */

/** @returns {Camera[]} the cameras that the page lists, with what was recorded of each */
export function camerasOfPage() {
  return [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".timeline-row"))].map((row) => ({
    name: row.dataset.camera ?? "", label: row.dataset.label ?? "", href: row.dataset.href ?? "",
    hasSub: row.dataset.sub !== undefined, audio: row.dataset.audio !== undefined,
    box: /** @type {HTMLInputElement} */ (row.querySelector("input")),
    footage: Footage.parse(JSON.parse(row.dataset.timeline || "{}")), kept: [], chosen: false,
  }));
}

export class CameraDay {
  /** @param {string} day @param {Camera[]} cameras @param {import("../time/zone.js").Zone} zone @param {CameraDayHooks} hooks */
  constructor(day, cameras, zone, hooks) {
    this.day = day;
    this.cameras = cameras;
    this.zone = zone;
    this.hooks = hooks;
    this.turn = 0; // of the cameras that are asked one after another
  }

  bounds() {
    return this.zone.dayBounds(this.day);
  }

  /** All footage there is, to choose what of the day to show at first. */
  everything() {
    const spans = this.cameras.flatMap((c) => c.footage.spans).sort((a, b) => a.from - b.from);
    return new Footage(spans, []);
  }

  /** Shows another day. @param {string} which */
  async show(which) {
    this.day = which;
    for (const c of this.cameras) c.footage = new Footage([], []);
    this.hooks.onday();
    await Promise.all(this.cameras.map((c) => this.load(c)));
  }

  /** Asks what a camera recorded on the day. @param {Camera} c */
  async load(c) {
    const { day, hooks } = this;
    const { from, to } = this.bounds();
    const query = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
    try {
      const answer = await fetch(`/api/v1/cameras/${c.name}/timeline?${query}`, { cache: "no-store" });
      if (hooks.over(answer) || day !== this.day) return;
      hooks.ongone(c.name, answer.status === 404);
      if (answer.status === 404) c.footage = new Footage([], []);
      if (!answer.ok) return;
      c.footage = Footage.parse(await answer.json());
      hooks.ondraw();
    } catch {
      // No network: what is drawn stays; the pictures say that there is no connection.
    }
  }

  /** Keeps what is drawn true: the cameras that are played, and one after another of the others. */
  async refresh() {
    if (document.hidden) return;
    const others = this.cameras.filter((c) => !c.chosen);
    const also = others.length > 0 ? [others[this.turn++ % others.length]] : [];
    for (const c of [...this.cameras.filter((x) => x.chosen), ...also]) await this.load(c);
  }

  async loadKept() {
    try {
      const answer = await fetch("/api/v1/kept", { cache: "no-store" });
      if (!answer.ok) return;
      const { kept } = /** @type {{kept: {camera: string, from: string, to: string, note: string}[]}} */ (await answer.json());
      for (const c of this.cameras) c.kept = parseKept({ kept: kept.filter((k) => k.camera === c.name) });
      this.hooks.ondraw();
    } catch {
      // No network: the day is drawn without them.
    }
  }
}
