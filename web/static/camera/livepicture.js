// The live video of the camera page. It keeps the connection and which stream of the camera is shown.

import { announce, toast } from "../shell/messages.js";
import { LiveConnection } from "../live/connection.js";
import { LiveFeed } from "../live/livefeed.js";

/** How long a recorded picture stays while the live one is on its way, ms. */
const PATIENCE = 4000;

/** The numbers of the two streams on the connection. */
const TILE = { main: 1, sub: 2 };

export class LivePicture {
  /**
   * @param {HTMLVideoElement} video @param {import("../live/edge.js").ServerClock} clock
   * @param {{camera?: string, state?: string, reason?: string, sub?: string}} page the camera, as the page was made with
   */
  constructor(video, clock, page) {
    this.camera = page.camera ?? "";
    this.hasSub = page.sub !== undefined;
    this.stream = /** @type {"main" | "sub"} */ ("main");
    this.wanted = false;
    this.since = 0; // when the page last went from a recording to live, ms
    this.life = ""; // that was told last
    this.connection = new LiveConnection(clock);
    this.feed = new LiveFeed(video, clock, page);
    this.feed.onrefused = () => this.takeSmall();
    this.connection.listeners.set(TILE.main, this.feed);
    document.addEventListener("visibilitychange", () => this.ask());
  }

  /** @param {boolean} wanted whether the live picture is to come */
  watch(wanted) {
    this.wanted = wanted;
    this.ask();
  }

  /** Asks for what is wanted, and for nothing while the page is hidden. */
  ask() {
    const wanted = this.wanted && !document.hidden;
    this.connection.watch(wanted ? [{ tile: TILE[this.stream], camera: this.camera, stream: this.stream }] : []);
  }

  /** The browser cannot play the main stream: the sub stream may play. */
  takeSmall() {
    if (this.stream === "sub" || !this.hasSub) return;
    toast(`${this.feed.refused} Showing the low-resolution stream instead.`);
    this.stream = "sub";
    this.connection.listeners.set(TILE.sub, this.feed);
    this.ask();
  }

  /** The page goes from a recording to live. */
  begin() {
    this.since = Date.now();
  }

  /** Whether the recorded frame may stay for now: live was asked for a moment ago, and its first frame is on the way. @param {string} layer that is shown */
  comingBack(layer) {
    return layer === "past" && !this.feed.fresh() && Date.now() - this.since < PATIENCE;
  }

  /** Keeps the picture near the present. @returns {ReturnType<LiveFeed["tick"]>} what there is to say of it */
  tick() {
    return this.feed.tick(!this.connection.broken);
  }

  /** Says to screen readers when the live picture stops, and when it is back. @param {{life: string, words: string}} told */
  tell({ life, words }) {
    if (life === this.life) return;
    if (this.life === "live") announce(words);
    else if (this.life === "stale" && life === "live") announce("live again");
    this.life = life;
  }
}
