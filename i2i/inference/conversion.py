"""Convert external weights to safetensors under canonical names, with a header that describes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api.contents import HEADER
from ..api.errors import I2IError, UsageError
from ..api.generator import UNKNOWN
from ..guards import build_plugin, guarded_class
from ..registry import Registry, load_registry
from ..toolkit.files import atomic_write, hash_file

if TYPE_CHECKING:
    from torch import Tensor

    from ..api.contents import Contents

    _Read = tuple[dict[str, Any], Mapping[str, Tensor], dict[str, Any]]

_KEPT = ("source", "source_sha256", "licence")  # facts about the original file in the header of a converted one
_SMALL = 2**12  # numbers; tensors with fewer are not halved: biases, filters and frequencies take no room


def convert(
    source: str | Path,
    out: str | Path,
    *,
    kind: str | None = None,
    half: bool = False,
    overwrite: bool = False,
    registry: Registry | None = None,
) -> dict[str, Any]:
    """Convert a weight file of any supported format to an i2i file; no code in it is run.

    The header, JSON under the metadata key ``i2i``, has ``family`` and ``arguments`` of a generator, or ``kind`` of
    another network; ``source`` (the file's name), ``source_sha256``, ``licence`` and ``versions``. Of a file that is
    ours already, ``source``, ``source_sha256`` and ``licence`` are kept.

    Args:
        source: A file, or the name of a downloaded model.
        kind: None for a generator; else what ``i2i.load_network`` takes: ``unet256``, ``patchgan``, ...
        half: Store large tensors in half precision: half the size, and images that differ by about one level in 255.
        overwrite: Replace ``out`` if it is there.

    Returns:
        The header, and ``file``, ``bytes``, ``parameters`` (numbers in all tensors), and of a generator ``resolution``
        (px), ``rows`` (of a latent) and ``classes``.

    Raises:
        UsageError: ``source`` is a folder; ``out`` is there, is ``source``, or does not end in .safetensors; or there
            is no such kind.
        I2IError: the file cannot be read safely, is of no known family, or does not fit in half precision.
    """
    registry = registry or load_registry()
    source, out = _file(source, registry), Path(out)
    _check(source, out, overwrite)
    header, tensors, facts = _generator(source, registry) if kind is None else _network(source, kind, registry)
    facts["parameters"] = sum(tensor.numel() for tensor in tensors.values())
    out.parent.mkdir(parents=True, exist_ok=True)
    stored = {name: _to_stored(name, tensor, half) for name, tensor in tensors.items()}
    _write(out, stored, header)
    return {**header, **facts, "file": str(out), "bytes": out.stat().st_size}


def _file(source: str | Path, registry: Registry) -> Path:
    """A path, or where the file of a model of this name lies."""
    if not Path(source).exists() and str(source) in registry.entries("model"):
        from ..assets.models import model_path

        return model_path(str(source), registry)
    return Path(source)


def _check(source: Path, out: Path, overwrite: bool) -> None:
    if source.is_dir():
        raise UsageError(f"{source} is a folder; name the file in it, of a run one of checkpoints/step_*.safetensors.")
    if out.suffix != ".safetensors":
        raise UsageError(f"--out {out} must end in .safetensors; choose another name.")
    if out.exists() and source.exists() and out.samefile(source):
        raise UsageError(f"--out {out} is the file to read; choose another name.")
    if out.exists() and not overwrite:
        raise UsageError(f"{out} is already there; choose another --out, or replace it with --overwrite.")


def _generator(source: Path, registry: Registry) -> _Read:
    """Header, tensors and facts; the generator is built once, which proves that the file is whole."""
    from ..runtime.device import TorchDevice
    from .generators import generator_aspect_ratio, generator_domain, open_weights

    family, weights, contents = open_weights(source, registry)
    try:
        built = build_plugin(registry, "generator", family.name, weights, TorchDevice("cpu"))
    except I2IError as error:
        raise I2IError(f"{source}: {str(error).removeprefix(f'{source}: ')}") from None
    header: dict[str, Any] = {"family": weights.family, "arguments": dict(weights.arguments)}
    header |= _origin(contents, guarded_class(registry, "generator", family.name).licence(contents), registry)
    if domain := generator_domain(source, registry):
        header["domain"] = domain
    aspect_ratio = generator_aspect_ratio(source, registry)
    if aspect_ratio != (1, 1):
        header["aspect_ratio"] = list(aspect_ratio)
    facts = {"resolution": built.resolution, "rows": built.num_ws, "classes": built.c_dim}
    return header, weights.tensors, facts


def _network(source: Path, kind: str, registry: Registry) -> _Read:
    """The tensors under the names that ``i2i.load_network`` reads; the network is built once, as proof."""
    from ..assets.networks import load_network
    from ..toolkit.weights import read_weights
    from ..toolkit.weights.state_dicts import read_state_dict

    load_network(source, kind, registry=registry)
    return {"kind": kind, **_origin(read_weights(source), None, registry)}, read_state_dict(source), {}


def _origin(contents: Contents, licence: str | None, registry: Registry) -> dict[str, Any]:
    """Where a file comes from, and under which terms: what a record of just this file says goes before its family."""
    from .. import __version__

    digest = hash_file(contents.path)
    known = licence_of(digest, registry) or licence or UNKNOWN
    origin = {"source": contents.path.name, "source_sha256": digest, "licence": known}
    ours = contents.header if {"family", "kind"} & set(contents.header) else {}  # not that of an exported run
    origin |= {name: ours[name] for name in _KEPT if isinstance(ours.get(name), str)}
    return {**origin, "versions": {"i2i": __version__}}


def licence_of(digest: str, registry: Registry) -> str | None:
    """Return the licence in the record of the model whose file has this sha256; None where no record has it."""
    from ..assets.models import known_checksum

    for model in registry.all("model").values():
        if digest == known_checksum(model):
            return str(model.licence)
    return None


def _to_stored(name: str, tensor: Tensor, half: bool) -> Tensor:
    """As it goes to the file: contiguous, with memory of its own, and in half precision where that is asked for."""
    import torch

    if not half or not tensor.is_floating_point() or tensor.numel() < _SMALL:
        return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
    halved = tensor.detach().cpu().to(torch.float16, copy=True, memory_format=torch.contiguous_format)
    if not halved.isfinite().all():
        raise I2IError(f"--half: {name} holds numbers that half precision cannot; leave out --half.")
    return halved


def _write(out: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    from safetensors.torch import save_file

    with atomic_write(out) as beside:
        save_file(dict(tensors), beside, metadata={"format": "pt", HEADER: json.dumps(header, ensure_ascii=False)})
