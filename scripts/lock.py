"""Write the lock files: what is installed now, names and versions only.

requirements.lock holds the project's run-time packages and all they need, requirements-server.lock what the server
needs on top, requirements-test.lock what the tests need on top of both.
"""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def collect(requirements: list[str], extras: dict[str, list[str]], found: dict[str, str]) -> None:
    """Add the requirements and all they need to ``found`` (name -> version)."""
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker and not any(
            requirement.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)
        ):
            continue
        name = canonicalize_name(requirement.name)
        if name == "sightgrid":
            for extra in requirement.extras:
                collect(extras[extra], extras, found)
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # for another platform or Python
        known = name in found
        found[name] = package.version
        needs = [need for need in package.requires or [] if wanted(need, requirement.extras)]
        if not known or requirement.extras:
            collect([need.split(";")[0] for need in needs], extras, found)


def wanted(need: str, extras: set[str]) -> bool:
    """Whether a package's need holds here, for any of the extras it was asked for with."""
    marker = Requirement(need).marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def main() -> None:
    """Write the files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    steps = (
        ("requirements.lock", [*project["dependencies"], "sightgrid[fast-io]"]),
        ("requirements-server.lock", extras["server"]),
        ("requirements-test.lock", extras["test"]),
    )
    found: dict[str, str] = {}
    for file, requirements in steps:
        before = dict(found)
        collect(requirements, extras, found)
        lines = [f"{name}=={version}\n" for name, version in sorted(found.items()) if name not in before]
        (ROOT / file).write_text("".join(lines))
        print(f"{file}: {len(lines)} packages")


if __name__ == "__main__":
    main()
