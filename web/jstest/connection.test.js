import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { ServerClock } from "../static/live/edge.js";
import { LiveConnection } from "../static/live/connection.js";

class FakeSocket {
  constructor() { FakeSocket.last = this; this.closed = false; }
  send() {}
  close() { this.closed = true; }
}
/** @type {any} */
FakeSocket.last = null;

/** @type {Record<string, () => void>} */
const listeners = {};

const wishes = [{ tile: 1, camera: "garden", stream: /** @type {const} */ ("sub") }];

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setInterval", "setTimeout", "Date"] });
  Object.assign(globalThis, { WebSocket: FakeSocket, location: { origin: "http://keepwatch.test" }, window: globalThis, document: { addEventListener() {} },
    addEventListener: (/** @type {string} */ name, /** @type {() => void} */ f) => { listeners[name] = f; } });
});

test("a connection that is just being made is no trouble to tell of", () => {
  const link = new LiveConnection();
  link.watch(wishes);
  mock.timers.tick(2000);
  assert.equal(link.broken, false);
});

test("a connection that cannot be made, or was lost, is told until it stands", () => {
  const link = new LiveConnection();
  link.watch(wishes);
  mock.timers.tick(6000);
  assert.equal(link.broken, true, "it takes too long");
  FakeSocket.last.onopen();
  assert.equal(link.broken, false, "it stands");
  FakeSocket.last.onclose();
  assert.equal(link.broken, true, "it was lost");
});

test("a connection that ended because nothing was wanted is not told as lost", () => {
  const link = new LiveConnection();
  link.watch(wishes);
  FakeSocket.last.onopen();
  link.watch([]);
  FakeSocket.last.onclose();
  assert.equal(link.broken, false);
  mock.timers.tick(1000);
  link.watch(wishes);
  assert.equal(link.broken, false);
});

test("a silent connection is made anew, one with signs of life is not", () => {
  const link = new LiveConnection();
  link.watch(wishes);
  const first = FakeSocket.last;
  first.onopen();
  for (let i = 0; i < 6; i++) {
    mock.timers.tick(5000);
    first.onmessage({ data: `{"type":"alive","now":1}` });
  }
  assert.equal(FakeSocket.last, first);
  assert.equal(link.broken, false);
  for (let i = 0; i < 8; i++) mock.timers.tick(2000);
  assert.equal(first.closed, true);
  assert.notEqual(FakeSocket.last, first);
});

test("another network makes the connection anew at once", () => {
  const link = new LiveConnection();
  link.watch(wishes);
  const first = FakeSocket.last;
  first.onopen();
  listeners.online();
  assert.notEqual(FakeSocket.last, first);
  assert.equal(first.closed, true);
  first.onmessage({ data: `{"type":"gone","tile":1}` }); // what the old one still says does not count
  FakeSocket.last.onopen();
  assert.equal(link.connected, true);
});

test("the time that an old connection tells after a sleep is not believed", () => {
  const clock = new ServerClock(1000, Date.now());
  const link = new LiveConnection(clock);
  link.watch(wishes);
  const first = FakeSocket.last;
  first.onopen();
  first.onmessage({ data: `{"type":"alive","now":${Date.now()}}` });
  mock.timers.setTime(Date.now() + 60_000); // performance.now stands still
  const before = clock.at(Date.now());
  first.onmessage({ data: `{"type":"alive","now":5000}` });
  assert.notEqual(FakeSocket.last, first, "the connection is made anew");
  assert.equal(clock.at(Date.now()), before);
  FakeSocket.last.onopen();
  FakeSocket.last.onmessage({ data: `{"type":"alive","now":777000}` });
  assert.equal(clock.at(Date.now()), 777000);
});
