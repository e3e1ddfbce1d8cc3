// Whether who uses a page is still signed in, or still has the link to it.

/** What requests say on the page of a share link: that they come with the link, and not with a session. */
export function byLink() {
  return globalThis.document?.body?.classList.contains("link-page") ? "as=link" : "";
}

/**
 * Goes to the login page if the answer says that the session has ended; from there back to the address of now.
 * @param {Response} answer @returns {boolean} whether it has ended
 */
export function endedSession(answer) {
  const ended = answer.status === 401 || answer.type === "opaqueredirect"; // pages redirect, the API says 401
  if (ended && byLink()) location.reload(); // which says that the link is over
  else if (ended) location.assign("/login?ended=1&next=" + encodeURIComponent(location.pathname + location.search));
  return ended;
}
