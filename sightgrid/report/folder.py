"""An output folder that is complete or untouched: written beside, then renamed."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sightgrid.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


def check_folder(folder: Path, *, ours: Sequence[str] = ()) -> None:
    """Raise early where a folder could not be written, before long work is spent on it.

    Parameters
    ----------
    folder : pathlib.Path
        The output folder; it need not exist.
    ours : sequence of str
        Names of the files that will be written or taken away there.

    Raises
    ------
    StoreError
        The path, or a part of it, is a file, the nearest existing folder cannot be written, or there is a folder where
        one of our files belongs.
    """
    with _clear_errors(folder):
        whole = folder.resolve()
        exists = next(path for path in (whole, *whole.parents) if path.exists())
        if not exists.is_dir():
            msg = f"{folder}: cannot be written: {exists.name} is a file, not a folder"
            raise StoreError(msg)
        # the new folder is built beside the old one, so its parent must be writable as well
        for path in (exists, exists.parent) if exists == whole else (exists,):
            if not os.access(path, os.W_OK | os.X_OK):
                msg = f"{folder}: cannot be written: no right to write in {path}"
                raise StoreError(msg)
        for name in ours:
            if (whole / name).is_dir():
                msg = f"{folder}: cannot be written: {name} is a folder there, not a file of a former run"
                raise StoreError(msg)


def write_files(
    folder: Path,
    writers: Mapping[str, Callable[[Path], object]],
    *,
    ours: Sequence[str],
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Path]:
    """Write files into a folder, or leave the folder as it was.

    Parameters
    ----------
    folder : pathlib.Path
        The output folder. Files of ours are replaced once all new ones are complete, other files stay.
    writers : mapping of str to callable
        What writes each file: called with the path to write.
    ours : sequence of str
        See `replace_folder`.
    progress : callable, optional
        Called as ``progress("files", done, total)``.

    Returns
    -------
    list of pathlib.Path
        The files written.

    Raises
    ------
    StoreError
        The folder or a file cannot be written.
    """
    with replace_folder(folder, ours=ours) as temporary:
        for done, (name, write) in enumerate(writers.items(), start=1):
            write(temporary / name)
            if progress:
                progress("files", done, len(writers))
    return [folder / name for name in writers]


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write values as JSON; NaN and infinity, which JSON does not know, become null."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: clean(each) for key, each in value.items()}
        if isinstance(value, list):
            return [clean(each) for each in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    text = json.dumps(clean(value), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


@contextmanager
def replace_folder(folder: Path, *, ours: Sequence[str]) -> Iterator[Path]:
    """Give a temporary folder to write in, and move its files to `folder` once all of them are there.

    Where the block fails or is interrupted, `folder` stays as it was.

    Parameters
    ----------
    folder : pathlib.Path
        The output folder; made where it does not exist.
    ours : sequence of str
        Names that a former run may have left: those not written again are taken away. Other files stay.

    Yields
    ------
    pathlib.Path
        The temporary folder, beside `folder` on the same disk.

    Raises
    ------
    StoreError
        The folder cannot be made, written or renamed.
    """
    check_folder(folder, ours=ours)
    whole = folder.resolve()
    made = [parent for parent in whole.parents if not parent.exists()]
    with _clear_errors(folder):
        try:
            whole.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=f".{whole.name}-", dir=whole.parent))
            try:
                yield temporary
                _move(temporary, whole, ours)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        except BaseException:
            for parent in made:
                if parent.is_dir() and not any(parent.iterdir()):
                    parent.rmdir()
            raise


@contextmanager
def _clear_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"{folder}: cannot be written: {error.strerror or error}"
        raise StoreError(msg) from error


def _move(temporary: Path, folder: Path, ours: Sequence[str]) -> None:
    """Swap the files in one by one, and swap all of them back if one cannot be swapped."""
    new = sorted(path.name for path in temporary.iterdir())
    if not folder.exists():
        temporary.chmod(0o777 & ~_umask())  # mkdtemp makes folders that only their owner may open
        temporary.rename(folder)
        return
    kept = temporary / ".kept"
    kept.mkdir()
    moved: list[tuple[Path, Path]] = []
    try:
        for name in sorted({*new, *ours}):
            if (folder / name).exists():
                _rename(folder / name, kept / name, moved)
            if name in new:
                _rename(temporary / name, folder / name, moved)
    except BaseException:
        for source, target in reversed(moved):
            target.rename(source)
        raise


def _rename(source: Path, target: Path, moved: list[tuple[Path, Path]]) -> None:
    source.rename(target)
    moved.append((source, target))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
