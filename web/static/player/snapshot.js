// Saves the visible frame as a file, at its own resolution.

import { fileTime } from "../time/zone.js";

/** @typedef {import("../time/zone.js").Zone} Zone */

/**
 * The name of a file with a picture of a camera: front-door_2026-11-22_13-05-20.250+0100.png.
 * @param {string} camera @param {Zone} zone @param {number} at ms
 */
export function pictureName(camera, zone, at) {
  return `${camera}_${fileTime(zone, at)}.png`;
}

/**
 * Saves a picture as PNG.
 * @param {HTMLVideoElement | HTMLCanvasElement} picture @param {string} name of the file
 * @returns {Promise<boolean>} false where there is no picture
 */
export async function savePicture(picture, name) {
  const canvas = document.createElement("canvas");
  canvas.width = picture instanceof HTMLVideoElement ? picture.videoWidth : picture.width;
  canvas.height = picture instanceof HTMLVideoElement ? picture.videoHeight : picture.height;
  if (canvas.width === 0 || canvas.height === 0) return false;
  canvas.getContext("2d")?.drawImage(picture, 0, 0);
  /** @type {Blob | null} */
  const file = await new Promise((done) => canvas.toBlob(done, "image/png"));
  if (!file) return false;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return true;
}
