"""What judges that no edit follows see in edits of the demo world: the protocol is that of ``research.real_faces``.

Parameters of faces are recovered by ``attributes``, expressions without a recovered parameter are measured by dlib's
landmarks, and people by dlib's identity network, all of which were trained on photos. Aims are effect sizes, in
standard deviations over random samples.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

from torch import Tensor

from i2i_plugins.demo.synthetic_faces import UNSEEN
from research.real_faces.aims import (
    CLOSED,
    IDENTITY,
    LARGE,
    MEDIUM,
    OUTSIDE,
    PRESETS,
    SAMPLES_SHARE,
    Aim,
    Goal,
    Spread,
)
from research.real_faces.judges import Judges, Seen, descriptor_distance
from research.real_faces.protocol import Bench, FaceNotFoundError, Start
from research.real_faces.spread import spread_of
from research.real_faces.tables import effect, meets, middle, share

from .attributes import attribute_judge
from .figures import Figure
from .samples import EvaluationSamples

EDITED = 20
"""Samples that each preset and each prompt is tried on, and pairs that are swapped."""
SPREAD = 100
"""Samples over which the spread of each measure is computed."""
BASELINES = {"none": "recompressed samples", "random": "random directions of the same length"}
DIRECTIONS = 30_000_000
"""First seed of random directions."""


def _attribute(name: str, effect: float, room: float = 1.0) -> Goal:
    return Goal((Aim(f"attribute/{name}", effect),), room)


DRAGS: Mapping[str, Goal] = {
    "close_eyes": _attribute("eyes_open", -LARGE),
    "big_eyes": _attribute("eyes_open", MEDIUM),
    "shut_mouth": _attribute("mouth_open", -LARGE, room=0.0),
    "open_mouth": _attribute("mouth_open", LARGE),
    "slim_face": PRESETS["slim_face"],
    "smile": PRESETS["smile"],
    "frown": PRESETS["frown"],
    "raise_brows": PRESETS["raise_brows"],
    "turn_left": _attribute("yaw", -LARGE),
    "turn_right": _attribute("yaw", LARGE),
}
PROMPTS: Mapping[str, Goal] = {
    "a smiling face": PRESETS["smile"],
    "eyes closed": _attribute("eyes_open", -LARGE),
    "mouth open": _attribute("mouth_open", LARGE),
    "a face looking left": _attribute("yaw", -LARGE),
    "a face with a beard": _attribute("beard", LARGE),
    "a face with red hair": _attribute("hair_red", LARGE),
    "a face with glasses": _attribute("glasses", LARGE),
}


class DemoJudges(Judges):
    """dlib's landmarks and identity, and the recovered parameters."""

    def __init__(self, bench: EvaluationSamples) -> None:
        super().__init__(registry=bench.registry, measures_pose=False)
        self._attributes = attribute_judge(bench)

    def look(self, image: Tensor) -> Seen | None:
        """Look as ``Judges`` does, and estimate the parameters of the face as ``attribute/NAME``."""
        seen = super().look(image)
        if seen is None:
            return None
        found = {f"attribute/{name}": value for name, value in self._attributes(image).items()}
        return replace(seen, measures={**seen.measures, **found})


class DemoWorld:
    """The bench of the demo world: its generator, judges, samples and their spread."""

    def __init__(self, bench: EvaluationSamples) -> None:
        """Fit the judge of attributes and measure the spread.

        Raises:
            i2i.I2IError: dlib is not installed.
        """
        self.say = bench.say
        self.explained = attribute_judge(bench).explained
        self.bench = Bench(DemoJudges(bench), "demo-faces", Path(tempfile.gettempdir()))
        self._starts: dict[int, Start | None] = {}
        self.say(f"{SPREAD} samples are measured for the spread")
        starts = [start for seed in range(UNSEEN, UNSEEN + SPREAD) if (start := self.start(seed)) is not None]
        self.spread = spread_of([start.seen.measures for start in starts])

    def start(self, seed: int) -> Start | None:
        """Return a sample; None where dlib finds no face in it."""
        if seed not in self._starts:
            try:
                self._starts[seed] = self.bench.sample(seed)
            except FaceNotFoundError:
                self._starts[seed] = None
        return self._starts[seed]

    def suitable(self, goal: Goal, count: int) -> list[Start]:
        """Return the first samples that leave an edit something to do."""
        found: list[Start] = []
        for seed in range(UNSEEN, UNSEEN + 20 * count):
            start = self.start(seed)
            if start is not None and goal.leaves_room(self.spread, start.seen.measures):
                found.append(start)
            if len(found) == count:
                break
        return found

    def judged(
        self, editor: str, start: Start, sources: Sequence[str], other: Start | None = None, **options: Any
    ) -> Any:
        """Return the record of one edit, as ``tables`` takes it."""
        notes: list[str] = []
        result, _ = self.bench.edit(editor, sources, notes, **options)
        source = None if other is None else other.seen
        seed = DIRECTIONS + 2 * int(start.source.partition(":")[2])
        judged = self.bench.judge_edit(start, result, seed % 2**31, source)
        return {"before": start.seen.as_json()["measures"], **judged}


def world_of(bench: EvaluationSamples) -> DemoWorld:
    """Return the demo world, built once for each ``bench``."""
    if "world" not in bench.cache:
        bench.cache["world"] = DemoWorld(bench)
    world: DemoWorld = bench.cache["world"]
    return world


