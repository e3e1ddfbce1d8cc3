// The clock that several cameras follow, and how one of them stays in sync with it. Pure: the caller passes the time.
//
// Moments are wall clock of the recordings, in ms since the epoch. `now` is a clock of the browser that only ever runs on
// (performance.now()): only its differences count, so that a browser whose clock is wrong plays as well as any other.

export class Master {
  /** @param {number} moment */
  constructor(moment) {
    this.moment = moment; // at `since`
    this.since = 0;
    this.rate = 1;
    this.running = false;
  }

  /** @param {number} now @returns {number} the moment that all pictures are to show */
  at(now) {
    return this.running ? this.moment + (now - this.since) * this.rate : this.moment;
  }

  /** @param {number} moment @param {number} now */
  set(moment, now) {
    this.moment = moment;
    this.since = now;
  }

  /** Lets it run, or holds it where it is. @param {boolean} running @param {number} now */
  run(running, now) {
    this.set(this.at(now), now);
    this.running = running;
  }

  /** @param {number} rate @param {number} now */
  setRate(rate, now) {
    this.set(this.at(now), now);
    this.rate = rate;
  }
}

/** A picture that is off by less is left alone, by more is nudged, by more is moved at once, ms at normal speed. */
export const STEP = { still: 4, nudge: 400 };

/** How soon a nudge is to have an effect, ms, and how far it may change the speed. */
const SOON = 600;
const MOST = 0.25;

/**
 * What a camera has to do to get in sync, or to stay there.
 *
 * One that is behind plays faster until it has caught up, or, when that would take too long, goes there at once. One that is
 * ahead plays slower, or waits: it has the pictures that come next, and going back would decode from a key frame again.
 * @param {{off: number, rate: number}} of off: by how much the picture is ahead of the master, ms; rate: that of the master
 * @returns {{rate: number, go: boolean, wait: boolean}} rate to play at; whether to go to the master's moment; whether to stand
 */
export function keepSync({ off, rate }) {
  const scale = Math.max(1, rate);
  if (off < -STEP.nudge * scale) return { rate, go: true, wait: false };
  if (off > STEP.nudge * scale) return { rate, go: false, wait: true };
  if (Math.abs(off) < STEP.still * scale) return { rate, go: false, wait: false };
  const change = Math.max(-MOST, Math.min(MOST, -off / (SOON * scale)));
  return { rate: Math.round(rate * (1 + change) * 1000) / 1000, go: false, wait: false };
}

/** How long the others wait for one whose pictures do not come, ms. Then they go on, and it joins them when it can. */
export const PATIENCE = 3000;

/**
 * Decides whether all wait. If a camera is slow for a moment, all wait, so that it stays in sync. If it does not come at all,
 * the others go on without it.
 */
export class Waiting {
  constructor() {
    this.since = NaN; // when the waiting began
    /** @type {Set<string>} */
    this.late = new Set(); // who is not waited for any more, until it has pictures again
  }

  /** Begins anew, as after a jump. */
  forget() {
    this.since = NaN;
    this.late.clear();
  }

  /**
   * @param {{camera: string, ready: boolean}[]} pictures of the cameras that have footage of this moment @param {number} now
   * @returns {boolean} whether the master has to stand
   */
  stand(pictures, now) {
    for (const p of pictures) if (p.ready) this.late.delete(p.camera);
    const missing = pictures.filter((p) => !p.ready);
    if (missing.length > 0 && missing.length === pictures.length) {
      this.since = NaN; // without any picture there is nothing to go on with
      return true;
    }
    const awaited = missing.filter((p) => !this.late.has(p.camera));
    if (awaited.length === 0) {
      this.since = NaN;
      return false;
    }
    if (Number.isNaN(this.since)) this.since = now;
    if (now - this.since < PATIENCE) return true;
    for (const p of awaited) this.late.add(p.camera);
    this.since = NaN;
    return false;
  }
}
