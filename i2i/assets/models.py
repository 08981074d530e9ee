"""Published weights by name: where each file lies or goes, and how it is fetched, checked and removed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from ..api.errors import DiskFullError, I2IError, UsageError, did_you_mean, disk_trouble
from ..api.model import FileSource
from ..toolkit.files import atomic_write, hash_file, user_directory
from ..toolkit.locks import file_lock

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.model import Model
    from ..registry import Registry
    from .downloads import StageProgress
    from .sources import Downloads, Files, Note

State = Literal["here", "shipped", "to fetch", "by hand"]
"""Whether the file is in the user's folder, comes with a package, can be fetched, or must be got by hand."""

_UNFINISHED = frozenset({".part", ".json", ".wrong"})  # what a download leaves beside the file


def place(model: Model) -> Path:
    """Where the file of a model lies, or goes: in its package, else in ``models`` of the user's folder.

    There it bears the model's name and the ending of its address, of the file in its first source, or ``.safetensors``
    where it is converted; without an address or sources any ending will do.
    """
    if model.path is not None:
        return model.path
    file = user_directory() / "models" / model.name
    if ending := _ending(model):
        return file.with_name(model.name + ending)
    return next(iter(_with_any_ending(file)), file)


def _ending(model: Model) -> str:
    if model.url:
        return Path(urlsplit(model.url).path).suffix
    if model.convert is not None:
        return ".safetensors"
    if not model.sources:
        return ""
    return Path(next(iter(model.sources[0].digests))).suffix


def _with_any_ending(file: Path) -> list[Path]:
    """The files that bear a model's name, whatever their ending; none that a download left unfinished."""
    found = [path for path in file.parent.glob(f"{file.name}.*") if path.stem == file.name]
    return [path for path in sorted(found) if path.suffix not in _UNFINISHED]


def state(model: Model) -> State:
    """Whether the file of a model is there, and if not, how it comes."""
    if place(model).is_file():
        return "here" if model.path is None else "shipped"
    return "to fetch" if model.url or model.sources else "by hand"


def known_checksum(model: Model) -> str | None:
    """The sha256 that the file of a model must have: the record's, else that of the first download; None for neither.

    Raises:
        I2IError: the list of downloads is damaged.
    """
    from .datasets import recorded_checksum

    if model.sha256 is not None:
        return model.sha256
    if model.sources and model.convert is None:
        return next(iter(model.sources[0].digests.values()))
    return recorded_checksum(_key(model))


def _key(model: Model) -> str:
    """Under what the sha256 of its file is stored."""
    return f"model:{model.name}" if model.sources else model.url


def file_bytes(model: Model) -> int | None:
    """Size of the file of a model: as it lies there, else as its record says; None where that is not known."""
    file = place(model)
    return file.stat().st_size if file.is_file() else model.bytes


def download_bytes(models: Iterable[Model]) -> int:
    """Bytes to download for these models by their first sources, as far as known; shared archives count once."""
    sizes: dict[str, int] = {}
    for model in models:
        if state(model) != "to fetch":
            continue
        source = model.sources[0] if model.sources else None
        sizes[source.sha256 if source else model.url] = (source.bytes if source else model.bytes) or model.bytes or 0
    return sum(sizes.values())


def is_present(model: Model) -> bool:
    """Return whether the file of a model is there."""
    return state(model) in ("here", "shipped")


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
    if model.sources:
        raise I2IError(f"The model {model.name!r} is not downloaded: type 'i2i models fetch {model.name}'.")
    if not model.url:
        raise _only_by_hand(model, file)
    raise I2IError(
        f"The model {model.name!r} is not downloaded: type 'i2i models fetch {model.name}', or put the file from "
        f"{model.url} at {file} by hand."
    )


def bundles(registry: Registry) -> dict[str, list[Model]]:
    """The models of each bundle, sorted by name."""
    found: dict[str, list[Model]] = {}
    for model in registry.all("model").values():
        for bundle in sorted(model.bundles):
            found.setdefault(bundle, []).append(model)
    return dict(sorted(found.items()))


