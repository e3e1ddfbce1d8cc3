import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Link } from "../static/link.js";

class FakeSocket {
  constructor() { FakeSocket.last = this; }
  send() {}
  close() {}
}
/** @type {any} */
FakeSocket.last = null;

const wishes = [{ tile: 1, camera: "garden", stream: /** @type {const} */ ("sub") }];

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setInterval", "setTimeout", "Date"] });
  Object.assign(globalThis, { WebSocket: FakeSocket, location: { origin: "http://keepwatch.test" }, window: globalThis });
});

test("a connection that is just being made is no trouble to tell of", () => {
  const link = new Link();
  link.watch(wishes);
  mock.timers.tick(2000);
  assert.equal(link.broken, false);
});

test("a connection that cannot be made, or was lost, is told until it stands", () => {
  const link = new Link();
  link.watch(wishes);
  mock.timers.tick(6000);
  assert.equal(link.broken, true, "it takes too long");
  FakeSocket.last.onopen();
  assert.equal(link.broken, false, "it stands");
  FakeSocket.last.onclose();
  assert.equal(link.broken, true, "it was lost");
});

test("a connection that ended because nothing was wanted is not told as lost", () => {
  const link = new Link();
  link.watch(wishes);
  FakeSocket.last.onopen();
  link.watch([]);
  FakeSocket.last.onclose();
  assert.equal(link.broken, false);
  mock.timers.tick(1000);
  link.watch(wishes);
  assert.equal(link.broken, false);
});
