import assert from "node:assert/strict";
import { test } from "node:test";
import { sizeText } from "../static/export/size.js";

test("sizes are written as the server writes them", () => {
  const written = { 0: "0 B", 999: "999 B", 1000: "1.0 kB", 1500000: "1.5 MB", 9949999: "9.9 MB", 9950000: "10 MB", 999499999: "999 MB", 999500000: "1.0 GB", 12345678901: "12 GB" };
  for (const [bytes, text] of Object.entries(written)) assert.equal(sizeText(Number(bytes)), text);
});