def find_models(names: Iterable[str], registry: Registry) -> list[Model]:
    """The models that names of models and bundles mean, each once.

    Raises:
        UsageError: nothing has one of the names; names the nearest.
    """
    known = bundles(registry)
    models: dict[str, Model] = {}
    for name in names:
        if name not in known and name not in registry.entries("model"):
            near = did_you_mean(name, [*known, *registry.entries("model")]) or " See: i2i models list."
            raise UsageError(f"There is no model called {name!r}.{near}")
        found: list[Model] = known[name] if name in known else [registry.get("model", name)]
        models |= {model.name: model for model in found}
    return list(models.values())


def fetch_model(
    model: Model,
    progress: StageProgress | None = None,
    note: Callable[[str], None] = lambda text: None,
    *,
    downloads: Downloads | None = None,
    offered: Path | None = None,
    owner: str = "",
) -> Path:
    """Get the weights of a model and check them; safe to repeat and to interrupt at any moment.

    A file that lies in its place already is checked and used. The sha256 must be the record's; where that has none,
    the hash of the first download is stored in the user's folder, and later downloads must match it. Sources are
    tried in their order, after files of the user in the folder of models.

    Args:
        progress: Called with the model's name, the bytes done and the bytes in all.
        note: Called with a sentence about anything worth knowing.
        downloads: Holds archives that several models need; None to download for this model alone.
        offered: A file or folder of the user to take the weights from, in place of the network.
        owner: What messages call the record if its ``convert`` fails; see ``guards.plugin_owner``.

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
    steps = progress and partial(progress, model.name)
    if model.sources:
        return _fetch_from_sources(model, file, steps, note, downloads, offered, owner or f"model {model.name!r}")
    if offered is not None and not file.is_file():
        return _install_offered(model, file, offered, note)
    if not model.url:
        return _check_by_hand(model, file, note)
    digest = fetch_file(model.url, file, sha256=model.sha256, size=model.bytes, progress=steps, note=note)
    record_checksum(model.url, digest)
    return file


def _fetch_from_sources(
    model: Model,
    file: Path,
    progress: Callable[[int, int | None], None] | None,
    note: Note,
    downloads: Downloads | None,
    offered: Path | None,
    owner: str,
) -> Path:
    from .sources import Downloads

    with ExitStack() as stack:
        downloads = downloads or stack.enter_context(Downloads())
        try:
            stack.enter_context(
                file_lock(file, waiting=lambda: note(f"Waiting for another process that downloads {file}."))
            )
            if file.is_file():
                _check_present(model, file, note)
                return file
            file.parent.mkdir(parents=True, exist_ok=True)
            folder = stack.enter_context(downloads.workspace(f"{model.name}.files"))
            for files in _candidates(model, file.parent, folder, downloads, offered, progress, note):
                _store(model, files, file, downloads.folder, owner)
                downloads.discard_parts(model.sources)
                return file
        except OSError as error:
            raise disk_trouble(error, f"saving {file}") from None
    raise AssertionError("the last candidate raises")


def _candidates(
    model: Model,
    models_folder: Path,
    folder: Path,
    downloads: Downloads,
    offered: Path | None,
    progress: Callable[[int, int | None], None] | None,
    note: Note,
) -> Iterator[Files]:
    """Yield the files of the first source that has them: of the user's first, then by the network.

    Raises:
        I2IError: no source has them; says how to get them without a network.
    """
    from .sources import describe_source, find_files, offline_instructions

    for number, source in enumerate(model.sources):
        if files := find_files(source, offered or models_folder, folder / f"found-{number}", note):
            yield files
    if offered is not None:
        wanted = " or ".join(source.archive_name for source in model.sources)
        raise I2IError(f"--from {offered} has no file of the model {model.name!r}: give {wanted}, unchanged.")
    reason = ""
    for number, source in enumerate(model.sources):
        if reason:
            note(f"{reason}; trying {describe_source(source)}.")
        try:
            yield downloads.fetch(source, folder / f"fetched-{number}", progress, note)
        except DiskFullError:
            raise
        except I2IError as error:
            reason = str(error).rstrip(".")
    simplest = next((source for source in model.sources if isinstance(source, FileSource)), model.sources[0])
    raise I2IError(
        f"The model {model.name!r} could not be downloaded: {reason}; without a network, "
        f"{offline_instructions(simplest, models_folder)} and run 'i2i models fetch {model.name}' again."
    )


def _store(model: Model, files: Files, file: Path, own: Path, owner: str) -> None:
    """Convert the files of a source, or take the only one as it is, and give the result its place.

    Args:
        own: The folder of downloads, from which a file is moved; others belong to the user and are copied.
    """
    from .datasets import record_checksum
    from .downloads import checksum_error

    if model.convert is not None:
        from ..guards import call_function

        tensors = call_function(owner, "model", "convert", model.convert, files)
        with atomic_write(file) as beside:
            _save(tensors, beside)
            digest = hash_file(beside)
            if model.sha256 not in (None, digest):
                raise checksum_error(
                    f"what convert() of the {owner} returned", digest, str(model.sha256), "tell its author"
                )
        record_checksum(_key(model), digest)
        return
    (only,) = files.values()
    if only.is_relative_to(own):
        only.replace(file)
        return
    with atomic_write(file) as beside:
        shutil.copyfile(only, beside)


def _save(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors as safetensors; equal tensors give equal bytes."""
    import torch
    from safetensors.torch import save_file

    # A copy of each, because tensors that share memory are refused.
    kept = {
        name: tensors[name].detach().clone(memory_format=torch.contiguous_format).resolve_conj().resolve_neg()
        for name in sorted(tensors)
    }
    save_file(kept, path, metadata={"format": "pt"})


