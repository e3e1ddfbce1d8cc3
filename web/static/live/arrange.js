// Dragging a tile to another's place. Its buttons do the same without dragging.

/** Movement of the pointer before a press becomes a drag, CSS pixels. */
const SLACK = 6;

/**
 * @param {(form: HTMLFormElement, data: FormData) => void} send carries out a tile's form
 */
export function wireDrag(send) {
  /** @type {{tile: HTMLElement, x: number, y: number, moving: boolean} | null} */
  let drag = null;

  document.addEventListener("pointerdown", (event) => {
    const on = event.target instanceof Element ? event.target : null;
    const tile = /** @type {HTMLElement | null} */ (on?.closest(".arranging .tile"));
    const grip = on?.closest(".grip, .mover, .tile-link");
    const byFinger = event.pointerType === "touch";
    if (!tile || !grip || on?.closest("button") || event.button !== 0 || (byFinger && !on?.closest(".grip"))) return;
    event.preventDefault();
    drag = { tile, x: event.clientX, y: event.clientY, moving: false };
  });

  document.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const dx = event.clientX - drag.x;
    const dy = event.clientY - drag.y;
    if (!drag.moving && Math.hypot(dx, dy) < SLACK) return;
    drag.moving = true;
    drag.tile.dataset.dragged = "";
    drag.tile.style.translate = `${dx}px ${dy}px`;
    mark(tileUnder(event, drag.tile));
  });

  document.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { tile, moving } = drag;
    const target = moving ? tileUnder(event, tile) : null;
    end();
    const form = tile.querySelector("form");
    if (!target || !form) return;
    const data = new FormData(form);
    data.set("at", target.dataset.camera ?? "");
    send(form, data);
  });

  for (const over of ["pointercancel", "blur"]) window.addEventListener(over, end);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") end(); });

  // What looks like a link in a tile that is being arranged is its handle.
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest(".arranging .tile-link")) event.preventDefault();
  }, { capture: true });

  function end() {
    if (!drag) return;
    delete drag.tile.dataset.dragged;
    drag.tile.style.translate = "";
    mark(null);
    drag = null;
  }
}

/** @param {PointerEvent} event @param {HTMLElement} dragged @returns {HTMLElement | null} the other tile there */
function tileUnder(event, dragged) {
  for (const element of document.elementsFromPoint(event.clientX, event.clientY)) {
    const tile = /** @type {HTMLElement | null} */ (element.closest(".tile"));
    if (tile && tile !== dragged) return tile;
  }
  return null;
}

/** @param {HTMLElement | null} target */
function mark(target) {
  for (const tile of document.querySelectorAll(".tile[data-target]")) {
    if (tile !== target) delete /** @type {HTMLElement} */ (tile).dataset.target;
  }
  if (target) target.dataset.target = "";
}
