// How much moved in front of a camera, measured by the size of what it sent: movement takes more bytes to code. Pure, except
// for the drawing.

/** @typedef {{from: number, step: number, rates: (number | null)[]}} Activity step in ms; rates in bytes a second, null where nothing was recorded */
/** @typedef {{from: string, step_seconds: number, rates: (number | null)[]}} ActivityAnswer */

/** @param {ActivityAnswer} answer of the server @returns {Activity} */
export function parseActivity(answer) {
  return { from: Date.parse(answer.from), step: answer.step_seconds * 1000, rates: answer.rates ?? [] };
}

/**
 * The distance between values to ask for: about one for three pixels, in whole seconds.
 * @param {{from: number, to: number}} view @param {number} width px
 */
export function activityStep(view, width) {
  return Math.max(1, Math.ceil((view.to - view.from) / 1000 / Math.max(60, width / 3)));
}

/** @param {number[]} sorted @param {number} part */
const quantile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];

/**
 * What is usual in a view, and what is much: the values that seven in ten and one in twenty exceed. One burst moves neither.
 * @param {Activity} a @param {{from: number, to: number}} view @returns {{usual: number, much: number} | null} null if nothing is known
 */
export function levels(a, view) {
  const seen = a.rates.filter((r, i) => {
    const t = a.from + i * a.step;
    return r !== null && t + a.step > view.from && t < view.to;
  });
  const sorted = /** @type {number[]} */ (seen).sort((x, y) => x - y);
  if (sorted.length === 0) return null;
  const usual = quantile(sorted, 0.3);
  return { usual, much: Math.max(quantile(sorted, 0.95), usual * 1.25) };
}

/**
 * How high a value stands, 0 to 1: what is usual low, what is much high.
 * @param {number} rate @param {{usual: number, much: number}} of
 */
export function height(rate, { usual, much }) {
  if (rate <= usual) return usual > 0 ? 0.25 * (rate / usual) : 0;
  return Math.min(1, 0.25 + (0.75 * (rate - usual)) / (much - usual));
}

/**
 * @param {Activity | null} a @param {{from: number, to: number}} view @param {number} t
 * @returns {string} what to say of a moment, or ""
 */
export function activityText(a, view, t) {
  const rate = a ? a.rates[Math.floor((t - a.from) / a.step)] ?? null : null;
  const of = a && rate !== null ? levels(a, view) : null;
  if (rate === null || !of) return "";
  const h = height(rate, of);
  return h > 0.7 ? "lots of movement" : h > 0.4 ? "some movement" : "little movement";
}

/**
 * @param {CanvasRenderingContext2D} g @param {Activity} a
 * @param {{view: {from: number, to: number}, width: number, top: number, height: number, colours: {activity: string, paper: string, text: string, font: string}}} where
 */
export function paintActivity(g, a, { view, width, top, height: tall, colours }) {
  const x = (/** @type {number} */ t) => ((t - view.from) / (view.to - view.from)) * width;
  const of = levels(a, view);
  const foot = top + tall;
  g.fillStyle = colours.activity;
  a.rates.forEach((rate, i) => {
    const t = a.from + i * a.step;
    if (rate === null || !of || t + a.step < view.from || t > view.to) return;
    const left = x(t);
    const h = Math.max(1, height(rate, of) * tall);
    g.globalAlpha = 0.35 + 0.5 * (h / tall);
    g.fillRect(left, foot - h, Math.max(1, x(t + a.step) - left - (a.step > 1000 ? 0.5 : 0)), h);
  });
  g.globalAlpha = 1;
  g.font = colours.font;
  const wide = g.measureText("activity").width;
  g.fillStyle = colours.paper;
  g.globalAlpha = 0.82;
  g.fillRect(0, top, wide + 8, 14);
  g.globalAlpha = 1;
  g.fillStyle = colours.text;
  g.fillText("activity", 2, top + 11);
}
