// Plays live video or a recording on the camera page. It keeps what the viewer asked for last (mode, moment, speed) and drives
// the parts that show it: playback, single key frames and live video.

import { announce, toast } from "../shell/messages.js";
import { gapText } from "../footage/footage.js";
import { EDGE, landing, noteText } from "../footage/landing.js";
import { HlsPlayback, playsHls } from "../player/hlsplayback.js";
import { KeyFramePlayer } from "../player/keyframeplayer.js";
import { KeyFrameView } from "../player/keyframeview.js";
import { Playback } from "../player/playback.js";
import { KEYS_FROM, RATES } from "../player/rates.js";

/** @typedef {import("../footage/footage.js").Gap} Gap */

/** What was recorded less than this ago may not be known yet, ms. */
const FRESH = 15_000;

/** Nearer to the present there is only the live picture, ms. */
const PRESENT = 3000;

/** How far a step goes in a recording of JPEG, whose pictures are found about so far apart, ms. */
const STEP = 500;

/** How often the address follows what plays, and what plays by key frames, ms. */
const FOLLOW = 5000;
const FOLLOW_KEYS = 10_000;

/**
 * @typedef {object} Parts
 * @property {string} camera
 * @property {boolean} hasSub
 * @property {boolean} mayPlay whether recordings may be seen
 * @property {import("../time/zone.js").Zone} zone
 * @property {() => number} now the recorder's time, ms
 * @property {import("./stage.js").Stage} stage
 * @property {import("./livepicture.js").LivePicture} live
 * @property {import("./address.js").Address} address
 * @property {import("../footage/recordinglist.js").RecordingList} recordings
 */

/**
 * @typedef {object} PlayerHooks
 * @property {() => void} onchange what is shown or said has changed
 * @property {() => void} onjump the timeline is to follow what is shown
 * @property {(rate: number) => void} onrate
 * @property {(of: {t: number, reason: string, shown: number | null}, ways: import("../footage/landing.js").Around) => void} onnote
 *   a moment was asked for that was not recorded
 * @property {() => void} onleft the moment that was shown or asked for is over
 */

export class Player {
  /** @param {Parts} parts @param {PlayerHooks} hooks */
  constructor(parts, hooks) {
    this.parts = parts;
    this.hooks = hooks;
    this.mode = /** @type {"live" | "past"} */ ("live");
    this.playing = true;
    this.rate = 1;
    /** @type {number | null} the moment under a hand that drags */
    this.dragAt = null;
    /** @type {number | null} a moment that is asked for and not yet on its way */
    this.wish = null;
    this.turn = 0; // counts what was asked for, so that what is overtaken is given up
    this.ended = ""; // why nothing can be shown
    this.keysOnly = false; // no browser plays the recording (JPEG): its pictures are shown one by one
    this.resting = 0; // the moment that is shown when such a recording stands, ms
    const { camera, now, stage } = parts;
    const common = {
      footage: () => this.footage(), now, onpassed: (/** @type {Gap} */ gap) => this.passed(gap), oncaught: () => this.caughtUp(),
    };
    this.playback = new (playsHls() ? HlsPlayback : Playback)(stage.videos.past, {
      ...common, camera, stream: "main", onrefused: (why) => this.refused(why), onshown: () => hooks.onchange(),
      onleave: () => this.keepMoment(), onend: (gap) => this.ranOut(gap, this.playback.wall()),
    });
    this.keyView = new KeyFrameView(stage.videos.scrub, { camera, stream: "main" }, (wall) => {
      this.keyPlayer.shown(wall);
      if (this.dragAt !== null || this.keyPlayer.active || this.keysOnly) stage.show("scrub");
      if (this.keysOnly) this.hooks.onchange();
    });
    this.keyPlayer = new KeyFramePlayer(this.keyView, { ...common, onend: (gap, at) => this.ranOut(gap, at) });
  }

  footage() {
    return this.parts.recordings.footage;
  }

  /** The moment that is shown, ms. */
  moment() {
    if (this.dragAt !== null) return this.dragAt;
    if (this.wish !== null) return this.wish;
    if (this.mode === "past" && this.keyPlayer.active) return this.keyPlayer.at;
    if (this.mode === "past") return this.keysOnly ? this.resting : this.playback.wall();
    const { live, now } = this.parts;
    return live.feed.shown && !this.comingBack() ? live.feed.wall() : now();
  }

