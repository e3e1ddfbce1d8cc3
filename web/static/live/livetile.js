// One camera on the live page: its small picture, or the full one where it is large, and what can be done with it.

import { setText } from "../shell/dom.js";
import { announce, toast } from "../shell/messages.js";
import { noAge } from "./edge.js";
import { LiveFeed } from "./livefeed.js";
import { pictureName, savePicture } from "../player/snapshot.js";
import { Zone } from "../time/zone.js";

/**
 * @typedef {"main" | "sub"} Quality
 * @typedef {{quality: Quality, number: number, box: HTMLElement, video: HTMLVideoElement, feed: LiveFeed}} Layer
 * @typedef {{connection: import("./connection.js").LiveConnection, clock: import("./edge.js").ServerClock, onchange: () => void}} Page
 */

export class LiveTile {
  /**
   * @param {HTMLElement} element @param {number} number the first of two numbers that are this camera's on the connection
   * @param {Page} page
   */
  constructor(element, number, page) {
    this.element = element;
    this.number = number;
    this.page = page;
    this.camera = element.dataset.camera ?? "";
    this.visible = false;
    this.life = "";
    this.audible = false;
    this.silentSub = false;
    /** @type {Record<Quality, string>} why the browser cannot play it, or "" */
    this.refused = { main: "", sub: "" };
    this.shown = this.wire("sub", /** @type {HTMLElement} */ (element.querySelector(".layer")));
    this.shown.box.dataset.shown = "";
    /** @type {Layer | null} the one that takes its place as soon as it has a picture */
    this.next = null;
  }

  /** @param {Quality} quality @param {HTMLElement} box @returns {Layer} */
  wire(quality, box) {
    const video = /** @type {HTMLVideoElement} */ (box.querySelector("video"));
    const feed = new LiveFeed(video, this.page.clock, this.element.dataset);
    const layer = { quality, number: this.number + (quality === "sub" ? 0 : 1), box, video, feed };
    feed.onpainted = () => { if (layer === this.next) this.change(layer); };
    feed.onrefused = () => this.refuse(layer);
    video.addEventListener("leavepictureinpicture", () => this.leftInset(video));
    this.page.connection.listeners.set(layer.number, feed);
    return layer;
  }

  /** Takes the place of another element that stands for the same camera, and brings its picture along. @param {HTMLElement} element */
  moveTo(element) {
    const picture = this.element.querySelector(".picture");
    if (picture) element.querySelector(".picture")?.replaceWith(picture);
    element.dataset.life = this.element.dataset.life;
    this.element = element;
    this.tellSound();
  }

  get full() {
    return document.fullscreenElement === this.element;
  }

  get inset() {
    return document.pictureInPictureElement === this.shown.video;
  }

  /** Whether anybody can see it now. */
  get active() {
    if (this.inset) return true;
    if (document.hidden || !this.visible) return false;
    return !document.fullscreenElement || this.full;
  }

  /** @returns {Quality} */
  wanted() {
    if (this.element.dataset.sub === undefined || this.shown.feed.stills) return "sub"; // there is one picture only
    if (this.inset) return this.shown.quality;
    const large = this.full || this.element.dataset.large !== undefined || (this.audible && this.silentSub);
    if (large) return this.refused.main ? "sub" : "main";
    return this.refused.sub && !this.refused.main ? "main" : "sub";
  }

  /** What is to be sent for it. @returns {import("./connection.js").Wish[]} */
  wishes() {
    if (!this.active) return [];
    const wanted = this.wanted();
    if (wanted === this.shown.quality) this.drop();
    else if (this.next?.quality !== wanted) this.next = this.add(wanted);
    return [this.shown, this.next].flatMap((l) => (l ? [{ tile: l.number, camera: this.camera, stream: l.quality }] : []));
  }

  /** @param {Quality} quality a layer below the one that is shown @returns {Layer} */
  add(quality) {
    const box = document.createElement("span");
    box.className = "layer";
    box.dataset.stream = quality;
    const video = document.createElement("video");
    video.playsInline = true;
    video.disablePictureInPicture = true;
    video.tabIndex = -1;
    video.setAttribute("aria-hidden", "true");
    box.append(video);
    this.shown.box.before(box);
    const layer = this.wire(quality, box);
    layer.feed.setState({ state: this.shown.feed.state, reason: this.shown.feed.reason });
    return layer;
  }

