// The health of one camera: its last picture, how it is, how it was, when it was out.

import { api, send } from "../core/api.js";
import { el, fill } from "../core/dom.js";
import { duration, moment, percent } from "../core/format.js";
import { t, word } from "../core/i18n.js";
import { describe } from "../map/popups.js";
import { fillWhenLoaded, showEmpty } from "../ui/notices.js";

/** Make the part that follows the camera that is selected anywhere on the page. */
export function makeCamera(context, { colours }) {
  const element = el("div", { class: "stack" });
  let picture = null; // the address of the picture that is shown, to be let go

  function show(camera_id) {
    letGo();
    if (!camera_id) fill(element, showEmpty(t("audit.choose")));
    else fillWhenLoaded(element, () => load(camera_id));
  }

  async function load(camera_id) {
    const path = `/sites/${context.site().site_id}/health/${encodeURIComponent(camera_id)}`;
    const told = await api.get(path);
    const latest = told.probes[0];
    const shown = [el("h3", {}, told.name || camera_id)];
    if (!latest) return [...shown, showEmpty(t("audit.never"))];
    shown.push(
      describe([
        [t("field.id"), camera_id],
        [t("field.status"), word("status", latest.status)],
        [t("field.reason"), latest.reason],
        [t("field.stage"), latest.stage && word("stage_of_probe", latest.stage)],
        [t("field.checked_at"), moment(latest.checked_at)],
        [t("audit.online_rate"), percent(told.rates.online_rate)],
      ]),
      drawStrip(told.probes, colours),
    );
    if (told.thumbnail_at) shown.push(await loadPicture(`${path}/thumbnail`, told));
    if (told.outages.length) {
      shown.push(
        el("h4", {}, t("audit.outages")),
        el(
          "ul",
          { class: "outages" },
          told.outages
            .slice(0, 10)
            .map((each) =>
              el(
                "li",
                {},
                [moment(each.start_at), each.ongoing ? t("audit.going_on") : duration(each.seconds), each.reason].join(
                  " · ",
                ),
              ),
            ),
        ),
      );
    }
    return shown;
  }

  async function loadPicture(path, { thumbnail_at, name, camera_id }) {
    const response = await send("GET", path).catch(() => null);
    if (!response) return null;
    picture = URL.createObjectURL(await response.blob());
    return el(
      "figure",
      { class: "picture" },
      el("img", { src: picture, alt: t("audit.picture", { name: name || camera_id }) }),
      el("figcaption", { class: "hint" }, moment(thumbnail_at)),
    );
  }

  function letGo() {
    if (picture) URL.revokeObjectURL(picture);
    picture = null;
  }

  return { element, show, end: letGo };
}

/** Draw the last probes, the newest at the right; told to a screen reader as a sentence. */
function drawStrip(probes, colours) {
  const strip = el("div", { class: "strip", role: "img", "aria-label": t("audit.strip", { count: probes.length }) });
  for (const probe of [...probes].reverse()) {
    const mark = el("i", { title: `${moment(probe.checked_at)}: ${word("status", probe.status)}` });
    mark.style.background = colours.get(probe.status);
    strip.append(mark);
  }
  return strip;
}
