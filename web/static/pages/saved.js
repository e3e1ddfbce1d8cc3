// The page of saved clips: how large the zip of the selected ones will be. Without scripts the same form downloads it.

import { byId } from "../shell/dom.js";
import { roomWarning, sizeText } from "../export/size.js";

/** How long a selection rests before its size is asked for, ms. */
const REST = 350;

class ZipForm {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
    this.button = /** @type {HTMLButtonElement} */ (byId("zip-button"));
    this.timer = 0;
    this.asked = ""; // the address whose size was asked for last
    form.addEventListener("change", () => this.changed());
    this.changed(); // a browser that comes back to the page keeps what was selected
  }

  selected() {
    return /** @type {HTMLInputElement[]} */ ([...this.form.querySelectorAll("input[name=kept]")]).filter((box) => box.checked);
  }

  /** @param {string} words */
  say(words) {
    byId("zip-facts").textContent = words;
  }

  changed() {
    const n = this.selected().length;
    this.button.disabled = n === 0;
    this.asked = "";
    clearTimeout(this.timer);
    this.say(n === 0 ? "Select clips to download them together." : n === 1 ? "One clip" : `${n} clips`);
    if (n > 0) this.timer = window.setTimeout(() => this.measure(n), REST);
  }

  /** @param {number} n how many are selected */
  async measure(n) {
    const url = `${this.form.action}?${new URLSearchParams(this.selected().map((box) => ["kept", box.value]))}`;
    this.asked = url;
    try {
      const answer = await fetch(url, { method: "HEAD", cache: "no-store" });
      const size = Number(answer.headers.get("Content-Length"));
      const warning = answer.ok ? await roomWarning(size) : "";
      if (this.asked !== url) return;
      const clips = n === 1 ? "One clip" : `${n} clips`;
      if (answer.ok) this.say([clips, sizeText(size), warning].filter(Boolean).join(" · "));
      else this.say(answer.status === 400 ? "Too much for one zip: select at most 32 clips and 24 hours." : "No footage is left of these clips.");
      this.button.disabled = !answer.ok;
    } catch {
      // No network: the download will say.
    }
  }
}

const form = document.getElementById("zip-form");
if (form instanceof HTMLFormElement) new ZipForm(form);
