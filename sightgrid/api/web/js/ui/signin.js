// Signing in, the account's menu, the password.

import { api } from "../core/api.js";
import { el, icon, nameId } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { askFor, openDialog } from "./dialogs.js";
import { button, textField } from "./fields.js";
import { explain, report, toast } from "./notices.js";

function makeFields() {
  const name = textField({
    name: "name",
    label: t("signin.name"),
    required: true,
    autocomplete: "username",
    maxLength: 200,
  });
  const password = textField({
    name: "password",
    label: t("signin.password"),
    required: true,
    type: "password",
    autocomplete: "current-password",
    maxLength: 1000,
  });
  return [name, password];
}

/** Make the page that is shown to who has not signed in; `done` is called afterwards. */
export function makeSignInPage({ done, languages }) {
  const [name, password] = makeFields();
  const fault = el("p", { class: "fault", role: "alert", hidden: true });
  const submit = el("button", { class: "button primary", type: "submit" }, t("signin.action"));
  const heading = nameId("signin");
  const form = el(
    "form",
    { class: "signin-card", "aria-labelledby": heading },
    el("img", { src: "/web/icon.svg", alt: "", width: 44, height: 44 }),
    el("h1", { id: heading }, t("signin.title")),
    name.element,
    password.element,
    fault,
    submit,
    languages,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    fault.hidden = true;
    try {
      await api.post("/session", { name: name.read(), password: password.read() });
      await done();
    } catch (error) {
      fault.textContent = error.status === 401 ? t("signin.wrong") : explain(error);
      fault.hidden = false;
      password.control.select();
    } finally {
      submit.disabled = false;
    }
  });
  return el("main", { class: "signin", id: "main" }, form);
}

let open = false;

/** Ask to sign in again over the page, whose unsaved work stays: for when a session has ended. */
export async function signInAgain() {
  if (open) return;
  open = true;
  const [name, password] = makeFields();
  try {
    const answer = await openDialog({
      title: t("signin.again"),
      body: [el("p", {}, t("signin.ended")), name.element, password.element],
      actions: [{ label: t("signin.action"), value: "yes", kind: "primary" }],
      check: () => api.post("/session", { name: name.read(), password: password.read() }).then(() => true),
    });
    if (answer) toast(t("signin.back"), { kind: "ok" });
  } finally {
    open = false;
  }
}

/** Make the account's button with its menu. */
export function makeAccount(session) {
  if (session.local) return null;
  const menuId = nameId("account");
  const leave = async () => {
    try {
      await api.delete("/session");
      location.reload();
    } catch (error) {
      report(error);
    }
  };
  const menu = el(
    "div",
    { class: "menu", id: menuId, hidden: true },
    el("p", { class: "menu-head" }, el("strong", {}, session.name), el("span", {}, t(`role.${session.role}`))),
    button(
      t("signin.change_password"),
      () => {
        close();
        changePassword();
      },
      { kind: "quiet" },
    ),
    button(t("signin.leave"), leave, { kind: "quiet" }),
  );
  const toggle = el(
    "button",
    {
      class: "button icon-only quiet",
      type: "button",
      "aria-haspopup": "true",
      "aria-controls": menuId,
      "aria-expanded": "false",
      "aria-label": t("signin.account", { name: session.name }),
    },
    icon("person"),
  );
  const close = () => {
    menu.hidden = true;
    toggle.setAttribute("aria-expanded", "false");
  };
  toggle.addEventListener("click", () => {
    menu.hidden = !menu.hidden;
    toggle.setAttribute("aria-expanded", String(!menu.hidden));
  });
  const element = el("div", { class: "account" }, toggle, menu);
  element.addEventListener("focusout", (event) => {
    if (!element.contains(event.relatedTarget)) close();
  });
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      close();
      toggle.focus();
    }
  });
  return element;
}

async function changePassword() {
  const old = textField({
    name: "password",
    label: t("signin.old_password"),
    type: "password",
    required: true,
    autocomplete: "current-password",
  });
  const fresh = textField({
    name: "new_password",
    label: t("signin.new_password"),
    type: "password",
    required: true,
    autocomplete: "new-password",
  });
  const save = (values) => api.put("/session/password", values);
  const done = await askFor({
    title: t("signin.change_password"),
    fields: [old, fresh],
    action: t("action.save"),
    save,
  });
  if (done) toast(t("signin.changed"), { kind: "ok" });
}
