"""The parts of the evaluation: which edits of which images, and what is recorded of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

import i2i
from i2i.assets.models import is_present

from .aims import DIRECTIONS, PRESETS, Spread, optimised_trunks
from .photos import GROUP_PHOTOS, RealPhoto
from .records import Record, Records, fingerprint

if TYPE_CHECKING:
    from .protocol import Bench, Start

SEEDS = range(60_000, 60_080)
"""Samples, in this order: each preset is tried on the first ones that leave it something to do."""
COUNT = 40
"""Samples of each preset and direction."""
PAIRS = 20
"""Pairs of samples that are swapped: the first seed with the second, the third with the fourth, and so on."""
PROTOCOL = 3
"""Raised when judging changes, so that results of an older protocol are measured anew."""
PRIOR = {
    "start": 4.0,
    "samples": 60.0,
    "photos": 60.0,
    "inversion/hybrid": 200.0,
    "inversion/hybrid-pti": 600.0,
    "inversion/pti": 2700.0,
    "swap": 120.0,
    "directions": 8.0,
}
"""Seconds of one task of a kind on one core, until there are records of it."""
PACKAGES = {
    "start": (),
    "samples": ("i2i_plugins.drag",),
    "photos": ("i2i_plugins.drag", "i2i_plugins.invert"),
    "inversion": ("i2i_plugins.invert",),
    "swap": ("i2i_plugins.swap", "i2i_plugins.invert"),
    "directions": ("i2i_plugins.mix",),
}
"""Packages by whose code the results of a part are made; records of other code are not used."""
EDITOR = {"samples": "drag", "photos": "drag", "inversion": "invert", "swap": "swap", "directions": "mix"}


@dataclass(frozen=True)
class EvaluationTask:
    """One edit that is run and recorded."""

    key: str
    kind: str
    """Tasks of a kind take about as long."""
    settings: str
    run: Callable[[], Mapping[str, Any]]


@dataclass(frozen=True)
class Plan:
    """What is evaluated."""

    parts: Sequence[str]
    presets: Sequence[str]
    photos: Sequence[RealPhoto]
    data: Path | None
    limit: int | None
    """Number of subjects of each part; None for all."""
    methods: Sequence[str] = ("hybrid", "hybrid-pti", "pti,vgg=false")
    """Inverters of photos; those that tune the generator only invert the photos that are marked."""
    directions: Path | None = None
    """Folder with the direction files; None for the records."""

    def first(self, items: Sequence[Any], count: int | None = None) -> list[Any]:
        """Return as many items as are evaluated."""
        return list(items)[: min(each for each in (self.limit, count, len(items)) if each is not None)]


class Tasks:
    """Lists the tasks of a plan; each records its measures."""

    def __init__(self, bench: Bench, plan: Plan, records: Records, spread: Spread) -> None:
        self.bench, self.plan, self.records, self.spread = bench, plan, records, spread
        common = {"generator": bench.name, "invert": bench.invert, "protocol": PROTOCOL}
        self.settings = {
            part: fingerprint(packages, common | {"options": bench.options.get(EDITOR.get(part, ""), {})})
            for part, packages in PACKAGES.items()
        }

    def starts(self) -> Iterator[EvaluationTask]:
        """List the samples before their edits."""
        if "samples" not in self.plan.parts:
            return
        seeds = SEEDS if self.plan.limit is None else SEEDS[: 2 * self.plan.limit]
        for seed in seeds:
            yield EvaluationTask(f"start/seed:{seed}", "start", self.settings["start"], partial(self._start, seed))

    def edits(self) -> Iterator[EvaluationTask]:
        """List the edits; those of samples need the records of ``starts``."""
        lists = {
            "samples": self._samples,
            "inversion": self._inversions,
            "photos": self._photos,
            "swap": self._swaps,
            "directions": self._directions,
        }
        for part in lists:
            if part in self.plan.parts:
                yield from lists[part]()

    def _start(self, seed: int) -> Mapping[str, Any]:
        from .protocol import FaceNotFoundError

        try:
            return self.bench.sample(seed).seen.as_json()
        except FaceNotFoundError:
            return {"measures": None}

    def suitable(self, name: str) -> list[int]:
        """Return the seeds that leave a preset something to do, the first of ``COUNT``."""
        found = []
        for seed in SEEDS:
            record = self.records.get(f"start/seed:{seed}", self.settings["start"])
            measures = record and record["measures"]
            if measures and PRESETS[name].leaves_room(self.spread, measures):
                found.append(seed)
        chosen: list[int] = self.plan.first(found, COUNT)
        return chosen

    def _samples(self) -> Iterator[EvaluationTask]:
        names = {name: self.suitable(name) for name in self.plan.presets}
        for seed in SEEDS:  # all presets of a sample follow each other, so that an early stop leaves whole samples
            for name in self.plan.presets:
                if seed in names[name]:
                    key = f"samples/seed:{seed}/{name}"
                    yield self._task(key, "samples", partial(self._drag_sample, seed, name))

    def _photos(self) -> Iterator[EvaluationTask]:
        for photo in self.plan.first(self.plan.photos):
            for name in self.plan.presets:
                key = f"photos/{photo.name}/{name}"
                yield self._task(key, "photos", partial(self._drag_photo, photo, name))

    def _inversions(self) -> Iterator[EvaluationTask]:
        for method in self.plan.methods:
            name = method.partition(",")[0]
            tuned = name.endswith("pti")
            photos = [photo for photo in self.plan.photos if photo.tuned] if tuned else self.plan.photos
            for photo in self.plan.first(photos):
                key = f"inversion/{photo.name}/{method}"
                kind = f"inversion/{name if tuned else 'hybrid'}"
                yield self._task(key, kind, partial(self._invert, photo, method))

    def _swaps(self) -> Iterator[EvaluationTask]:
        seeds = [(f"seed:{SEEDS[2 * pair]}", f"seed:{SEEDS[2 * pair + 1]}") for pair in range(PAIRS)]
        for one, other in self.plan.first(seeds):
            yield self._task(f"swap/{one}/{other}", "swap", partial(self._swap, one, other))
        # An edit takes one --face for all of its images, so group photos are left out.
        photos = [photo for photo in self.plan.photos if not photo.file.startswith(f"{GROUP_PHOTOS}/")]
        for number in self.plan.first(range(len(photos))) if self.plan.data else ():
            target, source = photos[number], photos[(number + 1) % len(photos)]
            files = [str(self._file(each)) for each in (target, source)]
            yield self._task(f"swap/{target.name}/{source.name}", "swap", partial(self._swap, *files))

    def _directions(self) -> Iterator[EvaluationTask]:
        for seed in self.plan.first(SEEDS, COUNT):
            for name in DIRECTIONS:
                key = f"directions/seed:{seed}/{name}"
                yield self._task(key, "directions", partial(self._direction, seed, name))

    def _task(self, key: str, kind: str, run: Callable[[], Mapping[str, Any]]) -> EvaluationTask:
        return EvaluationTask(key, kind, self.settings[key.partition("/")[0]], run)

    def _file(self, photo: RealPhoto) -> Path:
        if self.plan.data is None:
            raise i2i.UsageError("The photos need --data DIR, the folder that holds 'faces' and 'faces68'.")
        return self.plan.data / photo.file

    # The edits.

    def _drag_sample(self, seed: int, name: str) -> Mapping[str, Any]:
        return self._drag(self.bench.sample(seed), f"samples/{seed}", name)

    def _drag_photo(self, photo: RealPhoto, name: str) -> Mapping[str, Any]:
        start = self.bench.photo(self._file(photo), face=photo.face)
        about = {"yaw": photo.yaw, "sharpness": photo.sharpness, "side": photo.side}
        if not PRESETS[name].leaves_room(self.spread, start.seen.measures):
            return {"subject": photo.name, "preset": name, "skipped": "nothing to do", **about}
        given = {"face": photo.face} | ({"invert": self.bench.invert} if self.bench.invert else {})
        return {**self._drag(start, f"photos/{photo.name}", name, **given), **about}

    def _drag(self, start: Start, subject: str, name: str, **given: Any) -> Mapping[str, Any]:
        notes: list[str] = []
        result, seconds = self.bench.edit("drag", [start.source], notes, preset=name, frames=0, **given)
        images = {
            "image_before": self.bench.store(f"{subject}/before", start.image),
            "image_after": self.bench.store(f"{subject}/{name}", result.image),
        }
        scalars = {key: round(value, 5) for key, value in result.scalars.items()}
        judged = self.bench.judge_edit(start, result, seed_of_direction(f"{subject}/{name}"))
        return {
            "subject": subject.partition("/")[2],
            "preset": name,
            "before": start.seen.as_json()["measures"],
            "edit_seconds": round(seconds, 1),
            "scalars": scalars,
            "notes": notes,
            **images,
            **judged,
        }

    def _invert(self, photo: RealPhoto, method: str) -> Mapping[str, Any]:
        start = self.bench.photo(self._file(photo), method, photo.face)
        notes: list[str] = []
        # Cached by now, with the seconds that its inverter measured.
        result, _ = self.bench.edit("invert", [start.source], notes, method=method, face=photo.face)
        judges = self.bench.judges
        seconds = result.scalars.get("seconds")
        mse = float((start.image - result.image).square().mean()) / 4
        return {
            "subject": photo.name,
            "method": method,
            "optimised": optimised_trunks(method, is_present(self.bench.judges.registry.get("model", "vgg16"))),
            "inversion_seconds": None if seconds is None else round(seconds, 1),
            "psnr": round(-10 * log10(max(mse, 1e-10)), 3),
            **{trunk: round(judges.distance(start.image, result.image, trunk), 5) for trunk in judges.lpips},
            **self.bench.judge(start, result.image),
            "notes": notes,
            "yaw": photo.yaw,
            "sharpness": photo.sharpness,
            "side": photo.side,
        }

    def _swap(self, target: str, source: str) -> Mapping[str, Any]:
        from .judges import descriptor_distance

        starts = [self._start_of(each) for each in (target, source)]
        notes: list[str] = []
        named = [f"target={target}", f"source={source}"]
        invert = {"invert": self.bench.invert} if self.bench.invert and not target.startswith("seed:") else {}
        result, seconds = self.bench.edit("swap", named, notes, frames=0, **invert)
        names = [Path(each).stem for each in (target, source)]
        seed_of_random = seed_of_direction(f"swap/{names[0]}/{names[1]}")
        judged = self.bench.judge_edit(starts[0], result, seed_of_random, starts[1].seen)
        gap = descriptor_distance(starts[0].seen.descriptor, starts[1].seen.descriptor)
        closed = {
            name: None if "to_source" not in each else round(1 - each["to_source"] / gap, 4)
            for name, each in (("closed", judged), *((f"closed_{each}", judged[each]) for each in ("none", "random")))
        }
        return {
            "subject": f"{names[0]}/{names[1]}",
            "photos": not target.startswith("seed:"),
            "gap": round(gap, 4),
            **closed,
            "edit_seconds": round(seconds, 1),
            "scalars": {key: round(value, 5) for key, value in result.scalars.items()},
            "notes": notes,
            "image_before": self.bench.store(f"swap/{names[0]}_{names[1]}/before", starts[0].image),
            "image_source": self.bench.store(f"swap/{names[0]}_{names[1]}/source", starts[1].image),
            "image_after": self.bench.store(f"swap/{names[0]}_{names[1]}/after", result.image),
            **judged,
        }

    def _start_of(self, source: str) -> Start:
        if source.startswith("seed:"):
            return self.bench.sample(int(source.partition(":")[2]))
        return self.bench.photo(Path(source))

    def _direction(self, seed: int, name: str) -> Mapping[str, Any]:
        chosen, start, notes = DIRECTIONS[name], self.bench.sample(seed), list[str]()
        folder = self.plan.directions
        file = chosen.record if folder is None else str(folder / f"{chosen.record}.pt")
        values = {"preset": "direction", "direction": file, "strength": chosen.strength, "frames": 0}
        result, seconds = self.bench.edit("mix", [start.source], notes, **values)
        return {
            "subject": f"seed:{seed}",
            "direction": name,
            "before": start.seen.as_json()["measures"],
            "edit_seconds": round(seconds, 1),
            "notes": notes,
            "image_before": self.bench.store(f"directions/{seed}/before", start.image),
            "image_after": self.bench.store(f"directions/{seed}/{name}", result.image),
            **self.bench.judge_edit(start, result, seed_of_direction(f"directions/{seed}/{name}")),
        }


def seed_of_direction(edit: str) -> int:
    """Return the seed of the random direction that an edit is compared with, another one for each edit.

    Args:
        edit: What is edited and how, such as ``samples/60000/smile``.
    """
    return int(sha256(edit.encode()).hexdigest(), 16) % 2**31


def collect(tasks: Tasks) -> list[Record]:
    """Return the records of a plan's edits that are done, also those that ended with an error."""
    found = []
    for task in tasks.edits():
        record = tasks.records.latest(task.key, task.settings)
        if record is not None:
            found.append(record)
    return found
