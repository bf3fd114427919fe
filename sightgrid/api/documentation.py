"""The description of the API for people: one page without scripts, made from what the routes say of themselves."""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from sightgrid.api.roles import ROLES, ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

METHODS = ("get", "post", "put", "patch", "delete", "options")
DEEPEST = 4  # levels of a schema that are shown

router = APIRouter()


@router.get("/docs", response_class=HTMLResponse)
def show_docs(
    request: Request,
    q: Annotated[str, Query(max_length=100, description="Shows only routes with this in their text.")] = "",
) -> HTMLResponse:
    """Describe the API for people."""
    return HTMLResponse(write_page(request.app.openapi(), search=q), headers={"Cache-Control": "no-cache"})


def write_page(document: Mapping[str, Any], *, search: str = "") -> str:
    """Write the page of an API.

    Parameters
    ----------
    document : mapping
        Its description in OpenAPI.
    search : str, optional
        Only operations with this in their text are shown.

    Returns
    -------
    str
        HTML; whatever stands in the document is shown as text.

    Examples
    --------
    >>> document = {"info": {"title": "a <b>", "version": "1"}, "paths": {}}
    >>> "a &lt;b&gt;" in write_page(document)
    True
    """
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                section = _write_operation(document, path, method, methods[method])
                if search.casefold() in section.casefold():
                    groups.setdefault(_name_group(path), []).append(section)
    found = sum(map(len, groups.values()))
    index = "".join(f'<li><a href="#{name}">{name}</a> {len(parts)}</li>' for name, parts in groups.items())
    body = "".join(f'<section id="{name}"><h2>{name}</h2>{"".join(parts)}</section>' for name, parts in groups.items())
    title = f"{escape(document['info']['title'])} {escape(document['info']['version'])}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title}: API</title><link rel="icon" href="/web/icon.svg">'
        '<link rel="stylesheet" href="/web/docs.css"></head><body>'
        f"<header><h1>{title}</h1><p>{escape(document['info'].get('summary', ''))}</p>"
        '<p><a href="/">Map</a> · <a href="/openapi.json">OpenAPI</a></p>'
        '<form role="search" action="/docs"><label for="q">Search the routes</label> '
        f'<input id="q" name="q" type="search" maxlength="100" value="{escape(search)}"> <button>Search</button>'
        f'</form><p>{found} routes</p></header><nav aria-label="Groups"><ul>{index}</ul></nav><main>{body}</main>'
        "</body></html>"
    )


def _name_group(path: str) -> str:
    return escape(path.split("/")[1].partition(".")[0] or "start")


def _write_operation(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> str:
    name = operation.get("operationId", "")
    parts = [f'<h3><span class="method">{method.upper()}</span> <code>{escape(path)}</code></h3>']
    parts.append(
        "".join(f"<p>{_write_text(text)}</p>" for text in operation.get("description", "").split("\n\n") if text)
    )
    allowed = ROUTES.get(name)
    if allowed is not None:
        roles = (
            ", ".join(role for role in ROLES if role in allowed) if allowed else "everybody, also without an account"
        )
        parts.append(f'<p class="roles">For: {escape(roles)}</p>')
    parts.append(_write_parameters(document, operation.get("parameters", ())))
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h4>Body, {escape(kind)}</h4>{_write_schema(document, content.get('schema', {}))}")
    for status, answer in operation.get("responses", {}).items():
        if status != "default":
            parts.append(_write_answer(document, status, answer))
    return f'<article id="{escape(name)}">{"".join(parts)}</article>'


def _write_parameters(document: Mapping[str, Any], parameters: Iterable[Mapping[str, Any]]) -> str:
    rows = [
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}</td>"
        f"<td>{_name_type(document, each.get('schema', {}))}</td><td>{'yes' if each.get('required') else ''}</td>"
        f"<td>{_write_text(each.get('description', ''))}</td></tr>"
        for each in parameters
    ]
    if not rows:
        return ""
    head = "<tr><th>parameter</th><th>in</th><th>type</th><th>needed</th><th></th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def _write_answer(document: Mapping[str, Any], status: str, answer: Mapping[str, Any]) -> str:
    kinds = answer.get("content", {})
    head = f"{escape(status)} {escape(answer.get('description', ''))}"
    if not kinds:
        return f'<p class="answer">{head}</p>'
    bodies = [
        f"<p>{escape(kind)}</p>{_write_schema(document, content.get('schema', {}))}" for kind, content in kinds.items()
    ]
    return f"<details><summary>{head}</summary>{''.join(bodies)}</details>"


def _write_schema(document: Mapping[str, Any], schema: Mapping[str, Any], depth: int = 0) -> str:
    schema = _resolve(document, schema)
    if schema.get("type") == "array":
        return f"<p>list of:</p>{_write_schema(document, schema.get('items', {}), depth)}"
    members = schema.get("properties")
    if not members or depth >= DEEPEST:
        return f"<p>{_name_type(document, schema)}</p>"
    needed = schema.get("required", ())
    rows = []
    for name, member in members.items():
        inner = _find_object(document, member)
        nested = _write_schema(document, inner, depth + 1) if inner else ""
        optional = "" if name in needed else ", optional"
        rows.append(
            f"<dt><code>{escape(name)}</code> {_name_type(document, member)}{optional}</dt>"
            f"<dd>{_write_text(member.get('description', ''))}{nested}</dd>"
        )
    return f"<dl>{''.join(rows)}</dl>"


def _find_object(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the schema of the object that a member is, may be, or has a list of."""
    schema = _resolve(document, schema)
    for each in (schema, *schema.get("anyOf", ()), schema.get("items", {})):
        found = _resolve(document, each)
        if found.get("properties"):
            return found
    return None


def _resolve(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Any = document
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found.get(step, {})
    return dict(found)


def _write_text(text: str) -> str:
    """Write a text of a description; what stands between backticks is code."""
    return re.sub(r"(`{1,2})([^`]+)\1", r"<code>\2</code>", escape(text))


def _name_type(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    schema = _resolve(document, schema)
    if "anyOf" in schema:
        text = " or ".join(_name_type(document, each) for each in schema["anyOf"])
    elif "enum" in schema:
        text = escape(", ".join(map(str, schema["enum"])))
    elif schema.get("type") == "array":
        text = f"list of {_name_type(document, schema.get('items', {}))}"
    else:
        text = escape(str(schema.get("format") or schema.get("title" if "properties" in schema else "type") or "any"))
    limits = {"minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
    text += "".join(f" {sign} {schema[name]}" for name, sign in limits.items() if name in schema)
    if schema.get("default") is not None:
        text += f", default {escape(json.dumps(schema['default'], ensure_ascii=False))}"
    return text
