"""Windows: small parts of a site with their cameras measured, kept so that one camera can be tried out again and again.

The cells of a window are those of the whole site's grid, and every camera that may see them is in it with all obstacles
in between: their rates are those of the whole site.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from sightgrid.api.planning.lonlat import find_crs
from sightgrid.api.planning.parts import (
    Block,
    draw_outlines,
    find_block,
    hide_camera,
    keep_contract,
    measure_block,
    read_site_part,
    split_rows,
)
from sightgrid.api.planning.roster import EMPTY, Roster, update_roster
from sightgrid.coverage.figures import count_figures
from sightgrid.coverage.sampling import Sampler
from sightgrid.coverage.survey import Settings
from sightgrid.coverage.trials import Trial
from sightgrid.store.variants import State, select_cameras, select_edits, select_state

if TYPE_CHECKING:
    import geopandas as gpd
    import numpy as np
    import sqlalchemy as sa
    from numpy.typing import NDArray

    from sightgrid.coverage import Coverage
    from sightgrid.coverage.survey import Survey
    from sightgrid.store.database import Database
    from sightgrid.store.layers import Box

MOST_WINDOWS = 48
MOST_ROSTERS = 8
MOST_TRIALS = 8
MOST_SAMPLES = 16_000_000  # of a trial: 80 MB
SLACK_M = 100.0  # a window is so much larger than it need be, so that a camera may be dragged about in it
MOST_REPLACED = 12  # more cameras than these are quicker measured anew


class Key(NamedTuple):
    """What a window is measured from, but for its cameras and its area."""

    uid: str
    ground: tuple[int, ...]
    scenario_id: int | None
    cell_m: float
    settings: Settings


class Window:
    """A part of a site; see `Windows.open`.

    Attributes
    ----------
    key : Key
    block : tuple of int
        Its cells: first column and row, and one behind the last of each, counted from the origin of the coordinate
        system.
    coverage : Coverage
        Of its cameras as they are stored.
    outlines : list of str
        Its cells as GeoJSON polygons, in longitude and latitude.
    """

    def __init__(self, key: Key, block: Block) -> None:
        self.key, self.block = key, block
        self.lock = threading.Lock()
        self.cameras: tuple[int, int] | None = None  # revision and version of the scenario that are in it
        self.versions: dict[str, int] = {}
        self.coverage: Coverage
        self.outlines: list[str]
        self._trial: tuple[Coverage, str, Trial] | None = None

    @property
    def area(self) -> Box:
        """Its cells' rectangle."""
        left, bottom, right, top = self.block
        side = self.key.cell_m
        return left * side, bottom * side, right * side, top * side

    def count(self, cells: NDArray[np.intp], camera: gpd.GeoDataFrame, looked: Survey | None) -> NDArray[np.float64]:
        """Count some of its cells with a camera as it would be.

        Parameters
        ----------
        cells : ndarray of int
            Their places in the layout.
        camera : geopandas.GeoDataFrame
            One row; it takes the place of the camera of the same id.
        looked : Survey or None
            What it sees; None: nothing, it is hidden.
        """
        coverage, camera_id = self.coverage, str(camera.index[0])
        if self.samples > MOST_SAMPLES:
            survey = coverage.survey.with_camera(camera)
            return count_figures(survey, coverage.grid, coverage.layout.iloc[cells], whole=False).cells_m2
        known = self._trial
        if known is None or known[0] is not coverage or known[1] != camera_id:
            known = self._trial = (coverage, camera_id, Trial(coverage, camera_id))
        return known[2].measure(cells, looked)

    @property
    def samples(self) -> int:
        """How many points are looked at to count its cells."""
        sampler, grid = Sampler(self.coverage.grid), self.coverage.grid
        return grid.rows * grid.columns * sampler.split**2 * sampler.rows_per_unit * sampler.columns_per_unit

    def forget_trial(self) -> None:
        """Let go of the samples that `count` keeps: they take more room than all else."""
        self._trial = None

    def holds(self, block: Block) -> bool:
        """Tell whether some cells are among its own."""
        mine = self.block
        return mine[0] <= block[0] and mine[1] <= block[1] and block[2] <= mine[2] and block[3] <= mine[3]


