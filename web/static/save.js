// Saving a clip: the in and out marks, their inputs, how long and how large the file will be, and the download.

import { inputValue, lengthText, parseInput } from "./zone.js";
import { spanAround } from "./ruler.js";
import { byId } from "./app.js";

/** @typedef {import("./zone.js").Zone} Zone */

/** @param {number} bytes @returns {string} */
export function sizeText(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

export class Save {
  /**
   * @param {Zone} zone
   * @param {() => {at: number, now: number}} moment what is shown, and the present
   * @param {() => void} onmarks called when the marks have changed
   */
  constructor(zone, moment, onmarks) {
    this.zone = zone;
    this.moment = moment;
    this.onmarks = onmarks;
    /** @type {number | null} */
    this.from = null;
    /** @type {number | null} */
    this.to = null;
    this.timer = 0;
    this.panel = /** @type {HTMLDetailsElement} */ (byId("save"));
    this.form = /** @type {HTMLFormElement} */ (byId("save-form"));
    this.inputs = { from: this.localInput("from"), to: this.localInput("to") };
    this.panel.addEventListener("toggle", () => this.toggled());
    this.form.addEventListener("submit", (e) => { if (this.wrong()) e.preventDefault(); });
    byId("mark-in").addEventListener("click", () => this.mark("from"));
    byId("mark-out").addEventListener("click", () => this.mark("to"));
  }

  /**
   * Puts a date and time of the site's zone in the place of the input that holds UTC.
   * @param {"from" | "to"} name
   */
  localInput(name) {
    const utc = /** @type {HTMLInputElement} */ (this.form.elements.namedItem(name));
    const local = document.createElement("input");
    local.type = "datetime-local";
    local.step = "1";
    local.id = utc.id;
    utc.removeAttribute("id");
    utc.type = "hidden";
    utc.after(local);
    local.addEventListener("change", () => {
      this[name] = parseInput(this.zone, local.value);
      this.changed();
    });
    return { utc, local };
  }

  toggled() {
    if (this.panel.open && this.from === null) this.around();
    else this.changed();
  }

  /** Offers the minute around what is shown. */
  around() {
    const { at, now } = this.moment();
    const span = spanAround(at, now);
    this.from = span.from;
    this.to = span.to;
    this.changed();
  }

  /** @param {"from" | "to"} edge set to what is shown */
  mark(edge) {
    const at = Math.floor(this.moment().at / 1000) * 1000 + (edge === "to" ? 1000 : 0);
    if (this.from === null || this.to === null) {
      this.from = at - (edge === "to" ? 60_000 : 0);
      this.to = at + (edge === "from" ? 60_000 : 0);
    }
    this[edge] = at;
    if (edge === "from" && this.to <= at) this.to = at + 60_000;
    if (edge === "to" && this.from >= at) this.from = at - 60_000;
    this.panel.open = true;
    this.changed();
  }

  /** The marks, while the panel is open. */
  marks() {
    const shown = this.panel.open && !this.wrong();
    return { markIn: shown ? this.from : null, markOut: shown ? this.to : null };
  }

  wrong() {
    return this.from === null || this.to === null || this.to <= this.from;
  }

  changed() {
    for (const name of /** @type {const} */ (["from", "to"])) {
      const value = this[name];
      if (value === null) continue;
      this.inputs[name].utc.value = new Date(value).toISOString();
      const text = inputValue(this.zone, value);
      if (this.inputs[name].local.value !== text) this.inputs[name].local.value = text;
    }
    /** @type {HTMLButtonElement} */ (byId("save-button")).disabled = this.wrong();
    this.say(this.wrong() ? "The end has to lie after the beginning." : lengthText(Number(this.to) - Number(this.from)));
    this.onmarks();
    clearTimeout(this.timer);
    if (this.panel.open && !this.wrong()) this.timer = window.setTimeout(() => this.measure(), 350);
  }

  /** @param {string} words */
  say(words) {
    byId("save-facts").replaceChildren(words);
  }

  /** Asks the server how large the file will be; it knows without reading the footage. */
  async measure() {
    const [from, to] = [this.from, this.to];
    const url = this.url(Number(from), Number(to));
    const length = lengthText(Number(to) - Number(from));
    try {
      const answer = await fetch(url, { method: "HEAD", cache: "no-store" });
      if (this.from !== from || this.to !== to) return;
      const size = Number(answer.headers.get("Content-Length"));
      if (answer.ok) this.say(size > 0 ? `${length} · ${sizeText(size)}` : length);
      else await this.explain(url, length);
    } catch {
      this.say(length);
    }
  }

  /** @param {number} from @param {number} to */
  url(from, to) {
    const query = new URLSearchParams({
      from: new Date(from).toISOString(), to: new Date(to).toISOString(), stream: "main", download: "1",
    });
    return `${this.form.action}?${query}`;
  }

  /**
   * Says why there is no such file; where the camera's format changed on the way, offers the files on both sides.
   * @param {string} url @param {string} length
   */
  async explain(url, length) {
    const answer = await fetch(url, { cache: "no-store", headers: { Range: "bytes=0-0" } });
    if (!(answer.headers.get("Content-Type") ?? "").includes("json")) return;
    const problem = await answer.json();
    /** @type {(string | Node)[]} */
    const words = [`${length} · ${problem.detail ?? problem.title ?? "not to be had"}`];
    (problem.parts ?? []).forEach((/** @type {{from: string, to: string}} */ part, /** @type {number} */ i) => {
      const link = document.createElement("a");
      link.href = this.url(Date.parse(part.from), Date.parse(part.to));
      link.textContent = `part ${i + 1}`;
      words.push(" ", link);
    });
    byId("save-facts").replaceChildren(...words);
  }
}
