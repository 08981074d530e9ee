"""The parameters of a face: about sixty numbers, each a function of one standard normal value.

A face is determined by values ``(P,)``, independent and standard normal; every parameter is a continuous monotonic
function of one value. So interpolated values give faces as well, and there is a target image for each latent of a
generator with normal latents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, sqrt
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Parameter:
    """One number of a face, in its own unit."""

    name: str
    shares: tuple[float, ...]
    """Shares of all faces, from 0 to 1 ..."""
    levels: tuple[float, ...]
    """... and the level that as many stay below; straight between."""
    spread: float = 0.0
    """Where it is not 0, the level is normal: ``levels[0]`` is the mean, and this the standard deviation."""

    def level(self, value: float) -> float:
        """Return the parameter for one standard normal number."""
        if self.spread:
            return self.levels[0] + self.spread * min(max(value, -2.4), 2.4)
        return float(np.interp(0.5 * (1 + erf(value / sqrt(2))), self.shares, self.levels))


def _normal(name: str, mean: float, spread: float) -> Parameter:
    return Parameter(name, (), (mean,), spread)


def _even(name: str, low: float, high: float) -> Parameter:
    return Parameter(name, (0, 1), (low, high))


def _by(name: str, *steps: tuple[float, float]) -> Parameter:
    """By its quantiles: pairs of a share and a level."""
    return Parameter(name, tuple(share for share, _ in steps), tuple(level for _, level in steps))


IDENTITY = (
    # Lengths are in units of 100 mm of a grown-up's head, measured from the middle between the eyes.
    _normal("head_width", 0.715, 0.028),
    _normal("crown", 1.1, 0.03),
    _normal("chin", 1.13, 0.045),
    _even("jaw", 2.05, 3.5),  # exponent of the outline: pointed to square
    _even("chin_taper", 0.0, 0.2),
    _normal("cheekbones", 0.045, 0.018),
    _normal("eye_spacing", 0.325, 0.014),
    _normal("eye_size", 1.0, 0.08),
    _normal("eye_tilt", 0.018, 0.02),
    _by("iris", (0, 0), (0.5, 0.3), (0.7, 0.55), (1, 1)),  # brown, hazel, green, blue
    _normal("brow_height", 0.225, 0.018),
    _normal("brow_thickness", 0.042, 0.011),
    _normal("brow_arch", 0.05, 0.018),
    _normal("nose_length", 0.475, 0.026),
    _normal("nose_width", 0.158, 0.017),
    _normal("nose_height", 0.245, 0.032),
    _normal("nose_bridge", 0.0, 0.018),
    _normal("mouth_width", 0.255, 0.018),
    _normal("mouth_height", 0.735, 0.018),
    _normal("upper_lip", 0.055, 0.012),
    _normal("lower_lip", 0.075, 0.014),
    _by("lip_red", (0, 0), (0.78, 0.6), (0.82, 0.86), (1, 1)),
    _normal("ears", 0.055, 0.02),
    _even("skin", 0.0, 1.0),  # dark to fair
    _normal("skin_warmth", 0.0, 0.35),
    _even("blush", 0.0, 1.0),
    _by("freckles", (0, 0), (0.8, 0), (0.88, 0.6), (1, 1)),
    _by("hair_length", (0, 0.0), (0.05, 0.0), (0.1, 0.18), (0.5, 0.4), (0.6, 0.75), (1, 1.75)),
    _even("hair_top", 0.02, 0.2),
    _even("hair_side", 0.0, 0.13),
    _by("hair_curl", (0, 0), (0.5, 0.05), (1, 1)),
    _by("fringe", (0, -0.12), (0.45, 0), (0.65, 0.12), (1, 0.36)),
    _normal("parting", 0.0, 0.2),
    _by("hair_shade", (0, 0), (0.6, 0.52), (0.67, 0.7), (1, 1)),  # black to blond
    _by("hair_red", (0, 0), (0.7, 0.1), (1, 1)),
    _by("hair_grey", (0, 0), (0.84, 0), (1, 1)),
    _by("beard", (0, 0), (0.66, 0), (0.74, 0.6), (1, 1)),
    _by("glasses", (0, 0), (0.74, 0), (0.79, 1), (1, 1)),
    _even("glasses_shape", 0.0, 1.0),  # round to rectangular
    _even("glasses_shade", 0.0, 1.0),
)
POSE = (
    _normal("yaw", 0.0, 15.0),  # degrees; the nose goes to the right of the image
    _normal("pitch", 0.0, 7.0),  # degrees; the nose goes down
    _normal("roll", 0.0, 4.0),  # degrees; the head turns clockwise
    _normal("gaze_x", 0.0, 0.35),  # parts of what an eye can do
    _normal("gaze_y", 0.0, 0.25),
)
EXPRESSION = (
    # Few faces lie just between smiling, neither, and frowning; so with other things that captions name.
    _by("smile", (0, -1), (0.2, -0.25), (0.26, -0.05), (0.6, 0.2), (0.66, 0.48), (1, 1.2)),  # below 0 a frown
    _by("mouth_open", (0, 0), (0.5, 0), (0.8, 0.35), (1, 1)),
    _by("eyes_open", (0, 0), (0.08, 0), (0.16, 0.6), (0.5, 0.95), (0.86, 1.06), (0.9, 1.25), (1, 1.4)),
    _by("brow_raise", (0, -0.8), (0.1, -0.35), (0.82, 0.25), (0.88, 0.8), (1, 1.3)),
    _normal("brow_frown", 0.0, 0.4),
)
LIGHT = (
    _normal("light_side", 0.0, 28.0),  # degrees to the right
    _normal("light_height", 32.0, 12.0),  # degrees above the eyes
    _normal("light_strength", 1.0, 0.12),
    _normal("light_warmth", 0.0, 0.4),
    _even("light_hardness", 0.25, 0.75),
)
BACKGROUND = (
    # Colours by how light they are and by two axes, green to red and blue to yellow: a hue would run in a circle, and
    # its two ends, the same colour, would lie furthest apart.
    _even("back_level", 0.25, 0.85),
    _normal("back_red", 0.0, 0.07),
    _normal("back_yellow", 0.0, 0.09),
    _normal("back_tilt", 0.0, 0.35),
    _even("clothes_level", 0.12, 0.85),
    _normal("clothes_red", 0.0, 0.13),
    _normal("clothes_yellow", 0.0, 0.15),
)
GROUPS = {"identity": IDENTITY, "pose": POSE, "expression": EXPRESSION, "light": LIGHT, "background": BACKGROUND}
PARAMETERS: tuple[Parameter, ...] = IDENTITY + POSE + EXPRESSION + LIGHT + BACKGROUND
NAMES = tuple(parameter.name for parameter in PARAMETERS)


def _slices() -> dict[str, slice]:
    found, start = {}, 0
    for name, group in GROUPS.items():
        found[name] = slice(start, start + len(group))
        start += len(group)
    return found


SLICES = _slices()


class FaceParameters(SimpleNamespace):
    """The parameters of one face by name, each in its own unit."""

    if TYPE_CHECKING:

        def __getattribute__(self, name: str) -> float:
            """Every one of them is a number."""


def face(values: Sequence[float] | Floats) -> FaceParameters:
    """Return the face of values ``(P,)``.

    Raises:
        ValueError: there are more or fewer than P of them, or one is not finite.
    """
    numbers = np.asarray(values, np.float64)
    if numbers.shape != (len(PARAMETERS),):
        raise ValueError(f"a face is given by {len(PARAMETERS)} numbers, not by an array of shape {numbers.shape}")
    if not np.isfinite(numbers).all():
        names = ", ".join(np.array(NAMES)[~np.isfinite(numbers)])
        raise ValueError(f"a face is given by finite numbers, and these are not: {names}")
    levels = (parameter.level(number) for parameter, number in zip(PARAMETERS, numbers.tolist(), strict=True))
    return FaceParameters(**dict(zip(NAMES, levels, strict=True)))


def sample(seed: int, identity: int | None = None) -> Floats:
    """Values ``(P,)``: those of ``identity`` by that number alone (default: the seed), the others by the seed."""
    person = np.random.default_rng((seed if identity is None else identity, 0)).standard_normal(len(IDENTITY))
    moment = np.random.default_rng((seed, 1)).standard_normal(len(PARAMETERS) - len(IDENTITY))
    return np.concatenate([person, moment]).astype(np.float32)