  /** Lets go of a layer that was to take the place of the one that is shown. */
  drop() {
    if (this.next) this.remove(this.next);
    this.next = null;
  }

  /** @param {Layer} layer */
  remove(layer) {
    this.page.connection.listeners.delete(layer.number);
    layer.feed.onpainted = layer.feed.onrefused = null;
    layer.feed.close();
    layer.box.remove();
  }

  /** The other picture is on the screen, under the one that was shown so far. @param {Layer} layer */
  change(layer) {
    const old = this.shown;
    layer.video.muted = old.video.muted;
    layer.video.volume = old.video.volume;
    old.video.muted = true;
    layer.box.dataset.shown = "";
    this.shown = layer;
    this.next = null;
    requestAnimationFrame(() => requestAnimationFrame(() => this.remove(old)));
    this.page.onchange();
  }

  /** @param {Layer} layer that the browser cannot play */
  refuse(layer) {
    const first = !this.refused[layer.quality];
    this.refused[layer.quality] = layer.feed.refused;
    const other = layer.quality === "main" ? "sub" : "main";
    if (first && this.element.dataset.sub !== undefined && !this.refused[other]) {
      toast(`${this.element.dataset.label}: ${layer.feed.refused} Showing the ${other === "sub" ? "low" : "full"}-resolution stream instead.`);
    }
    queueMicrotask(this.page.onchange);
  }

  /** Keeps it near the present and says how it is. */
  tick() {
    const connected = !this.page.connection.broken;
    const { life, age, words } = this.shown.feed.tick(connected);
    this.next?.feed.tick(connected);
    const { element } = this;
    const small = this.refused.main && this.shown.quality === "sub" && life === "live" && (this.full || element.dataset.large !== undefined);
    setText(element.querySelector(".age"), (age || noAge(life, this.shown.feed.state, connected)) + (small ? " · low resolution" : ""));
    setText(element.querySelector(".notice-age"), life === "stale" ? age : "");
    setText(element.querySelector(".notice-words"), words);
    this.listen();
    if (this.life === life) return;
    if (this.life === "live" || (life === "live" && this.life === "stale")) {
      announce(`${element.dataset.label}: ${life === "live" ? "live again" : words}`);
    }
    this.life = life;
    element.dataset.life = life;
  }

  /** Notices that the small picture has no sound, so that the full one can be heard in its place. */
  listen() {
    const { mime } = this.shown.feed.buffer;
    if (this.shown.quality !== "sub" || !mime || this.silentSub === !/mp4a|opus|flac/.test(mime)) return;
    this.silentSub = !this.silentSub;
    if (this.audible) this.page.onchange();
  }

  /** @param {boolean} audible */
  hear(audible) {
    this.audible = audible;
    this.shown.video.muted = !audible;
    this.tellSound();
    this.page.onchange();
  }

  tellSound() {
    this.element.querySelector('[data-do="sound"]')?.setAttribute("aria-pressed", String(this.audible));
  }

  async save() {
    const { feed, box } = this.shown;
    const picture = feed.picture();
    const name = pictureName(this.camera, new Zone(this.element.dataset.zone ?? ""), feed.wall());
    const saved = feed.shown && box.isConnected && await savePicture(picture, name);
    toast(saved ? `Saved as ${name}` : "No picture to save yet");
  }

  async fullScreen() {
    const box = /** @type {any} */ (this.element);
    if (document.fullscreenElement) await document.exitFullscreen();
    else if (box.requestFullscreen) await box.requestFullscreen().catch(() => {});
    else /** @type {any} */ (this.shown.video).webkitEnterFullscreen?.();
  }

  async pictureInPicture() {
    const { video } = this.shown;
    if (this.inset) {
      await document.exitPictureInPicture();
      return;
    }
    video.disablePictureInPicture = false; // it is set so that no browser draws a button of its own over each tile
    try {
      await video.requestPictureInPicture();
    } catch {
      video.disablePictureInPicture = true;
      toast("Picture-in-picture is not available in this browser.");
    }
    this.page.onchange();
  }

  /** @param {HTMLVideoElement} video */
  leftInset(video) {
    video.disablePictureInPicture = true;
    this.page.onchange();
  }

  close() {
    this.drop();
    this.remove(this.shown);
  }
}
