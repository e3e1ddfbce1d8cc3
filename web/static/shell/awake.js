// Keeps the screen of a device on while it shows video.

/**
 * Keeps the screen on while pictures are watched, where the browser can.
 * @param {() => boolean} watching
 */
export function keepAwake(watching) {
  if (!("wakeLock" in navigator)) return;
  /** @type {WakeLockSentinel | null} */
  let lock = null;
  setInterval(async () => {
    const want = !document.hidden && watching();
    if (want && (!lock || lock.released)) lock = await navigator.wakeLock.request("screen").catch(() => null);
    if (!want && lock && !lock.released) await lock.release();
  }, 5000);
}
