// Playback by HTTP Live Streaming (RFC 8216), for browsers without Media Source Extensions. The browser gets playlists. They
// are read here too: they say which moment each second shows.

import { endedSession } from "../shell/session.js";
import { drive } from "./playback.js";
import { cannotPlay, sourceClass } from "./buffer.js";

/** @typedef {import("./playback.js").PlaybackOptions} PlaybackOptions */
/** @typedef {{start: number, at: number, plays: number, breaks: boolean}} Piece start: seconds into the playlist; at: wall clock, ms; plays: seconds; breaks: does not continue the one before */

const TYPE = "application/vnd.apple.mpegurl";

/** How much one playlist holds before the moment asked for, and after it, ms. */
const BEFORE = 2 * 60e3;
const AFTER = 30 * 60e3;

/** How long to wait before asking again, ms. */
const AGAIN = 1500;

/** A step from picture to picture, s. */
const ABOUT_A_PICTURE = 0.04;

/** Whether this browser needs HLS: it has no Media Source Extensions, and plays playlists. */
export function playsHls() {
  return sourceClass() === null && document.createElement("video").canPlayType(TYPE) !== "";
}

/** @param {string} text of a media playlist @returns {Piece[]} */
export function parsePlaylist(text) {
  /** @type {Piece[]} */
  const pieces = [];
  let start = 0;
  let at = NaN;
  let plays = 0;
  let breaks = false;
  for (const line of text.split("\n")) {
    const value = line.slice(line.indexOf(":") + 1);
    if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:")) at = Date.parse(value);
    else if (line.startsWith("#EXTINF:")) plays = parseFloat(value);
    else if (line === "#EXT-X-DISCONTINUITY") breaks = true;
    else if (line && !line.startsWith("#")) {
      pieces.push({ start, at, plays, breaks });
      start += plays;
      breaks = false;
    }
  }
  return pieces;
}

/** @param {Piece[]} pieces @param {number} seconds into the playlist @returns {number} index of the piece that is shown then; -1 without any */
export function pieceAt(pieces, seconds) {
  let i = pieces.length - 1;
  while (i > 0 && pieces[i].start > seconds + 0.001) i--;
  return i;
}

/** @param {Piece[]} pieces @param {number} seconds @returns {number} the moment that is shown then, ms; NaN without pieces */
export function wallAt(pieces, seconds) {
  const piece = pieces[pieceAt(pieces, seconds)];
  return piece ? piece.at + Math.min(Math.max(seconds - piece.start, 0), piece.plays) * 1000 : NaN;
}

/**
 * @param {Piece[]} pieces @param {number} wall ms
 * @returns {number | null} where in the playlist that moment is, or else the first after it; null when it does not reach so far
 */
export function secondsAt(pieces, wall) {
  if (pieces.length === 0 || wall < pieces[0].at - 1000) return null;
  const piece = pieces.find((p) => wall < p.at + p.plays * 1000);
  return piece ? piece.start + Math.max(wall - piece.at, 0) / 1000 : null;
}

/** Does for the camera page what Playback does, with playlists. */
export class HlsPlayback {
  /** @param {HTMLVideoElement} video @param {PlaybackOptions} options */
  constructor(video, options) {
    this.video = video;
    this.options = options;
    this.active = false;
    this.wantPlay = false;
    this.rate = 1;
    this.target = 0;
    this.shown = false;
    this.broken = false;
    this.retryAt = 0;
    /** @type {Piece[]} */
    this.pieces = [];
    this.piece = -1; // that was shown last
    /** @type {number | null} seconds into the playlist, to go to once its beginning is there */
    this.wanted = null;
    /** @type {AbortController | null} */
    this.request = null;
    video.muted = true;
    video.addEventListener("loadedmetadata", () => this.arrive());
    const arrived = () => {
      const first = !this.shown && this.active && this.wanted === null;
      this.shown = this.shown || first;
      if (first) options.onshown?.();
    };
    video.addEventListener("seeked", arrived);
    video.addEventListener("playing", arrived);
    video.addEventListener("error", () => this.failed());
  }

  /**
   * Goes to a moment, in ms. In a gap it goes to where footage next begins, and says so.
   * @param {number} t @param {boolean} play
   */
  seek(t, play) {
    this.active = true;
    this.wantPlay = play;
    const footage = this.options.footage();
    const start = footage.next(t);
    const rest = footage.gapAt(t);
    if (start === null && t < this.options.now() - 20e3 && rest) {
      this.stop();
      this.target = t; // stays the moment that is told
      this.options.onrefused(`No recording for the rest of this day: ${rest.reason}.`);
      return;
    }
    const gap = start === null ? null : footage.between(t, start);
    if (gap) this.options.onpassed(gap);
    this.target = start ?? t;
    const seconds = secondsAt(this.pieces, this.target);
    if (seconds === null || this.wanted !== null) {
      this.load(this.target);
    } else {
      this.video.currentTime = seconds + 0.001;
      this.piece = pieceAt(this.pieces, seconds);
      this.apply();
    }
  }

