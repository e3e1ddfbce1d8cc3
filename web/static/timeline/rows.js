// The timeline of several cameras: one band for each over one time axis, with one playhead through all.

import { placeLabels, ticks } from "./ruler.js";
import { bandOf, partOf, planHeight, rowAt } from "./rowplan.js";
import { TimelineControl } from "./control.js";

/** @typedef {import("../footage/footage.js").Footage} Footage */
/** @typedef {import("../footage/keptclips.js").Kept} Kept */
/** @typedef {{footage: Footage, kept: Kept[], chosen: boolean}} Row */

/** No browser draws on more than this many pixels; some stop at it. */
const MOST_PIXELS = 12e6;

export class TimelineRows extends TimelineControl {
  /**
   * @param {{canvas: HTMLCanvasElement, ruler: HTMLCanvasElement}} canvases @param {import("../time/zone.js").Zone} zone
   * @param {import("./control.js").Handlers} handlers @param {import("./control.js").Shown} shown
   * @param {Row[]} rows
   */
  constructor({ canvas, ruler }, zone, handlers, shown, rows) {
    super(canvas, zone, handlers, shown);
    this.ruler = ruler;
    this.rows = rows;
    this.hovered = /** @type {number | null} */ (null);
    this.plan = this.readPlan();
    canvas.addEventListener("pointermove", (e) => { this.hovered = rowAt(this.plan, e.offsetY); }, { capture: true });
    this.resize();
  }

  /** Lengths come from the style sheet, which knows fingers and mice apart. */
  readPlan() {
    const style = getComputedStyle(this.canvas);
    const px = (/** @type {string} */ name) => Number.parseFloat(style.getPropertyValue(name)) || 0;
    return { top: px("--ruler"), pitch: px("--row"), inset: px("--band-inset"), band: px("--band"), count: this.rows?.length ?? 0 };
  }

  resize() {
    if (!this.ruler) return; // the constructor of the class above asks before there is one
    this.plan = this.readPlan();
    this.width = Math.max(1, this.canvas.getBoundingClientRect().width);
    this.height = Math.max(1, planHeight(this.plan));
    const ratio = Math.min(window.devicePixelRatio || 1, MOST_PIXELS / (this.width * this.height));
    for (const [canvas, height] of /** @type {[HTMLCanvasElement, number][]} */ ([[this.canvas, this.height], [this.ruler, this.plan.top]])) {
      canvas.width = Math.round(this.width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.paint();
  }

  /** @param {HTMLCanvasElement} canvas */
  context(canvas) {
    const g = canvas.getContext("2d");
    const ratio = canvas.width / this.width;
    g?.setTransform(ratio, 0, 0, ratio, 0, 0);
    g?.clearRect(0, 0, this.width, this.height);
    return g;
  }

  paint() {
    if (!this.ruler) return;
    const g = this.context(this.canvas);
    const r = this.context(this.ruler);
    if (!g || !r) return;
    this.rows.forEach((row, i) => this.paintRow(g, row, i));
    this.paintHours(r);
    this.paintHead(g, r);
  }

  /** @param {CanvasRenderingContext2D} g @param {Row} row @param {number} i */
  paintRow(g, row, i) {
    const { top, bottom } = bandOf(this.plan, i);
    const x = (/** @type {number} */ t) => this.x(t);
    g.save();
    g.beginPath();
    g.roundRect(0, top, this.width, bottom - top, 5);
    g.clip();
    g.fillStyle = this.colours.gap;
    g.fillRect(0, top, this.width, bottom - top);
    this.hatch(g, row.footage, top, bottom);
    g.globalAlpha = row.chosen ? 1 : 0.45; // those that are not played stand back, for shapes alone tell footage from gaps
    g.fillStyle = this.colours.footage;
    for (const span of row.footage.spans) {
      const part = partOf(span, x, this.width);
      if (!part) continue;
      g.clearRect(part.left, top, part.wide, bottom - top);
      g.fillRect(part.left, top, part.wide, bottom - top);
    }
    g.restore();
    for (const k of row.kept) {
      const part = partOf(k, x, this.width);
      if (!part) continue;
      g.fillStyle = this.colours.paper;
      g.fillRect(part.left - 1, bottom - 7, Math.max(4, part.wide) + 2, 7);
      g.fillStyle = this.colours.mark;
      g.fillRect(part.left, bottom - 5, Math.max(4, part.wide), 4);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} g @param {Footage} footage @param {number} top @param {number} bottom
   */
  hatch(g, footage, top, bottom) {
    const tall = bottom - top;
    g.save();
    g.beginPath();
    for (const gap of footage.gaps) {
      const part = partOf({ from: gap.from, to: Math.min(gap.to, this.shown.now) }, (t) => this.x(t), this.width);
      if (part) g.rect(part.left, top, part.wide, tall);
    }
    g.clip();
    g.strokeStyle = this.colours.hatch;
    g.lineWidth = 1;
    g.beginPath();
    for (let x = -tall; x < this.width; x += 7) {
      g.moveTo(x, bottom);
      g.lineTo(x + tall, top);
    }
    g.stroke();
    g.restore();
  }

  /** @param {CanvasRenderingContext2D} g */
  paintHours(g) {
    g.font = this.colours.font;
    g.textBaseline = "alphabetic";
    const all = ticks(this.view, this.width, this.zone);
    const foot = this.plan.top - 2;
    for (const tick of all) {
      g.fillStyle = tick.label ? this.colours.faint : this.colours.line;
      g.fillRect(Math.round(this.x(tick.t)), foot - (tick.label ? 6 : 3), 1, tick.label ? 6 : 3);
    }
    g.fillStyle = this.colours.text;
    const labels = all.filter((t) => t.label).map((t) => ({ text: t.label, x: this.x(t.t), wide: g.measureText(t.label).width }));
    for (const { text, left } of placeLabels(labels, this.width)) g.fillText(text, left, 13);
  }

  /**
   * The playhead, through the ruler and all bands; and a thin line at the present.
   * @param {CanvasRenderingContext2D} g @param {CanvasRenderingContext2D} r
   */
  paintHead(g, r) {
    const { at, now, day } = this.shown;
    const { top } = this.plan;
    if (now < day.to && now > day.from) {
      g.fillStyle = this.colours.now;
      g.fillRect(Math.round(this.x(now)), top, 1, this.height - top);
    }
    if (at < this.view.from || at > this.view.to) return;
    const x = Math.min(Math.max(this.x(at), 0), this.width);
    g.fillStyle = this.colours.play;
    g.fillRect(x - 1.5, top - 1, 3, this.height - top + 1);
    r.fillStyle = this.colours.play;
    r.beginPath();
    r.moveTo(x - 6, top - 9);
    r.lineTo(x + 6, top - 9);
    r.lineTo(x + 1.5, top - 2);
    r.lineTo(x + 1.5, top);
    r.lineTo(x - 1.5, top);
    r.lineTo(x - 1.5, top - 2);
    r.fill();
  }
}
