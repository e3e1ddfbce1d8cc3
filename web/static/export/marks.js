// The two marks between which a clip is saved. Pure. Times are milliseconds since the epoch.

/**
 * @typedef {object} Marks
 * @property {number | null} from
 * @property {number | null} to
 * @property {{from: boolean, to: boolean}} set which of them somebody set; the other is an offer
 */

const SECOND = 1000;

/** How far off the other mark is put where nobody has set it, ms. */
const OFFER = 60 * SECOND;

/** @returns {Marks} */
export function noMarks() {
  return { from: null, to: null, set: { from: false, to: false } };
}

/** @param {Marks} marks @returns {boolean} whether there is a span between them */
export function spanned(marks) {
  return marks.from !== null && marks.to !== null && marks.from < marks.to;
}

/**
 * Marks the second that is shown as the first or the last. If that is on the wrong side of the other mark, an offer gives way; but
 * where somebody set the other they are taken for what they must be, the first and the last.
 * @param {Marks} marks @param {"from" | "to"} edge @param {number} moment
 * @returns {{marks: Marks, swapped: boolean}}
 */
export function mark(marks, edge, moment) {
  const first = Math.floor(moment / SECOND) * SECOND;
  const last = first + SECOND;
  const { from, to } = marks;
  const set = { ...marks.set, [edge]: true };
  if (edge === "from") {
    if (to !== null && first < to) return { marks: { from: first, to, set }, swapped: false };
    if (to === null || !marks.set.to) return { marks: { from: first, to: first + OFFER, set }, swapped: false };
    return { marks: { from: to - SECOND, to: last, set }, swapped: true };
  }
  if (from !== null && from < last) return { marks: { from, to: last, set }, swapped: false };
  if (from === null || !marks.set.from) return { marks: { from: last - OFFER, to: last, set }, swapped: false };
  return { marks: { from: first, to: from + SECOND, set }, swapped: true };
}

/**
 * Why the marks span nothing, in a sentence; "" when they do.
 * @param {Marks} marks @returns {string}
 */
export function wrongMarks(marks) {
  if (marks.from === null || marks.to === null) return "Set a start and an end.";
  if (marks.from === marks.to) return "Start and end are the same moment.";
  return marks.from > marks.to ? "The end is before the start." : "";
}
