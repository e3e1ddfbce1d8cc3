// The geometry of the timeline: which moment lies at which pixel, where the ticks stand, how zooming moves both. Pure.

/** @typedef {import("../time/zone.js").Zone} Zone */
/** @typedef {{from: number, to: number}} View the moments at the left and right edge, ms */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Never shows less than this, nor more than that: a month, which may have an hour more. */
export const CLOSEST = SECOND;
export const WIDEST = 31 * DAY + HOUR;

/** Views longer than this name days at midnight. */
const DATED = 26 * HOUR;

/** Distances between labelled ticks, with the number of parts into which the small ticks divide them. */
const STEPS = [
  [100, 1], [200, 2], [500, 5], [SECOND, 5], [5 * SECOND, 5], [10 * SECOND, 10], [30 * SECOND, 3], [MINUTE, 6], [5 * MINUTE, 5],
  [10 * MINUTE, 10], [15 * MINUTE, 3], [30 * MINUTE, 3], [HOUR, 4], [2 * HOUR, 4], [3 * HOUR, 3], [6 * HOUR, 6], [12 * HOUR, 2],
  [DAY, 1], [2 * DAY, 2], [7 * DAY, 7], [14 * DAY, 14],
];

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec"];

/** @param {number} n */
const two = (n) => String(n).padStart(2, "0");

/** @param {View} v @param {number} width px @param {number} t */
export function toX(v, width, t) {
  return ((t - v.from) / (v.to - v.from)) * width;
}

/** @param {View} v @param {number} width px @param {number} x */
export function toT(v, width, x) {
  return v.from + (x / width) * (v.to - v.from);
}

/**
 * Moves a view into its limits, shortening it where it is longer than they are.
 * @param {View} v @param {View} limits @returns {View}
 */
export function clampView(v, limits) {
  const length = Math.min(v.to - v.from, limits.to - limits.from);
  const from = Math.min(Math.max(v.from, limits.from), limits.to - length);
  return { from, to: from + length };
}

/**
 * Zooms by a factor (above 1: closer) so that the moment under the finger stays there.
 * @param {View} v @param {number} factor @param {number} anchor @param {View} limits @returns {View}
 */
export function zoom(v, factor, anchor, limits) {
  const whole = v.to - v.from;
  const length = Math.min(Math.max(whole / factor, CLOSEST), WIDEST, limits.to - limits.from);
  const part = (anchor - v.from) / whole;
  const from = anchor - part * length;
  return clampView({ from, to: from + length }, limits);
}

/**
 * The view that two fingers ask for: the moments a and b, at the pixels xa and xb.
 * @param {{t: number, x: number}} a @param {{t: number, x: number}} b @param {number} width @param {View} limits
 * @returns {View}
 */
export function pinch(a, b, width, limits) {
  const apart = Math.abs(b.x - a.x) < 8 ? 8 * Math.sign(b.x - a.x || 1) : b.x - a.x;
  const perPixel = Math.abs((b.t - a.t) / apart);
  const length = Math.min(Math.max(perPixel * width, CLOSEST), WIDEST, limits.to - limits.from);
  const from = (a.t + b.t) / 2 - ((a.x + b.x) / 2 / width) * length;
  return clampView({ from, to: from + length }, limits);
}

/**
 * Where ticks stand in a view. Labelled ticks are at least `room` pixels apart and stand at round times of the wall
 * clock, also on days on which it is changed.
 * @param {View} v @param {number} width @param {Zone} zone @param {number} [room]
 * @returns {{t: number, label: string}[]} label is "" for small ticks
 */
export function ticks(v, width, zone, room = 64) {
  const perPixel = (v.to - v.from) / width;
  const wide = (/** @type {number} */ step) => (step < SECOND ? 1.6 : step < MINUTE ? 1.35 : 1) * room;
  const [step, parts] = STEPS.find(([s]) => s / perPixel >= wide(s)) ?? STEPS[STEPS.length - 1];
  const small = step / parts;
  const fixed = zone.offset(v.from - 3 * HOUR) === zone.offset(v.to + 3 * HOUR); // no change of clocks is near
  if (step >= DAY) return dayTicks(v, zone, step, fixed);
  const unit = fixed ? small : Math.min(small, HOUR);
  const dated = v.to - v.from > DATED;
  const shift = zone.offset(v.from);
  const out = [];
  const begin = v.from - ((v.from + shift) % unit);
  for (let t = begin; t <= v.to; t += unit) {
    if (t < v.from) continue;
    const local = t + (fixed ? shift : zone.offset(t));
    const sinceMidnight = local % DAY;
    if (sinceMidnight % small !== 0) continue;
    const named = sinceMidnight % step === 0;
    out.push({ t, label: named ? timeLabel({ t, local, step, dated, zone: fixed ? null : zone }) : "" });
  }
  return out;
}

