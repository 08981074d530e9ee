"""The arguments of networks: stored in a file, inferred from names and shapes, or NVlabs' defaults."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import i2i

from ..networks.stylegan3_design import DEFAULTS as DESIGN_DEFAULTS
from .expected_tensors import Shapes, stylegan3_layers

ONLY_STORED = {"stylegan3": ("channel_base", "channel_max")}
"""Arguments without a default, kept where a file has them; layer names give the channels anyway."""
DEFAULTS: dict[str, dict[str, Any]] = {
    "stylegan2": {"conv_clamp": None, "lr_multiplier": 0.01},
    "stylegan2-discriminator": {"conv_clamp": None, "mbstd_group_size": 4, "lr_multiplier": 0.01},
    "stylegan3": {
        **{name: value for name, value in DESIGN_DEFAULTS.items() if name not in ONLY_STORED["stylegan3"]},
        "lr_multiplier": 0.01,
        "use_radial_filters": False,
        "conv_kernel": 3,
    },
}
"""Defaults by family. ``lr_multiplier`` is the mapping network's; ``mbstd_group_size`` None means the whole batch."""

MAY_BE_NONE = ("conv_clamp", "mbstd_group_size")


def complete_arguments(family: str, shapes: Shapes, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every argument of a family: stored in the file, else inferred from shapes, else the default.

    Raises:
        I2IError: a stored argument is not a finite number.
    """
    names = (*DEFAULTS[family], *ONLY_STORED.get(family, ()))
    stated = {name: checked_number(name, given[name]) for name in names if name in given}
    arguments = DEFAULTS[family] | stated
    return arguments | _infer_stylegan3(shapes, arguments) | stated if family == "stylegan3" else arguments


def checked_number(name: str, value: Any) -> float | int | bool | None:
    """Return a finite number, or None where the argument may be None.

    Raises:
        I2IError: the value is anything else.
    """
    if value is None and name in MAY_BE_NONE:
        return None
    if not isinstance(value, (bool, int, float)) or not math.isfinite(value):
        raise i2i.I2IError(
            f"the argument {name!r} of its network is {str(value)[:40]!r}, no number; get the file again."
        )
    return value


def _infer_stylegan3(shapes: Shapes, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Infer arguments from the names and shapes of StyleGAN3's layers (Karras et al. 2021, appendix D)."""
    layers = stylegan3_layers(shapes)
    names = ["synthesis.L{}_{}_{}".format(*layer) for layer in layers]
    inferred: dict[str, Any] = {"conv_kernel": shapes[f"{names[0]}.weight"][3]}
    filters = [shapes.get(f"{name}.down_filter", ()) for name in names[:-1]]
    inferred["use_radial_filters"] = any(len(shape) == 2 for shape in filters)
    if inferred["use_radial_filters"]:  # critically sampled layers are not filtered radially
        inferred["num_critical"] = _count_trailing([len(shape) == 1 for shape in filters])
    elif len({channels for _, _, channels in layers[:-1]}) > 1:  # they share a cutoff, so they share their width
        inferred["num_critical"] = _count_trailing([channels == layers[-2][2] for _, _, channels in layers[:-1]])
    rate = 2 ** math.ceil(math.log2(max(1, min(2 * arguments["first_stopband"], layers[-1][1]))))
    inferred["margin_size"] = (layers[0][1] - rate) // 2
    taps = shapes.get(f"{names[0]}.up_filter", ())
    if taps:
        inferred["filter_size"] = taps[0] // max(1, int(arguments["lrelu_upsampling"]))
    return inferred


def _count_trailing(values: list[bool]) -> int:
    """Count the true values at the end of a list that has a false one."""
    return [*reversed(values)].index(False)
