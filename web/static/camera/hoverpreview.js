// The tip over the timeline: what is known about the moment under the pointer.

import { activityText } from "../footage/activity.js";
import { gapText } from "../footage/footage.js";
import { keptText } from "../footage/keptclips.js";
import { byId } from "../shell/dom.js";

export class HoverPreview {
  /**
   * @param {{zone: import("../time/zone.js").Zone, now: () => number, day: import("./dayview.js").DayView,
   * timeline: import("../timeline/control.js").TimelineControl, recordings: import("../footage/recordinglist.js").RecordingList}} of
   */
  constructor(of) {
    this.of = of;
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
    const left = Math.min(Math.max(x, half), this.of.timeline.width - half);
    tip.style.setProperty("--x", `${Math.round(left)}px`);
  }

  /** @param {number} t @returns {string} all that is to be said of a moment */
  tell(t) {
    const { zone, recordings, now, day, timeline } = this.of;
    const { shown, view } = timeline;
    const gap = recordings.footage.gapAt(t);
    const long = gap !== null && gap.to - gap.from >= 120_000;
    const clock = (/** @type {number} */ at) => zone.clock(at, { seconds: !long });
    const date = day.several() ? zone.date(t).replace(/ \d{4}$/, "") : "";
    const words = [date, zone.clock(t), gap && t < now() ? gapText(gap, clock) : "", activityText(shown.activity ?? null, view, t),
      recordings.footage.clockNote(t), keptText(shown.kept, t)];
    return words.filter(Boolean).join(" · ");
  }
}
