"""Pretrained generators: a file, a model's name or a trained run -> a generator to edit with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api.errors import I2IError, PluginError, UsageError, did_you_mean
from ..guards import build_plugin, guarded_class
from ..registry import Registry, load_registry

if TYPE_CHECKING:
    from ..api.contents import Contents
    from ..api.device import Device, Precision
    from ..api.generator import Generator, Weights
    from ..api.model import Model


def generator(
    source: str | Path,
    device: str = "auto",
    precision: Precision = "fp32",
    compile: bool = False,
    registry: Registry | None = None,
    options: Mapping[str, Any] | None = None,
) -> Generator:
    """Open a generator.

    Args:
        source: A weight file of any kind that a plugin reads, the folder of a run that trained one, the name of a model
            (``i2i models list``) or of a generator that needs no file.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        precision: What the maps are computed in. ``auto`` is the fastest on the device; ``fp32`` is exact.
        compile: Compile the network for the first shape it is given: slow to start, quicker ever after.
        registry: Where families and models are looked up; None for all installed plugins.
        options: Options of the family, where it declares any.

    Raises:
        UsageError: an option is wrong, or there is no such file, run, model or generator; names the nearest.
        I2IError: the file is refused, damaged, or holds no generator; or the model has not been fetched.
    """
    registry = registry or load_registry()
    file = find(source, registry)
    if file is not None and file.is_file():
        family, weights, _ = open_weights(file, registry)
        return _built(registry, family.name, weights, _device(device, precision, compile), options)
    if file is not None and options:
        raise UsageError(f"{source} is a run, whose generator has no options: leave --generator-options out.")
    if file is not None:
        return _of_run(file, _device(device, precision, compile), registry)
    return _built(registry, str(source), None, _device(device, precision, compile), options)


def _built(
    registry: Registry, family: str, weights: Weights | None, device: Device, options: Mapping[str, Any] | None
) -> Generator:
    made: Generator = build_plugin(registry, "generator", family, weights, device, values=options)
    return made


def find(source: str | Path, registry: Registry) -> Path | None:
    """Return the file or run folder that ``source`` means; None where it is the name of a registered generator.

    Raises:
        UsageError: it is nothing of all that.
        I2IError: it is a model that has not been fetched.
    """
    path = Path(source)
    if path.exists():
        return path
    models = registry.where("model", role="generator")
    if str(source) in models:
        from ..assets.models import model_path

        return model_path(registry.get("model", str(source)))
    if str(source) in registry.entries("generator"):
        return None
    near = did_you_mean(str(source), models)
    raise UsageError(f"There is no file, run or model {str(source)!r}.{near or ' See: i2i models list.'}")


def generator_identity(source: str | Path, registry: Registry) -> dict[str, Any]:
    """Return the generator's name and the ``sha256`` of its files; for a run, those of the last ``step``."""
    from ..toolkit.files import hash_unchanged
    from ..toolkit.weights import weight_files
    from ..training.runs import open_run

    file = find(source, registry)
    if file is None:
        return {"generator": str(source)}
    name = file.resolve().name if Path(source).exists() else str(source)
    if file.is_file():
        return {"generator": name, "sha256": hash_unchanged(*weight_files(file))}
    run = open_run(file)
    step = run.find("last")
    return {"generator": name, "step": step, "sha256": hash_unchanged(run.checkpoint(step))}


def generator_domain(source: str | Path, registry: Registry) -> str | None:
    """Return what a generator renders, such as ``"faces"``; None where that is not known.

    A record decides, found by its name, its file, or the sha256 of the file or of the file that it was converted from;
    else the ``domain`` in the header of a file that ``i2i convert`` wrote. The name of a file decides nothing.
    """
    models, path = _generator_models(registry), Path(source)
    model = _model_of(source, models)
    if model is not None:
        return str(model.domain)
    return _domain_of_file(path, models) if path.is_file() else None


