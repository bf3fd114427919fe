"""Compiled kernels on disk: numba keeps one file's machine code until that file changes, whatever it calls elsewhere.

Kernels of one group call each other across files, so a change in one of them must drop the machine code of the whole
group; otherwise a checkout that is updated in place would go on running old code.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
GROUPS = (("coverage", "gis"), ("patrol",), ("api",))


def drop_stale_kernels(package: Path = PACKAGE) -> int:
    """Remove compiled kernels that are older than any source that has compiled kernels; returns how many files.

    Parameters
    ----------
    package : pathlib.Path
        Folder whose parts hold the sources, with a ``__pycache__`` in each.
    """
    return sum(_drop_group([package / room for room in group]) for group in GROUPS)


def _drop_group(rooms: list[Path]) -> int:
    indexes = [index for room in rooms for index in room.glob("**/__pycache__/*.nbi")]
    sources = {index.parent.parent / f"{index.name.split('.')[0]}.py" for index in indexes}
    newest = max((source.stat().st_mtime for source in sources if source.is_file()), default=0.0)
    if all(index.stat().st_mtime >= newest for index in indexes):
        return 0
    compiled = [*indexes, *(code for room in rooms for code in room.glob("**/__pycache__/*.nbc"))]
    with suppress(PermissionError):  # another user's installation: its sources are not edited in place
        for file in compiled:
            file.unlink(missing_ok=True)
    return len(compiled)


def has_compiled_kernels(package: Path = PACKAGE) -> bool:
    """Whether the kernel was compiled before; if not, the first view takes half a minute.

    An installation that cannot be written keeps its compiled kernels elsewhere and is taken to have them.
    """
    return not os.access(package, os.W_OK) or any(package.glob("coverage/__pycache__/kernel.look-*.nbi"))