def _check_present(model: Model, file: Path, note: Note) -> None:
    from .datasets import record_checksum
    from .downloads import checksum_error

    note(f"Using {file}, which is there already.")
    digest, expected = hash_file(file), known_checksum(model)
    if expected is None:
        record_checksum(_key(model), digest)
    elif digest != expected:
        raise checksum_error(str(file), digest, expected, "move it away and run the command again")


def _install_offered(model: Model, file: Path, offered: Path, note: Note) -> Path:
    """Copy a file of the user to the place of a model that has no sources, whole and checked or not at all.

    Returns:
        The place, with the ending of the user's file where the record has no address.

    Raises:
        UsageError: the folder does not hold the file.
        I2IError: the file is not what it should be, or cannot be copied.
    """
    from .datasets import file_fault, record_checksum
    from .downloads import checksum_error

    offered = _choose_offered(model, offered)
    if not model.url:
        file = file.with_name(model.name + offered.suffix)
    expected = known_checksum(model)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        waiting = f"Waiting for another process that downloads {file}."
        with file_lock(file, waiting=lambda: note(waiting)), atomic_write(file) as beside:
            shutil.copyfile(offered, beside)
            digest = hash_file(beside)
            if expected not in (None, digest):
                raise checksum_error(str(offered), digest, str(expected), "get the file again")
            if fault := file_fault(beside, model.bytes):
                raise I2IError(f"{offered} {fault}: get the file again.")
    except OSError as error:
        raise disk_trouble(error, f"copying {offered} to {file}") from None
    if model.url:
        record_checksum(model.url, digest)
    return file


def _choose_offered(model: Model, offered: Path) -> Path:
    """The file that the user names, or that of this model in the folder that the user names.

    Raises:
        UsageError: the folder does not hold it.
    """
    if not offered.is_dir():
        return offered
    named = [offered / Path(urlsplit(model.url).path).name] if model.url else []
    found = [path for path in [*named, *_with_any_ending(offered / model.name)] if path.is_file()]
    if not found:
        name = named[0].name if named else f"{model.name}.*"
        raise UsageError(f"--from {offered} has no file of the model {model.name!r}: put {name} into it.")
    return found[0]


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


def remove_model(model: Model) -> tuple[list[Path], int]:
    """Delete the downloaded file of a model, and what an interrupted or refused download left of it.

    Parts of interrupted downloads of its sources are deleted too, and a file that the user put there. The recorded
    sha256 of a file with an address is kept, so that a later download must match it.

    Returns:
        The deleted files, and how many bytes they had.

    Raises:
        UsageError: the file comes with a package.
        I2IError: it cannot be deleted.
    """
    from .sources import Downloads

    if model.path is not None:
        raise UsageError(f"The model {model.name!r} comes with its package, in {model.path}, and cannot be removed.")
    file = place(model)
    with file_lock(file):
        beside = [file.with_name(file.name + suffix) for suffix in (".part", ".part.json", ".wrong")]
        with Downloads() as downloads:
            found = [*(path for path in (file, *beside) if path.is_file()), *downloads.parts(model.sources)]
            size = sum(path.stat().st_size for path in found)
            try:
                for path in found:
                    path.unlink()
            except OSError as error:
                raise disk_trouble(error, f"deleting {file}") from None
    return found, size
