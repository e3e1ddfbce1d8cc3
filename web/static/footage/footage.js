// What was recorded of a camera, what was not, and why. Pure. Times are milliseconds since the epoch.

import { lengthText } from "../time/zone.js";

/**
 * @typedef {{from: number, to: number}} Span half-open
 * @typedef {{from: number, to: number, reason: string}} Gap
 * @typedef {{from: number, to: number, seconds: number}} Shift a span that is filed later than it happened
 * @typedef {{spans: {from: string, to: string, shift_seconds?: number}[], gaps: {from: string, to: string, reason: string}[]}} TimelineAnswer
 */

/** The server's reason for time that has not come: no gap, for it may yet be recorded. */
const NOT_YET = "not yet";

/** Shorter gaps are skipped silently. */
const SILENT = 1500;

/** Times of requests and answers are rounded: spans that are closer touch. */
const ROUNDED = 2;

/** Footage and gaps of one camera, each in order of time. */
export class Footage {
  /** @param {Span[]} spans @param {Gap[]} gaps @param {Shift[]} [shifts] */
  constructor(spans, gaps, shifts = []) {
    this.spans = spans;
    this.gaps = gaps;
    this.shifts = shifts;
  }

  /** @param {TimelineAnswer} answer of the server */
  static parse(answer) {
    const spans = (answer.spans ?? []).map((s) => ({ from: Date.parse(s.from), to: Date.parse(s.to) }));
    const past = (answer.gaps ?? []).filter((g) => g.reason !== NOT_YET);
    const gaps = past.map((g) => ({ from: Date.parse(g.from), to: Date.parse(g.to), reason: g.reason }));
    const shifts = (answer.spans ?? []).flatMap((s, i) => (s.shift_seconds ? [{ ...spans[i], seconds: s.shift_seconds }] : []));
    return new Footage(join(spans), gaps, shifts);
  }

  /** @param {number} t @returns {Span | null} */
  spanAt(t) {
    return this.spans.find((s) => s.from <= t && t < s.to) ?? null;
  }

  /** @param {number} t @returns {Gap | null} */
  gapAt(t) {
    return this.gaps.find((g) => g.from <= t && t < g.to) ?? null;
  }

  /** @param {number} t @returns {string} what is to be known of the clock then, or "" */
  clockNote(t) {
    const shift = this.shifts.find((s) => s.from <= t && t < s.to);
    if (!shift) return "";
    return `the recorder's clock was set back: this happened ${lengthText(shift.seconds * 1000)} earlier than shown here`;
  }

  /** @param {number} t @returns {number | null} t if it was recorded, else where footage next begins */
  next(t) {
    const span = this.spans.find((s) => t < s.to);
    return span ? Math.max(t, span.from) : null;
  }

  /**
   * The last footage before t, no longer than up to t. It ends where that was recorded: a span may hold short gaps.
   * @param {number} t @returns {Span | null}
   */
  before(t) {
    const span = this.spans.findLast((s) => s.from < t);
    if (!span) return null;
    let to = Math.min(span.to, t);
    const gapBefore = () => this.gaps.findLast((g) => g.from < to && g.to > to - ROUNDED && g.from > span.from);
    for (let gap = gapBefore(); gap; gap = gapBefore()) to = gap.from;
    return { from: span.from, to };
  }

  /**
   * The same with what lies in a span exchanged for what a newer answer says of it.
   * @param {Span} within @param {Footage} part @returns {Footage}
   */
  patched(within, part) {
    const put = (/** @type {any[]} */ old, /** @type {any[]} */ fresh) =>
      [...outside(old, within), ...fresh].sort((a, b) => a.from - b.from);
    return new Footage(join(put(this.spans, part.spans)), joinGaps(put(this.gaps, part.gaps)), put(this.shifts, part.shifts));
  }

  /** @param {Span} within @returns {Footage} what lies in a span, cut at its edges */
  slice(within) {
    const cut = (/** @type {any[]} */ all) => all.filter((x) => x.from < within.to && x.to > within.from)
      .map((x) => ({ ...x, from: Math.max(x.from, within.from), to: Math.min(x.to, within.to) }));
    return new Footage(cut(this.spans), cut(this.gaps), cut(this.shifts));
  }

  /**
   * What to show of a moment without footage: the nearest that there is.
   * @param {number} t @returns {{before: number | null, after: number | null, nearest: 1 | -1 | 0}}
   */
  around(t) {
    const before = this.before(t)?.to ?? null;
    const after = this.next(t);
    if (before === null || after === null) return { before, after, nearest: after !== null ? 1 : before !== null ? -1 : 0 };
    return { before, after, nearest: after - t <= t - before ? 1 : -1 };
  }

  /** @returns {number | null} where footage ends */
  end() {
    return this.spans.length > 0 ? this.spans[this.spans.length - 1].to : null;
  }

  /**
   * The edges of footage, for going from one to the next.
   * @param {number} t @param {1 | -1} direction @returns {number | null}
   */
  edge(t, direction) {
    const starts = this.spans.map((s) => s.from);
    if (direction > 0) return starts.find((s) => s > t + 1000) ?? null;
    return starts.reverse().find((s) => s < t - 2000) ?? null;
  }

  /**
   * The gap that lies between two moments of playback, with the reasons on the way; null if it is too short to speak of.
   * @param {number} from @param {number} to @returns {Gap | null}
   */
  between(from, to) {
    const met = this.gaps.filter((g) => g.from < to - 100 && g.to > from + 100);
    if (met.length === 0) return to - from < SILENT ? null : { from, to, reason: "" };
    const gap = { from: met[0].from, to: met[met.length - 1].to, reason: reasons(met) };
    return gap.to - gap.from < SILENT ? null : gap;
  }
}

/**
 * @template {Span} S
 * @param {S[]} all @param {Span} within @returns {S[]} what lies outside, cut at the edges
 */
function outside(all, within) {
  const left = all.filter((x) => x.from < within.from).map((x) => ({ ...x, to: Math.min(x.to, within.from) }));
  const right = all.filter((x) => x.to > within.to).map((x) => ({ ...x, from: Math.max(x.from, within.to) }));
  return [...left, ...right];
}

/** @param {Gap[]} gaps @returns {Gap[]} with those made one that were cut by where an answer ended */
function joinGaps(gaps) {
  /** @type {Gap[]} */
  const out = [];
  for (const g of gaps) {
    const last = out[out.length - 1];
    if (last && g.from - last.to < ROUNDED && last.reason === g.reason) last.to = Math.max(last.to, g.to);
    else out.push({ ...g });
  }
  return out;
}

/** @param {Gap[]} gaps */
function reasons(gaps) {
  return [...new Set(gaps.map((g) => g.reason).filter(Boolean))].join(", then ");
}

/** @param {Span[]} spans @returns {Span[]} with those that touch made one */
function join(spans) {
  /** @type {Span[]} */
  const out = [];
  for (const s of spans) {
    const last = out[out.length - 1];
    if (last && s.from - last.to < 250) last.to = Math.max(last.to, s.to);
    else out.push({ ...s });
  }
  return out;
}

/**
 * The chip shown when playback passes a gap: "no recording 02:14–02:31: camera unreachable".
 * @param {Gap} gap @param {(ms: number) => string} clock
 */
export function gapText(gap, clock) {
  const text = `no recording ${clock(gap.from)}–${clock(gap.to)}`;
  return gap.reason ? `${text}: ${gap.reason}` : text;
}
