"""The description of the API in OpenAPI 3.0: what OGC API - Features asks for, and what QGIS reads."""

from __future__ import annotations

import copy
from typing import Any

from sightgrid.api.features.parameters import LIMIT_SCHEMA

VERSION = "3.0.3"
# of JSON Schema, which OpenAPI 3.0 does not know
UNKNOWN = (
    "const", "prefixItems", "propertyNames", "patternProperties", "contentMediaType", "contentEncoding", "itemSchema",
)  # fmt: skip
LIMITS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}


def to_openapi_30(document: dict[str, Any]) -> dict[str, Any]:
    """Turn a description in OpenAPI 3.1 into one in OpenAPI 3.0.

    Parameters
    ----------
    document : dict
        As FastAPI makes it.

    Returns
    -------
    dict
        Another one, with a component ``limit``: there QGIS looks how large a page may be.

    Examples
    --------
    >>> to_openapi_30({"openapi": "3.1.0", "info": {"title": "a", "version": "1", "summary": "b"}, "paths": {}})["info"]
    {'title': 'a', 'version': '1', 'description': 'b'}
    """
    turned = _turn(copy.deepcopy(document))
    turned["openapi"] = VERSION
    info = turned["info"]
    if "summary" in info:
        info["description"] = info.pop("summary")
    limit = {"name": "limit", "in": "query", "required": False, "style": "form", "explode": False}
    components = turned.setdefault("components", {})
    components.setdefault("parameters", {})["limit"] = {**limit, "schema": dict(LIMIT_SCHEMA)}
    for path in turned["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "bbox":  # one text with commas
                    parameter |= {"style": "form", "explode": False}
    return turned


def _turn(node: Any, *, named: bool = False) -> Any:
    """Turn what is below a node; `named`: its keys are names that people gave, not words of OpenAPI."""
    if isinstance(node, list):
        return [_turn(each) for each in node]
    if not isinstance(node, dict):
        return node
    turned = {key: _turn(value, named=not named and key in {"properties", "schemas"}) for key, value in node.items()}
    return turned if named else _turn_schema(turned)


def _turn_schema(node: dict[str, Any]) -> dict[str, Any]:
    node = _turn_type(node)
    if "const" in node:
        node["enum"] = [node["const"]]
    for word, limit in LIMITS.items():
        if isinstance(node.get(word), int | float) and not isinstance(node.get(word), bool):
            node |= {limit: node[word], word: True}
    if isinstance(node.get("examples"), list):  # of a schema; those of a parameter have names
        node["example"] = node["examples"][0]
        del node["examples"]
    return {word: value for word, value in node.items() if word not in UNKNOWN}


def _turn_type(node: dict[str, Any]) -> dict[str, Any]:
    kind = node.get("type")
    if kind == "null":
        node |= {"nullable": True, "enum": [None]}
        del node["type"]
    if isinstance(kind, list):
        kinds = [each for each in kind if each != "null"]
        del node["type"]
        node |= {"type": kinds[0]} if len(kinds) == 1 else {"anyOf": [{"type": each} for each in kinds]}
        node |= {"nullable": True} if len(kinds) < len(kind) else {}
    if kind == "array":
        node.setdefault("items", {})
    if "contentMediaType" in node:
        node["format"] = "binary"
    if "patternProperties" in node:  # any names, then
        node["additionalProperties"] = next(iter(node["patternProperties"].values()))
    return node