  /**
   * Fetches the playlist around a moment and gives it to the browser, which fetches it once more.
   * @param {number} t ms
   */
  async load(t) {
    this.request?.abort();
    const request = new AbortController();
    this.request = request;
    this.retryAt = Date.now() + AGAIN;
    const { camera, stream, now } = this.options;
    const time = (/** @type {number} */ ms) => new Date(Math.floor(ms)).toISOString();
    const query = new URLSearchParams({ from: time(t - BEFORE), to: time(Math.max(t + 1, Math.min(t + AFTER, now() - 1000))), stream });
    const url = `/api/v1/cameras/${camera}/hls/media.m3u8?${query}`;
    try {
      const answer = await fetch(url, { cache: "no-store", signal: request.signal });
      if (endedSession(answer)) return;
      if (!answer.ok && answer.status !== 404) throw new Error(`playlist: ${answer.status}`);
      const pieces = answer.ok ? parsePlaylist(await answer.text()) : [];
      if (request.signal.aborted) return;
      this.broken = false;
      this.show(pieces, url);
    } catch {
      if (!request.signal.aborted) this.broken = true;
    } finally {
      if (this.request === request) this.request = null;
    }
  }

  /** @param {Piece[]} pieces @param {string} url of the playlist that they are of */
  show(pieces, url) {
    const seconds = secondsAt(pieces, this.target);
    if (seconds === null) {
      if (this.wantPlay && this.options.now() - this.target < 20e3) this.options.oncaught();
      return; // or else tick asks again: it may just be being written, or just have been deleted
    }
    this.pieces = pieces;
    this.piece = pieceAt(pieces, seconds);
    this.wanted = seconds;
    this.video.src = url;
    this.apply();
  }

  /** Goes to where it shall begin, once the browser knows what it plays. */
  arrive() {
    if (this.wanted === null) return;
    this.video.currentTime = this.wanted + 0.001;
    this.wanted = null;
    this.apply();
  }

  /** @param {boolean} play */
  setPlaying(play) {
    this.wantPlay = play;
    this.apply();
  }

  /** @param {number} rate */
  setRate(rate) {
    this.rate = rate;
    this.apply();
  }

  apply() {
    if (this.active) drive(this.video, this.wantPlay, this.rate);
  }

  /** The moment that is shown, or that is on its way, in ms. */
  wall() {
    const wall = this.shown && this.wanted === null ? wallAt(this.pieces, this.video.currentTime) : NaN;
    return Number.isNaN(wall) ? this.target : wall;
  }

  stop() {
    this.active = false;
    this.request?.abort();
    this.pieces = [];
    this.piece = -1;
    this.wanted = null;
    this.shown = false;
    this.broken = false;
    this.video.removeAttribute("src");
    this.video.load();
  }

  /** Says what gaps are passed, and goes on with the next playlist; called a few times a second. */
  tick() {
    if (!this.active || this.request) return;
    if (this.pieces.length === 0) {
      if (Date.now() > this.retryAt) this.load(this.target);
      return;
    }
    if (this.wanted !== null) return;
    const now = pieceAt(this.pieces, this.video.currentTime);
    if (now === this.piece + 1 && this.pieces[now].breaks) this.tellGap(this.pieces[now - 1], this.pieces[now]);
    this.piece = now;
    if (this.video.ended && this.wantPlay && Date.now() > this.retryAt) this.goOn();
  }

  /** @param {Piece} before @param {Piece} after */
  tellGap(before, after) {
    const gap = this.options.footage().between(before.at + before.plays * 1000, after.at);
    if (gap) this.options.onpassed(gap);
  }

  /** The playlist is played to its end: what follows is another, or the present. */
  goOn() {
    const last = this.pieces[this.pieces.length - 1];
    const end = last.at + last.plays * 1000;
    if (this.options.now() - end < 5000) {
      this.options.oncaught();
      return;
    }
    this.target = this.options.footage().next(end + 1) ?? end + 1;
    this.load(this.target);
  }

  /** Whether playback stands still because the recorder does not answer. */
  stalled() {
    return this.broken && !this.shown;
  }

  /**
   * Goes about one frame back or forward, paused. Playlists do not contain the times of single frames.
   * @param {1 | -1} direction @returns {Promise<boolean>} whether there was one
   */
  async step(direction) {
    this.setPlaying(false);
    const end = this.video.duration || 0;
    const aim = this.video.currentTime + direction * ABOUT_A_PICTURE;
    this.video.currentTime = Math.min(Math.max(0, aim), end);
    return aim >= 0 && aim <= end;
  }

  /** @returns {number[]} none: the times of single pictures are not known */
  pictures() {
    return [];
  }

  failed() {
    if (!this.active || !this.video.error) return;
    const shown = this.shown;
    const at = this.wall();
    this.stop();
    if (!shown) {
      this.options.onrefused(cannotPlay(""));
      return;
    }
    this.active = true; // it has played before: a range that is gone, or a network that is
    this.target = at;
    this.retryAt = Date.now() + AGAIN;
  }
}
