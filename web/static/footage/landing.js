// Where to go instead of to a moment without footage, and the text about it. Pure.

/** @typedef {import("../time/zone.js").Zone} Zone */
/** @typedef {{before: number | null, after: number | null}} Around where footage ends before a moment, and where it begins after, ms */

/** Shorter gaps are skipped silently, ms. */
const SILENT = 1500;

/** How close to the end of footage a picture is looked for, ms. */
export const EDGE = 200;

/**
 * Where to go instead of to a moment without footage. A direction, as that of a skip, is kept, and a skip back takes from
 * before the gap what is left of it after the gap.
 * @param {Around & {nearest: number}} around @param {number} t @param {1 | -1 | 0} direction
 * @returns {{at: number | null, forward: boolean, brief: boolean}} at: null if there is no footage at all; forward: beyond the
 * gap; brief: the gap is not worth a word
 */
export function landing({ before, after, nearest }, t, direction) {
  const brief = before !== null && after !== null && after - before < SILENT;
  const forward = after !== null && (before === null || brief || (direction === 0 ? nearest > 0 : direction > 0));
  if (forward) return { at: after, forward, brief };
  const back = direction < 0 && after !== null ? Math.max(EDGE, after - t) : EDGE;
  return { at: before === null ? null : before - back, forward, brief };
}

/**
 * What the note says.
 * @param {{t: number, reason: string, shown: number | null}} of the moment asked for, why there is nothing of it, and the
 * moment that is shown instead, ms
 * @param {(t: number) => string} name of a moment
 */
export function noteText({ t, reason, shown }, name) {
  const why = reason ? `: ${reason}` : "";
  const instead = shown === null ? "There is no other recording." : `Showing the nearest recording, ${name(shown)}.`;
  return `Nothing recorded at ${name(t)}${why}. ${instead}`;
}

/**
 * Names moments by the time of day, and by the date too unless all are of one day.
 * @param {Zone} zone @param {(number | null)[]} all the moments to tell apart
 * @returns {(t: number) => string}
 */
export function namer(zone, all) {
  const known = all.filter((t) => t !== null);
  const oneDay = new Set(known.map((t) => zone.day(t))).size < 2;
  return (t) => (oneDay ? zone.clock(t) : `${zone.date(t).replace(/^\w+, | \d{4}$/g, "")} ${zone.clock(t)}`);
}
