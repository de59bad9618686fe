// Forms and dialogs.  A dialog is modal, so the browser keeps the focus in it, closes it by
// Escape, and gives the focus back.

import { byId, setText } from "./dom.js";
import { sentence } from "./text.js";

// Call act() when a form is submitted, and show why it fails.  Once at a time.
export function onSubmit(form, error, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.hasAttribute("aria-busy")) return;
    form.setAttribute("aria-busy", "true");
    setText(error, "");
    try {
      await act();
    } catch (why) {
      setText(error, sentence(why.message));
    } finally {
      form.removeAttribute("aria-busy");
    }
  });
}

export function open(dialog) {
  for (const error of dialog.querySelectorAll("[role=alert]")) setText(error, "");
  for (const form of dialog.querySelectorAll("form")) form.reset();
  dialog.showModal();
}

export function makeClosable() {
  for (const button of document.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
}

// Ask for the token, until there is one.
export function askToken(why) {
  const dialog = byId("token-dialog");
  const form = dialog.querySelector("form");
  open(dialog);
  setText(byId("token-why"), why ? sentence(why) : "The server asks for it.");
  return new Promise((resolve) => {
    const submitted = (event) => {
      event.preventDefault();
      const token = byId("token").value.trim();
      if (!/^[\x21-\x7e]+$/.test(token)) {
        setText(byId("token-why"), "A token has printable ASCII characters, and no spaces.");
        return;
      }
      form.removeEventListener("submit", submitted);
      dialog.removeEventListener("close", reopen);
      dialog.close();
      form.reset();
      resolve(token);
    };
    // Without it the page has nothing to show.
    const reopen = () => dialog.showModal();
    form.addEventListener("submit", submitted);
    dialog.addEventListener("close", reopen);
  });
}
