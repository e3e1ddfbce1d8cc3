// Plays several cameras in sync on the timeline page. It keeps which cameras play, the moment that all of them show, and the
// speed.

import { byId } from "../shell/dom.js";
import { announce, toast } from "../shell/messages.js";
import { endedSession } from "../shell/session.js";
import { absence, address, dark, edgeOfAny, gapOfAll, lastOfAny, nextOfAny, stepOfAny } from "../footage/combined.js";
import { gapText } from "../footage/footage.js";
import { KEYS_FROM, RATES } from "../player/rates.js";
import { columnsFor } from "../timeline/rowplan.js";
import { Master, Waiting } from "./master.js";
import { TimelineTile } from "./timelinetile.js";

/** @typedef {import("./cameraday.js").Camera} Camera */
/** @typedef {import("../footage/footage.js").Footage} Footage */

/** Playback stays this far behind the present, ms: what is newer is just being written. */
export const PRESENT = 4000;

/** A step where no picture is known, and how far behind a picture's beginning it is looked at, ms. */
const FRAME = 67;
export const INSIDE = 1;

/**
 * @typedef {object} SyncPlayerParts
 * @property {number} most how many cameras play at once
 * @property {() => number} now the recorder's time, ms
 * @property {import("../time/zone.js").Zone} zone
 * @property {import("./cameraday.js").CameraDay} day
 * @property {() => import("../timeline/rows.js").TimelineRows} rows the drawn day
 * @property {() => void} onchange what is to be said has changed
 * @property {(rate: number) => void} onrate
 */

export class SyncPlayer {
  /** @param {SyncPlayerParts} parts */
  constructor(parts) {
    this.parts = parts;
    this.master = new Master(parts.now());
    this.waiting = new Waiting();
    /** @type {TimelineTile[]} */
    this.tiles = [];
    this.playing = false;
    /** @type {number | null} the moment under a hand that drags */
    this.dragAt = null;
    this.ended = ""; // why there is nothing to play
    this.urlAt = 0; // when the address was written last
  }

  /** The moment that is shown, ms. */
  moment() {
    return this.dragAt ?? this.master.at(performance.now());
  }

  /** What was recorded of the cameras that play. */
  footage() {
    return this.tiles.filter((t) => !t.gone).map((t) => t.follower.options.footage());
  }

  /** Names the cameras and a moment in the address. @param {number} t */
  setURL(t) {
    this.urlAt = performance.now();
    history.replaceState(null, "", location.pathname + address(this.tiles.map((x) => x.facts.name), t));
  }

  /** Leads to the login if the session has ended, and from there back to this moment. @param {Response} answer */
  over(answer) {
    if (answer.status === 401) this.setURL(this.moment());
    return endedSession(answer);
  }

  // Which cameras play.

  /** Makes the tiles those of the cameras named. @param {string[]} names */
  choose(names) {
    const { day, most, rows } = this.parts;
    const wanted = names.map((n) => day.cameras.find((c) => c.name === n)).filter((c) => c !== undefined).slice(0, most);
    for (const t of this.tiles) if (!wanted.some((c) => c.name === t.facts.name)) t.remove();
    const small = wanted.length > 4;
    this.tiles = wanted.map((c) => this.tiles.find((t) => t.facts.name === c.name) ?? this.makeTile(c, small));
    const box = byId("pictures");
    this.tiles.forEach((t) => box.append(t.element));
    for (const c of day.cameras) {
      c.chosen = wanted.includes(c);
      c.box.checked = c.chosen;
    }
    box.dataset.count = String(this.tiles.length);
    this.arrange();
    this.waiting.forget();
    rows().draw();
  }

  /** @param {Camera} c @param {boolean} small @returns {TimelineTile} */
  makeTile(c, small) {
    const options = {
      camera: c.name, stream: /** @type {"main" | "sub"} */ (small && c.hasSub ? "sub" : "main"), hasSub: c.hasSub,
      footage: () => c.footage, now: this.parts.now, moment: () => this.moment(), over: (/** @type {Response} */ answer) => this.over(answer),
    };
    return new TimelineTile(byId("timeline-tile"), c, options, (heard) => this.tiles.forEach((t) => { if (t !== heard) t.mute(true); }));
  }

  arrange() {
    const n = this.tiles.length;
    const columns = columnsFor(n, matchMedia("(max-width: 719px)").matches);
    byId("pictures").style.setProperty("--columns", String(columns));
    byId("pictures").style.setProperty("--lines", String(Math.max(1, Math.ceil(n / columns))));
  }

  /** @param {Camera} c whose box was ticked or cleared */
  toggleCamera(c) {
    const { most } = this.parts;
    const names = this.tiles.map((t) => t.facts.name);
    if (c.box.checked && names.length >= most) {
      c.box.checked = false;
      toast(`Up to ${most} cameras can play together. Remove one first.`);
      return;
    }
    this.choose(c.box.checked ? [...names, c.name] : names.filter((n) => n !== c.name));
    if (this.tiles.length === 0) this.pause();
    this.setURL(this.moment());
  }

  /** A camera was taken away from this viewer, or given back. @param {string} name @param {boolean} gone */
  leave(name, gone) {
    const tile = this.tiles.find((t) => t.facts.name === name);
    if (!tile || tile.gone === gone) return;
    tile.gone = gone;
    if (gone) tile.follower.stop();
    announce(`${tile.facts.label}: ${gone ? tile.why(this.moment()) : "available again"}`);
  }

  // Where playback is.

