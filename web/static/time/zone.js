// Instants and the clock on the wall of one time zone. Pure: nothing here reads the present time.
//
// Instants are milliseconds since the Unix epoch. Days are texts like "2026-11-22". A day runs from its first instant to
// the first instant of the next, so that a day with a change of clocks has 23 or 25 hours.

/**
 * What a clock on the wall shows.
 * @typedef {{year: number, month: number, day: number, hour: number, minute: number, second: number}} Wall
 */

const HOUR = 3600e3;

/** @param {number} n @param {number} [width] */
const pad = (n, width = 2) => String(n).padStart(width, "0");

/** @param {Wall} w */
const asUTC = (w) => Date.UTC(w.year, w.month - 1, w.day, w.hour, w.minute, w.second);

/** @param {number} ms */
function wallOfUTC(ms) {
  const d = new Date(ms);
  return {
    year: d.getUTCFullYear(), month: d.getUTCMonth() + 1, day: d.getUTCDate(),
    hour: d.getUTCHours(), minute: d.getUTCMinutes(), second: d.getUTCSeconds(),
  };
}

/**
 * Moves a day by whole days: shiftDay("2026-03-01", -1) is "2026-02-28".
 * @param {string} day @param {number} by
 */
export function shiftDay(day, by) {
  return new Date(Date.parse(day + "T00:00:00Z") + by * 24 * HOUR).toISOString().slice(0, 10);
}

/** One time zone, by its IANA name; an empty name is the zone of the browser. */
export class Zone {
  /** @param {string} name */
  constructor(name) {
    const timeZone = name || undefined;
    this.parts = new Intl.DateTimeFormat("en-US", {
      timeZone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric",
      hour: "numeric", minute: "numeric", second: "numeric",
    });
    this.names = new Intl.DateTimeFormat("en-GB", { timeZone, timeZoneName: "short" });
    this.dates = new Intl.DateTimeFormat("en-GB", {
      timeZone, weekday: "short", day: "numeric", month: "short", year: "numeric",
    });
  }

  /**
   * How far the wall clock is ahead of UTC at that instant, in milliseconds.
   * @param {number} ms
   */
  offset(ms) {
    const whole = Math.floor(ms / 1000) * 1000;
    /** @type {Record<string, number>} */
    const v = {};
    for (const p of this.parts.formatToParts(whole)) v[p.type] = Number(p.value);
    return Date.UTC(v.year, v.month - 1, v.day, v.hour, v.minute, v.second) - whole;
  }

  /** @param {number} ms @returns {Wall} */
  wall(ms) {
    return wallOfUTC(ms + this.offset(ms));
  }

  /**
   * The instants at which the clock shows that time: none in the hour that is skipped, two in the hour that is repeated.
   * @param {Wall} w @returns {number[]}
   */
  instants(w) {
    const utc = asUTC(w);
    const offsets = new Set([this.offset(utc - 30 * HOUR), this.offset(utc + 30 * HOUR)]);
    return [...offsets].map((o) => utc - o).filter((t) => this.offset(t) === utc - t).sort((a, b) => a - b);
  }

  /**
   * The first instant at which the clock shows that time; in a skipped hour, the instant at which it would have been
   * shown had the clock not been moved.
   * @param {Wall} w
   */
  instant(w) {
    const found = this.instants(w);
    return found.length > 0 ? found[0] : asUTC(w) - this.offset(asUTC(w) - 30 * HOUR);
  }

  /** @param {number} ms @returns {string} the day that the instant belongs to */
  day(ms) {
    const w = this.wall(ms);
    return `${pad(w.year, 4)}-${pad(w.month)}-${pad(w.day)}`;
  }

  /**
   * The first instant of a day. Found by bisection, because a change of clocks can remove midnight itself.
   * @param {string} day
   */
  dayStart(day) {
    const utc = Date.parse(day + "T00:00:00Z");
    let low = utc - 16 * HOUR;
    let high = utc + 16 * HOUR;
    while (high - low > 1000) {
      const middle = Math.floor((low + high) / 2000) * 1000;
      if (this.day(middle) < day) low = middle;
      else high = middle;
    }
    return high;
  }

  /** @param {string} day @returns {{from: number, to: number}} */
  dayBounds(day) {
    return { from: this.dayStart(day), to: this.dayStart(shiftDay(day, 1)) };
  }

  /** @param {number} ms whether the clock shows the same time again, an hour before or after */
  repeated(ms) {
    return this.instants(this.wall(ms)).length > 1;
  }

  /** @param {number} ms @returns {string} such as "CET" */
  abbreviation(ms) {
    return this.names.formatToParts(ms).find((p) => p.type === "timeZoneName")?.value ?? "";
  }

  /**
   * The time of day, "13:05:20", with the zone's abbreviation where the clock shows it twice that day.
   * @param {number} ms @param {{seconds?: boolean}} [options]
   */
  clock(ms, { seconds = true } = {}) {
    const w = this.wall(ms);
    const text = `${pad(w.hour)}:${pad(w.minute)}` + (seconds ? `:${pad(w.second)}` : "");
    return this.repeated(ms) ? `${text} ${this.abbreviation(ms)}` : text;
  }

