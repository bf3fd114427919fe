"""Numbers on the dots of a map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import folium
from folium.template import Template

if TYPE_CHECKING:
    from sightgrid.report.leaflet import ShapeLayer


class Numbers(folium.MacroElement):  # type: ignore[misc]
    """Writes the first value of each dot of a layer on it, and keeps dots over a grid that is switched on."""

    _template = Template(
        """
        {% macro header(this, kwargs) %}
            <style>
              .sightgrid-rank {
                background: none; border: 0; box-shadow: none; padding: 0; color: #fff; font: 700 11px/1 sans-serif;
              }
              .sightgrid-rank::before { display: none; }
            </style>
        {% endmacro %}
        {% macro script(this, kwargs) %}
            {{ this.layer }}.eachLayer((shape) => {
              const values = shape.feature.properties.v;
              if (!values) return;
              const rank = document.createTextNode(values[0]);
              const label = document.createElement("span");
              label.append(rank);
              shape.bindTooltip(label, {permanent: true, direction: "center", className: "sightgrid-rank", opacity: 1});
            });
            {{ this._parent.get_name() }}.on("baselayerchange", (event) => event.target.fire("overlayadd"));
        {% endmacro %}
        """
    )

    def __init__(self, layer: ShapeLayer) -> None:
        super().__init__()
        self.layer = layer.get_name()
