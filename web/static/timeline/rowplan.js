// The geometry of the timeline of several cameras: which row belongs to which. Pure. All lengths are pixels.

/**
 * @typedef {object} RowPlan
 * @property {number} top where the first row begins, below the ruler
 * @property {number} pitch from one row to the next
 * @property {number} inset from where a row begins to its band
 * @property {number} band height of the band
 * @property {number} count rows
 */

/** @param {RowPlan} plan @returns {number} height of the whole drawing */
export function planHeight(plan) {
  return plan.top + plan.pitch * plan.count;
}

/** @param {RowPlan} plan @param {number} row @returns {{top: number, bottom: number}} where its band lies */
export function bandOf(plan, row) {
  const top = plan.top + plan.pitch * row + plan.inset;
  return { top, bottom: top + plan.band };
}

/** @param {RowPlan} plan @param {number} y @returns {number | null} the row at that height; null on the ruler and below the last */
export function rowAt(plan, y) {
  const row = Math.floor((y - plan.top) / plan.pitch);
  return row >= 0 && row < plan.count ? row : null;
}

/**
 * The part of a span that a view shows, at least a pixel wide so that the shortest gap can be seen.
 * @param {{from: number, to: number}} span @param {(t: number) => number} x @param {number} width @returns {{left: number, wide: number} | null}
 */
export function partOf(span, x, width) {
  const left = Math.max(0, x(span.from));
  const right = Math.min(width, x(span.to));
  if (right < 0 || left > width || x(span.to) < 0) return null;
  return { left, wide: Math.max(1, right - left) };
}

/** How many columns n pictures of 16:9 are shown in. @param {number} n @param {boolean} narrow */
export function columnsFor(n, narrow) {
  if (narrow) return n <= 1 ? 1 : 2;
  return n <= 1 ? 1 : n <= 4 ? 2 : 3;
}
