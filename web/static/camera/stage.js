// Shows one of the three videos of the camera page: live, recorded, or a single key frame. The old one stays until the new one
// has a frame, so that there is no black in between.

import { byId } from "../shell/dom.js";

/** @typedef {"live" | "past" | "scrub"} Layer */

export class Stage {
  constructor() {
    this.element = byId("stage");
    /** @type {Record<Layer, HTMLVideoElement>} */
    this.videos = {
      live: byId("video-live"), past: byId("video-past"), scrub: byId("video-scrub"),
    };
    /** @type {Layer | ""} */
    this.shown = "";
    this.noticed = byId("stage-notice").textContent;
  }

  /** @param {Layer | ""} layer "" for no picture at all */
  show(layer) {
    if (this.shown === layer) return;
    this.shown = layer;
    this.element.dataset.show = layer;
  }

  /**
   * Says something over the picture; "" takes it away. A dimmed picture is one that is not of the moment told below it.
   * @param {string} words @param {boolean} [dim]
   */
  notice(words, dim = true) {
    if (words === this.noticed) return;
    this.noticed = words;
    byId("stage-notice").textContent = words;
    if (words && dim) this.element.dataset.dim = "";
    else delete this.element.dataset.dim;
  }

  /** @param {boolean} is */
  busy(is) {
    if (is) this.element.dataset.busy = "";
    else delete this.element.dataset.busy;
  }

  /** Turns the sound on or off, where there is any. */
  toggleMute() {
    const button = document.getElementById("mute");
    if (!button) return;
    const muted = !this.videos.live.muted;
    this.videos.live.muted = muted;
    this.videos.past.muted = muted;
    button.setAttribute("aria-pressed", String(!muted));
    button.setAttribute("aria-label", muted ? "Sound on" : "Sound off");
  }

  /** The video that shows the picture. */
  current() {
    return this.videos[this.shown || "live"];
  }

  /** What shows the picture: that video, or what is drawn in its place. @returns {HTMLVideoElement | HTMLCanvasElement} */
  picture() {
    const beside = this.current().nextElementSibling;
    const drawn = beside instanceof HTMLCanvasElement && beside.width > 0;
    return drawn ? beside : this.current();
  }

  /** Takes the picture out of the page, or back. @returns {Promise<boolean>} false if the browser would not */
  async pictureInPicture() {
    try {
      if (document.pictureInPictureElement) await document.exitPictureInPicture();
      else await this.current().requestPictureInPicture();
      return true;
    } catch {
      return false;
    }
  }

  async fullScreen() {
    const box = /** @type {any} */ (this.element);
    if (document.fullscreenElement) await document.exitFullscreen();
    else if (box.requestFullscreen) await box.requestFullscreen().catch(() => {});
    else /** @type {any} */ (this.current()).webkitEnterFullscreen?.();
  }
}