  /** Whether the recorded frame stays until there is a live one. */
  comingBack() {
    return this.parts.live.comingBack(this.parts.stage.shown);
  }

  // Where to go.

  goLive() {
    const { live, address } = this.parts;
    if (this.mode !== "live") live.begin();
    this.leaveMoment();
    this.mode = "live";
    this.playing = true;
    this.setRate(1);
    this.playback.setPlaying(false); // its frame stays until there is a live one
    this.hooks.onjump();
    address.clear();
    live.watch(true);
    this.hooks.onchange();
  }

  /** What was shown or asked for is over. */
  leaveMoment() {
    this.turn++;
    this.wish = null;
    this.ended = "";
    this.keyPlayer.stop();
    this.hooks.onleft();
  }

  /**
   * Plays from a moment; one that lies at the present is the live picture. A moment without footage leads to the nearest that has
   * some, or, where a direction is given, to the next in that direction.
   * @param {number} t @param {boolean} [play] @param {1 | -1 | 0} [direction]
   */
  async goTo(t, play = this.playing, direction = 0) {
    const { mayPlay, now, recordings, zone, live } = this.parts;
    if (!mayPlay) return;
    if (t > now() - PRESENT) {
      this.goLive();
      return;
    }
    this.leaveMoment();
    const { turn } = this;
    this.mode = "past";
    this.playing = play;
    this.wish = t;
    live.watch(false);
    this.hooks.onjump();
    if (!recordings.covers({ from: t, to: t + 1 })) {
      this.hooks.onchange();
      await recordings.ensure(zone.dayBounds(zone.day(t)));
    }
    if (turn !== this.turn) return;
    const unrecorded = this.footage().gapAt(t) !== null || (!this.footage().spanAt(t) && t < now() - FRESH);
    if (unrecorded) await this.goAround(t, play, direction);
    else this.playFrom(t, play);
    if (turn === this.turn) this.hooks.onchange();
  }

  /**
   * Goes to the footage next to a moment that has none, with a message.
   * @param {number} t @param {boolean} play @param {1 | -1 | 0} direction
   */
  async goAround(t, play, direction) {
    const { recordings, zone, now } = this.parts;
    const { turn } = this;
    const { before, after, nearest } = await recordings.around(t);
    if (turn !== this.turn) return;
    const { at, forward, brief } = landing({ before, after, nearest }, t, direction);
    const reason = this.footage().gapAt(t)?.reason ?? "";
    if (at === null) {
      this.playback.stop();
      this.playback.target = t;
      this.wish = null;
      this.nothingLeft(noteText({ t, reason, shown: null }, (x) => zone.clock(x)));
      return;
    }
    const ways = { before: before === null ? null : before - EDGE, after };
    if (direction === 0 && !brief) this.hooks.onnote({ t, reason, shown: forward ? at : before }, ways);
    else if (!brief) this.passed({ from: before ?? t, to: after ?? now(), reason });
    this.playFrom(at, play && (forward || direction < 0));
  }

  /** @param {number} at a moment that has footage @param {boolean} play */
  playFrom(at, play) {
    this.wish = null;
    this.playing = play;
    this.parts.address.set(at);
    if (this.keysOnly && !play) {
      this.keyPlayer.stop();
      this.resting = at;
      this.keyView.show(at);
      return;
    }
    if (play && this.byKeys()) {
      this.playback.setPlaying(false);
      this.keyPlayer.start(at, this.rate);
      return;
    }
    this.keyPlayer.stop();
    this.playback.seek(at, play);
  }

  /** @param {number} by ms */
  skip(by) {
    if (this.mode === "past" || by < 0) this.goTo(this.moment() + by, this.playing, by < 0 ? -1 : 1);
  }

  /** @param {1 | -1} direction */
  async toEdge(direction) {
    const t = this.moment();
    if (this.footage().edge(t, direction) === null) await this.parts.recordings.around(t);
    const edge = this.footage().edge(t, direction);
    if (edge !== null) this.goTo(edge);
    else if (direction > 0 && this.mode === "past") this.goLive();
  }

  // How it plays.

