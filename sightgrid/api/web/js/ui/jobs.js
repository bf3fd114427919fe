// Long work: ask for it, follow it by server-sent events, show how far it is, stop it.

import { api } from "../core/api.js";
import { el, fill, icon } from "../core/dom.js";
import { t, word } from "../core/i18n.js";
import { button } from "./fields.js";
import { announce, explain, toast } from "./notices.js";

const ENDED = new Set(["successful", "failed", "dismissed"]);

export const isEnded = (job) => ENDED.has(job.status);

/** Ask for a process; resolves with the job, which is ended already if the same result is kept. */
export function startJob(process, inputs) {
  return api.post(`/processes/${process}/execution`, { inputs });
}

/** Follow a job: `note(job)` at each change; resolves with the job as it ended. Returns {done, stop}. */
export function followJob(job, note) {
  note(job);
  if (isEnded(job)) return { done: Promise.resolve(job), stop: () => {} };
  const events = new EventSource(`/jobs/${job.jobID}/events`);
  const stop = () => events.close();
  const done = new Promise((resolve, reject) => {
    let failures = 0;
    const take = (fresh) => {
      failures = 0;
      note(fresh);
      if (!isEnded(fresh)) return;
      stop();
      resolve(fresh);
    };
    events.addEventListener("job", (event) => take(JSON.parse(event.data)));
    // the stream may break off: the browser opens it again, and what happened meanwhile is asked for
    events.addEventListener("error", async () => {
      try {
        take(await api.get(`/jobs/${job.jobID}`));
      } catch (error) {
        failures += 1;
        if (error.status !== 0 || failures > 30) {
          stop();
          reject(error);
        }
      }
    });
  });
  return { done, stop };
}

/**
 * A part of the page that runs one kind of work: a button, then progress with stage and "stop", then how it ended.
 * `inputs()` gives what to ask with (null: not now); `done(job)` is called with a successful job.
 */
export function makeRunner({ process, label, inputs, done, picture = icon("play"), kind = "primary" }) {
  const element = el("div", { class: "runner", dataset: { process } });
  let follower = null;
  let allowed = true;

  async function run() {
    const given = await inputs();
    if (given === null) return;
    showProgress({ status: "accepted", progress: 0, stage: "" });
    try {
      await follow(await startJob(process, given));
    } catch (error) {
      showStart(explain(error));
    }
  }

  async function follow(job) {
    follower = followJob(job, showProgress);
    const ended = await follower.done;
    follower = null;
    if (ended.status === "successful") {
      announce(t("job.successful", { process: label }));
      showStart("");
      await done(ended);
    } else showStart(ended.status === "dismissed" ? t("job.dismissed") : ended.message || t("job.failed"));
  }

  function stop() {
    api.delete(`/jobs/${element.dataset.job}`).catch((error) => toast(explain(error), { kind: "error" }));
  }

  function showStart(fault) {
    fill(
      element,
      button(label, run, { kind, picture, disabled: !allowed }),
      fault ? el("p", { class: "fault", role: "alert" }, fault) : null,
    );
  }

  function showProgress(job) {
    const share = Math.max(0, Math.min(100, job.progress ?? 0));
    if (!element.querySelector("progress")) {
      const bar = el("progress", { max: 100, "aria-label": label });
      const head = el("div", { class: "runner-head" }, el("strong", {}, label), el("output", { class: "stage" }));
      fill(element, head, bar, button(t("job.stop"), stop, { picture: icon("stop") }));
    }
    if (job.jobID) element.dataset.job = job.jobID;
    const stage = job.status === "accepted" ? t("job.waiting") : word("stage", job.stage || "running");
    element.querySelector("output").textContent = `${stage} ${Math.round(share)} %`;
    element.querySelector("progress").value = share;
    element.querySelector("button").disabled = !job.jobID;
  }

  showStart("");
  return {
    element,
    run,
    /** Let it be started, or not. */
    allow(now) {
      if (allowed === now) return;
      allowed = now;
      if (!element.querySelector("progress")) showStart("");
    },
    follow: (job) => follow(job).catch((error) => showStart(explain(error))),
    stop: () => follower?.stop(),
  };
}
