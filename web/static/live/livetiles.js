// The tiles of the live page. It keeps which there are, which of them can be seen, and the connection that all of them share.

import { announce } from "../shell/messages.js";
import { LiveConnection } from "./connection.js";
import { pageClock } from "./livefeed.js";
import { LiveTile } from "./livetile.js";

export class LiveTiles {
  constructor() {
    this.clock = pageClock();
    this.connection = new LiveConnection(this.clock);
    /** @type {LiveTile[]} in the order of the page */
    this.all = [];
    /** @type {Map<string, number>} a camera's numbers on the connection are its own as long as the page lives */
    this.numbers = new Map();
    this.seen = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const t = this.all.find((x) => x.element === entry.target);
        if (t) t.visible = entry.isIntersecting;
      }
      this.watch();
    }, { rootMargin: "80px" });
  }

  /** Asks for what can be seen, and for nothing else. */
  watch() {
    this.connection.watch(this.all.flatMap((t) => t.wishes()));
  }

  /** Makes tiles of the elements that there are. Those whose camera had one go on playing in their new place. */
  adopt() {
    const before = new Map(this.all.map((t) => [t.camera, t]));
    const elements = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".tile"));
    this.seen.disconnect();
    this.all = [...elements].map((element) => before.get(element.dataset.camera ?? "") ?? this.make(element));
    for (const t of before.values()) if (!this.all.includes(t)) t.close();
    for (const t of this.all) {
      t.visible = inView(t.element);
      this.seen.observe(t.element);
    }
    for (const button of document.querySelectorAll('[data-do="pip"]')) {
      button.toggleAttribute("hidden", !document.pictureInPictureEnabled);
    }
    this.watch();
  }

  /** @param {HTMLElement} element */
  make(element) {
    const camera = element.dataset.camera ?? "";
    const number = this.numbers.get(camera) ?? 2 * this.numbers.size + 1;
    this.numbers.set(camera, number);
    return new LiveTile(element, number, { connection: this.connection, clock: this.clock, onchange: () => this.watch() });
  }

  /** @param {HTMLElement} fresh the same part of the page in another state */
  put(fresh) {
    for (const t of this.all) {
      const element = /** @type {HTMLElement | null} */ (fresh.querySelector(`.tile[data-camera="${t.camera}"]`));
      if (element) t.moveTo(element);
    }
    document.getElementById("live")?.replaceWith(fresh);
    this.adopt();
    this.tick();
    announce(`${this.all.length} ${this.all.length === 1 ? "camera" : "cameras"}`);
  }

  tick() {
    for (const t of this.all) if (t.active) t.tick();
  }

  /** @param {EventTarget | null} target @returns {LiveTile | undefined} */
  at(target) {
    const element = target instanceof Element ? target.closest(".tile") : null;
    return this.all.find((t) => t.element === element);
  }

  /** The tile that a key is meant for. */
  current() {
    return this.all.find((t) => t.full) ?? this.at(document.activeElement) ?? this.at(document.querySelector(".tile:hover")) ??
      this.all.find((t) => t.element.dataset.large !== undefined) ?? this.all[0];
  }

  /** One tile at most is heard. @param {LiveTile | undefined} t */
  toggleSound(t) {
    if (!t?.element.querySelector('[data-do="sound"]')) return;
    const audible = !t.audible;
    for (const other of this.all) if (other !== t && other.audible) other.hear(false);
    t.hear(audible);
    announce(`${t.element.dataset.label}: sound ${audible ? "on" : "off"}`);
  }

  /** @param {LiveTile | null} t whose tools stay on the screen, for fingers */
  showTools(t) {
    for (const other of this.all) {
      const is = other === t;
      other.element.toggleAttribute("data-tools", is);
      other.element.querySelector('[data-do="more"]')?.setAttribute("aria-expanded", String(is));
    }
  }

  /** Does what the button of a tile says. @param {MouseEvent} event */
  clicked(event) {
    const t = this.at(event.target);
    const button = event.target instanceof Element ? event.target.closest("[data-do]") : null;
    const what = button instanceof HTMLElement ? button.dataset.do : "";
    if (!t || !what) {
      this.showTools(null);
      if (t?.full) event.preventDefault(); // a picture that fills the screen is not a link
      return;
    }
    if (what === "more") this.showTools(t.element.hasAttribute("data-tools") ? null : t);
    if (what === "sound") this.toggleSound(t);
    if (what === "snapshot") t.save();
    if (what === "pip") t.pictureInPicture();
    if (what === "full") t.fullScreen();
  }
}

/** @param {HTMLElement} element */
function inView(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return top < window.innerHeight && bottom > 0;
}
