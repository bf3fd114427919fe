"""The page of the cameras' health: one HTML file that needs no network, the worst cameras first."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sightgrid.health.rates import UNKNOWN
from sightgrid.health.records import STATUSES
from sightgrid.report.words import percent, square_metres

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    import pandas as pd

    from sightgrid.report.health.findings import Findings, Losses

WORDS = {"offline": "offline", "fault": "fault", "warning": "warning", "not_checkable": "not checkable", "ok": "ok"}
SHAPES = {"offline": "■", "fault": "▲", "warning": "◆", "not_checkable": "○", "ok": "●"}  # told apart without colour
MOST_PICTURES = 2000  # a page of more would be too heavy to open
TOP = 10
NONE = "none"  # where a rate has nothing to be of
HOUR_S, MINUTE_S, DAY_S = 3600.0, 60.0, 86_400.0
# nothing is fetched, nothing is sent
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_HERE = Path(__file__).parent


def draw_page(
    findings: Findings, *, title: str, summary: dict[str, Any], thumbnails: Mapping[str, tuple[datetime, bytes]]
) -> str:
    """Draw the page.

    Parameters
    ----------
    findings : Findings
        See `sightgrid.report.health.findings.gather_findings`.
    title : str
        What the page is about.
    summary : dict
        See `sightgrid.report.health.summarise`.
    thumbnails : mapping of str to (datetime, bytes)
        The last picture of each camera, with its time.

    Returns
    -------
    str
        HTML.
    """
    table = findings.table
    style, script = ((_HERE / f"health.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    heading = escape(f"Camera health: {title}")
    pictured = set([name for name in table.index if name in thumbnails][:MOST_PICTURES])
    left_out = sum(name in thumbnails for name in table.index) - len(pictured)
    parts = [
        "<!DOCTYPE html>", '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f"<title>{heading}</title><style>{style}</style></head><body>",
        f"<header><h1>{heading}</h1>{_when(table)}{_figures(summary, findings.losses)}</header><main>",
        _losses(findings.losses), _owners(findings.rates), _history(summary.get("history")),
        _outages(findings.outages), "<h2>Cameras, the worst first</h2>", _form(table),
        f"<p class='soft'>Pictures are shown for the first {MOST_PICTURES:,} cameras; {left_out:,} more have one.</p>"
        if left_out else "",
        '<ul class="cameras">',
        *(_camera(name, row, thumbnails.get(name) if name in pictured else None)
          for name, row in zip(table.index, table.to_dict("records"), strict=True)),
        f"</ul></main><script>{script}</script></body></html>",
    ]  # fmt: skip
    return "\n".join(part for part in parts if part) + "\n"


def _when(table: pd.DataFrame) -> str:
    if table.empty:
        return "<p class='soft'>No camera was checked.</p>"
    first, last = table["checked_at"].min(), table["checked_at"].max()
    return f"<p class='soft'>Latest probes from {_mark_time(first)} to {_mark_time(last)}</p>"


def _figures(summary: dict[str, Any], losses: Losses | None) -> str:
    checked = f"of {summary['checked']:,} checked"
    away = [
        f"{summary[name]:,} {word}"
        for name, word in (("not_checkable", "not checkable"), ("in_maintenance", "in maintenance"))
        if summary[name]
    ]
    items = [
        (percent(summary["online_rate"]) or NONE, "online", f"{summary['online']:,} {checked}"),
        (percent(summary["intact_rate"]) or NONE, "intact (online, no fault)", f"{summary['intact']:,} {checked}"),
        (f"{summary['cameras']:,}", "cameras", ", ".join(away) or "all checked"),
    ]
    if losses is not None:
        rates = f"coverage {percent(losses.rate)} with all cameras, {percent(losses.rate_now)} now"
        items.append((square_metres(losses.lost_m2), "ground lost to faults", rates))
    cells = (
        f"<li><b>{escape(value)}</b>{escape(name)}<div class='soft'>{escape(note)}</div></li>"
        for value, name, note in items
    )
    return f'<ul class="figures">{"".join(cells)}</ul>'


def _losses(losses: Losses | None) -> str:
    if losses is None or losses.by_camera.empty:
        return ""
    rows = losses.by_camera.head(TOP)
    cells = (
        (name, row["fault"].replace("_", " "), square_metres(row["lost_m2"]), row["blind_spots"] or "none")
        for name, row in zip(rows.index, rows.drop(columns="geometry").to_dict("records"), strict=True)
    )
    return _table("Blind spots by camera", ("camera", "fault", "ground lost", "blind spots"), cells, numbers=(2,))


def _owners(rates: pd.DataFrame) -> str:
    cells = (
        (
            name, f"{row['cameras']:.0f}", f"{row['checked']:.0f}", f"{row['online']:.0f}", percent(row["online_rate"]),
            f"{row['intact']:.0f}", percent(row["intact_rate"]),
        )
        for name, row in zip(rates.index, rates.to_dict("records"), strict=True)
    )  # fmt: skip
    headings = ("owner class", "cameras", "checked", "online", "online rate", "intact", "intact rate")
    return _table("By owner class", headings, cells, numbers=range(1, 7))


def _history(history: dict[str, Any] | None) -> str:
    if history is None:
        return ""
    hours = ((name, f"{history[f'{name}_s'] / HOUR_S:,.1f} h") for name in ("checked", "unknown", "maintenance"))
    rates = [percent(history[f"{name}_rate"]) or NONE for name in ("online", "intact")]
    repair = _duration(history["mean_time_to_repair_s"]) or "none has ended yet"
    known = ", ".join(f"{name} {value}" for name, value in hours)
    shares = f"online {rates[0]} and intact {rates[1]} of the checked camera-hours ({known})"
    counts = f"Outages ended: {history['outages_ended']:,}, going on: {history['outages_ongoing']:,}"
    told = (f"Since {history['from']}: {shares}.", f"{counts}, mean time to repair: {repair}.")
    return "<h2>Over time</h2>" + "".join(f"<p>{escape(line)}</p>" for line in told)


def _outages(outages: pd.DataFrame) -> str:
    rows = outages.head(TOP)
    if rows.empty:
        return ""
    cells = (
        (
            row["camera_id"], _time(row["start_at"]), "goes on" if row["ongoing"] else _time(row["end_at"]),
            _duration(row["seconds"]), _duration(row["planned_s"]) if row["planned_s"] else "", row["reason"],
        )
        for row in rows.to_dict("records")
    )  # fmt: skip
    headings = ("camera", "from", "to", "length", "of it planned", "reason")
    return _table("Longest outages", headings, cells, numbers=(3, 4), whole=(1, 2))


def _table(
    title: str,
    headings: Iterable[str],
    rows: Iterable[tuple[str, ...]],
    *,
    numbers: Iterable[int] = (),
    whole: Iterable[int] = (),
) -> str:
    kinds = dict.fromkeys(numbers, ' class="number"') | dict.fromkeys(whole, ' class="whole"')

    def mark(place: int) -> str:
        return kinds.get(place, "")

    head = "".join(f'<th scope="col"{mark(place)}>{escape(text)}</th>' for place, text in enumerate(headings))
    body = "".join(
        "<tr>" + "".join(f"<td{mark(place)}>{escape(str(text))}</td>" for place, text in enumerate(row)) + "</tr>"
        for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<h2>{escape(title)}</h2><div class="scroll" tabindex="0">{table}</div>'


def _form(table: pd.DataFrame) -> str:
    counts = table["status"].value_counts()
    boxes = "".join(
        f'<label><input type="checkbox" value="{status}" checked>{_badge(status)} ({counts[status]:,})</label>'
        for status in STATUSES
        if status in counts.index
    )
    faults, owners = table["fault"].value_counts(), table["owner_class"].value_counts()
    return (
        f'<form hidden><fieldset><legend>Status</legend>{boxes}</fieldset>'
        f'<label>Reason <select name="fault"><option value="">all</option>{_options(faults)}</select></label>'
        f'<label>Owner <select name="owner"><option value="">all</option>{_options(owners)}</select></label>'
        '<label>Search <input type="search" name="words" placeholder="id, name, reason"></label>'
        '<span id="count" role="status"></span></form>'
    )  # fmt: skip


def _options(counts: pd.Series[Any]) -> str:
    known = ((str(name), count) for name, count in counts.items() if name)
    return "".join(f'<option value="{escape(name)}">{escape(name)} ({count:,})</option>' for name, count in known)


def _badge(status: str) -> str:
    return f'<span class="badge {status}"><i aria-hidden="true">{SHAPES[status]}</i>{WORDS[status]}</span>'


def _camera(camera_id: str, row: Mapping[Any, Any], thumbnail: tuple[datetime, bytes] | None) -> str:
    status, fault = row["status"], row["fault"]
    words = escape(f"{camera_id} {row['name']} {row['reason']}".lower())
    named = f"{_badge(status)}{escape(_add(fault, status))}"
    lost = f"<p>Ground lost: {square_metres(row['lost_m2'])}</p>" if row["lost_m2"] > 0.0 else ""
    reason = f"<p>{escape(row['reason'])}</p>" if row["reason"] != fault else ""
    if status == "ok":
        reason = f"<details><summary>what was checked</summary>{reason}</details>"
    about = " · ".join(escape(text) for text in (row["name"], row["owner_class"]) if text and text != UNKNOWN)
    return (
        f'<li class="{status}" data-status="{status}" data-fault="{escape(fault)}" '
        f'data-owner="{escape(row["owner_class"])}" data-words="{words}">'
        f"{_picture(camera_id, thumbnail)}"
        f'<div class="told"><h3>{escape(camera_id)}</h3><p>{named}</p><p class="soft">{about}</p>{lost}{reason}'
        f'<p class="soft">checked {_mark_time(row["checked_at"])}, {row["seconds"]:.1f} s</p></div></li>'
    )


def _add(fault: str, status: str) -> str:
    """Say what is wrong beside the status, without its word twice."""
    if not fault or fault == WORDS[status]:
        return ""
    return fault.removeprefix(status) if fault.startswith(status) else f": {fault}"


def _picture(camera_id: str, thumbnail: tuple[datetime, bytes] | None) -> str:
    if thumbnail is None:
        return '<figure><div class="nothing">no picture</div></figure>'
    at, data = thumbnail
    source = f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"
    alt = escape(f"last picture of {camera_id}")
    return f'<figure><img src="{source}" alt="{alt}"><figcaption>{_mark_time(at)}</figcaption></figure>'


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _mark_time(at: datetime) -> str:
    return f'<span class="whole">{_time(at)}</span>'


def _duration(seconds: float) -> str:
    """Return a length of time in its two largest units; '' where there is none."""
    if seconds != seconds:  # noqa: PLR0124 - NaN
        return ""
    if seconds >= DAY_S:
        return f"{seconds // DAY_S:,.0f} d {seconds % DAY_S / HOUR_S:.0f} h"
    if seconds >= HOUR_S:
        return f"{seconds // HOUR_S:.0f} h {seconds % HOUR_S / MINUTE_S:.0f} min"
    return f"{seconds / MINUTE_S:.0f} min" if seconds >= 10 * MINUTE_S else f"{seconds:.0f} s"
