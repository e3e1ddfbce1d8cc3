import assert from "node:assert/strict";
import test from "node:test";
import { parsePlaylist, pieceAt, secondsAt, wallAt } from "../static/player/hlsplayback.js";

const text = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:6
#EXT-X-MAP:URI="segment.mp4?from=a",BYTERANGE="900@0"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T13:05:20.500Z
#EXTINF:6.000000,
#EXT-X-BYTERANGE:12000@900
segment.mp4?from=a
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T13:05:26.500Z
#EXTINF:2.500000,
#EXT-X-BYTERANGE:5000@12900
segment.mp4?from=a
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T13:06:00.000Z
#EXTINF:4.000000,
#EXT-X-BYTERANGE:8000@900
segment.mp4?from=b
#EXT-X-ENDLIST
`;
const at = (/** @type {string} */ clock) => Date.parse(`2026-11-22T${clock}Z`);

test("a playlist is read as pieces one after the other", () => {
  assert.deepEqual(parsePlaylist(text), [
    { start: 0, at: at("13:05:20.500"), plays: 6, breaks: false },
    { start: 6, at: at("13:05:26.500"), plays: 2.5, breaks: false },
    { start: 8.5, at: at("13:06:00"), plays: 4, breaks: true },
  ]);
  assert.deepEqual(parsePlaylist(""), []);
});

test("a moment is found in the playlist, over gaps too", () => {
  const pieces = parsePlaylist(text);
  for (const [clock, seconds] of /** @type {[string, number | null][]} */ ([
    ["13:05:20.500", 0], ["13:05:20", 0], ["13:05:10", null], ["13:05:25", 4.5], ["13:05:28", 7.5], ["13:05:29", 8.5], ["13:05:40", 8.5], ["13:06:03", 11.5], ["13:06:04", null],
  ])) assert.equal(secondsAt(pieces, at(clock)), seconds, clock);
  assert.equal(secondsAt([], at("13:05:25")), null);
});

test("and every second of the playlist is a moment", () => {
  const pieces = parsePlaylist(text);
  for (const [seconds, clock] of /** @type {[number, string][]} */ ([[0, "13:05:20.500"], [4.5, "13:05:25"], [6, "13:05:26.500"], [8.4999, "13:06:00"], [8.5, "13:06:00"], [99, "13:06:04"]])) {
    assert.equal(Math.round(wallAt(pieces, seconds)), at(clock), String(seconds));
  }
  assert.ok(Number.isNaN(wallAt([], 3)));
  assert.equal(pieceAt(pieces, 8.6), 2);
  assert.equal(pieceAt([], 1), -1);
});
