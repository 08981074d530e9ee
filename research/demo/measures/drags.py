"""Whether drag's presets reach their own targets, by the landmarks that they follow: for tests of the optimisation.

``witnesses`` judges the presets by networks that no edit follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any, NamedTuple

from torch import Tensor

from .edits import EDITED, SHARE, anything, edited, samples, share
from .face_measurements import Look, Watcher
from .figures import Figure
from .samples import EvaluationSamples

OUTSIDE, PERSON = 0.03, 0.7
"""What no preset may go beyond: LPIPS outside its mask, and the cosine of identities of before and after."""


class DragTarget(NamedTuple):
    """What a preset has to change, by the name that drag gives it: the change is a share of what it was."""

    name: str
    least: float
    """Below 0 at most so much."""

    def met(self, value: float) -> bool:
        """Whether a change is far enough."""
        return value >= self.least if self.least > 0 else value <= self.least


class Task(NamedTuple):
    """A preset, and the images in which it has something to do."""

    preset: str
    aims: Sequence[DragTarget]
    fits: Callable[[Look], Tensor] = anything


TASKS = (
    Task("close_eyes", [DragTarget("eye_opening", -0.6)], lambda look: look.eyelids > 0.06),
    Task("big_eyes", [DragTarget("eye_opening", 0.2)], lambda look: look.eyelids > 0.06),
    Task("shut_mouth", [DragTarget("mouth_opening", -0.5)], lambda look: look.mouth > 0.08),
    Task("open_mouth", [DragTarget("mouth_opening", 0.5)]),
    Task("slim_face", [DragTarget("jaw_width", -0.04)]),
    Task("smile", [DragTarget("corners_to_eyes", -0.04), DragTarget("mouth_width", 0.05)]),
    Task("frown", [DragTarget("corners_to_eyes", 0.04)]),
    Task("raise_brows", [DragTarget("brows_to_eyes", 0.08)]),
    Task("turn_left", [DragTarget("nose_to_left_cheek", -0.2)], lambda look: look.nose > 0.35),
    Task("turn_right", [DragTarget("nose_to_right_cheek", -0.2)], lambda look: look.nose < 0.65),
)


@dataclass(frozen=True)
class Case:
    """An image, and what a preset made of it."""

    before: Tensor
    after: Tensor
    """``(1, 3, R, R)``."""
    scalars: Mapping[str, float]
    """What drag measured."""
    named: bool
    """Whether drag said of it that handles did not arrive, and why."""

    @property
    def arrived(self) -> bool:
        """Whether all handles lie at their targets: within 2 px of an image of 128."""
        return self.scalars["farthest"] <= self.after.shape[-1] / 64

    def meets(self, task: Task) -> bool:
        """Whether the preset did what it is for, and nothing else."""
        unchanged = self.scalars.get("lpips_outside", 0.0) < OUTSIDE and self.scalars["identity"] > PERSON
        return unchanged and all(aim.met(self.scalars[aim.name]) for aim in task.aims)


def cases(bench: EvaluationSamples, task: Task, count: int = EDITED, **options: Any) -> list[Case]:
    """A preset on its images, with ``options`` of drag; cached in ``bench``."""
    key = f"drag/{task.preset}/{count}/{options}"
    if key not in bench.cache:
        bench.say(f"drag, {task.preset}, of {count} samples")
        notes: list[str] = []
        images = samples(Watcher(), task.fits, count)
        made = edited("drag", images, notes, preset=task.preset, frames=0, **options)
        bench.cache[key] = [
            Case(start.image, each.image, each.scalars, any(f"({name})" in note for note in notes))
            for start, each, name in zip(edited("align", images), made, images, strict=True)
        ]
    found: list[Case] = bench.cache[key]
    return found


def judged(task: Task, found: Sequence[Case]) -> list[Figure]:
    """One preset."""
    name, aims = f"drag/{task.preset}", " and ".join(f"{aim.name} by {aim.least:+.0%}" for aim in task.aims)
    goal = f"{aims}, LPIPS outside the mask under {OUTSIDE}, identity over {PERSON}"
    return [
        Figure(name, share(each.meets(task) for each in found), f"fraction of samples that reach: {goal}", least=SHARE),
        *(
            Figure(
                f"{name}/{aim.name}", median(each.scalars[aim.name] for each in found), "its relative change, median"
            )
            for aim in task.aims
        ),
        Figure(f"{name}/identity", mean(each.scalars["identity"] for each in found), "mean cosine of identities"),
        Figure(
            f"{name}/arrived",
            share(each.arrived for each in found),
            "fraction of samples whose handles all end within 2 px, of an image of 128, of their targets",
        ),
        Figure(
            f"{name}/explained",
            share(each.arrived or each.named for each in found),
            "fraction of samples of which that is so, or drag says why not",
            least=1.0,
        ),
        Figure(f"{name}/steps", mean(each.scalars["steps"] for each in found), "mean number of steps"),
    ]
