// The day that the camera page shows. It keeps which day that is, names it, lists its gaps, and leads to other days.

import { announce } from "../shell/messages.js";
import { byId, setText } from "../shell/dom.js";
import { EDGE } from "../footage/landing.js";
import { keptOf } from "../footage/keptclips.js";
import { viewWords } from "../timeline/ruler.js";
import { listGaps } from "./gaplist.js";

/** A view of the timeline that is longer shows several days, ms. */
const SEVERAL_DAYS = 26 * 3600e3;

/**
 * @typedef {object} DayParts
 * @property {string} camera
 * @property {boolean} mayPlay whether recordings may be seen
 * @property {import("../time/zone.js").Zone} zone
 * @property {() => number} now ms
 * @property {import("../footage/recordinglist.js").RecordingList} recordings
 * @property {import("../timeline/control.js").TimelineControl} timeline
 * @property {import("./player.js").Player} player
 */

export class DayView {
  /** @param {string} day of the picture @param {DayParts} parts */
  constructor(day, parts) {
    this.day = day;
    this.parts = parts;
  }

  /** Whether the timeline shows more than one day. */
  several() {
    const { view } = this.parts.timeline;
    return view.to - view.from > SEVERAL_DAYS;
  }

  /** @returns {string} the day that the timeline shows, or that of the picture where it shows several */
  named() {
    const { view } = this.parts.timeline;
    return this.several() ? this.day : this.parts.zone.day((view.from + view.to) / 2);
  }

  /** Writes which day it is. */
  paint() {
    const { zone, now, timeline } = this.parts;
    setText(byId("day-button"), viewWords(timeline.view, zone));
    byId("day-next").toggleAttribute("aria-disabled", this.named() >= zone.day(now()));
    setText(byId("gaps-day"), zone.date(zone.dayBounds(this.day).from + 12 * 3600e3).replace(/^\w+, /, ""));
  }

  /** The picture is of a moment, maybe of another day than before. @param {number} t */
  follow(t) {
    const { zone, timeline, recordings } = this.parts;
    const day = zone.day(t);
    if (day === this.day) return;
    this.day = day;
    timeline.update({ day: zone.dayBounds(day), limits: recordings.hooks.limits() });
    this.paint();
    this.listGaps();
    announce(zone.date(timeline.shown.day.from + 12 * 3600e3));
  }

  /** Lists the day's gaps below the timeline. */
  listGaps() {
    const { mayPlay, recordings, zone, now, player } = this.parts;
    if (mayPlay) listGaps(recordings.footage.slice(zone.dayBounds(this.day)), zone, now(), (t) => player.goTo(t, true));
  }

  /** Draws the clips that are kept. */
  async loadKept() {
    if (this.parts.mayPlay) this.parts.timeline.update({ kept: await keptOf(this.parts.camera) });
  }

  /** @param {string} which a day to show at the same time of day, or at the nearest at which it has footage */
  async go(which) {
    const { mayPlay, zone, now, recordings, timeline, player } = this.parts;
    if (!mayPlay || !which || which > zone.day(now())) return;
    const bounds = zone.dayBounds(which);
    const [year, month, date] = which.split("-").map(Number);
    const t = zone.instant({ ...zone.wall(player.moment()), year, month, day: date });
    await recordings.ensure(bounds);
    const footage = recordings.footage.slice(bounds);
    const { before, after, nearest } = footage.around(t);
    timeline.wholeDay();
    if (footage.spanAt(t) || nearest === 0) player.goTo(Math.min(t, now()));
    else player.goTo(nearest > 0 ? Number(after) : Number(before) - EDGE);
  }
}
