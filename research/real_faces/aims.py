"""What an edit has to change: effect sizes, in standard deviations of a measure over random samples.

0.8 is called a large effect (Cohen, "Statistical Power Analysis for the Behavioral Sciences", 1988). A measure that is
missing because no face is found after the edit meets no aim.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

LARGE, MEDIUM = 0.8, 0.5
ROOM = 1.0
"""Standard deviations from the mean, in the direction of an edit, up to which an image leaves it something to do."""

Measures = Mapping[str, float]
Spread = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Aim:
    """A measure and how far it has to change."""

    measure: str
    effect: float
    """Least change in standard deviations; a negative one is the largest."""

    def change(self, spread: Spread, before: Measures, after: Measures | None) -> float | None:
        """Return the change in standard deviations, positive in the direction of the aim; None where not measured."""
        if after is None or any(self.measure not in known for known in (before, after, spread)):
            return None
        sign = 1 if self.effect > 0 else -1
        return sign * (after[self.measure] - before[self.measure]) / spread[self.measure]["sd"]

    def met(self, spread: Spread, before: Measures, after: Measures | None) -> bool:
        """Return whether the measure changed far enough."""
        change = self.change(spread, before, after)
        return change is not None and change >= abs(self.effect)


@dataclass(frozen=True)
class Goal:
    """What one edit is for: all of its aims."""

    aims: Sequence[Aim]
    room: float = ROOM

    def leaves_room(self, spread: Spread, before: Measures) -> bool:
        """Return whether an image is not yet as the edit wants it, by the first aim."""
        aim = next(iter(self.aims), None)
        if aim is None or aim.measure not in before or aim.measure not in spread:
            return True
        own = spread[aim.measure]
        sign = 1 if aim.effect > 0 else -1
        return sign * (before[aim.measure] - own["mean"]) / own["sd"] <= self.room

    def met(self, spread: Spread, before: Measures, after: Measures | None) -> bool:
        """Return whether all aims are met."""
        return all(aim.met(spread, before, after) for aim in self.aims)

    def describe(self) -> str:
        """Return the aims in words."""
        return " and ".join(f"{aim.measure} {aim.effect:+.1f} sd" for aim in self.aims)


PRESETS: Mapping[str, Goal] = {
    "smile": Goal((Aim("corner_raise", LARGE), Aim("mouth_width", MEDIUM))),
    "close_eyes": Goal((Aim("eye_opening", -1.5),)),
    "open_mouth": Goal((Aim("mouth_opening", LARGE),)),
    "slim_face": Goal((Aim("jaw_width", -MEDIUM),)),
    "turn_left": Goal((Aim("yaw", LARGE), Aim("nose_offset", -MEDIUM))),
    "turn_right": Goal((Aim("yaw", -LARGE), Aim("nose_offset", MEDIUM))),
    "shut_mouth": Goal((Aim("mouth_opening", -LARGE),), room=0.0),
    "big_eyes": Goal((Aim("eye_opening", LARGE),)),
    "raise_brows": Goal((Aim("brow_height", LARGE),)),
    "frown": Goal((Aim("corner_raise", -LARGE),)),
}
"""Presets of drag. The head turns by ``faceplugin-pose`` and by dlib's landmarks."""
NAMED = ("smile", "close_eyes", "open_mouth", "turn_left", "turn_right", "slim_face")
"""The presets that are measured unless others are named."""


@dataclass(frozen=True)
class Direction:
    """A published direction with its strength."""

    record: str
    strength: float
    goal: Goal | None
    """None where no judge measures it."""


DIRECTIONS: Mapping[str, Direction] = {
    "smile": Direction("smile", 2.5, Goal((Aim("corner_raise", LARGE),))),
    "age": Direction("age", 4.0, None),
    "pose": Direction("pose", 3.0, Goal((Aim("yaw", LARGE),))),
    "pose-": Direction("pose", -3.0, Goal((Aim("yaw", -LARGE),))),
}

SAMPLES_SHARE, PHOTOS_SHARE = 0.8, 0.65
"""Least share of the samples and of the photos that meet the aim of a preset."""
IDENTITY = 0.40
"""Largest median of dlib's identity distance between before and after an edit."""
SAME_PERSON = 0.6
"""dlib's identity distance below which two faces count as one person."""
OUTSIDE = 0.06
"""LPIPS outside the mask, before anything is pasted back, has to lie below this in the median."""
INVERSION = {"hybrid": 0.20, "hybrid-pti": 0.12, "pti": 0.12}
"""LPIPS of an inversion by the trunk that was not optimised, at 256 px, has to lie below this in the median."""
TRUNKS = ("lpips", "lpips-vgg")
"""The trunks of LPIPS by the names of their extractors: AlexNet and VGG16."""
INVERSION_IDENTITY, INVERSION_SECONDS = 0.50, 240.0
"""Largest median of dlib's distance of an inversion, and of its seconds on two cores (``hybrid``)."""
CLOSED, POSE = 0.40, 3.0
"""Least median share of the gap in dlib's distance that a swap closes, and the largest median change of an angle of the
head, degrees."""


def optimised_trunks(method: str, has_vgg16: bool) -> tuple[str, ...]:
    """Return the trunks of LPIPS that an inverter optimises at 1024 px.

    Args:
        method: ``NAME[,KEY=VALUE]``.
        has_vgg16: Whether VGG16 is downloaded: then inverters that were published with it use it.
    """
    name, _, options = method.partition(",")
    vgg = name == "image2stylegan" or (name != "lpips" and has_vgg16 and "vgg=false" not in options.lower())
    chosen = TRUNKS[1] if vgg else TRUNKS[0]
    return tuple(sorted({chosen, TRUNKS[0]} if name == "pti" else {chosen}))  # pti tunes with AlexNet


def judging_trunk(optimised: Collection[str]) -> str | None:
    """Return the trunk that was not optimised, which judges; None where both were."""
    return next((trunk for trunk in TRUNKS if trunk not in optimised), None)
