// Notices when a session, or a share link, has ended.

/** The query parameter of requests from the page of a share link: they use the link and no session. */
export function byLink() {
  return globalThis.document?.body?.dataset.section === "link-page" ? "as=link" : "";
}

/**
 * Goes to the login page if the answer says that the session has ended. The login leads back to the current address.
 * @param {Response} answer @returns {boolean} whether it has ended
 */
export function endedSession(answer) {
  const ended = answer.status === 401 || answer.type === "opaqueredirect"; // pages redirect, the API says 401
  if (ended && byLink()) location.reload(); // which says that the link is over
  else if (ended) location.assign("/login?ended=1&next=" + encodeURIComponent(location.pathname + location.search));
  return ended;
}
