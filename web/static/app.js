// What every page has: the menu of the user, the list of keys, short messages, and what is said to screen readers.

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id @returns {T}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page lacks #${id}`);
  return /** @type {T} */ (found);
}

/** @param {string} words said politely to screen readers, once */
export function announce(words) {
  const region = document.getElementById("announcer");
  if (region) region.textContent = words;
}

let chipTimer = 0;

/**
 * Shows a short message over the page for some seconds.
 * @param {string} words
 */
export function toast(words) {
  const chip = byId("toast");
  chip.textContent = words;
  chip.dataset.shown = "";
  clearTimeout(chipTimer);
  chipTimer = window.setTimeout(() => { delete chip.dataset.shown; }, 4000 + words.length * 40);
}

/** Whether a key press belongs to something that is being typed into. @param {Event} event */
export function typing(event) {
  const t = event.target;
  return t instanceof HTMLElement && (t.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(t.tagName));
}

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

function openHelp() {
  const help = document.getElementById("help");
  if (help instanceof HTMLDialogElement && !help.open) help.showModal();
}

function wireMenu() {
  const menu = document.querySelector("details.menu");
  if (!(menu instanceof HTMLDetailsElement)) return;
  document.addEventListener("click", (event) => {
    if (event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
}

document.addEventListener("keydown", (event) => {
  if (typing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "?") openHelp();
  if (event.key.toLowerCase() === "g") location.assign("/live");
  if (/^[1-9]$/.test(event.key)) {
    const links = document.querySelectorAll("[data-camera-link]");
    const link = links[Number(event.key) - 1];
    if (link instanceof HTMLAnchorElement) link.click();
  }
});
for (const button of document.querySelectorAll("[data-help]")) button.addEventListener("click", openHelp);
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => form.querySelector("button")?.setAttribute("aria-busy", "true"));
}
wireMenu();
document.documentElement.dataset.js = "";