/**
 * @param {{t: number, local: number, step: number, dated: boolean, zone: Zone | null}} tick local: the wall clock, as if it were
 * UTC; the zone, where the hour may be one that is repeated
 */
function timeLabel({ t, local, step, dated, zone }) {
  if (dated && local % DAY === 0) return dateLabel(local);
  const d = new Date(local);
  const text = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
  const seconds = step < MINUTE ? `:${two(d.getUTCSeconds())}` : "";
  const tenth = step < SECOND ? `.${Math.floor(d.getUTCMilliseconds() / 100)}` : "";
  const name = zone?.repeated(t) ? ` ${zone.abbreviation(t)}` : "";
  return text + seconds + tenth + name;
}

/** @param {number} local @returns {string} such as "22 Nov" */
function dateLabel(local) {
  const d = new Date(local);
  return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`;
}

/**
 * Ticks at the beginnings of days; every so many have a label, and of those of weeks the Mondays.
 * @param {View} v @param {Zone} zone @param {number} step @param {boolean} fixed whether no clocks are changed
 */
function dayTicks(v, zone, step, fixed) {
  const shift = zone.offset(v.from);
  const every = step / DAY;
  const out = [];
  for (let i = Math.floor((v.from + shift) / DAY); ; i++) {
    const t = fixed ? i * DAY - shift : zone.dayStart(new Date(i * DAY).toISOString().slice(0, 10));
    if (t > v.to) return out;
    const named = every % 7 === 0 ? (i + 3) % every === 0 : i % every === 0; // day 4 of the epoch was a Monday
    if (t >= v.from) out.push({ t, label: named ? dateLabel(i * DAY) : "" });
  }
}

/**
 * What a view shows, in words: a day, or the days from and to, or a month.
 * @param {View} v @param {Zone} zone
 */
export function viewWords(v, zone) {
  if (v.to - v.from <= DATED) return zone.date((v.from + v.to) / 2);
  const local = (/** @type {number} */ t) => t + zone.offset(t);
  const first = dateLabel(local(v.from));
  const last = dateLabel(local(v.to - 1));
  return `${first} – ${last} ${new Date(local(v.to - 1)).getUTCFullYear()}`;
}

/**
 * The month around a moment, as far as it lies within the limits.
 * @param {number} t @param {View} limits @returns {View}
 */
export function monthAround(t, limits) {
  return clampView({ from: t - WIDEST / 2, to: t + WIDEST / 2 }, limits);
}

/**
 * Where the labels of ticks stand: centred on their ticks; at the edges moved inwards, unless there is no room beside the
 * next one, which then stands alone.
 * @template {{x: number, wide: number}} L
 * @param {L[]} labels with the place of their tick and their width, px @param {number} width @param {number} [apart]
 * @returns {(L & {left: number})[]}
 */
export function placeLabels(labels, width, apart = 10) {
  const centred = (/** @type {L} */ l) => l.x - l.wide / 2;
  const inside = (/** @type {L} */ l) => centred(l) >= 0 && centred(l) + l.wide <= width;
  /** @type {(L & {left: number})[]} */
  const placed = [];
  for (const l of [...labels.filter(inside), ...labels.filter((x) => !inside(x))]) {
    const left = Math.max(0, Math.min(centred(l), width - l.wide));
    if (placed.every((p) => left + l.wide + apart <= p.left || p.left + p.wide + apart <= left)) placed.push({ ...l, left });
  }
  return placed;
}

/**
 * What of a day to show at first: all of it; or, while there is little footage and all of it is recent, as on the day on
 * which a recorder is set up, that little, large enough to be touched.
 * @param {View} day @param {{from: number, to: number}[]} spans @param {number} now @returns {View}
 */
export function firstView(day, spans, now) {
  const first = spans.find((s) => s.to > day.from);
  if (!first || now < day.from || now >= day.to || first.from <= day.from || now - first.from > 2 * HOUR) return { ...day };
  const length = Math.max(10 * MINUTE, (now - first.from) * 1.5);
  return clampView({ from: now - length * 0.85, to: now + length * 0.15 }, day);
}

/**
 * The span to offer for saving around a moment: half a minute before to half a minute after, within what is there.
 * @param {number} t @param {number} latest @returns {{from: number, to: number}}
 */
export function spanAround(t, latest) {
  const to = Math.min(t + 30 * SECOND, Math.max(latest, t));
  const end = Math.ceil(to / SECOND) * SECOND;
  return { from: end - MINUTE, to: end };
}
