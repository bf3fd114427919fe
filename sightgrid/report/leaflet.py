"""Leaflet pieces for a map file that needs no network: folium elements with everything inlined."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import folium
import numpy as np
import shapely
from branca.element import Element, Figure
from folium.template import Template
from xstatic.pkg import leaflet as leaflet_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import geopandas as gpd

DECIMALS = 6  # degrees; 1e-6 is about 0.1 m
TOLERANCE_M = 0.2

_HERE = Path(__file__).parent


class OfflineMap(folium.Map):  # type: ignore[misc]
    """A folium map whose scripts and styles are part of the page."""

    def __init__(self, *, title: str) -> None:
        """Make an empty map; the title is that of the page, as HTML."""
        super().__init__(location=(0, 0), tiles=None, prefer_canvas=True, zoom_snap=0.25, font_size="13px")
        self.default_js: list[tuple[str, str]] = []  # folium's own are links to servers
        self.default_css: list[tuple[str, str]] = []
        self._id = "sightgrid"  # folium's random names would make two equal maps differ
        page = cast("Figure", self.get_root())
        page.title = title
        for name, text in _page_parts().items():
            page.header.add_child(_Verbatim(text), name=name)


class _Verbatim(Element):  # type: ignore[misc]
    """Text that goes into the page as it is; Element itself would read it as a template."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def render(self, **_: object) -> str:
        return self.text


@cache
def _page_parts() -> dict[str, str]:
    folder = Path(leaflet_files.BASE_DIR)
    script = (folder / "leaflet.js").read_text(encoding="utf-8")
    script = re.sub(r"//# sourceMappingURL=\S+", "", script)
    style = (folder / "leaflet.css").read_text(encoding="utf-8")
    style = re.sub(r"url\((images/[\w.-]+)\)", lambda found: f"url({_data_uri(folder / found[1])})", style)
    return {
        "leaflet": f"<script>{script}</script>",
        "leaflet_css": f"<style>{style}</style>",
        "sightgrid_css": f"<style>{(_HERE / 'map.css').read_text(encoding='utf-8')}</style>",
        "sightgrid": f"<script>{(_HERE / 'map.js').read_text(encoding='utf-8')}</script>",
    }


def _data_uri(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


@dataclass
class Features:
    """GeoJSON features of one layer, written as text because that is many times faster than objects.

    Attributes
    ----------
    labels : sequence of str
        The row headings of the popups.
    styles : sequence of dict
        Leaflet path options; each feature refers to one by its number.
    """

    labels: Sequence[str] = ()
    styles: Sequence[dict[str, Any]] = ()
    _texts: list[str] = field(default_factory=list)

    def add(
        self,
        geometry: gpd.GeoSeries,
        style: Sequence[int] | int = 0,
        rows: Iterable[Sequence[str]] | None = None,
        areas: Sequence[str] | None = None,
    ) -> None:
        """Add one feature per geometry that is not empty.

        Parameters
        ----------
        geometry : geopandas.GeoSeries
            Shapes in a metric CRS, which are simplified slightly, or in degrees, which are not.
        style : sequence of int or int
            The style of each shape, or of all of them.
        rows : iterable of sequence of str, optional
            The popup's values of each shape, in the order of `labels`.
        areas : sequence of str, optional
            For each shape the GeoJSON geometry drawn while its popup is open ('' for none).
        """
        shapes = geojson_texts(geometry)
        values = [None] * len(shapes) if rows is None else list(rows)
        for i, shape in enumerate(shapes):
            if not shape:
                continue
            properties: dict[str, Any] = {"s": style if isinstance(style, int) else style[i]}
            if values[i] is not None:
                properties["v"] = values[i]
            tail = f',"area":{areas[i]}' if areas is not None and areas[i] else ""
            self._texts.append(f'{{"type":"Feature","geometry":{shape},"properties":{script_json(properties)}{tail}}}')

    @property
    def text(self) -> str:
        """The feature collection as a script literal."""
        return '{"type":"FeatureCollection","features":[' + ",\n".join(self._texts) + "]}"


class _Script(folium.MacroElement):  # type: ignore[misc]
    """A piece whose script goes into the page as it is; MacroElement itself would read it as a template once more."""

    def render(self, **kwargs: object) -> None:
        script = self._template.module.script(self, kwargs)
        self.get_root().script.add_child(_Verbatim(script), name=self.get_name())
        for child in self._children.values():
            child.render(**kwargs)


class ShapeLayer(folium.map.Layer, _Script):  # type: ignore[misc]
    """A layer of styled shapes with popups; what data say is shown as text, never as HTML."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            var {{ this.get_name() }} = sightgrid.shapes(
                {{ this._parent.get_name() }}, {{ this.text }}, {{ this.settings }});
        {% endmacro %}
        """
    )

    def __init__(
        self,
        name: str,
        features: Features,
        *,
        show: bool = True,
        control: bool = True,
        pane: str = "overlayPane",
        hover: int = 0,
    ) -> None:
        """Make a layer; `hover` is the number of popup rows that are shown under the pointer.

        A layer without labels does not listen to the pointer; one on the ``background`` pane has no switch either.
        """
        super().__init__(name=name, overlay=True, control=control and pane != "background", show=show)
        self._name, self._id = "layer", name.split(maxsplit=1)[0].lower()
        self.text = features.text
        self.settings = script_json(
            {"labels": features.labels, "styles": features.styles, "pane": pane, "hover": hover}
        )


class Panel(_Script):
    """A box of ready HTML in one corner of the map; the caller escapes what comes from data."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            sightgrid.panel({{ this._parent.get_name() }}, {{ this.position }}, {{ this.content }});
        {% endmacro %}
        """
    )

    def __init__(self, content: str, *, position: str) -> None:
        """Make a box of HTML at a position such as ``topleft``."""
        super().__init__()
        self.content, self.position = script_json(content), script_json(position)


class Frame(_Script):
    """Where the map opens, its scale bar, and the line that says whose data these are."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            sightgrid.frame({{ this._parent.get_name() }}, {{ this.bounds }}, {{ this.sources }});
        {% endmacro %}
        """
    )

    def __init__(self, area: gpd.GeoSeries, *, sources: Sequence[str]) -> None:
        """Show a whole area; the sources are HTML."""
        super().__init__()
        west, south, east, north = np.round(area.to_crs(4326).total_bounds, DECIMALS).tolist()
        self.bounds, self.sources = script_json([[south, west], [north, east]]), script_json(sources)


def geojson_texts(geometry: gpd.GeoSeries) -> list[str]:
    """Return each shape as a GeoJSON geometry in WGS 84, simplified where it is in metres; '' for an empty one."""
    lean = geometry.simplify(TOLERANCE_M).to_crs(4326) if geometry.crs.is_projected else geometry
    shapes = np.asarray(lean.array)
    rounded = shapely.transform(shapes, lambda degrees: np.round(degrees, DECIMALS))
    blank = shapely.is_missing(rounded) | shapely.is_empty(rounded)
    return ["" if skip else shapely.to_geojson(shape) for shape, skip in zip(rounded, blank, strict=True)]


def script_json(value: object) -> str:
    """Return JSON that is safe inside a script element and inside a template, whatever text it holds."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return re.sub(r"\{(?=[{%#])", r"\\u007b", text)  # JSON itself never has these pairs, so they are within a string
