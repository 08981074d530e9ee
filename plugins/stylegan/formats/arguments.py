"""What names and shapes do not tell about a network: NVlabs' defaults, what can be inferred, and what a file says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import i2i

from ..networks import alias_free
from .layouts import Shapes, stylegan3_layers

ONLY_STORED = {"stylegan3": ("channel_base", "channel_max")}
"""Kept where a file says them; the names of its layers tell the channels anyway."""
DEFAULTS: dict[str, dict[str, Any]] = {
    "stylegan2": {"conv_clamp": None, "lr_multiplier": 0.01},
    "stylegan2-discriminator": {"conv_clamp": None, "mbstd_group_size": 4, "lr_multiplier": 0.01},
    "stylegan3": {
        **{name: value for name, value in alias_free.DEFAULTS.items() if name not in ONLY_STORED["stylegan3"]},
        "lr_multiplier": 0.01,
        "use_radial_filters": False,
        "conv_kernel": 3,
    },
}
"""By family. ``lr_multiplier`` is the mapping network's; ``mbstd_group_size`` None stands for the whole batch."""

MAY_BE_NONE = ("conv_clamp", "mbstd_group_size")


def completed(family: str, shapes: Shapes, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every argument of a family: what the file says, else what shapes tell, else the default.

    Raises:
        I2IError: what the file says is no number.
    """
    known = (*DEFAULTS[family], *ONLY_STORED.get(family, ()))
    stated = {name: number(name, given[name]) for name in known if name in given}
    found = DEFAULTS[family] | stated
    return found | _stylegan3(shapes, found) | stated if family == "stylegan3" else found


def number(name: str, value: Any) -> float | int | bool | None:
    """A plain finite number, or None where the argument may be none."""
    if value is None and name in MAY_BE_NONE:
        return None
    if not isinstance(value, (bool, int, float)) or not math.isfinite(value):
        raise i2i.I2IError(
            f"the argument {name!r} of its network is {str(value)[:40]!r}, no number; get the file again."
        )
    return value


def _stylegan3(shapes: Shapes, known: Mapping[str, Any]) -> dict[str, Any]:
    """What the names and shapes of StyleGAN3's layers tell (Karras et al. 2021, appendix D)."""
    layers = stylegan3_layers(shapes)
    names = ["synthesis.L{}_{}_{}".format(*layer) for layer in layers]
    found: dict[str, Any] = {"conv_kernel": shapes[f"{names[0]}.weight"][3]}
    filters = [shapes.get(f"{name}.down_filter", ()) for name in names[:-1]]
    found["use_radial_filters"] = any(len(shape) == 2 for shape in filters)
    if found["use_radial_filters"]:  # critically sampled layers are not filtered radially
        found["num_critical"] = _last([len(shape) == 1 for shape in filters])
    elif len({channels for _, _, channels in layers[:-1]}) > 1:  # they share a cutoff, so they share their width
        found["num_critical"] = _last([channels == layers[-2][2] for _, _, channels in layers[:-1]])
    rate = 2 ** math.ceil(math.log2(max(1, min(2 * known["first_stopband"], layers[-1][1]))))
    found["margin_size"] = (layers[0][1] - rate) // 2
    taps = shapes.get(f"{names[0]}.up_filter", ())
    if taps:
        found["filter_size"] = taps[0] // max(1, int(known["lrelu_upsampling"]))
    return found


def _last(values: list[bool]) -> int:
    """How many at the end are true, of values that are not all so."""
    return [*reversed(values)].index(False)