class Windows:
    """The windows of a store, and the rosters of its sites; both kept while there is room."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: OrderedDict[tuple[Key, Block], Window] = OrderedDict()
        self._rosters: OrderedDict[tuple[str, int | None], tuple[tuple[int, int], Roster]] = OrderedDict()

    def find_roster(self, database: Database, site_id: int, scenario_id: int | None = None) -> tuple[State, Roster]:
        """Return the state of a site's cameras, or of a scenario's, and their roster."""
        with database.read() as connection:
            state = select_state(connection, site_id, scenario_id)
            return state, self._read_roster(connection, site_id, scenario_id, state)

    def open(
        self, database: Database, site_id: int, *, state: State, key: Key, area: Box, stand_in: gpd.GeoDataFrame
    ) -> Window:
        """Return a window that holds an area, measured as its cameras are now.

        Parameters
        ----------
        database, site_id
            The site.
        state : State
            Of its cameras.
        key : Key
            What is measured.
        area : tuple of float
            ``minx, miny, maxx, maxy`` of what has to be in it.
        stand_in : geopandas.GeoDataFrame
            A camera that stands for the others where there is none; it sees nothing.
        """
        window = self._take(key, area)
        now = (state.revisions["cameras"], state.scenario_version)
        with window.lock:
            if window.cameras != now:
                with database.read() as connection:
                    self._bring_up_to_date(connection, site_id, window, stand_in)
        return window

    def _take(self, key: Key, area: Box) -> Window:
        """Find a window that is large enough, or begin one; the oldest goes where there are too many."""
        block = find_block(area, key.cell_m)
        with self._lock:
            window = next(
                (each for each in reversed(self._windows.values()) if each.key == key and each.holds(block)), None
            )
            if window is None:
                left, bottom, right, top = area
                wide = (left - SLACK_M, bottom - SLACK_M, right + SLACK_M, top + SLACK_M)
                window = Window(key, find_block(wide, key.cell_m))
            self._windows[key, window.block] = window
            self._windows.move_to_end((key, window.block))
            while len(self._windows) > MOST_WINDOWS:
                self._windows.popitem(last=False)
            for old in list(self._windows.values())[:-MOST_TRIALS]:
                old.forget_trial()
            return window

    def _bring_up_to_date(
        self, connection: sa.Connection, site_id: int, window: Window, stand_in: gpd.GeoDataFrame
    ) -> None:
        """Measure a window, or replace the cameras in it that were changed since."""
        scenario_id = window.key.scenario_id
        state = select_state(connection, site_id, scenario_id)
        roster = self._read_roster(connection, site_id, scenario_id, state)
        near = roster.find_near(window.area, density_px_m=window.key.settings.least_px_m)
        versions = {name: int(roster.versions[roster.rows[name]]) for name in near}
        changed = [name for name, version in versions.items() if window.versions.get(name) != version]
        gone = [name for name in window.versions if name not in versions]
        crs = find_crs(state.crs)
        if window.cameras is None or len(changed) + len(gone) > MOST_REPLACED:
            rows = select_cameras(connection, site_id, near, crs=crs, scenario_id=scenario_id)
            site = read_site_part(
                connection, site_id, window.area, cameras=keep_contract(rows) if near else stand_in, state=state
            )
            window.coverage = measure_block(site, window.block, cell_m=window.key.cell_m, settings=window.key.settings)
            window.outlines = draw_outlines(window.coverage.layout)
        else:
            coverage = window.coverage
            rows = keep_contract(select_cameras(connection, site_id, changed, crs=crs, scenario_id=scenario_id))
            before = coverage.site.cameras
            for camera in [*(hide_camera(before.loc[[name]]) for name in gone), *split_rows(rows)]:
                coverage = coverage.replace(camera)
            window.coverage = coverage
        window.versions = versions
        window.cameras = (state.revisions["cameras"], state.scenario_version)

    def _read_roster(self, connection: sa.Connection, site_id: int, scenario_id: int | None, state: State) -> Roster:
        """Return the roster of a variant, brought up to date."""
        now = (state.revisions["cameras"], state.scenario_version)
        with self._lock:
            before, roster = self._rosters.get((state.uid, scenario_id), ((0, 0), EMPTY))
        if before == now:
            return roster
        if scenario_id is None:
            roster = update_roster(connection, site_id, revision=now[0], known=roster)
        else:
            base = self._read_roster(connection, site_id, None, state._replace(scenario_version=0))
            roster = base.write(select_edits(connection, scenario_id), sign=-1)
        with self._lock:
            self._rosters[state.uid, scenario_id] = now, roster
            self._rosters.move_to_end((state.uid, scenario_id))
            while len(self._rosters) > MOST_ROSTERS:
                self._rosters.popitem(last=False)
        return roster
