// The footage of several cameras, combined. Pure. Times are milliseconds since the epoch.

/** @typedef {import("./footage.js").Footage} Footage */
/** @typedef {import("./footage.js").Gap} Gap */

/**
 * The gap that a moment lies in; null if there is footage of it, or may be. A gap that reached to the present when the
 * recorder was asked last is taken to go on until it says otherwise.
 * @param {Footage} f @param {number} t @returns {Gap | null}
 */
export function absence(f, t) {
  if (f.spanAt(t)) return null;
  const gap = f.gapAt(t);
  const last = f.gaps[f.gaps.length - 1];
  if (gap || !last) return gap;
  return t >= last.to && last.to > (f.end() ?? -Infinity) ? last : null;
}

/**
 * Whether there is nothing to see at a moment: no camera has footage of it, nor may have.
 * @param {Footage[]} all @param {number} t
 */
export function dark(all, t) {
  return all.length > 0 && all.every((f) => absence(f, t) !== null);
}

/**
 * Where footage of any of them next begins, t itself where one has footage of it; null if none does.
 * @param {Footage[]} all @param {number} t @returns {number | null}
 */
export function nextOfAny(all, t) {
  const starts = all.map((f) => f.next(t)).filter((s) => s !== null);
  return starts.length > 0 ? Math.min(...starts) : null;
}

/**
 * Where the last footage before a moment ends; null if there is none.
 * @param {Footage[]} all @param {number} t @returns {number | null}
 */
export function lastOfAny(all, t) {
  const ends = all.flatMap((f) => f.spans.filter((s) => s.to <= t).map((s) => s.to));
  return ends.length > 0 ? Math.max(...ends) : null;
}

/**
 * The gap that all of them have at a moment, with every reason; null if one has footage of it.
 * @param {Footage[]} all @param {number} t @param {number} end where it is left at the latest @returns {Gap | null}
 */
export function gapOfAll(all, t, end) {
  if (!dark(all, t)) return null;
  const gaps = all.map((f) => /** @type {Gap} */ (absence(f, t)));
  const reasons = [...new Set(gaps.map((g) => g.reason).filter(Boolean))];
  const from = Math.max(...gaps.map((g) => g.from));
  return { from, to: nextOfAny(all, t) ?? end, reason: reasons.join("; ") };
}

/**
 * The edges of footage of any of them, for going from one to the next.
 * @param {Footage[]} all @param {number} t @param {1 | -1} direction @returns {number | null}
 */
export function edgeOfAny(all, t, direction) {
  const edges = all.map((f) => f.edge(t, direction)).filter((e) => e !== null);
  if (edges.length === 0) return null;
  return direction > 0 ? Math.min(...edges) : Math.max(...edges);
}

/**
 * The first moment from `from` on at which all of them had begun to record, but for those that began after `latest`.
 * @param {Footage[]} all @param {number} from @param {number} latest
 */
export function allBegun(all, from, latest) {
  const begins = all.map((f) => f.spans[0]?.from ?? -Infinity).filter((t) => t < latest);
  return Math.max(from, ...begins);
}

/** @typedef {{to: number, lasts: number}} Step a moment of the picture to go to, and how far it is from the one that is shown, ms */

/**
 * One frame on or back: of the first camera, or of one with a clearly higher frame rate.
 * @param {Step[]} steps @returns {number | null} a moment of that picture; null if nobody knows
 */
export function stepOfAny(steps) {
  if (steps.length === 0) return null;
  return steps.reduce((best, s) => (s.lasts < 0.75 * best.lasts ? s : best)).to;
}

/**
 * The address that shows those cameras at that moment, to the second.
 * @param {string[]} cameras by name @param {number | null} at @returns {string} such as "?cameras=garage,street&at=2026-11-22T13:05:20Z"
 */
export function address(cameras, at) {
  const list = `?cameras=${cameras.map(encodeURIComponent).join(",")}`;
  return at === null ? list : `${list}&at=${new Date(Math.floor(at / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}
