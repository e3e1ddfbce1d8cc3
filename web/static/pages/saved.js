// The page of saved clips: how large the zip of those that are ticked will be. Without scripts the same form downloads it.

import { byId } from "../shell/dom.js";
import { roomWarning, sizeText } from "../export/size.js";

const form = /** @type {HTMLFormElement | null} */ (document.getElementById("zip-form"));
let timer = 0;
let asked = "";

/** @param {HTMLFormElement} form */
function ticked(form) {
  return /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll("input[name=kept]")]).filter((box) => box.checked);
}

/** @param {string} words */
function say(words) {
  byId("zip-facts").textContent = words;
}

/** @param {HTMLFormElement} form */
function changed(form) {
  const n = ticked(form).length;
  const button = /** @type {HTMLButtonElement} */ (byId("zip-button"));
  button.disabled = n === 0;
  asked = "";
  clearTimeout(timer);
  say(n === 0 ? "Select clips to download them together." : n === 1 ? "One clip." : `${n} clips.`);
  if (n > 0) timer = window.setTimeout(() => measure(form, n), 350);
}

/** @param {HTMLFormElement} form @param {number} n how many are ticked */
async function measure(form, n) {
  const url = `${form.action}?${new URLSearchParams(ticked(form).map((box) => ["kept", box.value]))}`;
  asked = url;
  try {
    const answer = await fetch(url, { method: "HEAD", cache: "no-store" });
    const size = Number(answer.headers.get("Content-Length"));
    const warning = answer.ok ? await roomWarning(size) : "";
    if (asked !== url) return;
    const clips = n === 1 ? "One clip" : `${n} clips`;
    if (answer.ok) say([clips, sizeText(size), warning].filter(Boolean).join(" · "));
    else say(answer.status === 400 ? "Too much for one zip: select at most 32 clips and 24 hours." : "No footage is left of these clips.");
    /** @type {HTMLButtonElement} */ (byId("zip-button")).disabled = !answer.ok;
  } catch {
    // No network: the download will say.
  }
}

if (form) {
  form.addEventListener("change", () => changed(form));
  changed(form); // a browser that comes back to the page keeps what was ticked
}
