// Exports a clip: start and end marks, their inputs, length and size of the file, and the download. The browser downloads by
// itself: it shows progress, can cancel, goes on when the page is closed, and needs no memory for the whole file.

import { inputValue, lengthText, parseInput } from "../time/zone.js";
import { spanAround } from "../timeline/ruler.js";
import { byId } from "../shell/dom.js";
import { toast } from "../shell/messages.js";
import { roomWarning, sizeText } from "./size.js";
import { mark, noMarks, spanned, wrongMarks } from "./marks.js";

/** @typedef {import("../time/zone.js").Zone} Zone */

/** @param {string} text @param {() => void} act */
function plainButton(text, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain";
  button.textContent = text;
  button.addEventListener("click", act);
  return button;
}

export class ClipExport {
  /**
   * @param {Zone} zone
   * @param {() => {at: number, now: number}} moment what is shown, and the present
   * @param {() => void} onmarks called when the marks have changed
   */
  constructor(zone, moment, onmarks) {
    this.zone = zone;
    this.moment = moment;
    this.onmarks = onmarks;
    this.set = noMarks();
    this.timer = 0;
    this.asked = ""; // what was measured last
    this.panel = /** @type {HTMLDetailsElement} */ (byId("save"));
    this.form = /** @type {HTMLFormElement} */ (byId("save-form"));
    this.button = /** @type {HTMLButtonElement} */ (byId("save-button"));
    this.sidecar = /** @type {HTMLButtonElement} */ (byId("sidecar-button"));
    this.inputs = { from: this.localInput("from"), to: this.localInput("to") };
    this.panel.addEventListener("toggle", () => this.toggled());
    this.form.addEventListener("submit", (e) => this.submitted(e));
    byId("mark-in").addEventListener("click", () => this.mark("from"));
    byId("mark-out").addEventListener("click", () => this.mark("to"));
    for (const box of this.others()) box.addEventListener("change", () => this.changed());
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
      this.set = { ...this.set, [name]: parseInput(this.zone, local.value), set: { ...this.set.set, [name]: true } };
      this.changed();
    });
    return { utc, local };
  }

  /** The boxes by which other cameras are saved too. */
  others() {
    return /** @type {NodeListOf<HTMLInputElement>} */ (this.form.querySelectorAll("input[type=checkbox][name=camera]"));
  }

  toggled() {
    if (this.panel.open && this.set.from === null) this.around();
    else this.changed();
  }

  /** Offers the minute around what is shown. */
  around() {
    const { at, now } = this.moment();
    this.set = { ...noMarks(), ...spanAround(at, now) };
    this.changed();
  }

  /** @param {"from" | "to"} edge set to what is shown */
  mark(edge) {
    const { marks, swapped } = mark(this.set, edge, this.moment().at);
    this.set = marks;
    if (swapped) toast("Start and end were swapped.");
    this.panel.open = true;
    this.changed();
  }

  swap() {
    this.set = { ...this.set, from: this.set.to, to: this.set.from };
    this.changed();
  }

  /** The marks, while the panel is open. */
  marks() {
    const shown = this.panel.open && spanned(this.set);
    return { markIn: shown ? this.set.from : null, markOut: shown ? this.set.to : null };
  }

  length() {
    return lengthText(Number(this.set.to) - Number(this.set.from));
  }

  changed() {
    for (const name of /** @type {const} */ (["from", "to"])) {
      const value = this.set[name];
      if (value === null) continue;
      this.inputs[name].utc.value = new Date(value).toISOString();
      const text = inputValue(this.zone, value);
      if (this.inputs[name].local.value !== text) this.inputs[name].local.value = text;
    }
    const others = [...this.others()].filter((box) => box.checked).length;
    this.button.textContent = others ? `Download ${others + 1} cameras (zip)` : "Download";
    this.sidecar.hidden = others > 0; // they are in the zip
    const wrong = wrongMarks(this.set);
    this.allow(!wrong);
    if (!wrong) this.say(this.length());
    else if (spanned({ ...this.set, from: this.set.to, to: this.set.from })) this.say(wrong, " ", plainButton("Swap", () => this.swap()));
    else this.say(wrong);
    this.onmarks();
    clearTimeout(this.timer);
    this.asked = "";
    if (this.panel.open && !wrong) this.timer = window.setTimeout(() => this.measure(), 350);
  }

  /** @param {boolean} may whether there is something to save */
  allow(may) {
    this.button.disabled = !may;
    this.sidecar.disabled = !may;
  }

  /** @param {(string | Node)[]} words */
  say(...words) {
    byId("save-facts").replaceChildren(...words);
  }

  /** Where the file is: of this camera, or of all that are ticked. */
  url(from = Number(this.set.from), to = Number(this.set.to)) {
    const query = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString(), stream: "main" });
    const others = [...this.others()].filter((box) => box.checked).map((box) => box.value);
    if (others.length === 0) return `${this.form.action}?${query}&download=1`;
    for (const camera of [byId("camera").dataset.camera ?? "", ...others]) query.append("camera", camera);
    return `${byId("zip-button").getAttribute("formaction")}?${query}`;
  }

  /** Asks the server how large the file will be; it knows without reading the footage. */
  async measure() {
    const url = this.url();
    this.asked = url;
    try {
      const answer = await fetch(url, { method: "HEAD", cache: "no-store" });
      if (this.asked !== url) return;
      if (!answer.ok) {
        this.allow(false);
        await this.explain(url);
        return;
      }
      const size = Number(answer.headers.get("Content-Length"));
      const warning = size > 0 ? await roomWarning(size) : "";
      if (this.asked === url) this.say([this.length(), size > 0 ? sizeText(size) : "", warning].filter(Boolean).join(" · "));
    } catch {
      // No network: how long it is stands there already, and the download will say.
    }
  }

  /**
   * The browser follows the form, unless it is to be the zip: that has an address of its own.
   * @param {SubmitEvent} event
   */
  submitted(event) {
    const saves = event.submitter === this.button || event.submitter === null;
    if (wrongMarks(this.set)) event.preventDefault();
    else if (saves && [...this.others()].some((box) => box.checked)) {
      event.preventDefault();
      location.assign(this.url());
    }
  }

  /**
   * Says why there is no such file; where the camera's format changed on the way, offers the files on both sides.
   * @param {string} url
   */
  async explain(url) {
    const stop = new AbortController();
    const answer = await fetch(url, { cache: "no-store", headers: { Range: "bytes=0-0" }, signal: stop.signal });
    if (!(answer.headers.get("Content-Type") ?? "").includes("json")) {
      stop.abort(); // it is there now
      return;
    }
    const problem = await answer.json();
    if (this.asked !== url) return;
    /** @type {(string | Node)[]} */
    const words = [`${this.length()} · ${problem.detail ?? problem.title ?? "not available"}`];
    (problem.parts ?? []).forEach((/** @type {{from: string, to: string}} */ part, /** @type {number} */ i) => {
      const link = document.createElement("a");
      link.href = this.url(Date.parse(part.from), Date.parse(part.to));
      link.textContent = `Part ${i + 1}`;
      words.push(" ", link);
    });
    this.say(...words);
  }
}
