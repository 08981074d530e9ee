"""Leaves under NVlabs' names, checked against the network they claim to be, as ``i2i.Weights``."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import i2i

from . import layouts
from .arguments import completed
from .trees import Leaf, Shape

if TYPE_CHECKING:
    from torch import Tensor

KINDS: dict[str, tuple[str, Callable[[layouts.Shapes, str], layouts.Layout]]] = {
    "stylegan2": ("StyleGAN2 generator", layouts.stylegan2),
    "stylegan3": ("StyleGAN3 generator", layouts.stylegan3),
    "stylegan2-discriminator": ("StyleGAN2 discriminator", layouts.discriminator),
}
"""Family -> what it is called in a sentence, and what its tensors are."""


def weights(family: str, leaves: Mapping[str, Leaf], given: Mapping[str, Any]) -> i2i.Weights:
    """The canonical weights of a family: float32 tensors on the CPU under NVlabs' names, and every argument.

    What a file may leave out is filled in: the resampling filters are constants, and noise maps that were never
    stored are drawn, the same at every reading.

    Args:
        given: What the file says about its network; the rest is told from shapes, or is NVlabs' default.

    Raises:
        I2IError: a tensor is missing, of a wrong shape, or unknown to the family; or an argument is no number.
    """
    what, layout_of = KINDS[family]
    shapes = {name: stored.shape for name, stored in leaves.items()}
    layout = layout_of(shapes, what)
    _check(shapes, layout, what)
    arguments = completed(family, shapes, given)
    tensors: dict[str, Tensor] = {}
    for name, shape in (layout.required | layout.optional).items():
        value = leaves[name].make().float().contiguous() if name in leaves else _filled(name, shape)
        if value is not None:
            tensors[name] = value
    _check_filters(tensors, what)
    return i2i.Weights(family, tensors, arguments)


def _check(shapes: layouts.Shapes, layout: layouts.Layout, what: str) -> None:
    missing = [name for name in layout.required if name not in shapes]
    if missing:
        raise layouts.lacks(what, missing[0], len(missing) - 1)
    known = layout.required | layout.optional
    unknown = [name for name in shapes if name not in known]
    if unknown:
        raise i2i.I2IError(
            f"the {what} has the tensor {unknown[0][:80]!r}, which NVIDIA's {what.split()[0]} does not have; "
            "i2i builds none of its variants, so use a file of the original network."
        )
    for name, found in shapes.items():
        shape = known[name]
        if not (found == shape if shape is not None else _may_be_filter(found)):
            raise i2i.I2IError(
                f"the {what} has {name!r} of shape {found}, where its other tensors ask for {shape or 'a filter'}; "
                "get the file again."
            )


def _may_be_filter(shape: Shape) -> bool:
    return len(shape) in (1, 2) and max(shape) <= 1024


def _filled(name: str, shape: Shape | None) -> Tensor | None:
    """A tensor that a file may leave out; None where the network does without it."""
    import torch

    from ..networks.blurring import filter2d

    leaf = name.rpartition(".")[2]
    if leaf == "resample_filter":
        return filter2d()
    if leaf == "transform":
        return torch.eye(3)
    if leaf == "noise_const" and shape is not None:
        return torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))
    return None


def _check_filters(tensors: Mapping[str, Tensor], what: str) -> None:
    from ..networks.blurring import filter2d

    filters = (value for name, value in tensors.items() if name.endswith("resample_filter"))
    expected = filter2d()
    if any((value - expected).abs().max() > 1e-4 for value in filters):
        raise i2i.I2IError(
            f"the {what} resamples with another filter than [1, 3, 3, 1]; i2i builds it with that one alone."
        )
