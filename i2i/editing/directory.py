"""The folder of an edit: whose files lie there already, and how new ones take their places all at once."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ..api.errors import UsageError
from ..toolkit.files import PART, hash_file

RECIPE = "recipe.json"
PROOFS = "sha256"
"""Where in a recipe the sha256 of each file stands, by its name."""
USUAL = ("result.png", "before_after.png", "frames.gif", "latent.safetensors", "photo.png", "grid.png", "grid.html")
"""Files of an edit besides its recipe and its plots."""
_NUMBER = re.compile(r"_[0-9]+(?=\.)")


def folder_of(out: str | Path) -> Path:
    """``--out`` as a path; an empty text, which as a path would be the current folder, is a mistake.

    Raises:
        UsageError: it is empty.
    """
    if isinstance(out, str) and not out.strip():
        raise UsageError('--out "": name a folder, such as --out edits/mine, or leave it out.')
    return Path(out)


def usual(name: str) -> bool:
    """Whether any edit may write a file of this name, whatever its editor draws."""
    return name == RECIPE or _NUMBER.sub("", name) in USUAL


def own_files(out: Path) -> set[str]:
    """Names of the files that an earlier edit left in a folder and that are still as it left them."""
    try:
        recipe = json.loads((out / RECIPE).read_text(encoding="utf-8"))
        proofs = {str(name): str(proof) for name, proof in recipe[PROOFS].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
    return {RECIPE, *(name for name, proof in proofs.items() if Path(name).name == name and _is(out / name, proof))}


def _is(path: Path, proof: str) -> bool:
    return path.is_file() and not path.is_symlink() and hash_file(path) == proof


def of_others(out: Path, names: Iterable[str]) -> list[str]:
    """Of the names those that are taken in a folder by something that no edit left there as it is now."""
    taken = [name for name in names if os.path.lexists(out / name)]
    own = own_files(out) if taken else set()
    return sorted(name for name in taken if name not in own)


def check_place(out: Path, used: Sequence[Path]) -> None:
    """Refuse a folder before the work that could not be written there, or in which something would be lost.

    Args:
        used: Files that the edit works from.

    Raises:
        UsageError: one may not write there; or under a name that an edit writes lies a file that the edit works from,
            or one that no earlier edit left there.
    """
    above = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        reason = "one may not write there" if above.is_dir() else "that is a file"
        raise UsageError(f"--out {out} cannot be made in {above}: {reason}; name another folder.")
    own = own_files(out)
    for path in used:
        if path.resolve().parent == out.resolve() and (usual(path.name) or path.name in own):
            raise UsageError(f"--out {out} holds {path.name}, which the edit would replace; name another folder.")
    if out.is_dir():
        refuse(out, of_others(out, (path.name for path in out.iterdir() if usual(path.name))))


def refuse(out: Path, others: Sequence[str]) -> None:
    """Refuse to replace files that are not an earlier edit's.

    Raises:
        UsageError: there are some.
    """
    if others:
        raise UsageError(
            f"--out {out} holds {others[0]}, which the edit would replace and no earlier edit left there as it is: "
            "name another folder, or move that file away."
        )


@contextmanager
def placing(out: Path) -> Iterator[Path]:
    """Yield an empty folder within ``out``, whose files take their places in ``out`` at the end, the recipe last.

    What an earlier edit left there goes then, unless somebody has changed it since. On any failure ``out`` stays as it
    was.

    Raises:
        OSError: the disk refused; names the file's place in ``out``.
    """
    new = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".", suffix=PART, dir=out))
    try:
        yield beside
        names = sorted((path.name for path in beside.iterdir()), key=lambda name: (name == RECIPE, name))
        stale = own_files(out).difference(names)
        for name in names:
            (beside / name).replace(out / name)
        for name in stale:
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        if error.filename and Path(error.filename).parent == beside:
            error.filename = str(out / Path(error.filename).name)
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        if new:
            with suppress(OSError):  # it is in use
                out.rmdir()
