// The start of the page: who asks, in which language, and then the shell.

import { api, keepLooking, watch } from "./core/api.js";
import { el, fill } from "./core/dom.js";
import { chooseLanguage, setLanguage, t } from "./core/i18n.js";
import { readPermalink } from "./core/permalink.js";
import { makeShell } from "./shell.js";
import { makeLanguageSwitch } from "./ui/header.js";
import { makeNotices, showFailed, showLoading } from "./ui/notices.js";
import { makeSignInPage, signInAgain } from "./ui/signin.js";

const app = document.getElementById("app");

async function start() {
  fill(app, el("main", { class: "booting" }, showLoading()));
  let session;
  try {
    session = await api.get("/session");
  } catch (error) {
    fill(app, el("main", { class: "booting" }, showFailed(error, start)));
    return;
  }
  if (!session.signed_in && !session.local) {
    fill(app, makeSignInPage({ done: start, languages: makeLanguageSwitch() }));
    return;
  }
  watch("signed_out", signInAgain);
  try {
    await makeShell(app, session);
  } catch (error) {
    if (error.status === undefined) console.error(error);
    fill(
      app,
      el(
        "main",
        { class: "booting" },
        showFailed(error, () => location.reload()),
      ),
    );
  }
}

setLanguage(chooseLanguage(readPermalink().language));
document.title = t("title");
document.body.append(...makeNotices());
keepLooking();
start();
