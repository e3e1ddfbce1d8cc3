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

/**
 * The name of a file with a picture of a camera: whose, and when, by the clock of the site.
 * @param {string} camera @param {number} wall ms @param {string} zone IANA name; "" for the browser's
 */
export function pictureName(camera, wall, zone) {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone || undefined, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
    second: "2-digit",
  });
  const part = Object.fromEntries(format.formatToParts(wall).map((p) => [p.type, p.value]));
  const there = Date.UTC(Number(part.year), Number(part.month) - 1, Number(part.day), Number(part.hour), Number(part.minute), Number(part.second));
  const minutes = Math.round((there - wall) / 60_000);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const offset = `${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}${two(Math.abs(minutes) % 60)}`;
  return `${camera}_${part.year}-${part.month}-${part.day}_${part.hour}-${part.minute}-${part.second}${offset}.png`;
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
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  return true;
}
