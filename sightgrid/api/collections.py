"""Names of collections: ``{site_id}.{layer}``, or ``{site_id}.cameras.{scenario_id}`` for a variant of the cameras."""

from __future__ import annotations

import re
from typing import NamedTuple

from sightgrid.api.actors import Actor
from sightgrid.api.problems import Problem
from sightgrid.api.roles import ROUTES
from sightgrid.store.layer_tables import LAYERS

NUMBER = "[1-9][0-9]{0,17}"  # fits the keys of both databases
NAME = re.compile(rf"(?P<site>{NUMBER})\.(?P<layer>{'|'.join(LAYERS)})(?:\.(?P<scenario>{NUMBER}))?", re.ASCII)


class Collection(NamedTuple):
    """What a collection holds: a layer of a site, or the cameras of a site as a scenario has them."""

    site_id: int
    layer: str
    scenario_id: int | None = None

    def __str__(self) -> str:
        """Write the name that `parse_collection` reads."""
        name = f"{self.site_id}.{self.layer}"
        return name if self.scenario_id is None else f"{name}.{self.scenario_id}"


def parse_collection(text: str) -> Collection:
    """Read the name of a collection.

    Parameters
    ----------
    text : str
        As it stands in an address.

    Returns
    -------
    Collection
        Whether the site and the scenario are in the store has not been looked up.

    Raises
    ------
    Problem
        404: no collection can have this name.

    Examples
    --------
    >>> parse_collection("1.cameras.7")
    Collection(site_id=1, layer='cameras', scenario_id=7)
    """
    found = NAME.fullmatch(text)
    if found is None or (found["scenario"] and found["layer"] != "cameras"):
        raise Problem(404, "there is no such collection")
    return Collection(int(found["site"]), found["layer"], int(found["scenario"]) if found["scenario"] else None)


def require_variant(actor: Actor, collection: Collection) -> None:
    """Refuse who may not see scenarios, where a collection is of one."""
    if collection.scenario_id is not None and actor.role not in ROUTES["show_scenario"]:
        raise Problem(403, f"the role {actor.role} may not do this")
