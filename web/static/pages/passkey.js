// Asks the browser for a passkey, old or new, and sends its answer with the form of the page (WebAuthn level 3, 5.1).

class PasskeyForm {
  /** @param {HTMLFormElement} form that holds what to ask for, and sends the answer */
  constructor(form) {
    this.form = form;
    this.words = /** @type {HTMLElement} */ (document.getElementById("passkey-words"));
    this.options = JSON.parse(form.dataset.options ?? "{}");
    this.fresh = "new" in form.dataset;
    this.asking = false;
    /** @type {HTMLButtonElement} */ (form.querySelector(".primary")).disabled = false; // before, it would send an empty answer
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask();
    });
    if (!this.fresh) this.ask();
  }

  /** @param {string} text what went wrong */
  complain(text) {
    this.words.textContent = text;
    this.words.hidden = false;
  }

  /** @returns {Promise<Credential | null>} */
  askBrowser() {
    const asked = this.options.publicKey ?? this.options;
    if (this.fresh) return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) });
    return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) });
  }

  async ask() {
    if (this.asking) return;
    if (!("PublicKeyCredential" in window) || !("parseRequestOptionsFromJSON" in PublicKeyCredential)) {
      this.complain("This browser does not support passkeys. Use a newer browser, or an authenticator app.");
      return;
    }
    this.asking = true;
    this.words.hidden = true;
    try {
      const answer = /** @type {PublicKeyCredential | null} */ (await this.askBrowser());
      if (!answer) throw new Error("no answer");
      /** @type {HTMLInputElement} */ (this.form.elements.namedItem("response")).value = JSON.stringify(answer.toJSON());
      this.form.submit();
    } catch (error) {
      this.asking = false;
      this.complain(reason(error));
    }
  }
}

/** @param {unknown} error of the browser @returns {string} what it means */
function reason(error) {
  const name = error instanceof Error ? error.name : "";
  if (name === "InvalidStateError") return "This device already has a passkey for your account.";
  if (name === "SecurityError") return "Passkeys need a trusted connection. Install the recorder's certificate first.";
  return "No passkey was created or used. Try again.";
}

new PasskeyForm(/** @type {HTMLFormElement} */ (document.getElementById("passkey-form")));
