"""Export: a trained network as one file that other programs read."""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from ..api.errors import I2IError
from ..api.options import build_options
from ..registry import Registry, load_registry
from ..toolkit.files import atomic_write

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..api.trainer import Trainer
    from ..training.checkpoints import Which

Format = Literal["onnx", "safetensors"]
OPSET = 17


def export(
    run: str | Path,
    format: Format,
    out: str | Path,
    *,
    network: str | None = None,
    checkpoint: Which = "last",
    registry: Registry | None = None,
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Write a network of a run to ``out``, whole or not at all.

    ``network`` is the name of one of the trainer's networks; None for the first, which makes the images.

    ``onnx``: a graph from ``input``, float32 ``(N, C, size, size)`` in [-1, 1] with the channels that the first
    convolution takes, to ``output``, any N. It makes the images that ``sample`` makes: batch normalisation that uses
    the statistics of the current batch (the paper's test mode) becomes instance normalisation, the same function at
    batch 1 and independent of the other images at any other. Dropout is off: a file must give the same answer twice.
    ``safetensors``: the tensors by the names of its state dict.

    Both carry the same header in their metadata, as JSON under the key ``i2i``: ``trainer``, ``options``, ``size``
    (px), ``direction``, ``dataset``, ``source``, ``step``, ``network`` and ``sha256`` of the weights.

    Returns:
        That header, and ``file``, ``format`` and ``bytes``.

    Raises:
        UsageError: no such trainer, setting or checkpoint.
        I2IError: no run there, ONNX is not installed, or the file cannot be written.
    """
    from ..runtime.device import TorchDevice
    from ..training.runs import open_run
    from .inspection import batch_statistics, generator_of
    from .prediction import require_image_to_image

    if format == "onnx" and importlib.util.find_spec("onnx") is None:
        raise I2IError("Writing ONNX needs the package onnx, which is not installed; run: pip install 'i2i[onnx]'")
    opened = open_run(run)
    registry = opened.restore(registry or load_registry())
    own_samples = registry.get("trainer", opened.options["trainer"]).learns_from() == "seeds"
    if format == "onnx" or (network is None and not own_samples):
        require_image_to_image(registry, opened)
    device = TorchDevice("cpu")
    trainer, step = opened.load_trainer(registry, device, settings=settings, checkpoint=checkpoint)
    wanted = opened.options["run"]
    name, module = generator_of(trainer, network)
    options = _resolve_options(trainer, {**opened.options["options"], **settings})
    header = {"trainer": opened.options["trainer"], "options": options}
    header |= {key: wanted[key] for key in ("size", "direction", "dataset", "source")}
    header |= {"step": step, "network": name, "sha256": weights_hash(module.state_dict())}
    (path := Path(out)).parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as beside:
        if format == "onnx":
            frozen = freeze(module, batch_statistics(trainer, wanted["size"], device, network))
            channels = input_channels(module, trainer.data.input_channels)
            _write_onnx(frozen, channels, wanted["size"], beside, header)
        else:
            _write_safetensors(module.state_dict(), beside, header)
    return {"file": str(path), "format": format, "bytes": path.stat().st_size, **header}


def _resolve_options(trainer: Trainer, values: Mapping[str, Any]) -> dict[str, Any]:
    """The trainer's options as they were understood: ``--set`` gives text where a number is meant."""
    understood = build_options(type(trainer).Options, values, "--set").model_dump(mode="json")
    return {key: understood[key] for key in values}


def weights_hash(tensors: Mapping[str, Tensor]) -> str:
    """sha256 over names, types, shapes and values in the order of names: the same for the same weights in any file."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def freeze(network: nn.Module, batch_statistics: list[str]) -> nn.Module:
    """Return a copy in evaluation mode, with the named batch norms replaced by equal instance norms."""
    from torch import nn

    frozen = copy.deepcopy(network).eval()
    for name in batch_statistics:
        old = frozen.get_submodule(name)
        if not isinstance(old, nn.BatchNorm2d):
            raise I2IError(
                f"The layer {name} ({type(old).__name__}) uses the statistics of the batch at hand, which an ONNX file "
                "cannot; export it with --format safetensors."
            )
        new = nn.InstanceNorm2d(old.num_features, eps=old.eps, affine=old.affine)
        if old.affine:
            new.weight, new.bias = old.weight, old.bias
        parent, _, child = name.rpartition(".")
        setattr(frozen.get_submodule(parent), child, new.eval())
    return frozen


def _write_safetensors(tensors: Mapping[str, Tensor], path: Path, header: Mapping[str, Any]) -> None:
    from safetensors.torch import save_file

    # Cloned, as two names of one tensor are refused, and contiguous, as channels-last memory is too.
    plain = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    save_file(plain, path, metadata={"format": "pt", "i2i": json.dumps(header, default=str)})


def input_channels(network: nn.Module, default: int) -> int:
    """Return the channels that a network's first convolution takes; ``default`` for a network without any."""
    from torch import nn

    convolutions = (layer for layer in network.modules() if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)))
    first = next(convolutions, None)
    return default if first is None else int(first.in_channels)


def _write_onnx(network: nn.Module, channels: int, size: int, path: Path, header: Mapping[str, Any]) -> None:
    """Traced by PyTorch's TorchScript exporter, which needs no package but onnx."""
    import onnx
    import torch

    dynamic = {"input": {0: "batch"}, "output": {0: "batch"}}
    picture = torch.zeros(2, channels, size, size)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter announces its successor, which needs one package more
        torch.onnx.export(
            network.to(memory_format=torch.contiguous_format),  # type: ignore[call-overload]
            (picture,),
            str(path),
            input_names=["input"],
            output_names=["output"],
            dynamic_axes=dynamic,
            opset_version=OPSET,
            dynamo=False,
        )
    graph = onnx.load(path)
    onnx.helper.set_model_props(graph, {"i2i": json.dumps(header, default=str)})
    onnx.checker.check_model(graph)
    onnx.save(graph, path)
