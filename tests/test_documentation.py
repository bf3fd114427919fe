"""What the documentation says is true: its Python runs, its links lead somewhere, what it names exists."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import typer.main

from sightgrid.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "data/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
ROOMS = ("cli", "coverage", "gis", "health", "patrol", "report", "schemas", "store")
FOLDERS = ("benchmarks", "data", "docs", "notebooks", "scripts", "sightgrid", "tests", *ROOMS)
# the page that tells the options of a command
OPTIONS = {
    "measure": "docs/coverage.md",
    "place": "docs/placement.md",
    "patrol": "docs/patrol/briefing.md",
    "probe": "docs/health.md",
    "serve": "docs/people.md",
}


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102  (our own page)
    assert (tmp_path / "helsinki.html").stat().st_size > 100_000


@cache
def anchors(page):
    """What the headings of a page are called in links."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def find(name):
    """Look a dotted name up: as a module, or as something in one."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError as error:
            if not name.startswith(error.name):  # something else is missing
                raise
            continue
        for part in parts[cut:]:
            found = getattr(found, part)
        return found
    raise AttributeError(name)


@each_page
def test_names_of_the_package_exist(page):
    """Dotted names in backticks that begin with the package (or `sg`) or one of its rooms."""
    for name in re.findall(r"`((?:\w+\.)+\w+)\b[^`]*`", page.read_text(encoding="utf-8")):
        first, _, rest = name.partition(".")
        if first in ("sightgrid", "sg"):
            find(f"sightgrid.{rest}")
        elif first in ROOMS and not re.search(r"\.(csv|gpkg|html|json|sqlite|tif)$", name):
            find(f"sightgrid.{name}")


@each_page
def test_files_that_are_named_exist(page):
    for path in re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", page.read_text(encoding="utf-8")):
        if path.split("/")[0] in FOLDERS:
            assert any((folder / path).exists() for folder in (ROOT, ROOT / "sightgrid")), path


@each_page
def test_imports_of_the_examples_exist(page):
    for code in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
        for node in ast.walk(ast.parse(code)):
            for name in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
                find(f"{node.module}.{name.name}" if isinstance(node, ast.ImportFrom) else name.name)


@pytest.mark.parametrize("command", OPTIONS)
def test_a_page_tells_the_options_of_its_command(command):
    exist = {name for option in typer.main.get_command(app).commands[command].params for name in option.opts}
    told = set(re.findall(r"`(--[a-z-]+)", (ROOT / OPTIONS[command]).read_text(encoding="utf-8")))
    assert told == {name for name in exist if name.startswith("--")}


def test_every_option_the_readme_uses_exists():
    shown = re.findall(r"^sightgrid .*$", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert shown
    for line in shown:
        command = line.split()[1]
        said = subprocess.run(
            [sys.executable, "-m", "sightgrid", command, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={"COLUMNS": "200", "PATH": ""},
        ).stdout
        for option in re.findall(r"--[a-z-]+", line.split("#")[0]):
            assert option in said, option


def test_every_make_target_the_documentation_names_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    for page in PAGES:
        for target in re.findall(r"`?make ([a-z]+)`", page.read_text(encoding="utf-8")):
            assert target in targets, (page, target)
