// Asks the browser for a passkey, old or new, and sends its answer with the form of the page (WebAuthn level 3, 5.1).

const form = /** @type {HTMLFormElement} */ (document.getElementById("passkey-form"));
const words = /** @type {HTMLElement} */ (document.getElementById("passkey-words"));
const options = JSON.parse(form.dataset.options ?? "{}");
const fresh = "new" in form.dataset;
let asking = false;

/** @param {string} text what went wrong */
function complain(text) {
  words.textContent = text;
  words.hidden = false;
}

/** @returns {Promise<Credential | null>} */
function askBrowser() {
  const asked = options.publicKey ?? options;
  if (fresh) return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) });
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) });
}

async function ask() {
  if (asking) return;
  if (!("PublicKeyCredential" in window) || !("parseRequestOptionsFromJSON" in PublicKeyCredential)) {
    complain("This browser does not support passkeys. Use a newer browser, or an authenticator app.");
    return;
  }
  asking = true;
  words.hidden = true;
  try {
    const answer = /** @type {PublicKeyCredential | null} */ (await askBrowser());
    if (!answer) throw new Error("no answer");
    /** @type {HTMLInputElement} */ (form.elements.namedItem("response")).value = JSON.stringify(answer.toJSON());
    form.submit();
  } catch (error) {
    asking = false;
    const name = error instanceof Error ? error.name : "";
    if (name === "InvalidStateError") complain("This device already has a passkey for your account.");
    else if (name === "SecurityError") complain("Passkeys need a trusted connection. Install the recorder's certificate first.");
    else complain("No passkey was created or used. Try again.");
  }
}

/** @type {HTMLButtonElement} */ (form.querySelector(".primary")).disabled = false; // before, it would send an empty answer
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
if (!fresh) ask();
