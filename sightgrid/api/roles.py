"""Who may do what: one table of roles and routes, one of roles and layers.

A route that is not in the table is refused when the server starts, so nothing is open by mistake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.routing import APIRoute, iter_route_contexts

if TYPE_CHECKING:
    from fastapi import FastAPI

    from sightgrid.api.settings import Role

ROLES: tuple[Role, ...] = ("viewer", "auditor", "dispatcher", "planner", "admin")

ALL = frozenset(ROLES)
AUDIT: frozenset[Role] = frozenset({"auditor", "planner", "admin"})  # sees cameras
DISPATCH: frozenset[Role] = frozenset({"dispatcher", "planner", "admin"})  # makes patrols
DUTY: frozenset[Role] = frozenset({"auditor", "dispatcher", "planner", "admin"})  # all but viewers
PLAN: frozenset[Role] = frozenset({"planner", "admin"})  # changes layers and scenarios
ADMIN: frozenset[Role] = frozenset({"admin"})
ANYBODY: frozenset[Role] = frozenset()  # also who has not signed in

# The name of a route (its function) -> the roles that may use it. Routes of layers, results and processes are held to
# the tables below as well.
ROUTES: dict[str, frozenset[Role]] = {
    # the server
    "show_landing": ANYBODY,
    "show_conformance": ALL,
    "show_openapi": ALL,
    "show_docs": ALL,
    "show_health": ANYBODY,
    "show_metrics": ADMIN,
    "show_public_summary": ANYBODY,
    # people
    "sign_in": ANYBODY,
    "sign_out": ANYBODY,
    "show_session": ANYBODY,
    "change_own_password": ALL,
    "list_users": ADMIN,
    "add_user": ADMIN,
    "change_user": ADMIN,
    "list_keys": ALL,  # one's own; an admin's are all
    "add_key": ALL,
    "delete_key": ALL,
    "read_audit_log": ADMIN,
    # layers (OGC API - Features)
    "list_collections": ALL,
    "show_collection": ALL,
    "show_queryables": ALL,
    "show_schema": ALL,
    "list_items": ALL,
    "find_item": ALL,
    "create_item": DISPATCH,
    "replace_item": DISPATCH,
    "delete_item": DISPATCH,
    "show_items_options": ALL,
    "show_item_options": ALL,
    # tiles
    "list_tilesets": ALL,
    "show_tileset": ALL,
    "draw_tile": ALL,
    "show_result_tileset": ALL,
    "draw_result_tile": ALL,
    # jobs and results (OGC API - Processes)
    "list_processes": ALL,
    "show_process": DUTY,
    "execute_process": DUTY,
    "list_jobs": DUTY,
    "show_job": DUTY,
    "follow_job": DUTY,
    "cancel_job": DUTY,
    "retry_job": DUTY,
    "show_job_results": DUTY,
    "list_results": ALL,
    "show_result": ALL,
    "download_result": AUDIT,
    "list_result_features": ALL,
    # planning
    "list_sites": ALL,
    "show_site": ALL,
    "add_site": PLAN,
    "delete_site": ADMIN,
    "list_scenarios": PLAN,
    "add_scenario": PLAN,
    "show_scenario": PLAN,
    "change_scenario": PLAN,
    "delete_scenario": PLAN,
    "compare_scenario": PLAN,
    "reset_cameras": PLAN,
    "take_suggestion": PLAN,
    "preview_coverage": PLAN,
    "import_layer": PLAN,
    "export_layers": AUDIT,
    "search_site": ALL,
    "show_legends": ALL,
    # dispatch
    "list_plans": DISPATCH,
    "show_plan": DISPATCH,
    "rename_plan": DISPATCH,
    "delete_plan": DISPATCH,
    "download_gpx": DISPATCH,
    "download_cards": DISPATCH,
    # camera health
    "list_health": AUDIT,
    "show_camera_health": AUDIT,
    "show_thumbnail": AUDIT,
    "export_health": AUDIT,
    "list_streams": frozenset({"auditor", "admin"}),  # without user names and passwords
    "set_stream": ADMIN,
}

# Layers of a site: who may see them, who may change them.
READ: dict[str, frozenset[Role]] = {
    "cameras": AUDIT,
    "obstacles": ALL,
    "streets": ALL,
    "water": ALL,
    "places": ALL,
    "posts": ALL,
    "zones": ALL,
    "grid": ALL,
    "incidents": DISPATCH,
}
EDIT: dict[str, frozenset[Role]] = dict.fromkeys(READ, PLAN) | {"incidents": DISPATCH}

# Layers of results: what shows where cameras stand or do not look is not for everybody.
RESULTS: dict[str, frozenset[Role]] = {
    "cells": ALL,  # rates by cell
    "streets": DUTY,
    "places": DUTY,
    "seen": AUDIT,  # what each camera sees, by density class
    "blindspots": DUTY,
    "suggestions": PLAN,
    "changes": PLAN,  # cells of two variants compared
    "losses": AUDIT,  # what faults cost
    "legs": DISPATCH,  # streets that units drive
    "visits": DISPATCH,
    "units": DISPATCH,
    "stops": DISPATCH,
    "beats": DISPATCH,
    "response": DISPATCH,
}

# Long work: who may ask for it.
PROCESSES: dict[str, frozenset[Role]] = {
    "coverage": AUDIT,
    "blindspots": DUTY,
    "placement": PLAN,
    "comparison": PLAN,
    "patrol": DISPATCH,
    "health": frozenset({"auditor", "admin"}),
}


def check_routes(app: FastAPI) -> None:
    """Refuse an application that has a route which the table does not know."""
    unknown = [name for name, _, _ in list_routes(app) if name not in ROUTES]
    if unknown:
        raise RuntimeError(f"routes without roles: {', '.join(unknown)}")


def list_routes(app: FastAPI) -> list[tuple[str, str, str]]:
    """Return name, method and path of every route of an application, without its static files."""
    return [
        (route.name or "", method, route.path or "")
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIRoute)
        for method in sorted(route.methods or ())
    ]
