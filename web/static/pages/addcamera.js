// The page "Add a camera": takes a found address into the form, and copies the lines for the configuration.

for (const button of document.querySelectorAll("button[data-address]")) {
  button.addEventListener("click", () => {
    const field = document.querySelector("#address");
    if (!(field instanceof HTMLInputElement) || !(button instanceof HTMLElement)) return;
    field.value = button.dataset.address ?? "";
    field.focus();
  });
}
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.addEventListener("click", async () => {
    const lines = button instanceof HTMLElement ? document.querySelector(`#${button.dataset.copy}`) : null;
    if (!lines) return;
    try {
      await navigator.clipboard.writeText(lines.textContent ?? "");
      button.textContent = "Copied";
    } catch {
      getSelection()?.selectAllChildren(lines); // without HTTPS, browsers let pages select and not copy
      button.textContent = "Selected: copy it with the keyboard";
    }
  });
}
