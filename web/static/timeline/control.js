// The timeline of one camera, from a second to a month. It draws footage, gaps, hours, activity, the playhead and the marks,
// and handles mouse, wheel and touch.

import { paintActivity } from "../footage/activity.js";
import { CLOSEST, WIDEST, clampView, firstView, monthAround, pinch, placeLabels, ticks, toT, toX, zoom } from "./ruler.js";

/** @typedef {import("../time/zone.js").Zone} Zone */
/** @typedef {import("../footage/footage.js").Footage} Footage */
/** @typedef {import("./ruler.js").View} View */

/**
 * @typedef {object} Shown what is drawn
 * @property {View} day its first instant and that of the next day
 * @property {View} [limits] what can be gone to; without, the day
 * @property {Footage} footage
 * @property {number} at the playhead, ms
 * @property {number} now the present, ms
 * @property {import("../footage/keptclips.js").Kept[]} kept clips that nothing deletes
 * @property {number | null} markIn
 * @property {number | null} markOut
 * @property {import("../footage/activity.js").Activity | null} [activity] how much went on, where that is known
 * @property {(from: number, to: number) => number[]} [pictures] the pictures that are known of a span, ms
 */

/**
 * @typedef {object} Handlers
 * @property {(t: number) => void} onscrub a drag is at this moment
 * @property {(t: number) => void} onpick a click, or the end of a drag
 * @property {(t: number | null, x: number) => void} onhover the pointer is at this moment, at x; null: it has left
 * @property {(view: View) => void} [onview] the view has been moved or zoomed
 */

/** Height of the ruler above the band, and of the strip that shows the view within the day, in px. */
const RULER = 26;
const STRIP = 4;

/** Height of the strip of activity below the band, px. */
const ACTIVITY = 22;

/** From this width on each picture has a tick of its own, px. */
const PICTURE = 5;

