// Days and months of the calendar. Pure. Days are texts like "2026-11-22", months like "2026-11".

import { lengthText, shiftDay } from "./zone.js";

/** @typedef {{day: string, recorded_seconds: number, missing_seconds: number}} Recorded */

/**
 * The days of a month in weeks, Monday first; "" before the first and after the last.
 * @param {string} month such as "2026-11" @returns {string[][]}
 */
export function weeksOf(month) {
  const first = Date.parse(month + "-01T00:00:00Z");
  const lead = (new Date(first).getUTCDay() + 6) % 7;
  const days = Array(lead).fill("");
  for (let day = month + "-01"; day.startsWith(month); day = shiftDay(day, 1)) days.push(day);
  while (days.length % 7 !== 0) days.push("");
  return Array.from({ length: days.length / 7 }, (_, i) => days.slice(7 * i, 7 * i + 7));
}

/** @param {string} month @param {number} by @returns {string} */
export function shiftMonth(month, by) {
  const [year, m] = month.split("-").map(Number);
  return new Date(Date.UTC(year, m - 1 + by, 1)).toISOString().slice(0, 7);
}

/**
 * What to say of a day, beside its date.
 * @param {Recorded | undefined} r @param {boolean} known whether anything is known of that month
 */
export function dayWords(r, known) {
  if (!known) return "";
  if (!r || r.recorded_seconds <= 0) return "nothing recorded";
  const recorded = `${lengthText(r.recorded_seconds * 1000)} recorded`;
  return r.missing_seconds >= 2 ? `${recorded}, ${lengthText(r.missing_seconds * 1000)} missing` : recorded;
}

/**
 * Where a key leads in the calendar; "" if nowhere.
 * @param {string} key @param {string} day
 */
export function dayByKey(key, day) {
  const weekday = (new Date(day + "T00:00:00Z").getUTCDay() + 6) % 7;
  const month = day.slice(0, 7);
  /** @param {number} by @returns {string} the same day of another month, or its last */
  const inMonth = (by) => {
    const other = shiftMonth(month, by);
    const last = shiftDay(shiftMonth(other, 1) + "-01", -1);
    const same = other + day.slice(7);
    return same > last ? last : same;
  };
  /** @type {Record<string, () => string>} */
  const ways = {
    ArrowLeft: () => shiftDay(day, -1), ArrowRight: () => shiftDay(day, 1), ArrowUp: () => shiftDay(day, -7),
    ArrowDown: () => shiftDay(day, 7), Home: () => shiftDay(day, -weekday), End: () => shiftDay(day, 6 - weekday),
    PageUp: () => inMonth(-1), PageDown: () => inMonth(1),
  };
  return ways[key]?.() ?? "";
}
