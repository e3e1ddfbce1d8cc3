import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { ServerClock } from "../static/live/edge.js";
import { LiveConnection } from "../static/live/connection.js";
import { FakeClock } from "./fakeclock.js";

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

const time = new FakeClock();

beforeEach(() => {
  time.reset();
  Object.assign(globalThis, { WebSocket: FakeSocket, location: { origin: "http://keepwatch.test" }, window: globalThis, document: { addEventListener() {} },
    addEventListener: (/** @type {string} */ name, /** @type {() => void} */ f) => { listeners[name] = f; } });
});

test("a connection that is just being made is no trouble to tell of", () => {
  const connection = new LiveConnection();
  connection.watch(wishes);
  time.tick(2000);
  assert.equal(connection.broken, false);
});

test("a connection that cannot be made, or was lost, is told until it stands", () => {
  const connection = new LiveConnection();
  connection.watch(wishes);
  time.tick(6000);
  assert.equal(connection.broken, true, "it takes too long");
  FakeSocket.last.onopen();
  assert.equal(connection.broken, false, "it stands");
  FakeSocket.last.onclose();
  assert.equal(connection.broken, true, "it was lost");
});

test("a connection that ended because nothing was wanted is not told as lost", () => {
  const connection = new LiveConnection();
  connection.watch(wishes);
  FakeSocket.last.onopen();
  connection.watch([]);
  FakeSocket.last.onclose();
  assert.equal(connection.broken, false);
  time.tick(1000);
  connection.watch(wishes);
  assert.equal(connection.broken, false);
});

test("a silent connection is made anew, one with signs of life is not", () => {
  const connection = new LiveConnection();
  connection.watch(wishes);
  const first = FakeSocket.last;
  first.onopen();
  for (let i = 0; i < 6; i++) {
    time.tick(5000);
    first.onmessage({ data: `{"type":"alive","now":1}` });
  }
  assert.equal(FakeSocket.last, first);
  assert.equal(connection.broken, false);
  for (let i = 0; i < 8; i++) time.tick(2000);
  assert.equal(first.closed, true);
  assert.notEqual(FakeSocket.last, first);
});

test("another network makes the connection anew at once", () => {
  const connection = new LiveConnection();
  connection.watch(wishes);
  const first = FakeSocket.last;
  first.onopen();
  listeners.online();
  assert.notEqual(FakeSocket.last, first);
  assert.equal(first.closed, true);
  first.onmessage({ data: `{"type":"gone","tile":1}` }); // what the old one still says does not count
  FakeSocket.last.onopen();
  assert.equal(connection.connected, true);
});

test("the time that an old connection tells after a sleep is not believed", () => {
  const clock = new ServerClock(1000, Date.now());
  const connection = new LiveConnection(clock);
  connection.watch(wishes);
  const first = FakeSocket.last;
  first.onopen();
  first.onmessage({ data: `{"type":"alive","now":${Date.now()}}` });
  time.time += 60_000; // performance.now stands still
  const before = clock.at(Date.now());
  first.onmessage({ data: `{"type":"alive","now":5000}` });
  assert.notEqual(FakeSocket.last, first, "the connection is made anew");
  assert.equal(clock.at(Date.now()), before);
  FakeSocket.last.onopen();
  FakeSocket.last.onmessage({ data: `{"type":"alive","now":777000}` });
  assert.equal(clock.at(Date.now()), 777000);
});
