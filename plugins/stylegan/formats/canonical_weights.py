"""Canonical weights: tensors with NVlabs' names, checked against the network of their family."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

import i2i

from ..networks.resampling import filter2d
from . import expected_tensors
from .network_arguments import complete_arguments
from .stored_tensors import Shape, UnreadTensor

FAMILIES: dict[str, tuple[str, Callable[[expected_tensors.Shapes, str], expected_tensors.ExpectedTensors]]] = {
    "stylegan2": ("StyleGAN2 generator", expected_tensors.stylegan2),
    "stylegan3": ("StyleGAN3 generator", expected_tensors.stylegan3),
    "stylegan2-discriminator": ("StyleGAN2 discriminator", expected_tensors.discriminator),
}
"""Family -> its name in messages, and the function that derives the tensors it must have."""


def weights(family: str, stored: Mapping[str, UnreadTensor], given: Mapping[str, Any]) -> i2i.Weights:
    """Create the canonical weights of a family: float32 tensors on the CPU, and every argument.

    Optional tensors are filled in: the resampling filters are constants, and noise maps that were not stored are
    random, with a seed from their name.

    Args:
        family: A key of ``FAMILIES``.
        stored: Tensors with NVlabs' names.
        given: Arguments in the file; others are inferred from shapes, or are NVlabs' defaults.

    Raises:
        I2IError: a tensor is missing, of a wrong shape, or unknown to the family; or an argument is no number.
    """
    what, layout_of = FAMILIES[family]
    shapes = {name: tensor.shape for name, tensor in stored.items()}
    layout = layout_of(shapes, what)
    _check_shapes(shapes, layout, what)
    arguments = complete_arguments(family, shapes, given)
    tensors: dict[str, Tensor] = {}
    for name, shape in (layout.required | layout.optional).items():
        value = stored[name].make().float().contiguous() if name in stored else _default_tensor(name, shape)
        if value is not None:
            tensors[name] = value
    _check_filters(tensors, what)
    return i2i.Weights(family, tensors, arguments)


def _check_shapes(shapes: expected_tensors.Shapes, layout: expected_tensors.ExpectedTensors, what: str) -> None:
    missing = [name for name in layout.required if name not in shapes]
    if missing:
        raise expected_tensors.missing_tensor(what, missing[0], len(missing) - 1)
    expected = layout.required | layout.optional
    unknown = [name for name in shapes if name not in expected]
    if unknown:
        raise i2i.I2IError(
            f"the {what} has the tensor {unknown[0][:80]!r}, which NVIDIA's {what.split()[0]} does not have; "
            "i2i supports the original network only; use a file of that."
        )
    for name, actual in shapes.items():
        shape = expected[name]
        if not (actual == shape if shape is not None else _may_be_filter(actual)):
            raise i2i.I2IError(
                f"the {what} has {name!r} of shape {actual}, where its other tensors need {shape or 'a filter'}; "
                "get the file again."
            )


def _may_be_filter(shape: Shape) -> bool:
    """Return whether a shape can be that of a filter of StyleGAN3, separable or radial."""
    return len(shape) in (1, 2) and max(shape) <= 1024


def _default_tensor(name: str, shape: Shape | None) -> Tensor | None:
    """Create an optional tensor that a file left out; None where the network does not need it."""
    leaf = name.rpartition(".")[2]
    if leaf == "resample_filter":
        return filter2d()
    if leaf == "transform":
        return torch.eye(3)
    if leaf == "noise_const" and shape is not None:
        return torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))
    return None


def _check_filters(tensors: Mapping[str, Tensor], what: str) -> None:
    filters = (value for name, value in tensors.items() if name.endswith("resample_filter"))
    expected = filter2d()
    if any((value - expected).abs().max() > 1e-4 for value in filters):
        raise i2i.I2IError(f"the {what} resamples with another filter than [1, 3, 3, 1], which i2i does not support.")
