"""Legends of thematic layers: classes and colours, the same as in reports and in QGIS, with words in two languages."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from sightgrid.api.planning.layer_styles import ZONE_COLOURS
from sightgrid.coverage import density_classes
from sightgrid.patrol.response.arrivals import WITHIN_MIN
from sightgrid.report import styles
from sightgrid.report.patrol import patrol_styles
from sightgrid.report.patrol.briefing import UNIT_LOOKS
from sightgrid.report.patrol.patrol_map import GROUND_COLOURS

if TYPE_CHECKING:
    from collections.abc import Sequence


class Words(BaseModel):
    """A text in English and in Simplified Chinese."""

    en: str
    zh: str


class LegendClass(BaseModel):
    """One line of a legend: a stretch of numbers (a number on its end belongs to it), or one value."""

    colour: str = Field(pattern="^#[0-9a-f]{6}$")
    label: Words
    value: str | None = None
    above: float | None = Field(default=None, serialization_alias="from", description="Null: from the lowest.")
    to: float | None = Field(default=None, description="Null: to the highest.")
    dash: list[float] | None = Field(
        default=None, description="Of a line, in multiples of its width; null: drawn through."
    )


class Legend(BaseModel):
    """How a layer is coloured."""

    type: Literal["classes", "categories", "palette"] = Field(
        description="By a number, by a value, or one colour after the other."
    )
    column: str | None = Field(description="The property that says which class a feature is in.")
    unit: str = Field(description="Of that property; empty for a share (0 to 1) or a value.")
    title: Words
    classes: list[LegendClass]


# colours of Okabe and Ito, apart for colour-blind readers; offline is the darkest, well the calmest
HEALTH_COLOURS = {
    "offline": "#3f3f3f", "fault": "#d55e00", "warning": "#e69f00", "not_checkable": "#b4b9be", "ok": "#0b5cad",
    "not_probed": "#5b7a99",
}  # fmt: skip
SUGGESTION_COLOURS = {"new": "#c22f10", **styles.CAMERA_CHANGE_COLOURS}
# purple for less, green for more: told apart by colour-blind readers, and about equal to both sides of nothing
DIFFERENCE_BREAKS = (-0.4, -0.2, -0.05, -0.0005, 0.0005, 0.05, 0.2, 0.4)
DIFFERENCE_COLOURS = (
    "#762a83", "#9970ab", "#c2a5cf", "#e7d4e8", "#f7f7f7", "#d9f0d3", "#a6dba0", "#5aae61", "#1b7837",
)  # fmt: skip

CHINESE = {
    "monitor": "监视", "detect": "探测", "observe": "观察", "recognise": "辨认", "identify": "识别", "inspect": "检视",
    "overview": "概览", "outline": "轮廓", "discern": "分辨", "perceive": "感知", "characterise": "特征",
    "validate": "确认", "scrutinise": "细察",
    "no camera": "无摄像机", "out of range": "超出距离", "occluded": "被遮挡", "camera down": "摄像机故障",
    "measured": "原位测算", "moved": "移出建筑墙体", "not measured": "未测算",
    "offline": "离线", "fault": "故障", "warning": "警告", "not_checkable": "无法检查", "ok": "正常",
    "not_probed": "尚未检测",
    "new": "新增", "turned": "转向", "removed": "拆除",
    "required": "必到", "as time allows": "有空则到", "visits left out": "未安排",
    "study": "研究范围", "private": "私人区域", "forbidden": "禁止区域", "consent": "需同意区域",
    "observable": "可观察区域",
}  # fmt: skip


@cache
def list_legends() -> dict[str, Legend]:
    """Return the legends by name.

    Examples
    --------
    >>> [each.to for each in list_legends()["cells"].classes]
    [0.2, 0.4, 0.6, 0.8, None]
    """
    rate = Words(en="Coverage rate", zh="覆盖率")
    return {
        "cells": _classify("rate", rate, styles.RATE_BREAKS[1:-1], styles.RATE_COLOURS),
        "streets": _classify("rate", Words(en="Street length seen", zh="街道可见比例"), styles.RATE_BREAKS[1:-1],
                             styles.LINE_COLOURS),
        "places": _classify("rate", rate, styles.RATE_BREAKS[1:-1], styles.RATE_COLOURS),
        "seen": _name_densities("iec2014"),
        "seen_iec2025": _name_densities("iec2025"),
        "blindspots": _name("cause", Words(en="Blind spots by cause", zh="盲区成因"), styles.CAUSE_COLOURS),
        "changes": _classify("difference", Words(en="Difference of rates", zh="覆盖率差值"), DIFFERENCE_BREAKS,
                             DIFFERENCE_COLOURS, signed=True),
        "suggestions": _name("change", Words(en="Suggested cameras", zh="建议的摄像机"), SUGGESTION_COLOURS),
        "cameras": _name("status", Words(en="Cameras by health", zh="摄像机状态"), HEALTH_COLOURS),
        "measured": _name("status", Words(en="Cameras as measured", zh="摄像机测算"), styles.STATUS_COLOURS),
        "zones": _name("rule", Words(en="Zones", zh="区域"), ZONE_COLOURS),
        "stops": _name("status", Words(en="Stops", zh="必到点"), patrol_styles.STOP_COLOURS),
        "response": _name_minutes(),
        "units": _list_looks("unit_id", Words(en="Units", zh="巡逻单元")),
        "beats": _list_looks("unit_id", Words(en="Beats by unit", zh="各单元巡区")),
    }  # fmt: skip


def _classify(
    column: str, title: Words, breaks: Sequence[float], colours: Sequence[str], *, signed: bool = False
) -> Legend:
    """Make classes of a share between breaks; the outer ones are open."""
    ends = [None, *breaks, None]
    classes = []
    for colour, low, high in zip(colours, ends[:-1], ends[1:], strict=True):
        classes.append(LegendClass(colour=colour, label=_tell_range(low, high, signed=signed), above=low, to=high))
    return Legend(type="classes", column=column, unit="", title=title, classes=classes)


def _tell_range(low: float | None, high: float | None, *, signed: bool) -> Words:
    if not signed:
        ends = f"{100.0 * (low or 0.0):g}", f"{100.0 * (1.0 if high is None else high):g} %"
        return Words(en=" to ".join(ends), zh=" 至 ".join(ends))
    if low is None or high is None:
        points = 100.0 * abs(high if low is None else low)  # type: ignore[arg-type]
        return (
            Words(en=f"more than {points:g} points less", zh=f"减少 {points:g} 个百分点以上")
            if low is None
            else Words(en=f"more than {points:g} points more", zh=f"增加 {points:g} 个百分点以上")
        )
    if low < 0.0 < high:
        return Words(en="no difference", zh="无变化")
    near, far = sorted((100.0 * abs(low), 100.0 * abs(high)))
    en, zh = (f"{near:g} to {far:g}", f"{near:g} 至 {far:g}") if near >= 1.0 else (f"up to {far:g}", f"至多 {far:g}")
    if low < 0.0:
        return Words(en=f"{en} points less", zh=f"减少 {zh} 个百分点")
    return Words(en=f"{en} points more", zh=f"增加 {zh} 个百分点")


def _name(column: str, title: Words, colours: dict[str, str]) -> Legend:
    classes = [
        LegendClass(colour=colour, value=value, label=Words(en=value.replace("_", " "), zh=CHINESE[value]))
        for value, colour in colours.items()
    ]
    return Legend(type="categories", column=column, unit="", title=title, classes=classes)


def _name_densities(standard: str) -> Legend:
    known = density_classes(standard)
    edition = {"iec2014": "IEC 62676-4:2014", "iec2025": "IEC 62676-4:2025"}[standard]
    classes = [
        LegendClass(
            colour=colour,
            value=name,
            label=Words(en=f"{name}: {px_m:g} px/m or more", zh=f"{CHINESE[name]} {px_m:g} px/m 以上"),
        )
        for colour, (name, px_m) in zip(styles.density_colours(len(known)), known.items(), strict=True)
    ]
    title = Words(en=f"Pixel density ({edition})", zh=f"像素密度 {edition}")
    return Legend(type="categories", column="density_class", unit="px/m", title=title, classes=classes)


def _name_minutes() -> Legend:
    """Response within the minutes that plans are drawn with."""
    classes = [
        LegendClass(colour=colour, label=Words(en=f"within {high:g} min", zh=f"{high:g} 分钟内"), above=low, to=high)
        for colour, low, high in zip(GROUND_COLOURS, [None, *WITHIN_MIN[:-1]], WITHIN_MIN, strict=True)
    ]
    title = Words(en="Response time", zh="响应时间")
    return Legend(type="classes", column="minutes", unit="min", title=title, classes=classes)


def _list_looks(column: str, title: Words) -> Legend:
    classes = [
        LegendClass(
            colour=colour,
            label=Words(en=f"unit {number}", zh=f"单元 {number}"),
            dash=[float(part) / 2.4 for part in dashes.split()] if dashes else None,
        )
        for number, (colour, dashes) in enumerate(UNIT_LOOKS, start=1)
    ]
    return Legend(type="palette", column=column, unit="", title=title, classes=classes)
