"""Which pictures embed well: photos are changed more and more, and every change is inverted.

After Abdal, Qin and Wonka, "Image2StyleGAN" (2019), section 3; here for each space and each start side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

import i2i

from .disturbing import DISTURBANCES, Change
from .editor import image_of, kind_of, result, tell_if_stopped, together, values_for
from .methods import METHODS, Space, Start
from .options import Options
from .starting import encode

if TYPE_CHECKING:
    from torch import Tensor

STEPS = 40
"""Of each inversion unless chosen: enough to see what embeds and what does not, for there are many."""
_PIXELS = 2**15  # side by side on a CPU: eight pictures of 64 x 64 take two thirds of the time of each alone
_AT_ONCE = 8  # pictures that are compared together

Trial = tuple[Change, float]
"""What is done to a photo, and how much."""


@dataclass(frozen=True)
class Course:
    """What one space and start made of all pictures."""

    name: str
    found: Sequence[i2i.Inversion]
    distances: Sequence[float]
    """LPIPS of each reconstruction to the picture that was inverted."""


@dataclass(frozen=True)
class Inputs:
    """Photos and what became of them: the first as it is, then changed by every trial; then the second, and so on."""

    trials: Sequence[Trial]
    pictures: Tensor
    """``(photos * (1 + trials), 3, R, R)``."""

    @property
    def photos(self) -> int:
        """How many there are."""
        return len(self.pictures) // (1 + len(self.trials))

    def rows(self, trial: Trial | None) -> list[int]:
        """Where the pictures of a trial stand, photo by photo; None for the photos as they are."""
        place = 0 if trial is None else 1 + self.trials.index(trial)
        return [photo * (1 + len(self.trials)) + place for photo in range(self.photos)]

    def mean(self, course: Course, trial: Trial | None) -> float:
        """LPIPS over the photos."""
        return sum(course.distances[row] for row in self.rows(trial)) / self.photos


def study(scene: i2i.Scene, options: Options) -> i2i.Result:
    """Invert photos changed by ``--changes``, in each space and from each start, and draw LPIPS against strength.

    The picture and latent given are those of the photo as it is, in the method's own space and from its own start,
    and so are the means by change and the table, which shows the first photo.

    Raises:
        I2IError, UsageError: as ``reconstruct``; also for strengths that mean nothing.
    """
    inputs = _disturbed(scene, options, _trials(options))
    courses = _courses(scene, options, inputs)
    own, as_is = courses[0], inputs.rows(None)
    told = scene.compare(torch.cat([image_of(own.found[row]) for row in as_is]), inputs.pictures[as_is])
    results = [result(own.found[row], measures) for row, measures in zip(as_is, told, strict=True)]
    by_change = {name: [trial for trial in inputs.trials if trial[0] == name] for name in options.changes}
    means = {name: sum(inputs.mean(own, trial) for trial in trials) / len(trials) for name, trials in by_change.items()}
    for name, mean in means.items():
        scene.note(f"{DISTURBANCES[name].title}: mean LPIPS {mean:.4f} ({own.name}; {_as_it_is(inputs, own)}).")
    tell_if_stopped(scene)
    first = replace(
        results[0],
        scalars={**results[0].scalars, **{f"{name}/lpips": mean for name, mean in means.items()}},
        table=_table(inputs, own),
        plots={**results[0].plots, **{f"study_{name}": _plot(name, inputs, courses) for name in by_change}},
    )
    return together([first, *results[1:]])


def _as_it_is(inputs: Inputs, course: Course) -> str:
    return f"{inputs.mean(course, None):.4f} where nothing is changed"


def _trials(options: Options) -> list[Trial]:
    """Every change with every strength.

    Raises:
        UsageError: strengths are given for several changes, or one means nothing.
    """
    names = dict.fromkeys(options.changes)
    if not options.strengths:
        return [(name, strength) for name in names for strength in DISTURBANCES[name].strengths]
    if len(options.changes) != 1:
        raise i2i.UsageError("--strengths are in the unit of one change; name it with --changes, once.")
    name = options.changes[0]
    disturbance = DISTURBANCES[name]
    least, most = disturbance.limits
    for strength in options.strengths:
        if not least <= strength <= most or strength == disturbance.identity:
            raise i2i.UsageError(
                f"--strengths {strength:g}: {name} takes {least:g} to {most:g} {disturbance.unit} other than "
                f"{disturbance.identity:g}, which changes nothing; choose such a number."
            )
    return [(name, strength) for strength in sorted(set(options.strengths))]


def _disturbed(scene: i2i.Scene, options: Options, trials: Sequence[Trial]) -> Inputs:
    pictures = []
    for photo in scene.every["image"]:
        picture = photo.pixels[0]
        pictures += [picture, *(DISTURBANCES[name](picture, strength, options.seed) for name, strength in trials)]
    return Inputs(trials, torch.stack(pictures))


def _courses(scene: i2i.Scene, options: Options, inputs: Inputs) -> list[Course]:
    """One for each space and start, the method's own first; once the user cancels, no further one is begun."""
    values = values_for(scene, options, options.method, strict=False)
    known = kind_of(scene, options.method).Options.model_fields
    if "steps" in known and options.steps is None:
        values["steps"] = STEPS
    if "batch" in known and options.batch is None:
        values["batch"] = _batch(scene)
    ways: list[tuple[Space | None, Start | None]] = [
        (space, start)
        for space in (_spaces(scene, options) if "space" in known else (None,))
        for start in (_starts(scene, options, inputs) if "start" in known else (None,))
    ]
    ways.sort(key=lambda way: way != _own_way(options))
    courses: list[Course] = []
    for number, (space, start) in enumerate(ways):

        def on_step(done: int, total: int, number: int = number, **scalars: float) -> None:
            scene.progress(number * total + done, len(ways) * total, **scalars)

        chosen = {name: value for name, value in (("space", space), ("start", start)) if value is not None}
        found = scene.invert(inputs.pictures, options.method, {**values, **chosen}, progress=on_step, cache=False)
        name = f"{space} from the {start or options.method}" if space else options.method
        courses.append(Course(name, found, _distances(scene, found, inputs.pictures)))
        if scene.cancelled:
            break
    return courses


