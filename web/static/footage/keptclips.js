// The kept clips of a camera on its timeline.

/** @typedef {{from: number, to: number, note: string}} Kept */

/** @param {string} camera @returns {Promise<Kept[]>} none if they cannot be had: the day is drawn without them */
export async function keptOf(camera) {
  try {
    const answer = await fetch(`/api/v1/cameras/${camera}/kept`, { cache: "no-store" });
    return answer.ok ? parseKept(await answer.json()) : [];
  } catch {
    return [];
  }
}

/** @param {{kept?: {from: string, to: string, note: string}[]}} answer of the server @returns {Kept[]} */
export function parseKept(answer) {
  return (answer.kept ?? []).map((k) => ({ from: Date.parse(k.from), to: Date.parse(k.to), note: k.note }));
}

/** @param {Kept[]} kept @param {number} t @returns {string} what to say of a moment that is in a kept clip, or "" */
export function keptText(kept, t) {
  const met = kept.filter((k) => k.from <= t && t < k.to);
  if (met.length === 0) return "";
  const notes = met.map((k) => k.note).filter(Boolean).join(", ");
  return notes ? `kept: ${notes}` : "kept";
}