  /**
   * Goes to a moment. If no camera has footage of it, goes to the next footage and says so.
   * @param {number} t @param {boolean} [play]
   */
  async goTo(t, play = this.playing) {
    const { day, now, zone, rows, onchange } = this.parts;
    let target = Math.min(t, now() - PRESENT);
    this.playing = play;
    this.ended = "";
    if (zone.day(target) !== day.day) await day.show(zone.day(target));
    const footage = this.footage();
    const gap = gapOfAll(footage, target, day.bounds().to);
    if (gap) target = this.passed(gap, footage, target);
    rows().follow = true;
    this.master.set(target, performance.now());
    this.master.run(false, performance.now());
    this.waiting.forget();
    for (const tile of this.tiles) tile.follower.go(target);
    this.setURL(target);
    this.tick();
    onchange();
  }

  /**
   * Says which gap is passed, and returns the moment to go on from.
   * @param {import("../footage/footage.js").Gap} gap @param {Footage[]} footage @param {number} t
   */
  passed(gap, footage, t) {
    const { day } = this.parts;
    const next = nextOfAny(footage, t);
    if (next !== null) {
      toast(gapText({ ...gap, to: next }, this.clockOf({ from: gap.from, to: next })));
      return next + 20;
    }
    const last = lastOfAny(footage, t);
    this.playing = false;
    if (last === null) {
      this.ended = `No recording on this day: ${gap.reason}.`;
      announce(this.ended);
      return t;
    }
    toast(`No recording for the rest of this day: ${gap.reason}.`);
    return Math.max(last - 2000, day.bounds().from);
  }

  /** The clock for the ends of a gap: with seconds where they differ by little. @param {{from: number, to: number}} span */
  clockOf(span) {
    const seconds = span.to - span.from < 120_000;
    return (/** @type {number} */ t) => this.parts.zone.clock(t, { seconds });
  }

  /** Moves the master and everything that follows it; called many times a second. */
  tick() {
    const { master } = this;
    const time = performance.now();
    const edge = this.parts.now() - PRESENT;
    if (this.dragAt === null && master.at(time) > edge) {
      master.set(edge, time);
      if (master.rate > 1) {
        this.setRate(1);
        toast("Caught up: now at normal speed");
      }
    }
    const at = this.moment();
    if (this.playing && this.dragAt === null && !this.ended) this.passOn(at);
    const wanted = this.tiles.filter((t) => t.wanted(at));
    const going = this.playing && !document.hidden && this.dragAt === null && !this.ended && this.tiles.length > 0;
    const ready = wanted.map((t) => ({ camera: t.facts.name, ready: t.follower.ready(at) }));
    const running = going && (master.rate >= KEYS_FROM || !this.waiting.stand(ready, time));
    if (running !== master.running) master.run(running, time);
    const place = { at: this.moment(), rate: master.rate, running, dragged: this.dragAt !== null, exact: !going };
    for (const t of this.tiles) t.place(place, (x) => this.parts.zone.clock(x));
  }

  /** Goes over what no camera recorded, and from the end of a day to the next. @param {number} at */
  passOn(at) {
    const { day, now } = this.parts;
    if (at >= day.bounds().to) this.goTo(at);
    else if (dark(this.footage(), at) && at < now() - PRESENT - 1000) this.goTo(at);
  }

  // How it plays.

  /** @param {number} rate */
  setRate(rate) {
    const byKeys = this.master.rate >= KEYS_FROM;
    this.master.setRate(rate, performance.now());
    this.parts.onrate(rate);
    if (byKeys && rate < KEYS_FROM) for (const t of this.tiles) t.follower.go(this.moment());
  }

  /** @param {1 | -1} direction */
  changeRate(direction) {
    const { rate } = this.master;
    this.setRate(RATES[RATES.indexOf(rate) + direction] ?? rate);
  }

  toggle() {
    this.playing = !this.playing && this.tiles.length > 0;
    if (!this.playing) this.setURL(this.moment());
    if (this.playing) this.ended = "";
    this.tick();
    this.parts.onchange();
  }

  pause() {
    this.playing = false;
    this.master.run(false, performance.now());
  }

  /** A drag is at a moment. @param {number} t */
  drag(t) {
    this.dragAt = t;
    this.tick();
    this.parts.onchange();
  }

  /** @param {number} t a click, or the end of a drag */
  pick(t) {
    this.dragAt = null;
    this.goTo(t, true);
  }

  /** @param {1 | -1} direction */
  toEdge(direction) {
    const t = edgeOfAny(this.footage(), this.moment(), direction);
    if (t !== null) this.goTo(t + 20);
  }

  /** Shows the next picture, or the one before. @param {1 | -1} direction */
  step(direction) {
    const at = this.moment();
    const steps = this.tiles.map((t) => (t.wanted(at) ? t.follower.step(at, direction) : null)).filter((s) => s !== null);
    this.goTo((stepOfAny(steps) ?? at + direction * FRAME) + INSIDE, false);
  }

  /** @param {string} which a day to show at the same time of day */
  goDay(which) {
    const { zone, now } = this.parts;
    if (!which || which > zone.day(now())) return;
    const w = zone.wall(this.moment());
    const [year, month, date] = which.split("-").map(Number);
    this.goTo(zone.instant({ ...w, year, month, day: date }));
  }

  /** @param {Camera} c @param {number} t @returns {string} why there is nothing of a camera at a moment that has passed, or "" */
  gapOf(c, t) {
    const gap = t < this.parts.now() ? absence(c.footage, t) : null;
    return gap ? gapText(gap, this.clockOf(gap)) : "";
  }
}
