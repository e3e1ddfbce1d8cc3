// The calendar: a month of days, and how much of each was recorded.

import { byId } from "../shell/dom.js";
import { dayByKey, dayWords, weeksOf } from "./days.js";

/** @typedef {import("./zone.js").Zone} Zone */
/** @typedef {import("./days.js").Recorded} Recorded */

export class Calendar {
  /**
   * @param {string} camera @param {Zone} zone
   * @param {{today: () => string, onpick: (day: string) => void}} hooks
   */
  constructor(camera, zone, hooks) {
    this.camera = camera;
    this.zone = zone;
    this.hooks = hooks;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("calendar"));
    this.grid = byId("calendar-days");
    this.chosen = "";
    this.focused = "";
    /** @type {Map<string, Map<string, Recorded>>} by month */
    this.months = new Map();
    byId("month-previous").addEventListener("click", () => this.turn(-1));
    byId("month-next").addEventListener("click", () => this.turn(1));
    this.grid.addEventListener("keydown", (e) => this.key(e));
    this.grid.addEventListener("click", (e) => this.click(e));
    this.dialog.addEventListener("click", (e) => { if (e.target === this.dialog) this.dialog.close(); });
    addEventListener("resize", () => { if (this.dialog.open) this.dialog.close(); });
  }

  /** @param {string} day that is shown @param {HTMLElement} beside */
  open(day, beside) {
    this.chosen = day;
    this.focused = day;
    this.months.clear(); // what was known may have grown
    this.draw();
    this.dialog.showModal();
    const box = beside.getBoundingClientRect();
    const wide = this.dialog.offsetWidth;
    const tall = this.dialog.offsetHeight;
    const left = Math.min(Math.max(8, box.left), document.documentElement.clientWidth - wide - 8);
    const above = box.top - tall - 8;
    const top = above > 8 ? above : Math.max(8, Math.min(box.bottom + 8, innerHeight - tall - 8));
    this.dialog.style.setProperty("--left", `${left}px`);
    this.dialog.style.setProperty("--top-edge", `${top}px`);
    this.focus();
  }

  /** @param {number} by months */
  turn(by) {
    const to = dayByKey(by < 0 ? "PageUp" : "PageDown", this.focused);
    this.focused = to > this.hooks.today() ? this.hooks.today() : to;
    this.draw();
  }

  focus() {
    /** @type {HTMLElement | null} */ (this.grid.querySelector("[tabindex='0']"))?.focus();
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    const to = dayByKey(e.key, this.focused);
    if (!to) return;
    e.preventDefault();
    this.focused = to > this.hooks.today() ? this.hooks.today() : to;
    this.draw();
    this.focus();
  }

  /** @param {MouseEvent} e */
  click(e) {
    const button = e.target instanceof Element ? e.target.closest("button[data-day]") : null;
    if (!(button instanceof HTMLButtonElement) || button.getAttribute("aria-disabled") === "true") return;
    this.dialog.close();
    this.hooks.onpick(button.dataset.day ?? "");
  }

  draw() {
    const month = this.focused.slice(0, 7);
    const words = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" }).format(Date.parse(month + "-01"));
    byId("month-words").textContent = words;
    byId("month-next").toggleAttribute("disabled", month >= this.hooks.today().slice(0, 7));
    const known = this.months.get(month);
    this.grid.replaceChildren(...weeksOf(month).map((week) => {
      const row = document.createElement("tr");
      row.append(...week.map((day) => this.cell(day, known)));
      return row;
    }));
    if (!known) this.load(month);
  }

  /** @param {string} day @param {Map<string, Recorded> | undefined} known */
  cell(day, known) {
    const cell = document.createElement("td");
    if (!day) return cell;
    const button = document.createElement("button");
    const r = known?.get(day);
    const words = dayWords(r, known !== undefined);
    button.type = "button";
    button.dataset.day = day;
    button.tabIndex = day === this.focused ? 0 : -1;
    button.setAttribute("aria-label", [this.zone.date(this.zone.dayStart(day) + 12 * 3600e3), words].filter(Boolean).join(": "));
    button.title = words;
    if (day === this.chosen) button.setAttribute("aria-current", "date");
    if (day > this.hooks.today()) button.setAttribute("aria-disabled", "true");
    const bar = document.createElement("i");
    const all = (r?.recorded_seconds ?? 0) + (r?.missing_seconds ?? 0);
    bar.style.setProperty("--part", String(r && all > 0 ? r.recorded_seconds / all : 0));
    if (r && r.recorded_seconds > 0) bar.dataset.some = "";
    button.append(String(Number(day.slice(8))), bar);
    cell.append(button);
    return cell;
  }

  /** @param {string} month */
  async load(month) {
    try {
      const answer = await fetch(`/api/v1/cameras/${this.camera}/days?month=${month}`, { cache: "no-store" });
      if (!answer.ok) return;
      /** @type {{days?: Recorded[]}} */
      const { days } = await answer.json();
      this.months.set(month, new Map((days ?? []).map((d) => [d.day, d])));
      if (this.focused.slice(0, 7) !== month || !this.dialog.open) return;
      const inGrid = this.grid.contains(document.activeElement);
      this.draw();
      if (inGrid) this.focus();
    } catch {
      // No network: the days are there all the same, without what is known of them.
    }
  }
}