def generator_aspect_ratio(source: str | Path, registry: Registry) -> tuple[int, int]:
    """Return the aspect ratio of what a generator renders between black bars; ``(1, 1)`` if it renders none.

    It is found as its domain is: a record decides, else the ``aspect_ratio`` in the header of a converted file.
    """
    models, path = _generator_models(registry), Path(source)
    model = _model_of(source, models)
    if model is not None or not path.is_file():
        return (1, 1) if model is None else model.aspect_ratio
    header = _header(path)
    match header.get("aspect_ratio"):
        case [int(width), int(height)] if width > 0 and height > 0:
            return width, height
    model = _model_by_checksum(path, header, [each for each in models if each.aspect_ratio != (1, 1)])
    return (1, 1) if model is None else model.aspect_ratio


def _generator_models(registry: Registry) -> list[Model]:
    models: list[Model] = []
    for entry in registry.where("model", role="generator").values():
        with suppress(I2IError):  # a record with a fault is refused when it is chosen
            models.append(entry.load_checked())
    return models


def _model_of(source: str | Path, models: Sequence[Model]) -> Model | None:
    """Return the record of this name, or whose file this is."""
    from ..assets.models import place

    path = Path(source)
    for model in models:
        if model.name == str(source):
            return model
        if path.is_file() and place(model).is_file() and place(model).samefile(path):
            return model
    return None


_RENAMED_DOMAINS = {"drawn faces": "synthetic faces"}
"""Domains as files of version 0.1 name them -> today's names."""


def _domain_of_file(path: Path, models: Sequence[Model]) -> str | None:
    """Return the domain of a file without a record of its own: by its header, or by a recorded checksum."""
    header = _header(path)
    if isinstance(header.get("domain"), str):
        return _RENAMED_DOMAINS.get(str(header["domain"]), str(header["domain"]))
    model = _model_by_checksum(path, header, models)
    return None if model is None else model.domain


def _header(path: Path) -> Mapping[str, Any]:
    """Return the header of a file that ``i2i convert`` wrote; empty for other files."""
    from ..toolkit.weights import read_weights

    if path.suffix == ".safetensors":
        with suppress(I2IError):
            return read_weights(path).header
    return {}


def _model_by_checksum(path: Path, header: Mapping[str, Any], models: Sequence[Model]) -> Model | None:
    """Return the record with the checksum of the file, or of the file that it was converted from."""
    from ..assets.models import known_checksum
    from ..toolkit.files import hash_unchanged

    sums = {sha256: model for model in models if (sha256 := known_checksum(model))}
    if not sums:
        return None
    return sums.get(str(header.get("source_sha256"))) or sums.get(hash_unchanged(path))


def open_weights(path: Path, registry: Registry) -> tuple[type[Generator], Weights, Contents]:
    """Return the family that reads a file, and its weights.

    Raises:
        I2IError: the file cannot be read safely, or no family knows it.
    """
    from ..toolkit.weights import read_weights

    contents = read_weights(path)
    families = registry.all("generator")
    failed = ""
    for family in families.values():
        try:
            weights: Weights | None = guarded_class(registry, "generator", family.name).read(contents)
        except PluginError as error:  # of a family whose file it need not be: the others are asked all the same
            failed = failed or f" {error}"
            continue
        except I2IError as error:
            raise I2IError(f"{path}: {error}") from None
        if weights is not None:
            return family, weights, contents
    known = ", ".join(families) or "none; install a plugin that provides one"
    raise I2IError(f"{path} holds no generator of a family that is known here ({known}); check the file.{failed}")


def _device(name: str, precision: Precision, compile: bool) -> Device:
    from ..runtime.device import choose_device

    return choose_device(name, precision, compiled=compile)


def _of_run(folder: Path, device: Device, registry: Registry) -> Generator:
    """The generator of a trained run, its weights averaged where the run averages."""
    from ..training.runs import open_run

    run = open_run(folder)
    trainer, _ = run.load_trainer(registry, device)
    make = getattr(trainer, "generator", None)
    if trainer.learns_from() != "images" or not callable(make):
        raise UsageError(f"{folder} was trained by {trainer.name}, which translates images: use i2i predict {folder}.")
    made: Generator = make()
    return made
