// A clock that a test moves: timers and Date.now() of the whole process follow it, performance.now() does not. Node's own mock
// timers do not know Date before version 20.

/** @typedef {{at: number, every: number | null, act: () => void}} Timer at: when it is due, ms */

export class FakeClock {
  constructor() {
    this.time = 0;
    this.last = 0;
    /** @type {Map<number, Timer>} */
    this.timers = new Map();
    /** @type {any} */ (globalThis).setTimeout = (/** @type {() => void} */ act, /** @type {number} */ wait) => this.add(act, wait, null);
    /** @type {any} */ (globalThis).setInterval = (/** @type {() => void} */ act, /** @type {number} */ every) => this.add(act, every, every);
    for (const clear of ["clearTimeout", "clearInterval"]) {
      /** @type {any} */ (globalThis)[clear] = (/** @type {number} */ id) => this.timers.delete(id);
    }
    Date.now = () => this.time;
  }

  /** Begins anew, without any timer. */
  reset() {
    this.time = 0;
    this.timers.clear();
  }

  /** @param {() => void} act @param {number} wait @param {number | null} every */
  add(act, wait, every) {
    this.timers.set(++this.last, { at: this.time + (wait || 0), every, act });
    return this.last;
  }

  /** Lets time pass, and runs what is due on the way. @param {number} ms */
  tick(ms) {
    const end = this.time + ms;
    for (;;) {
      const due = [...this.timers].filter(([, t]) => t.at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (!due) break;
      const [id, timer] = due;
      this.time = timer.at;
      if (timer.every === null) this.timers.delete(id);
      else timer.at += timer.every;
      timer.act();
    }
    this.time = end;
  }
}
