// How large a file is that is about to be saved, in words, and whether there is room for it.

/** @param {number} bytes @returns {string} */
export function sizeText(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/**
 * @param {number} bytes of a file that is about to be saved
 * @returns {Promise<string>} a warning if the browser says that it has less room; "" else, and where it says nothing, as on plain HTTP
 */
export async function roomWarning(bytes) {
  const told = await navigator.storage?.estimate?.().catch(() => null);
  if (!told?.quota) return "";
  const room = told.quota - (told.usage ?? 0);
  return bytes > room ? `This device may not have room for it: the browser counts on ${sizeText(Math.max(0, room))}.` : "";
}
