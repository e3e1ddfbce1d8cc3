// Keeps a clip without leaving the camera page. Without scripts the same form leads to the page of saved clips.

import { byId } from "../shell/dom.js";
import { toast } from "../shell/messages.js";

/** @param {HTMLFormElement} form of the panel that saves @param {() => void} onkept called when a clip was kept */
export function wireKeep(form, onkept) {
  const button = document.getElementById("keep-button");
  const note = document.getElementById("keep-note");
  if (!(button instanceof HTMLButtonElement) || !(note instanceof HTMLInputElement)) return; // not theirs to keep
  note.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault(); // the first button of the form would save instead
    form.requestSubmit(button);
  });
  form.addEventListener("submit", async (event) => {
    if (event.defaultPrevented || event.submitter !== button) return;
    event.preventDefault();
    button.setAttribute("aria-busy", "true");
    if (await keep(form, note).catch(() => toast("The recorder is not responding. Nothing was kept."))) onkept();
    button.removeAttribute("aria-busy");
  });
}

/** @param {HTMLFormElement} form @param {HTMLInputElement} note @returns {Promise<boolean>} whether it was kept */
async function keep(form, note) {
  const fields = new FormData(form);
  const camera = byId("camera").dataset.camera;
  const answer = await fetch(`/api/v1/cameras/${camera}/kept`, {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ from: fields.get("from"), to: fields.get("to"), note: note.value }),
  });
  const said = await answer.json();
  if (answer.ok) note.value = "";
  toast(answer.ok ? "Kept. Find it in Saved." : `Not kept: ${said.detail ?? said.title}`);
  return answer.ok;
}
