// Links and forms of a page that replace a part of it instead of all, so that what it plays goes on. The server makes the
// new part as it makes the page.

import { toast } from "./messages.js";
import { endedSession } from "./session.js";

export class Swap {
  /**
   * @param {string} id of the part that is replaced
   * @param {(fresh: HTMLElement) => void} onswap puts the new part in the place of the old
   */
  constructor(id, onswap) {
    this.id = id;
    this.onswap = onswap;
    /** @type {AbortController | null} */
    this.request = null;
    document.addEventListener("click", (event) => this.clicked(event));
    document.addEventListener("submit", (event) => this.submitted(event));
    window.addEventListener("popstate", () => this.go(location.href, {}, "stay"));
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const link = event.target instanceof Element ? event.target.closest("a[data-swap]") : null;
    if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.go(link.href, {}, "push");
  }

  /** @param {SubmitEvent} event */
  submitted(event) {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset.swap === undefined) return;
    event.preventDefault();
    this.send(form, new FormData(form, event.submitter));
  }

  /** @param {HTMLFormElement} form @param {FormData} data */
  send(form, data) {
    const body = new URLSearchParams([...data].map(([name, value]) => [name, String(value)]));
    return this.go(form.action, { method: "POST", body }, "replace");
  }

  /**
   * @param {string} url @param {RequestInit} how @param {"push" | "replace" | "stay"} history what becomes of the address
   */
  async go(url, how, history) {
    this.request?.abort();
    const request = new AbortController();
    this.request = request;
    try {
      const answer = await fetch(url, { ...how, cache: "no-store", signal: request.signal });
      if (endedSession(answer)) return;
      const text = await answer.text();
      if (request.signal.aborted) return;
      const fresh = new DOMParser().parseFromString(text, "text/html").getElementById(this.id);
      const shown = new URL(answer.url);
      if (!fresh || (shown.pathname !== location.pathname && answer.ok)) {
        location.assign(answer.redirected || !how.method ? answer.url : location.href); // another page, the login for one
        return;
      }
      if (history === "push") window.history.pushState(null, "", answer.url);
      if (history === "replace" && answer.ok) window.history.replaceState(null, "", answer.url);
      this.put(document.adoptNode(fresh));
    } catch {
      if (!request.signal.aborted) toast("No connection to the recorder. Nothing was changed.");
    }
  }

  /** @param {HTMLElement} fresh */
  put(fresh) {
    const focused = document.activeElement?.id;
    this.onswap(fresh);
    if (!focused) return;
    const again = document.getElementById(focused);
    if (again instanceof HTMLButtonElement && again.disabled) {
      /** @type {HTMLElement | null} */ (again.form?.querySelector("button:not(:disabled)"))?.focus();
    } else {
      again?.focus({ preventScroll: true });
    }
  }
}