  /** @param {number} ms @returns {string} such as "Sun, 22 Nov 2026" */
  date(ms) {
    return this.dates.format(ms);
  }
}

/**
 * A length of time in words: "48 s", "17 min", "2 h 5 min".
 * @param {number} ms
 */
export function lengthText(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 100) return `${s} s`;
  const min = Math.round(s / 60);
  if (min < 100) return min * 60 === s || s >= 600 ? `${min} min` : `${Math.floor(s / 60)} min ${s % 60} s`;
  return min % 60 === 0 ? `${min / 60} h` : `${Math.floor(min / 60)} h ${min % 60} min`;
}

/** @param {string} text @returns {{hour: number, minute: number, second: number} | null} */
function parseClock(text) {
  const m = /^(\d{1,2})(?:[:.h]?(\d{2})(?:[:.m]?(\d{2}))?)?\s*(am|pm)?$/.exec(text);
  if (!m) return null;
  let hour = Number(m[1]);
  if (m[4] && (hour < 1 || hour > 12)) return null;
  if (m[4]) hour = (hour % 12) + (m[4] === "pm" ? 12 : 0);
  const minute = Number(m[2] ?? 0);
  const second = Number(m[3] ?? 0);
  return hour < 24 && minute < 60 && second < 60 ? { hour, minute, second } : null;
}

/** @param {string} text @param {string} today @returns {string | null} */
function parseDay(text, today) {
  if (text === "today") return today;
  if (text === "yesterday") return shiftDay(today, -1);
  const back = /^(\d+) days? ago$/.exec(text);
  if (back) return shiftDay(today, -Number(back[1]));
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : null;
}

/**
 * Reads a moment that a person typed: "14:05", "2pm", "yesterday 9", "2026-11-21 14:05:30", "10 min ago", "now".
 * A time without a day means the day that is shown. Returns null for what it cannot read.
 * @param {string} typed
 * @param {{zone: Zone, day: string, now: number}} context day: the day that is shown
 * @returns {number | null}
 */
export function parseMoment(typed, { zone, day, now }) {
  const text = typed.trim().toLowerCase().replace(/\s+/g, " ").replace(" at ", " ").replace("t", (c, i, s) =>
    /\d/.test(s[i - 1] ?? "") && /\d/.test(s[i + 1] ?? "") ? " " : c);
  if (text === "now") return now;
  const ago = /^(\d+) ?(s|sec|m|min|minutes?|h|hours?) ago$/.exec(text);
  if (ago) return now - Number(ago[1]) * (ago[2][0] === "s" ? 1000 : ago[2][0] === "m" ? 60e3 : HOUR);
  const today = zone.day(now);
  const bare = parseClock(text);
  if (bare) return zone.instant({ ...wallDate(day), ...bare });
  const whole = parseDay(text, today);
  if (whole) return zone.dayStart(whole);
  const cut = text.lastIndexOf(" ", text.search(/ (am|pm)$/) > 0 ? text.length - 4 : text.length);
  const named = cut > 0 ? parseDay(text.slice(0, cut), today) : null;
  const clock = cut > 0 ? parseClock(text.slice(cut + 1)) : null;
  return named && clock ? zone.instant({ ...wallDate(named), ...clock }) : null;
}

/** @param {string} day */
function wallDate(day) {
  const [year, month, date] = day.split("-").map(Number);
  return { year, month, day: date };
}

/**
 * The value of an <input type="datetime-local"> that shows the instant, to the second.
 * @param {Zone} zone @param {number} ms
 */
export function inputValue(zone, ms) {
  const w = zone.wall(ms);
  return `${zone.day(ms)}T${pad(w.hour)}:${pad(w.minute)}:${pad(w.second)}`;
}

/** @param {Zone} zone @param {string} value of an <input type="datetime-local"> @returns {number | null} */
export function parseInput(zone, value) {
  const m = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2}))?/.exec(value);
  if (!m) return null;
  const [year, month, day, hour, minute, second] = m.slice(1).map((x) => Number(x ?? 0));
  return zone.instant({ year, month, day, hour, minute, second });
}

/**
 * A moment in the name of a file, to the millisecond: "2026-11-22_13-05-20.250+0100".
 * @param {Zone} zone @param {number} ms
 */
export function fileTime(zone, ms) {
  const w = zone.wall(ms);
  const minutes = Math.round(zone.offset(ms) / 60e3);
  const ahead = Math.abs(minutes);
  const offset = `${minutes < 0 ? "-" : "+"}${pad(Math.floor(ahead / 60))}${pad(ahead % 60)}`;
  return `${zone.day(ms)}_${pad(w.hour)}-${pad(w.minute)}-${pad(w.second)}.${pad(Math.floor(((ms % 1000) + 1000) % 1000), 3)}${offset}`;
}
