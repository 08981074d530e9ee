"""Published weights by name: where each file lies or goes, and how it is fetched and checked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from ..api.errors import I2IError
from ..toolkit.files import hash_file, user_directory

if TYPE_CHECKING:
    from ..api.model import Model
    from ..registry import Registry
    from .datasets import Progress

State = Literal["here", "shipped", "to fetch", "by hand"]
"""Whether the file is in the user's folder, comes with a package, can be fetched, or must be got by hand."""

_UNFINISHED = frozenset({".part", ".json", ".wrong"})  # what a download leaves beside the file


def place(model: Model) -> Path:
    """Where the file of a model lies, or goes: in its package, else in ``models`` of the user's folder.

    There it bears the model's name and the ending of its address; without an address any ending will do.
    """
    if model.path is not None:
        return model.path
    file = user_directory() / "models" / model.name
    if model.url:
        return file.with_name(model.name + Path(urlsplit(model.url).path).suffix)
    found = [path for path in file.parent.glob(f"{model.name}.*") if path.stem == model.name]
    return next((path for path in sorted(found) if path.suffix not in _UNFINISHED), file)


def state(model: Model) -> State:
    """Whether the file of a model is there, and if not, how it comes."""
    if place(model).is_file():
        return "here" if model.path is None else "shipped"
    return "to fetch" if model.url else "by hand"


def model_path(model: Model | str, registry: Registry | None = None) -> Path:
    """The file of a model, or of the model of this name; not read, not checked.

    Args:
        registry: Where a name is looked up; None for the installed plugins.

    Raises:
        UsageError: no model has this name; names the nearest.
        I2IError: the file is not there; says how to get it.
    """
    if isinstance(model, str):
        from ..registry import load_registry

        found: Model = (load_registry() if registry is None else registry).get("model", model)
        return model_path(found)
    file = place(model)
    if file.is_file():
        return file
    if model.path is not None:
        raise I2IError(f"{file}, the weights {model.name!r}, is missing from its package: install the package again.")
    if not model.url:
        raise _only_by_hand(model, file)
    raise I2IError(
        f"The model {model.name!r} is not downloaded: type 'i2i models fetch {model.name}', or put the file from "
        f"{model.url} at {file} by hand."
    )


def fetch_model(
    model: Model, progress: Progress | None = None, note: Callable[[str], None] = lambda text: None
) -> Path:
    """Download the weights of a model and check them; safe to repeat and to break off at any moment.

    A file that lies in its place already is checked and used. The sha256 must be the record's; where that has none,
    the hash of the first download is stored in the user's folder, and later downloads must match it.

    Args:
        progress: Called with the model's name, the bytes done and the bytes in all.
        note: Called with a sentence about anything worth knowing.

    Returns:
        The file.

    Raises:
        I2IError: it cannot be fetched, or is not what it should be; says what to do.
    """
    from .datasets import fetch_file, record_checksum

    if model.path is not None:
        file = model_path(model)
        note(f"{model.name} comes with its package, in {file}.")
        return file
    file = place(model)
    if not model.url:
        return _check_by_hand(model, file, note)
    steps = progress and partial(progress, model.name)
    digest = fetch_file(model.url, file, sha256=model.sha256, size=model.bytes, progress=steps, note=note)
    record_checksum(model.url, digest)
    return file


def _check_by_hand(model: Model, file: Path, note: Callable[[str], None]) -> Path:
    """The file that the user put there, where no address leads to it."""
    from .downloads import checksum_error

    if not file.is_file():
        raise _only_by_hand(model, file)
    note(f"Using {file}, which is there already.")
    if model.sha256 is not None and (digest := hash_file(file)) != model.sha256:
        raise checksum_error(str(file), digest, model.sha256, f"get it again from {model.homepage}")
    return file


def _only_by_hand(model: Model, file: Path) -> I2IError:
    where = f"get it from {model.homepage}" if model.homepage else "get the file"
    return I2IError(
        f"The model {model.name!r} cannot be downloaded automatically: {where} and put it at {file}, "
        "with or without the ending that it has."
    )
