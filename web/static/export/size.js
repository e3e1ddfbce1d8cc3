// The size of a file to be saved, as text, and whether the device has space for it.

/** @param {number} bytes @returns {string} as the server writes sizes: "999 B", "1.5 MB", "12 GB" */
export function sizeText(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = "kMGTPE";
  let value = bytes / 1000;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${value.toFixed(value < 9.95 ? 1 : 0)} ${units[unit]}B`;
}

/**
 * @param {number} bytes of a file that is about to be saved
 * @returns {Promise<string>} a warning if the browser says that it has less room; "" else, and where it says nothing, as on plain HTTP
 */
export async function roomWarning(bytes) {
  const told = await navigator.storage?.estimate?.().catch(() => null);
  if (!told?.quota) return "";
  const room = told.quota - (told.usage ?? 0);
  return bytes > room ? `This device may not have enough space: the browser reports ${sizeText(Math.max(0, room))} free.` : "";
}
