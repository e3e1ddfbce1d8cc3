// Writes the texts of the camera page: the time, what plays, and what is wrong.

import { byId, setText } from "../shell/dom.js";
import { gapText } from "../footage/footage.js";
import { noAge } from "../live/edge.js";
import { KEYS_FROM } from "../player/rates.js";

/** Below so many ms a pixel the playhead moves with every frame of the screen; a few times a second would look like jumps. */
const CLOSE = 100;

/**
 * @typedef {object} ReadoutParts
 * @property {import("../time/zone.js").Zone} zone
 * @property {() => number} now ms
 * @property {import("./player.js").Player} player
 * @property {import("./livepicture.js").LivePicture} live
 * @property {import("./stage.js").Stage} stage
 * @property {import("./dayview.js").DayView} day
 * @property {import("../timeline/control.js").TimelineControl} timeline
 */

export class Readout {
  /** @param {ReadoutParts} parts */
  constructor(parts) {
    this.parts = parts;
    this.page = byId("camera");
  }

  /** Brings what is written on the page in line with what is shown; called several times a second. */
  paint() {
    const { zone, now, player, day, timeline } = this.parts;
    const t = player.moment();
    const playing = player.mode === "live" || player.playing;
    setText(byId("clock"), zone.clock(t));
    setText(byId("date"), zone.date(t));
    this.page.dataset.mode = player.mode;
    this.page.dataset.playing = String(playing);
    byId("live").setAttribute("aria-pressed", String(player.mode === "live"));
    byId("play").setAttribute("aria-label", playing ? "Pause" : "Play");
    day.follow(t);
    timeline.update({ at: t, now: now() });
    this.paintSlider(t);
    if (player.dragAt !== null) this.paintDrag(player.dragAt);
    else if (player.mode === "live") this.paintLive();
    else this.paintPast();
  }

  /** The timeline as a screen reader tells it. @param {number} t */
  paintSlider(t) {
    const { zone, player, day, timeline } = this.parts;
    const { from, to } = timeline.shown.day;
    const slider = byId("timeline-slider");
    slider.setAttribute("aria-valuemax", String(Math.round((to - from) / 1000)));
    slider.setAttribute("aria-valuenow", String(Math.round((t - from) / 1000)));
    const gap = player.footage().gapAt(t);
    const words = [day.several() ? zone.date(t) : "", zone.clock(t), gap ? this.gapText(gap) : ""];
    slider.setAttribute("aria-valuetext", words.filter(Boolean).join(", "));
  }

  /** @param {import("../footage/footage.js").Gap} gap */
  gapText(gap) {
    return gapText(gap, (t) => this.parts.zone.clock(t, { seconds: false }));
  }

  /** @param {string} life @param {string} words */
  say(life, words) {
    this.page.dataset.life = life;
    setText(byId("age"), words);
  }

  /** @param {number} t a drag is there */
  paintDrag(t) {
    const gap = this.parts.player.footage().gapAt(t);
    this.parts.stage.notice(gap ? this.gapText(gap) : "");
    this.say("past", "release to play");
  }

  paintLive() {
    const { player, live, stage } = this.parts;
    const told = live.tick();
    if (player.comingBack()) {
      this.say("waiting", "waiting");
      stage.busy(true);
      stage.notice("");
      return;
    }
    if (player.playback.active) player.playback.stop();
    const { feed, connection } = live;
    live.tell(told);
    this.say(told.life, told.age || noAge(told.life, feed.state, !connection.broken));
    stage.notice(told.life === "live" ? "" : [told.age, told.words].filter(Boolean).join(" · "), told.life !== "waiting");
    if (feed.shown) stage.show("live");
    stage.busy(told.life === "waiting" && !connection.broken && feed.state !== "offline");
  }

  paintPast() {
    const { player, live, stage } = this.parts;
    const { playback, ended } = player;
    live.tick();
    const rate = player.rate === 1 ? "" : `${player.rate}× · ${player.rate >= KEYS_FROM ? "key frames · " : ""}`;
    this.say("past", ended && !player.keyPlayer.active ? "nothing to play" : `recorded · ${rate}${player.playing ? "playing" : "paused"}`);
    if (player.keyPlayer.active || player.keysOnly) {
      stage.busy(false);
      stage.notice(player.keyPlayer.active ? "" : ended);
      return;
    }
    const stalled = !ended && playback.stalled();
    stage.busy(!playback.shown && !ended && !stalled);
    stage.notice(stalled ? "no connection to the recorder, reconnecting" : ended);
    if (ended) stage.show("");
    if (playback.shown) stage.show("past");
  }

  /** Moves the playhead smoothly where the timeline is zoomed in. */
  followClosely() {
    const { player, timeline, now } = this.parts;
    const moving = (player.mode === "live" || player.playing) && player.dragAt === null;
    const close = (timeline.view.to - timeline.view.from) / timeline.width < CLOSE;
    if (moving && close) timeline.update({ at: player.moment(), now: now() });
    requestAnimationFrame(() => this.followClosely());
  }
}