def _own_way(options: Options) -> tuple[Space | None, Start | None]:
    """Return the space and start that the method has by itself; None for what only other methods have."""
    method = METHODS.get(options.method)
    if method is None:
        return options.space, options.start
    return options.space or method.space, (options.start or method.start) if method.steps else None


def _batch(scene: i2i.Scene) -> int | None:
    """Pictures at a time; None leaves it to memory. That neighbours change the last digits is nothing to a curve."""
    return None if scene.device.type == "cuda" else max(1, _PIXELS // scene.generator.resolution**2)


def _spaces(scene: i2i.Scene, options: Options) -> Sequence[Space]:
    if options.space is not None:
        return (options.space,)
    if scene.generator.c_dim and options.label is None:
        scene.note("The study leaves out the space z, in which this generator needs a class: give --label.")
        return ("w+", "w")
    return ("w+", "w", "z")


def _starts(scene: i2i.Scene, options: Options, inputs: Inputs) -> Sequence[Start]:
    if options.start is not None:
        return (options.start,)
    try:
        encode(scene, [inputs.pictures[:1]])
    except i2i.I2IError as error:
        scene.note(f"The study begins at the mean only, as no encoder serves here: {error}")
        return ("mean",)
    return ("encoder", "mean")


def _distances(scene: i2i.Scene, found: Sequence[i2i.Inversion], pictures: Tensor) -> list[float]:
    """LPIPS of each reconstruction to its picture."""
    perceptual = scene.extractors["perceptual"]
    distances: list[float] = []
    with torch.no_grad():
        for first in range(0, len(found), _AT_ONCE):
            made = torch.cat([image_of(each) for each in found[first : first + _AT_ONCE]])
            distances += perceptual.distance(made, pictures[first : first + _AT_ONCE]).tolist()
    return distances


def _plot(name: Change, inputs: Inputs, courses: Sequence[Course]) -> i2i.Plot:
    disturbance = DISTURBANCES[name]
    lines = {}
    for course in courses:
        points = [(strength, inputs.mean(course, (name, strength))) for each, strength in inputs.trials if each == name]
        lines[course.name] = sorted([(disturbance.identity, inputs.mean(course, None)), *points])
    return i2i.Plot(f"{disturbance.title}, {disturbance.unit}", "LPIPS of the reconstruction to the input", lines)


def _table(inputs: Inputs, course: Course) -> i2i.Table:
    """The first photo: for each change a row of what was inverted, and below it what came of it."""
    cells: list[list[Tensor | None]] = []
    notes, labels = [], []
    names = list(dict.fromkeys(name for name, _ in inputs.trials))
    for name in names:
        trials: list[Trial | None] = [None, *(trial for trial in inputs.trials if trial[0] == name)]
        rows = [inputs.rows(trial)[0] for trial in trials]
        unit = DISTURBANCES[name].unit
        cells.append([inputs.pictures[row : row + 1] for row in rows])
        notes.append(["as it is" if trial is None else f"{trial[1]:g} {unit}" for trial in trials])
        cells.append([image_of(course.found[row]) for row in rows])
        notes.append([f"LPIPS {course.distances[row]:.4f}" for row in rows])
        strengths = ", ".join(f"{trial[1]:g}" for trial in trials if trial is not None)
        labels += [f"{DISTURBANCES[name].title}: {strengths} {unit}", course.name]
    most = max(len(row) for row in cells)
    columns = ["as it is", *(f"change {number}" for number in range(1, most))]
    return i2i.Table(cells, columns, labels, notes)
