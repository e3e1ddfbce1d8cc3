// The live connection of a page: one WebSocket for all tiles. It reconnects by itself.

import { parseMessage } from "../player/bytes.js";
import { byLink, endedSession } from "../shell/session.js";
import { backoff } from "./edge.js";

/**
 * @typedef {{tile: number, camera: string, stream: "main" | "sub"}} Wish
 * @typedef {object} Listener what a tile does with what is sent to it
 * @property {(m: {state: string, reason: string}) => void} setState
 * @property {(m: {mime: string, stream: string}, bytes: Uint8Array) => void} init
 * @property {(bytes: Uint8Array) => void} fragment
 * @property {() => void} lost
 * @property {boolean} gone
 */

/** A connection is dead when nothing arrived for so long, ms: the server sends a sign of life every 5 s. */
const SILENCE = 12_000;

/** A connection that takes longer to open is reported as broken, ms. */
const OPENING = 3000;

export class LiveConnection {
  /** @param {import("./edge.js").ServerClock} [clock] learns the server's time */
  constructor(clock) {
    this.clock = clock;
    /** @type {Map<number, Listener>} */
    this.listeners = new Map();
    /** @type {Wish[]} */
    this.wishes = [];
    /** @type {Map<number, {mime: string, stream: string}>} */
    this.announced = new Map();
    /** @type {WebSocket | null} */
    this.socket = null;
    this.connected = false;
    this.broken = false; // it is wanted, and was lost or cannot be made: what people are to be told
    this.asking = false; // whether the session has ended
    this.attempt = 0;
    this.heard = 0;
    this.timer = 0;
    setInterval(() => this.listen(), 2000);
    window.addEventListener("online", () => this.again()); // another network: the old connection goes nowhere
    for (const woken of ["visibilitychange", "resume"]) document.addEventListener(woken, () => this.listen());
  }

  /** @param {Wish[]} wishes the whole set of tiles that are wanted from now on; none closes the connection */
  watch(wishes) {
    const text = JSON.stringify(wishes);
    if (text === JSON.stringify(this.wishes)) return;
    this.wishes = wishes;
    if (this.connected) this.send();
    else if (wishes.length > 0 && !this.socket && !this.timer) this.open();
  }

  open() {
    this.timer = 0;
    if (this.wishes.length === 0) return;
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/api/v1/live?" + byLink());
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.heard = Date.now();
    socket.onopen = () => {
      if (socket !== this.socket) return;
      this.connected = true;
      this.broken = false;
      this.send();
    };
    socket.onmessage = (event) => {
      if (socket !== this.socket) return;
      this.heard = Date.now();
      this.attempt = 0;
      if (typeof event.data === "string") this.text(event.data);
      else this.binary(event.data);
    };
    socket.onclose = () => this.closed(socket);
  }

  /** @param {WebSocket} socket */
  closed(socket) {
    if (socket !== this.socket) return;
    this.socket = null;
    this.connected = false;
    this.broken = this.wishes.length > 0;
    this.announced.clear();
    if (this.attempt >= 2) this.askForLogin();
    this.timer = window.setTimeout(() => this.open(), backoff(this.attempt++, Math.random()));
  }

  send() {
    this.socket?.send(JSON.stringify({ type: "watch", tiles: this.wishes }));
  }

  /** Reconnects at once. */
  again() {
    if (this.wishes.length === 0) return;
    clearTimeout(this.timer);
    this.timer = 0;
    const socket = this.socket;
    this.socket = null;
    this.connected = false;
    this.attempt = 0;
    this.announced.clear();
    socket?.close();
    this.open();
  }

  /**
   * Whether the computer slept, or its clock was set. What an old connection still holds then tells a time that is over, so it
   * is made anew.
   */
  overslept() {
    if (!this.clock?.stepped(Date.now(), performance.now())) return false;
    this.again();
    return true;
  }

  /** Ends a connection that has fallen silent although pictures are wanted: the network went without a word. */
  listen() {
    if (this.overslept()) return;
    const socket = this.socket;
    if (!socket || this.wishes.length === 0) {
      this.heard = Date.now();
      return;
    }
    if (!this.connected && Date.now() - this.heard > OPENING) this.broken = true;
    if (Date.now() - this.heard < SILENCE) return;
    socket.onclose = null;
    socket.close();
    this.closed(socket);
  }

  /** @param {string} data */
  text(data) {
    const message = JSON.parse(data);
    if (message.type === "alive" && !this.overslept()) this.clock?.told(message.now, Date.now());
    const listener = this.listeners.get(message.tile);
    if (!listener) return;
    if (message.type === "state") listener.setState(message);
    if (message.type === "init") this.announced.set(message.tile, message);
    if (message.type === "lost") listener.lost();
    if (message.type !== "gone") return;
    listener.gone = true;
    this.askForLogin(); // all cameras go when the session ends
  }

  /** @param {ArrayBuffer} data */
  binary(data) {
    const message = parseMessage(data);
    const listener = message && this.listeners.get(message.tile);
    if (!message || !listener || !this.wishes.some((w) => w.tile === message.tile)) return;
    if (message.kind === "fragment") {
      listener.fragment(message.bytes);
      return;
    }
    const init = this.announced.get(message.tile);
    if (init) listener.init(init, message.bytes);
  }

  /** Goes to the login page if the session has ended; a WebSocket that is refused does not say why. */
  async askForLogin() {
    if (this.asking) return;
    this.asking = true;
    try {
      endedSession(await fetch("/api/v1/me?" + byLink(), { cache: "no-store" }));
    } catch {
      // No network: the connection keeps trying.
    } finally {
      this.asking = false;
    }
  }
}
