"""Kernels that call each other across files must not outlive a change in one of them."""

from __future__ import annotations

import os

from sightgrid.gis.compiled import drop_stale_kernels, has_compiled_kernels


def make_package(folder):
    cache = folder / "coverage" / "__pycache__"
    cache.mkdir(parents=True)
    for name, age in (("sweep", 100), ("cells", 100)):
        (folder / "coverage" / f"{name}.py").write_text("")
        os.utime(folder / "coverage" / f"{name}.py", (1000 - age, 1000 - age))
        for suffix in ("nbi", "1.nbc"):
            file = cache / f"{name}.turn-7.py311.{suffix}"
            file.write_text("")
            os.utime(file, (1000, 1000))
    return folder


def test_compiled_kernels_stay_while_no_source_changes(tmp_path):
    assert drop_stale_kernels(make_package(tmp_path)) == 0
    assert len(list(tmp_path.glob("coverage/__pycache__/*"))) == 4


def test_a_change_in_one_source_drops_the_compiled_kernels_of_all(tmp_path):
    package = make_package(tmp_path)
    os.utime(package / "coverage" / "cells.py", (2000, 2000))
    assert drop_stale_kernels(package) == 4
    assert not list(tmp_path.glob("coverage/__pycache__/*"))


def test_a_package_that_never_ran_has_nothing_to_drop(tmp_path):
    assert drop_stale_kernels(tmp_path) == 0


def test_the_first_run_is_known_by_its_missing_kernel(tmp_path):
    assert not has_compiled_kernels(tmp_path)
    cache = tmp_path / "coverage" / "__pycache__"
    cache.mkdir(parents=True)
    (cache / "kernel.look-62.py311.nbi").write_text("")
    assert has_compiled_kernels(tmp_path)
