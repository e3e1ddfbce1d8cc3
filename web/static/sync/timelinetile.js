// A tile of the timeline page: one camera at the master's moment, and the text about it.

import { setText } from "../shell/dom.js";
import { Follower } from "./follower.js";
import { absence } from "../footage/combined.js";

/** @typedef {import("./follower.js").Place} Place */

/**
 * @typedef {object} CameraFacts
 * @property {string} name
 * @property {string} label
 * @property {string} href of its page
 * @property {boolean} hasSub
 * @property {boolean} audio whether the viewer may hear it
 */

/**
 * @template {Element} T
 * @param {Element} parent @param {string} selector @returns {T}
 */
function part(parent, selector) {
  return /** @type {T} */ (parent.querySelector(selector));
}

export class TimelineTile {
  /**
   * @param {HTMLTemplateElement} template @param {CameraFacts} facts @param {import("./follower.js").FollowerOptions} options
   * @param {(tile: TimelineTile) => void} onsound its sound was turned on
   */
  constructor(template, facts, options, onsound) {
    this.facts = facts;
    this.element = /** @type {HTMLElement} */ (/** @type {Element} */ (template.content.firstElementChild).cloneNode(true));
    this.element.dataset.camera = facts.name;
    this.follower = new Follower(part(this.element, ".past"), part(this.element, ".key"), options);
    this.gone = false; // not there any more, or not for this viewer
    this.told = "";
    this.link = /** @type {HTMLAnchorElement} */ (part(this.element, ".name"));
    this.link.textContent = facts.label;
    this.sound = /** @type {HTMLButtonElement} */ (part(this.element, ".timeline-sound"));
    this.sound.hidden = !facts.audio;
    this.mute(true);
    this.sound.addEventListener("click", () => {
      this.mute(!this.follower.video.muted);
      if (!this.follower.video.muted) onsound(this);
    });
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.follower.video.muted = muted;
    this.sound.setAttribute("aria-pressed", String(!muted));
    this.sound.setAttribute("aria-label", `${muted ? "Sound on" : "Sound off"}: ${this.facts.label}`);
  }

  /** Why there can be no picture of that moment, whatever is fetched; "" if there may be one. @param {number} at */
  why(at) {
    if (this.gone) return "This camera is not available to you.";
    return this.follower.refused || (absence(this.follower.options.footage(), at)?.reason ?? "");
  }

  /** Whether there is footage of that moment, or may be. @param {number} at */
  wanted(at) {
    return !this.gone && !this.follower.refused && absence(this.follower.options.footage(), at) === null;
  }

  /**
   * @param {Place} place @param {(t: number) => string} clock
   */
  place(place, clock) {
    const layer = this.gone ? "" : this.follower.place(place);
    const { dataset } = this.element;
    if (dataset.show !== layer) dataset.show = layer;
    const words = this.words(place.at, layer, clock);
    dataset.life = words.life;
    setText(part(this.element, ".timeline-words strong"), words.head);
    setText(part(this.element, ".timeline-words span"), words.text);
    setText(part(this.element, ".age"), words.age);
  }

  /**
   * @param {number} at @param {string} layer @param {(t: number) => string} clock
   * @returns {{life: string, head: string, text: string, age: string}}
   */
  words(at, layer, clock) {
    const { follower } = this;
    if (this.gone || follower.refused) return { life: "refused", head: "", text: this.why(at), age: "no picture" };
    const gap = absence(follower.options.footage(), at);
    if (gap) {
      const over = follower.options.footage().next(at) !== null;
      const [from, to] = [clock(gap.from), clock(gap.to)];
      const span = from === to ? `at ${from}` : `${from}–${to}`; // a camera that begins a moment after the others
      const head = over ? `No recording ${span}` : `No recording since ${from}`;
      return { life: "gap", head, text: gap.reason, age: "no recording" };
    }
    if (follower.reader.broken) {
      return { life: "stale", head: "", text: layer ? "" : "no connection to the recorder, reconnecting", age: "no connection" };
    }
    if (layer === "key") return { life: "past", head: "", text: "", age: "key frames" };
    return layer ? { life: "past", head: "", text: "", age: "" } : { life: "waiting", head: "", text: "", age: "loading" };
  }

  /** Points the tile's link at the camera's page at this moment. @param {number} at */
  lead(at) {
    const href = `${this.facts.href}?at=${new Date(at).toISOString().slice(0, 19)}Z`;
    if (this.link.getAttribute("href") !== href) this.link.href = href;
  }

  remove() {
    this.follower.stop();
    this.element.remove();
  }
}
