// How a live picture stays near the present, and how its age is told. Pure. Times are in seconds.

/** As far behind the present as a live picture should be. */
export const BEHIND = { least: 0.6, most: 1.0, jump: 3.0 };

/** A picture older than this is not live any more, and does not look it. */
export const STALE = 4.0;

/** The same where single key frames are shown: they are seconds apart. */
const STALE_STILL = 10.0;

/** Enough to go on playing until the next fragment, of at most half a second, arrives. */
const MARGIN = 0.25;

/**
 * @typedef {object} EdgeInput
 * @property {number} position where playback is, media time
 * @property {number} behind the age of the picture that is shown
 * @property {{start: number, end: number}[]} ranges what is buffered
 */

/**
 * What to do now: jump to a position, or play at a rate.
 * @param {EdgeInput} input
 * @returns {{seek?: number, rate: number}}
 */
export function steer({ position, behind, ranges }) {
  const last = ranges[ranges.length - 1];
  if (!last) return { rate: 1 };
  const inside = position >= last.start - 0.05 && position <= last.end + 0.05;
  const ahead = last.end - position;
  if (!inside) return { seek: Math.max(last.start, last.end - BEHIND.least), rate: 1 };
  if (behind > BEHIND.jump && ahead > 2 * MARGIN + 0.5) {
    const target = position + behind - BEHIND.most;
    return { seek: Math.max(last.start, Math.min(target, last.end - MARGIN)), rate: 1 };
  }
  if (behind > BEHIND.most && ahead > 2 * MARGIN) return { rate: Math.min(1.25, 1 + (behind - BEHIND.least) * 0.08) };
  if (behind < BEHIND.least && ahead < MARGIN) return { rate: 0.95 };
  return { rate: 1 };
}

/**
 * Keeps a rate until the aim is well met, so that it does not change with every fragment.
 * @param {number} current the rate now @param {number} wanted by steer @param {number} behind
 */
export function settle(current, wanted, behind) {
  if (current > 1 && wanted === 1 && behind > (BEHIND.least + BEHIND.most) / 2) return current;
  return wanted;
}

/** @param {number} seconds @returns {string} "0.8 s", "12 s", "4 min", "3 h" */
export function ageText(seconds) {
  const s = Math.max(0, seconds);
  if (s < 9.95) return `${s.toFixed(1)} s`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 48 * 3600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} days`;
}

/**
 * @typedef {object} TileInput
 * @property {boolean} connected the live connection stands, or is being made and nothing speaks against it yet
 * @property {string} state of the camera, as the server tells it
 * @property {string} reason
 * @property {number | null} behind age of the picture shown; null before the first
 * @property {string} refused why this browser cannot show it, or ""
 * @property {boolean} gone not there, or not for this viewer
 * @property {boolean} [stills] single key frames are shown, because the browser cannot play a stream
 * @property {boolean} lost fragments were left out a moment ago, because this viewer was too slow
 */

/**
 * How a tile looks and what it says. life is "live" only while the picture is.
 * @param {TileInput} t
 * @returns {{life: "live" | "stale" | "waiting" | "refused", age: string, words: string}}
 */
export function tileWords(t) {
  if (t.gone) return { life: "refused", age: "", words: "This camera is not available to you." };
  if (t.refused) return { life: "refused", age: "", words: t.refused };
  const trouble = !t.connected ? "no connection to the recorder, reconnecting" : stateWords(t.state, t.reason);
  if (t.behind === null) return { life: "waiting", age: "", words: trouble || "waiting for video" };
  if (t.stills && t.behind < STALE_STILL) return { life: "live", age: `key frames only · ${ageText(t.behind)}`, words: "" };
  if (t.behind < STALE) {
    return { life: "live", age: `live · ${ageText(t.behind)}${t.lost ? " · skipping frames (slow connection)" : ""}`, words: "" };
  }
  return { life: "stale", age: `frozen ${ageText(t.behind)}`, words: trouble || "reconnecting" };
}

/**
 * What stands for the age of a picture that is not there.
 * @param {string} life @param {string} state of the camera @param {boolean} connected
 */
export function noAge(life, state, connected) {
  if (life === "refused") return "no picture";
  if (!connected) return "no connection";
  return state && state !== "recording" ? state : "waiting";
}

/**
 * The camera's state as a person would say it; "" when all is well.
 * @param {string} state @param {string} reason
 */
export function stateWords(state, reason) {
  if (state === "recording" || state === "live" || state === "") return "";
  return reason ? `${state}: ${reason}` : state;
}

/**
 * How long to wait before connection attempt n (0 is the first again): doubling from half a second to four, with jitter,
 * so that all open pages do not reconnect at the same instant.
 * @param {number} n @param {number} random in [0, 1)
 * @returns {number} milliseconds
 */
export function backoff(n, random) {
  const top = Math.min(4_000, 500 * 2 ** Math.min(n, 10));
  return top / 2 + (top / 2) * random;
}

/** A clock that moves so much against another one was set, or stood still while the computer slept, ms. */
const STEP = 1000;

/**
 * The server's clock as seen from here, whatever ours says. The page brings the server's time when it was made, and the live
 * connection tells it again and again; a fragment that ends later than we thought it to be proves that we were behind. What
 * is told arrives late, never early, so the greatest of all is right.
 */
export class ServerClock {
  /** @param {number} server server's time, ms @param {number} local our time at that instant, ms */
  constructor(server, local) {
    this.ahead = server - local;
    this.unsure = false;
    /** @type {number | null} */
    this.apart = null; // our clock against one that nobody sets
  }

  /** @param {number} local @returns {number} the server's time, ms */
  at(local) {
    return local + this.ahead;
  }

  /** @param {number} end wall clock, ms, at which a fragment that has arrived ends @param {number} local */
  arrived(end, local) {
    this.ahead = Math.max(this.ahead, end - local);
  }

  /**
   * Takes the server's time from a connection that was made after the last step of our clock.
   * @param {number} server ms @param {number} local ms
   */
  told(server, local) {
    this.ahead = this.unsure ? server - local : Math.max(this.ahead, server - local);
    this.unsure = false;
  }

  /**
   * Looks whether our clock was set since the last look, or the computer slept. Until the server's time is told anew ages are
   * rather too great than too small.
   * @param {number} local our time, ms @param {number} steady a clock that nobody sets, ms @returns {boolean}
   */
  stepped(local, steady) {
    const apart = local - steady;
    const by = this.apart === null ? 0 : apart - this.apart;
    this.apart = apart;
    if (Math.abs(by) < STEP) return false;
    if (by < 0) this.ahead -= by; // set back: no sleep does that
    this.unsure = true;
    return true;
  }
}
