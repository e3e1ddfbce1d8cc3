// What every page runs: the menu of the user, the list of keys, and the keys that lead to other pages.

import { typing } from "./dom.js";

function openHelp() {
  const help = document.getElementById("help");
  if (help instanceof HTMLDialogElement && !help.open) help.showModal();
}

function wireMenu() {
  const menu = document.querySelector("details.menu");
  if (!(menu instanceof HTMLDetailsElement)) return;
  document.addEventListener("click", (event) => {
    if (event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
}

document.addEventListener("keydown", (event) => {
  if (typing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "?") openHelp();
  if (event.key.toLowerCase() === "g") location.assign("/live");
  if (/^[1-9]$/.test(event.key)) {
    const links = document.querySelectorAll("[data-camera-link]");
    const link = links[Number(event.key) - 1];
    if (link instanceof HTMLAnchorElement) link.click();
  }
});
for (const button of document.querySelectorAll("[data-help]")) button.addEventListener("click", openHelp);
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => form.querySelector("button")?.setAttribute("aria-busy", "true"));
}
wireMenu();
document.documentElement.dataset.js = "";
