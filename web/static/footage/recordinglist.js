// The recordings of one camera, as far as they were looked at. What is missing is fetched, and the newest part again.

import { Footage } from "./footage.js";
import { endedSession } from "../shell/session.js";

/** @typedef {import("./footage.js").Span} Span */

const HOUR = 3600e3;
const DAY = 24 * HOUR;

/** The server answers for at most 400 days; older footage cannot be opened. */
export const OLDEST = 399 * DAY;

/**
 * What can be gone to: from the oldest day to the end of this one.
 * @param {import("../time/zone.js").Zone} zone @param {() => number} now @returns {() => Span}
 */
export function limitsOf(zone, now) {
  let day = "";
  let end = 0;
  return () => {
    const today = zone.day(now());
    if (today !== day) [day, end] = [today, zone.dayBounds(today).to];
    return { from: end - OLDEST, to: end };
  };
}

/** How far to look around a moment without footage, in turn. */
const WIDER = [DAY, 31 * DAY, OLDEST];

/**
 * @typedef {object} RecordingListHooks
 * @property {() => Span} limits what can be known: from the oldest day to the end of this one
 * @property {() => number} now ms
 * @property {() => void} onchange more or other things are known
 * @property {() => void} ongone the camera is no longer there for who asks
 * @property {() => void} onleave the session has ended, and the page is about to be left
 */

export class RecordingList {
  /** @param {string} camera @param {Footage} footage @param {Span} loaded what footage is about @param {RecordingListHooks} hooks */
  constructor(camera, footage, loaded, hooks) {
    this.camera = camera;
    this.footage = footage;
    this.loaded = loaded;
    this.hooks = hooks;
    /** @type {Promise<void>} */
    this.work = Promise.resolve();
  }

  /** @param {Span} span whether all of it is known, as far as anything can be */
  covers(span) {
    const { from, to } = this.within(span);
    return from >= this.loaded.from && to <= this.loaded.to;
  }

  /** @param {Span} span @returns {Span} */
  within(span) {
    const limits = this.hooks.limits();
    const clamp = (/** @type {number} */ t) => Math.min(Math.max(t, limits.from), limits.to);
    return { from: clamp(span.from), to: clamp(span.to) };
  }

  /**
   * Fetches what is missing of a span, and of what lies between it and what is known.
   * @param {Span} span
   */
  ensure(span) {
    if (this.covers(span)) return Promise.resolve();
    this.work = this.work.then(async () => {
      const { from, to } = this.within(span);
      this.loaded = this.within(this.loaded);
      if (from < this.loaded.from) await this.load({ from, to: this.loaded.from });
      if (to > this.loaded.to) await this.load({ from: this.loaded.to, to });
    });
    return this.work;
  }

  /** Fetches anew what may have changed since: the last hour. */
  refresh() {
    const now = this.hooks.now();
    if (this.loaded.to < now) return Promise.resolve();
    const span = { from: Math.max(this.loaded.from, now - HOUR), to: this.loaded.to };
    this.work = this.work.then(() => this.load(span));
    return this.work;
  }

  /**
   * The footage on both sides of a moment, looked for as far as need be.
   * @param {number} t
   */
  async around(t) {
    const { from } = this.within({ from: t, to: t }); // of what is older than anything can be, the oldest is near
    for (const far of WIDER) {
      const { before, after } = this.footage.around(t);
      if (before !== null && after !== null) break;
      await this.ensure({ from: from - far, to: from + far });
    }
    return this.footage.around(t);
  }

  /** @param {Span} span */
  async load(span) {
    const query = new URLSearchParams({ from: new Date(span.from).toISOString(), to: new Date(span.to).toISOString() });
    try {
      const answer = await fetch(`/api/v1/cameras/${this.camera}/timeline?${query}`, { cache: "no-store" });
      if (answer.status === 401) this.hooks.onleave();
      if (endedSession(answer)) return;
      if (answer.status === 404) this.hooks.ongone();
      if (!answer.ok) return;
      const part = Footage.parse(await answer.json());
      this.footage = this.footage.patched(span, part);
      this.loaded = { from: Math.min(this.loaded.from, span.from), to: Math.max(this.loaded.to, span.to) };
      this.hooks.onchange();
    } catch {
      // No network: what is known stays; the picture says that there is no connection.
    }
  }
}