def recovered(bench: EvaluationSamples) -> list[Figure]:
    """Report how well the judge recovers the parameters by which edits are judged."""
    explained = world_of(bench).explained
    goals = [*DRAGS.values(), *PROMPTS.values()]
    names = {
        aim.measure.partition("/")[2] for goal in goals for aim in goal.aims if aim.measure.startswith("attribute/")
    }
    meaning = (
        "explained variance (R squared) of a parameter by the judge of attributes, in samples it was not fitted to"
    )
    return [Figure(f"judge/{name}", explained[name], meaning) for name in sorted(names)]


def dragged(bench: EvaluationSamples, count: int = EDITED, presets: Sequence[str] = tuple(DRAGS)) -> list[Figure]:
    """Judge every preset of drag."""
    world, figures = world_of(bench), list[Figure]()
    for name in presets:
        world.say(f"drag, {name}, of {count} samples")
        starts = world.suitable(DRAGS[name], count)
        records = [world.judged("drag", each, [each.source], preset=name, frames=0) for each in starts]
        figures += edit_figures(f"drag/{name}", records, DRAGS[name], world.spread)
    return figures


def worded(bench: EvaluationSamples, count: int = EDITED, prompts: Sequence[str] = tuple(PROMPTS)) -> list[Figure]:
    """Judge every prompt of text."""
    world, figures = world_of(bench), list[Figure]()
    for prompt in prompts:
        world.say(f"text, {prompt!r}, of {count} samples")
        starts = world.suitable(PROMPTS[prompt], count)
        records = [world.judged("text", each, [each.source], prompt=prompt) for each in starts]
        figures += edit_figures(f"text/{prompt}", records, PROMPTS[prompt], world.spread)
    return figures


def swapped(bench: EvaluationSamples, count: int = EDITED) -> list[Figure]:
    """Judge swaps: the gap in dlib's identity distance to the source that they close, and the change of yaw."""
    world = world_of(bench)
    world.say(f"swap, of {count} pairs")
    starts = world.suitable(Goal(()), 2 * count)
    records, gaps = [], []
    for target, source in zip(starts[::2], starts[1::2], strict=True):
        named = [f"target={target.source}", f"source={source.source}"]
        records.append(world.judged("swap", target, named, source, frames=0))
        gaps.append(descriptor_distance(target.seen.descriptor, source.seen.descriptor))
    return swap_figures(records, gaps, world.spread)


def swap_figures(records: Sequence[Mapping[str, Any]], gaps: Sequence[float], spread: Spread) -> list[Figure]:
    """Return the figures of swaps; ``gaps`` are the identity distances between targets and sources."""

    def closed(name: str = "") -> float:
        found = [(record[name] if name else record).get("to_source") for record in records]
        value = middle(None if each is None else each / gap for each, gap in zip(found, gaps, strict=True))
        return nan if value is None else 1 - value

    yaw = Aim("attribute/yaw", LARGE)
    turns = [yaw.change(spread, record["before"], record.get("measures")) for record in records]
    turn = middle(None if each is None else abs(each) for each in turns)
    what = "median share of dlib's identity distance to the source that is closed"
    return [
        Figure("swap", closed(), f"{what}, of {len(records)} pairs", least=CLOSED),
        *(Figure(f"swap/{name}", closed(name), f"the same of {words}") for name, words in BASELINES.items()),
        Figure("swap/yaw", nan if turn is None else turn, "median change of yaw, in standard deviations"),
        _median("swap/lpips_outside", records, "lpips_outside", _OUTSIDE_WORDS, OUTSIDE),
    ]


_OUTSIDE_WORDS = "median LPIPS outside the mask, of what is rendered before and after, before anything is pasted back"


def edit_figures(name: str, records: Sequence[dict[str, Any]], goal: Goal, spread: Spread) -> list[Figure]:
    """Return the figures of one edit: the share that meets its aim, its effect, and its side effects."""
    met = share(meets(record, goal, spread) for record in records)
    figures = [
        Figure(
            name,
            nan if met is None else met,
            f"share of {len(records)} samples with {goal.describe()}",
            least=SAMPLES_SHARE,
        )
    ]
    for baseline, words in BASELINES.items():
        met = share(meets(record, goal, spread, baseline) for record in records)
        figures.append(Figure(f"{name}/{baseline}", nan if met is None else met, f"the same of {words}"))
    for baseline, words in {"": "", **BASELINES}.items():
        value = effect(records, goal, spread, baseline)
        of = f" of {words}" if words else ""
        meaning = f"median change of {goal.aims[0].measure}{of}, in standard deviations, in the direction of the aim"
        figures.append(
            Figure(f"{name}/change{'/' * bool(baseline)}{baseline}", nan if value is None else value, meaning)
        )
    figures.append(
        _median(f"{name}/identity", records, "identity", "median of dlib's identity distance to the sample", IDENTITY)
    )
    if any("lpips_outside" in record for record in records):
        figures.append(_median(f"{name}/lpips_outside", records, "lpips_outside", _OUTSIDE_WORDS, OUTSIDE))
    return figures


def _median(name: str, records: Sequence[Mapping[str, Any]], key: str, meaning: str, under: float) -> Figure:
    value = middle(record.get(key) for record in records)
    return Figure(name, nan if value is None else value, meaning, under=under)