  toggle() {
    const { now, address } = this.parts;
    if (this.mode === "live") {
      this.goTo(Math.min(this.moment(), now() - PRESENT - 100), false);
      return;
    }
    this.playing = !this.playing;
    if (this.keyPlayer.active || this.keysOnly || (this.playing && this.byKeys())) this.playFrom(this.moment(), this.playing);
    else this.playback.setPlaying(this.playing);
    if (this.playing) this.hooks.onleft();
    else address.set(this.moment());
    this.hooks.onchange();
  }

  /** Whether it plays by single pictures. */
  byKeys() {
    return this.keysOnly || this.rate >= KEYS_FROM;
  }

  /** @param {number} rate */
  setRate(rate) {
    const byKeys = this.byKeys();
    this.rate = rate;
    this.keyPlayer.rate = rate;
    this.playback.setRate(Math.min(rate, KEYS_FROM));
    this.hooks.onrate(rate);
    if (this.mode === "past" && this.playing && byKeys !== this.byKeys()) this.playFrom(this.moment(), true);
  }

  /** @param {1 | -1} direction */
  changeRate(direction) {
    if (this.mode === "live") return;
    const next = RATES[RATES.indexOf(this.rate) + direction];
    if (next) this.setRate(next);
  }

  /** Goes one picture back or forward. @param {1 | -1} direction */
  async step(direction) {
    if (this.mode === "live" || this.keyPlayer.active) return this.toggle(); // the picture has to stand first
    this.playing = false;
    if (this.keysOnly) this.playFrom(this.resting + direction * STEP, false);
    else if (await this.playback.step(direction)) this.parts.address.set(this.playback.wall());
    else if (!this.playing && this.mode === "past") toast(direction < 0 ? "No earlier frame" : "No later frame yet");
    this.hooks.onchange();
  }

  /** A drag is at a moment: its key frame is shown. @param {number} t */
  drag(t) {
    this.dragAt = t;
    if (!this.footage().gapAt(t)) this.keyView.show(t);
  }

  /** @param {number} t a click, or the end of a drag */
  pick(t) {
    this.dragAt = null;
    this.parts.stage.notice("");
    this.goTo(t);
  }

  /** Plays on, and names what plays in the address; called several times a second. */
  tick() {
    const { playback, keyPlayer } = this;
    playback.tick();
    if (document.hidden || this.mode !== "past" || this.dragAt !== null) return;
    if (keyPlayer.active) this.parts.address.follow(keyPlayer.at, FOLLOW_KEYS);
    else if (playback.shown && this.playing) this.parts.address.follow(playback.wall(), FOLLOW);
  }

  // Events.

  /** @param {Gap} gap that playback went over */
  passed(gap) {
    const { zone } = this.parts;
    const seconds = gap.to - gap.from < 120_000;
    toast(gapText(gap, (t) => zone.clock(t, { seconds })));
  }

  caughtUp() {
    toast("Caught up: live");
    this.goLive();
  }

  /** Footage ends here, and the present is not near. @param {Gap | null} gap @param {number} at */
  ranOut(gap, at) {
    this.playing = false;
    if (this.keyPlayer.active || this.playback.wantPlay) this.playFrom(at - EDGE, false);
    toast(gap?.reason ? `The recording ends here: ${gap.reason}` : "The recording ends here");
  }

  /** @param {string} why nothing can be shown */
  nothingLeft(why) {
    if (this.mode === "live") return; // the live connection says it
    if (this.ended !== why) announce(why);
    this.ended = why;
  }

  /** The main stream cannot be played here: the sub stream may. @param {string} why */
  refused(why) {
    const { options } = this.playback;
    if (why.includes("JPEG")) {
      this.keysOnly = true;
      const from = this.playback.wall();
      this.playback.stop();
      this.playFrom(from, this.playing);
      return;
    }
    if (options.stream === "sub" || !this.parts.hasSub || !why.includes("cannot play")) {
      this.nothingLeft(why);
      return;
    }
    const at = this.playback.wall();
    options.stream = "sub";
    this.keyView.of.stream = "sub";
    this.playback.stop();
    this.playback.seek(at, this.playing);
  }

  /** Before the page is left for the login: its address is set to the current moment. */
  keepMoment() {
    if (this.mode === "past") this.parts.address.set(this.moment());
  }
}
