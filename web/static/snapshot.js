// The picture that is shown, as a file.

import { fileTime } from "./zone.js";

/** @typedef {import("./zone.js").Zone} Zone */

/**
 * Saves the picture that a video shows as front-door_2026-11-22_13-05-20.250+0100.png.
 * @param {HTMLVideoElement} video @param {string} camera @param {Zone} zone @param {number} at
 * @returns {Promise<string>} the file's name; "" if there is no picture
 */
export async function snapshot(video, camera, zone, at) {
  if (!video.videoWidth) return "";
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  const blob = await new Promise((/** @type {(b: Blob | null) => void} */ resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) return "";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${camera}_${fileTime(zone, at)}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return link.download;
}