export class TimelineControl {
  /** @param {HTMLCanvasElement} canvas @param {Zone} zone @param {Handlers} handlers @param {Shown} shown */
  constructor(canvas, zone, handlers, shown) {
    this.canvas = canvas;
    this.zone = zone;
    this.handlers = handlers;
    this.shown = shown;
    /** @type {View} */
    this.view = firstView(shown.day, shown.footage.spans, shown.now);
    this.width = 1;
    this.height = 1;
    this.frame = 0;
    this.follow = true;
    this.whole = this.view.from === shown.day.from && this.view.to === shown.day.to; // shows the day, whichever that is
    /** @type {{x: number, view: View, moved: boolean} | null} the ruler is being dragged */
    this.pan = null;
    this.pushing = 0;
    /** @type {Map<number, {x: number, t: number}>} */
    this.fingers = new Map();
    this.dragging = false;
    this.pinched = false; // since the first finger came down
    this.colours = this.readColours();
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.colours = this.readColours();
      this.draw();
    });
    this.wire();
  }

  /** @param {Partial<Shown>} change */
  update(change) {
    Object.assign(this.shown, change);
    this.keepPlayheadInView();
    this.draw();
  }

  /** What can be gone to. */
  limits() {
    return this.shown.limits ?? this.shown.day;
  }

  /** @param {View} view */
  look(view) {
    if (view.from === this.view.from && view.to === this.view.to) return;
    this.view = view;
    this.handlers.onview?.(view);
    this.draw();
  }

  keepPlayheadInView() {
    const { at, day } = this.shown;
    if (this.fingers.size > 0 || !this.follow) return;
    if (this.whole) {
      this.look({ ...day });
      return;
    }
    const length = this.view.to - this.view.from;
    if (at > this.view.to - length * 0.05 || at < this.view.from) {
      this.look(clampView({ from: at - length * 0.3, to: at + length * 0.7 }, this.limits()));
    }
  }

  /** @param {number} factor @param {number} [anchor] */
  zoomBy(factor, anchor) {
    const inView = this.shown.at >= this.view.from && this.shown.at <= this.view.to;
    const middle = inView ? this.shown.at : (this.view.from + this.view.to) / 2;
    this.whole = false;
    this.follow = inView;
    this.look(zoom(this.view, factor, anchor ?? middle, this.limits()));
  }

  wholeDay() {
    this.whole = true;
    this.follow = true;
    this.look({ ...this.shown.day });
  }

  month() {
    this.whole = false;
    this.look(monthAround(this.shown.at, this.limits()));
  }

  /** Whether it can be drawn closer, and whether wider. */
  reach() {
    const length = this.view.to - this.view.from;
    const { from, to } = this.limits();
    return { closer: length > CLOSEST + 1, wider: length < Math.min(WIDEST, to - from) - 1 };
  }

  resize() {
    const box = this.canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    this.width = Math.max(1, box.width);
    this.height = Math.max(1, box.height);
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.paint();
  }

  draw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.paint();
    });
  }

  readColours() {
    const style = getComputedStyle(this.canvas);
    const of = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    return {
      footage: of("--footage"), gap: of("--gap"), hatch: of("--gap-line"), line: of("--line"), text: of("--ink-2"),
      faint: of("--ink-3"), play: of("--accent"), mark: of("--mark"), activity: of("--ink-2"), paper: of("--paper"), veil: of("--mark-veil"), now: of("--ink"),
      font: `500 12px ${style.fontFamily}`,
    };
  }

  paint() {
    const g = this.canvas.getContext("2d");
    if (!g) return;
    const ratio = this.canvas.width / this.width;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, this.width, this.height);
    this.paintBand(g);
    this.paintPictures(g);
    this.paintKept(g);
    this.paintActivity(g);
    this.paintTicks(g);
    this.paintMarks(g);
    this.paintPlayhead(g);
    this.paintStrip(g);
  }

  /** Where the band of footage ends, px. */
  get bottom() {
    return this.height - STRIP - 4 - (this.shown.activity ? ACTIVITY : 0);
  }

  /** @param {number} t */
  x(t) {
    return toX(this.view, this.width, t);
  }

  /** @param {CanvasRenderingContext2D} g */
  paintBand(g) {
    const { footage } = this.shown;
    const { bottom } = this;
    const height = bottom - RULER;
    g.save();
    g.beginPath();
    g.roundRect(0, RULER, this.width, height, 6);
    g.clip();
    g.fillStyle = this.colours.gap;
    g.fillRect(0, RULER, this.width, height);
    this.paintHatch(g, bottom);
    g.fillStyle = this.colours.footage;
    for (const s of footage.spans) {
      if (s.to < this.view.from || s.from > this.view.to) continue;
      const left = Math.max(-1, this.x(s.from));
      const right = Math.min(this.width + 1, this.x(s.to));
      g.clearRect(left, RULER, Math.max(1, right - left), height);
      g.fillRect(left, RULER, Math.max(1, right - left), height);
    }
    this.paintSlits(g, bottom);
    g.restore();
  }

  /**
   * Gaps that are too narrow to see but long enough to matter are drawn as slits in the footage.
   * @param {CanvasRenderingContext2D} g @param {number} bottom
   */
  paintSlits(g, bottom) {
    const perPixel = (this.view.to - this.view.from) / this.width;
    g.fillStyle = this.colours.paper;
    for (const gap of this.shown.footage.gaps) {
      const length = gap.to - gap.from;
      if (length > 2 * perPixel || length < perPixel / 20 || gap.to < this.view.from || gap.from > this.view.to) continue;
      g.fillRect(Math.round(this.x(gap.from)), RULER, 1, bottom - RULER);
    }
  }

  /** Each picture, where there is room to tell them apart. @param {CanvasRenderingContext2D} g */
  paintPictures(g) {
    if ((this.view.to - this.view.from) / this.width > 1000 / PICTURE) return;
    const all = this.shown.pictures?.(this.view.from, this.view.to) ?? [];
    if (all.length < 2 || this.x(all[1]) - this.x(all[0]) < PICTURE) return;
    g.fillStyle = this.colours.paper;
    for (const t of all) g.fillRect(Math.round(this.x(t)), this.bottom - 14, 1, 14);
  }

  /** @param {CanvasRenderingContext2D} g */
  paintActivity(g) {
    const { activity } = this.shown;
    if (!activity) return;
    const top = this.bottom + 3;
    paintActivity(g, activity, { view: this.view, width: this.width, top, height: ACTIVITY - 3, colours: this.colours });
  }

  /**
   * Gaps are hatched, so that they differ from footage by more than colour, and from time that has not come.
   * @param {CanvasRenderingContext2D} g @param {number} bottom
   */
  paintHatch(g, bottom) {
    const { gaps } = this.shown.footage;
    g.save();
    g.beginPath();
    for (const gap of gaps) {
      const left = Math.max(0, this.x(gap.from));
      const right = Math.min(this.width, this.x(Math.min(gap.to, this.shown.now)));
      if (right > left) g.rect(left, RULER, Math.max(1, right - left), bottom - RULER);
    }
    g.clip();
    g.strokeStyle = this.colours.hatch;
    g.lineWidth = 1;
    g.beginPath();
    for (let x = -this.height; x < this.width; x += 7) {
      g.moveTo(x, bottom);
      g.lineTo(x + (bottom - RULER), RULER);
    }
    g.stroke();
    g.restore();
  }

  /**
   * Kept clips have a bar along the foot of the band, edged so that it stands out from footage and gaps alike.
   * @param {CanvasRenderingContext2D} g
   */
  paintKept(g) {
    const { bottom } = this;
    for (const k of this.shown.kept) {
      if (k.to < this.view.from || k.from > this.view.to) continue;
      const left = Math.max(0, this.x(k.from));
      const wide = Math.max(4, Math.min(this.width, this.x(k.to)) - left);
      g.fillStyle = this.colours.paper;
      g.fillRect(left - 1, bottom - 9, wide + 2, 9);
      g.fillStyle = this.colours.mark;
      g.fillRect(left, bottom - 7, wide, 5);
    }
  }

  /** @param {CanvasRenderingContext2D} g */
  paintTicks(g) {
    g.font = this.colours.font;
    g.textBaseline = "alphabetic";
    const all = ticks(this.view, this.width, this.zone);
    for (const tick of all) {
      const x = Math.round(this.x(tick.t)) + 0.5;
      g.fillStyle = tick.label ? this.colours.faint : this.colours.line;
      g.fillRect(x - 0.5, RULER - (tick.label ? 8 : 5), 1, tick.label ? 6 : 3);
    }
    g.fillStyle = this.colours.text;
    const labels = all.filter((t) => t.label).map((t) => ({ text: t.label, x: this.x(t.t), wide: g.measureText(t.label).width }));
    for (const { text, left } of placeLabels(labels, this.width)) g.fillText(text, left, 13);
  }

  /** @param {CanvasRenderingContext2D} g */
  paintMarks(g) {
    const { markIn, markOut } = this.shown;
    if (markIn === null || markOut === null) return;
    const left = this.x(markIn);
    const right = this.x(markOut);
    const { bottom } = this;
    g.fillStyle = this.colours.veil;
    g.fillRect(left, RULER, right - left, bottom - RULER);
    g.fillStyle = this.colours.mark;
    g.fillRect(left - 1, RULER - 2, 2, bottom - RULER + 4);
    g.fillRect(right - 1, RULER - 2, 2, bottom - RULER + 4);
    g.fillRect(left, RULER - 2, Math.max(1, right - left), 2);
    g.fillRect(left, bottom, Math.max(1, right - left), 2);
  }

  /** @param {CanvasRenderingContext2D} g */
  paintPlayhead(g) {
    const { at, now, day } = this.shown;
    const { bottom } = this;
    if (now < day.to && now > day.from) {
      g.fillStyle = this.colours.now;
      g.fillRect(Math.round(this.x(now)) - 0.5, RULER, 1, bottom - RULER);
    }
    const x = Math.min(Math.max(this.x(at), 0), this.width);
    if (at < this.view.from || at > this.view.to) return;
    g.fillStyle = this.colours.play;
    g.beginPath();
    g.roundRect(x - 1.5, RULER - 6, 3, bottom - RULER + 10, 1.5);
    g.fill();
    g.beginPath();
    g.moveTo(x - 6, RULER - 9);
    g.lineTo(x + 6, RULER - 9);
    g.lineTo(x, RULER - 1);
    g.fill();
  }

  /** @param {CanvasRenderingContext2D} g */
  paintStrip(g) {
    const { day } = this.shown;
    if (this.view.from < day.from || this.view.to > day.to || this.whole) return;
    const y = this.height - STRIP;
    g.fillStyle = this.colours.gap;
    g.beginPath();
    g.roundRect(0, y, this.width, STRIP, 2);
    g.fill();
    const left = toX(day, this.width, this.view.from);
    const right = toX(day, this.width, this.view.to);
    g.fillStyle = this.colours.faint;
    g.beginPath();
    g.roundRect(left, y, Math.max(12, right - left), STRIP, 2);
    g.fill();
  }

  wire() {
    const c = this.canvas;
    c.addEventListener("pointerdown", (e) => this.down(e));
    c.addEventListener("pointermove", (e) => this.move(e));
    c.addEventListener("pointerup", (e) => this.up(e, true));
    c.addEventListener("pointercancel", (e) => this.up(e, false));
    c.addEventListener("pointerleave", () => this.handlers.onhover(null, 0));
    c.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
  }

  /** @param {MouseEvent} e @returns {{x: number, y: number, t: number}} */
  point(e) {
    const box = this.canvas.getBoundingClientRect();
    const x = Math.min(Math.max(e.clientX - box.left, 0), this.width);
    return { x, y: e.clientY - box.top, t: toT(this.view, this.width, x) };
  }

  /** @param {PointerEvent} e */
  down(e) {
    if (e.button !== 0) return;
    this.canvas.setPointerCapture(e.pointerId);
    const [first] = this.fingers.values();
    if (first && this.dragging) this.handlers.onpick(this.clampToNow(toT(this.view, this.width, first.x)));
    this.pinched = first !== undefined;
    if (first) first.t = toT(this.view, this.width, first.x);
    const p = this.point(e);
    this.fingers.set(e.pointerId, p);
    this.dragging = false;
    this.pan = !first && p.y < RULER ? { x: p.x, view: this.view, moved: false } : null;
  }

  /** @param {PointerEvent} e */
  move(e) {
    const p = this.point(e);
    const begun = this.fingers.get(e.pointerId);
    if (!begun) {
      if (e.pointerType === "mouse") this.handlers.onhover(p.t, p.x);
      return;
    }
    if (this.fingers.size === 2) {
      this.pinchTo(e.pointerId, p.x);
      return;
    }
    if (this.pinched || (!this.dragging && !this.pan?.moved && Math.abs(p.x - begun.x) < 4)) return;
    this.handlers.onhover(null, 0);
    if (this.pan) {
      this.panTo(p.x);
      return;
    }
    this.dragging = true;
    begun.x = p.x;
    this.handlers.onscrub(this.clampToNow(p.t));
    this.pushEdge();
  }

  /** The ruler is dragged along, and the view with it. @param {number} x */
  panTo(x) {
    if (!this.pan) return;
    const { view } = this.pan;
    const by = ((this.pan.x - x) / this.width) * (view.to - view.from);
    this.pan.moved = true;
    this.slide({ from: view.from + by, to: view.to + by });
  }

  /** @param {View} view one of the same length that a hand moved */
  slide(view) {
    this.whole = false;
    this.follow = false;
    this.look(clampView(view, this.limits()));
  }

  /** As long as a drag is at an edge, time goes on there. */
  pushEdge() {
    const finger = this.dragging && this.fingers.size === 1 ? [...this.fingers.values()][0] : null;
    const zone = Math.min(20, this.width / 16);
    const x = finger?.x ?? zone;
    const beyond = x < zone ? x - zone : x > this.width - zone ? x - (this.width - zone) : 0;
    if (beyond === 0 || this.pushing) return;
    this.pushing = requestAnimationFrame(() => {
      this.pushing = 0;
      const by = (beyond / zone) * (this.view.to - this.view.from) * 0.012;
      this.whole = false;
      this.look(clampView({ from: this.view.from + by, to: this.view.to + by }, this.limits()));
      if (this.dragging) this.handlers.onscrub(this.clampToNow(toT(this.view, this.width, x)));
      this.pushEdge();
    });
  }

  /** @param {number} id @param {number} x */
  pinchTo(id, x) {
    const [a, b] = [...this.fingers.entries()].map(([k, f]) => ({ t: f.t, x: k === id ? x : f.x }));
    const moved = this.fingers.get(id);
    if (moved) moved.x = x;
    this.dragging = false;
    this.slide(pinch(a, b, this.width, this.limits()));
  }

  /** @param {PointerEvent} e @param {boolean} meant */
  up(e, meant) {
    const single = this.fingers.size === 1;
    if (!this.fingers.delete(e.pointerId) || !single) return;
    const panned = this.pan?.moved;
    this.pan = null;
    if (!this.pinched && !panned && (meant || this.dragging)) this.handlers.onpick(this.clampToNow(this.point(e).t));
    this.dragging = false;
    if (!this.pinched && !panned) this.follow = true;
  }

  /** @param {number} t */
  clampToNow(t) {
    return Math.min(t, this.shown.now);
  }

  /** @param {WheelEvent} e */
  wheel(e) {
    e.preventDefault();
    const sideways = e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY);
    const pixels = (sideways ? e.deltaX || e.deltaY : e.deltaY) * (e.deltaMode === 1 ? 16 : 1);
    const length = this.view.to - this.view.from;
    const by = (pixels / this.width) * length;
    if (sideways) this.slide({ from: this.view.from + by, to: this.view.to + by });
    else this.slide(zoom(this.view, Math.exp(-pixels * 0.0022), this.point(e).t, this.limits()));
  }
}
