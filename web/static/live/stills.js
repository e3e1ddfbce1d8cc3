// Shows the newest key frame about once a second, for browsers without Media Source Extensions.

import { byLink, endedSession } from "../shell/session.js";

/** Pictures are at least so far apart, ms. */
const APART = 1000;

export class Stills {
  /**
   * @param {HTMLVideoElement} video in whose place the pictures stand
   * @param {string} camera
   * @param {(shown: boolean) => void} onshown called with true after each new picture, with false where none can be had
   */
  constructor(video, camera, onshown) {
    this.camera = camera;
    this.onshown = onshown;
    this.at = 0; // wall clock of the picture that is shown, ms; 0 before the first
    this.asked = 0;
    this.busy = false;
    this.player = document.createElement("video");
    this.player.muted = true;
    this.player.playsInline = true;
    this.canvas = document.createElement("canvas"); // keeps the last picture while the next is decoded: no flicker
    this.canvas.className = "still";
    video.after(this.canvas);
  }

  /**
   * Fetches the next picture, if it is time for one. Live fragments of the camera arrive: they say that there is one.
   * @param {"main" | "sub"} stream @param {number} now ms
   */
  async due(stream, now) {
    if (this.busy || now - this.asked < APART) return;
    this.busy = true;
    this.asked = now;
    const query = new URLSearchParams({ at: new Date(now).toISOString(), stream });
    if (byLink()) query.set("as", "link");
    try {
      const answer = await fetch(`/api/v1/cameras/${this.camera}/keyframe.mp4?${query}`, { cache: "no-store" });
      if (endedSession(answer)) return;
      if (answer.status === 404 && this.at === 0) this.onshown(false); // not recorded, or not for this viewer
      const at = Date.parse(answer.headers.get("Keepwatch-Start") ?? "");
      if (answer.ok && at !== this.at) await this.show(await answer.blob(), at);
    } catch {
      // No network: the age of the frame shows it.
    } finally {
      this.busy = false;
    }
  }

  /** @param {Blob} file @param {number} at */
  async show(file, at) {
    const url = URL.createObjectURL(file);
    try {
      this.player.src = url;
      await this.player.play();
    } catch {
      this.onshown(false); // the browser cannot decode it
      return;
    } finally {
      URL.revokeObjectURL(url);
    }
    this.canvas.width = this.player.videoWidth;
    this.canvas.height = this.player.videoHeight;
    this.canvas.getContext("2d")?.drawImage(this.player, 0, 0);
    this.at = at;
    this.onshown(true);
  }
}
