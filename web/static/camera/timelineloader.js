// Fetches what the timeline of the camera page draws, for the span that it shows.

import { activityStep, parseActivity } from "../footage/activity.js";

/** A hand that moves the timeline rests for so long before what is missing is fetched, ms. */
const REST = 120;

export class TimelineLoader {
  /**
   * @param {{camera: string, now: () => number, timeline: import("../timeline/control.js").TimelineControl,
   * recordings: import("../footage/recordinglist.js").RecordingList}} of
   */
  constructor(of) {
    this.of = of;
    this.timer = 0;
    this.activityKnown = true; // whether the recorder tells how much went on
  }

  /** The timeline shows another span: what is missing of it is fetched once the hand rests. */
  moved() {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.of.recordings.ensure(this.of.timeline.view);
      this.loadActivity();
    }, REST);
  }

  /** Asks what has been recorded since, around a moment. @param {number} t */
  refresh(t) {
    const { recordings } = this.of;
    recordings.ensure({ from: t - 3600e3, to: t + 3600e3 });
    recordings.refresh();
  }

  /** Fetches how much went on in what the timeline shows. A recorder that does not know is not asked again. */
  async loadActivity() {
    const { timeline } = this.of;
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
}
