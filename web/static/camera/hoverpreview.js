// What the timeline shows, told: the tip under the pointer, the words above it, and what is fetched to draw it.

import { activityStep, activityText, parseActivity } from "../footage/activity.js";
import { byId } from "../shell/dom.js";
import { gapText } from "../footage/footage.js";
import { keptText } from "../footage/keptclips.js";
import { viewWords } from "../timeline/ruler.js";

/** @typedef {import("../timeline/control.js").TimelineControl} TimelineControl */

/** A hand that moves the timeline rests for so long before what is missing is fetched, ms. */
const REST = 120;

/** A view that is longer shows several days, ms. */
const DAYS = 26 * 3600e3;

export class HoverPreview {
  /**
   * @param {{camera: string, zone: import("../time/zone.js").Zone, now: () => number, timeline: () => TimelineControl,
   * recordings: import("../footage/recordinglist.js").RecordingList}} of
   */
  constructor(of) {
    this.of = of;
    this.timer = 0;
    this.activityKnown = true;
  }

  /** Whether the timeline shows more than one day. */
  long() {
    const { view } = this.of.timeline();
    return view.to - view.from > DAYS;
  }

  /** @param {string} day of the picture @returns {string} the day that the timeline shows, or that of the picture where it shows several */
  day(day) {
    const { view } = this.of.timeline();
    return this.long() ? day : this.of.zone.day((view.from + view.to) / 2);
  }

  words() {
    return viewWords(this.of.timeline().view, this.of.zone);
  }

  /** The timeline shows another stretch: what is missing of it is fetched once the hand rests. */
  moved() {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.of.recordings.ensure(this.of.timeline().view);
      this.loadActivity();
    }, REST);
  }

  /** Fetches how much went on in what the timeline shows; a recorder that does not know is not asked again. */
  async loadActivity() {
    const timeline = this.of.timeline();
    const { view } = timeline;
    const to = Math.min(view.to, this.of.now());
    if (!this.activityKnown || to <= view.from) return;
    const iso = (/** @type {number} */ seconds) => new Date(seconds * 1000).toISOString();
    const query = new URLSearchParams({
      from: iso(Math.floor(view.from / 1000)), to: iso(Math.ceil(to / 1000)), step: String(activityStep(view, timeline.width)),
    });
    try {
      const answer = await fetch(`/api/v1/cameras/${this.of.camera}/activity?${query}`, { cache: "no-store" });
      this.activityKnown = answer.status !== 404;
      if (answer.ok && view === timeline.view) timeline.update({ activity: parseActivity(await answer.json()) });
    } catch {
      // No network: what is drawn stays.
    }
  }

  /**
   * Moves the playhead with the picture where the timeline is so close that a few times a second would be seen as jumps.
   * @param {() => number | null} moving the moment of the picture, null while it stands
   */
  follow(moving) {
    const timeline = this.of.timeline();
    const close = (timeline.view.to - timeline.view.from) / timeline.width < 100;
    const at = close ? moving() : null;
    if (at !== null) timeline.update({ at, now: this.of.now() });
    requestAnimationFrame(() => this.follow(moving));
  }

  /** Shows the tip for a moment, or hides it. @param {number | null} t @param {number} x */
  hover(t, x) {
    const tip = byId("tip");
    if (t === null) {
      delete tip.dataset.shown;
      return;
    }
    tip.textContent = this.tell(t);
    tip.dataset.shown = "";
    const half = tip.offsetWidth / 2;
    const left = Math.min(Math.max(x, half), this.of.timeline().width - half);
    tip.style.setProperty("--x", `${Math.round(left)}px`);
  }

  /** @param {number} t @returns {string} all that is to be said of a moment */
  tell(t) {
    const { zone, recordings, now } = this.of;
    const { shown, view } = this.of.timeline();
    const gap = recordings.footage.gapAt(t);
    const long = gap !== null && gap.to - gap.from >= 120_000;
    const clock = (/** @type {number} */ at) => zone.clock(at, { seconds: !long });
    const date = this.long() ? zone.date(t).replace(/ \d{4}$/, "") : "";
    const words = [date, zone.clock(t), gap && t < now() ? gapText(gap, clock) : "", activityText(shown.activity ?? null, view, t),
      recordings.footage.clockNote(t), keptText(shown.kept, t)];
    return words.filter(Boolean).join(" · ");
  }
}
