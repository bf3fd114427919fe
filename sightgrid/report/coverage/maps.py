"""The map file: rates, seen areas, blind spots and cameras on a background drawn from the site itself."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import folium
import geopandas as gpd

from sightgrid.report.coverage import map_layers
from sightgrid.report.leaflet import Frame, OfflineMap, Panel
from sightgrid.report.words import percent, sources

if TYPE_CHECKING:
    from sightgrid.coverage import Coverage
    from sightgrid.site import Site

MANY_CAMERAS = 3_000
MANY_BUILDINGS = 20_000


def explore(site: Site, seen: Coverage | None = None, spots: gpd.GeoDataFrame | None = None) -> folium.Map:
    """Draw a site, and what its cameras see, as a map that opens without any network.

    Parameters
    ----------
    site : Site
        The layers of the city.
    seen : Coverage, optional
        Its measured coverage: adds the grid's rates, the seen areas and the cameras' results.
    spots : geopandas.GeoDataFrame, optional
        Its blind spots.

    Returns
    -------
    folium.Map
        Shows itself in a notebook; ``.save("map.html")`` writes one self-contained file.

    Examples
    --------
    >>> import sightgrid
    >>> site = sightgrid.open_site("helsinki")
    >>> page = sightgrid.explore(site).get_root().render()
    >>> "<script src" in page
    False
    """
    large = len(site.cameras) > MANY_CAMERAS or len(site.obstacles) > MANY_BUILDINGS
    drawn = [map_layers.draw_background(site)]
    if seen is not None:
        drawn.append(map_layers.draw_rates(seen))
    drawn.append(map_layers.draw_masks(site, seen, buildings=not large))
    if seen is not None and not large:
        drawn.append(map_layers.draw_seen_areas(seen))
    if spots is not None:
        drawn.append(map_layers.draw_blind_spots(spots))
    drawn.append(map_layers.draw_cameras(site, seen, details=not large))

    page = OfflineMap(title=f"sightgrid: {escape(site.name)}")
    for layer, _ in drawn:
        page.add_child(layer)
    legend = "".join(entry for _, entries in drawn for entry in entries)
    if large:
        legend += '<p class="note">A large site: seen areas and buildings are left out of this map.</p>'
    page.add_child(Panel(_headline(site, seen), position="topleft"))
    control = folium.LayerControl(position="topright", collapsed=False)
    control._id = "layers"  # noqa: SLF001  (folium's random names would make two equal maps differ)
    page.add_child(control)
    page.add_child(Panel(f"<details open><summary>Legend</summary>{legend}</details>", position="bottomright"))
    page.add_child(Frame(gpd.GeoSeries([site.study], crs=site.crs), sources=sources(site)))
    return page


def _headline(site: Site, seen: Coverage | None) -> str:
    title = f"<h1>{escape(site.name[:1].upper() + site.name[1:])}</h1>"
    if seen is None:
        return f"{title}<p>{len(site.cameras):,} cameras</p>"
    found = seen.summary()
    return (
        f'{title}<p class="rate">{percent(found["coverage_rate"])}</p>'
        "<p>of the observable ground is seen</p>"
        f'<p class="note">between {percent(found["coverage_rate_lower"])} and {percent(found["coverage_rate_upper"])}, '
        "depending on what was assumed</p>"
        f"<p>{percent(found['rate_seen_twice'])} seen at least twice<br>"
        f"{percent(found['street_rate'])} of the street length seen<br>"
        f"{found['cameras_measured']:,} of {found['cameras_total']:,} cameras measured</p>"
    )
