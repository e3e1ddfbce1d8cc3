// The address of the camera page names the moment that is shown, so that a reload and a copied link lead to it.

export class Address {
  constructor() {
    this.writtenAt = 0; // ms
  }

  /** @param {number} t ms */
  set(t) {
    this.writtenAt = Date.now();
    history.replaceState(null, "", `${location.pathname}?at=${new Date(t).toISOString()}`);
  }

  /** Names a moment that moves, though not so often that the browser minds. @param {number} t @param {number} every ms */
  follow(t, every) {
    if (Date.now() - this.writtenAt > every) this.set(t);
  }

  /** The page shows the present. */
  clear() {
    history.replaceState(null, "", location.pathname);
  }
}
