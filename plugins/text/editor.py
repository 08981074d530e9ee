"""The editor ``text``: pictures and a sentence in, pictures of which it is true out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import i2i

from .options import NEUTRAL, Options

if TYPE_CHECKING:
    from torch import Tensor

    from .editing import Edited, Job

LEAST = 0.01
"""Of the similarity of picture and words: what rises by less shows no difference."""


class Text(i2i.Editor):
    """Change latents until a text network says that the pictures show what the words say."""

    name = "text"
    summary = 'Edit by words, such as "a smiling face": StyleCLIP optimisation or global directions.'
    photos = ("image+",)
    extractors = ("text",)
    may_use = ("identity", "landmarks", "perceptual")
    wants = "latent"
    requires = i2i.StyleGenerator
    Options = Options

    def check(self, generator: Any, options: Any) -> None:
        """Refuse directions that are not this generator's, before anything is fetched for them or done.

        Raises:
            I2IError: they are of another generator, or the file cannot be read.
        """
        from .directions import of_generator

        if options.directions:
            of_generator(options.directions, generator)

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """One result for each picture.

        Raises:
            UsageError: there are no such rows, the words have nothing to do with any channel, or they mean nothing.
            I2IError: an extractor cannot be opened, or the directions are of another generator or text network.
        """
        from .directions import move
        from .editing import Job, draw, optimise
        from .goals import goals_of

        against = NEUTRAL if options.directions and options.against is None else options.against
        goals = goals_of(scene.extractors["text"], options.prompt, against, options.grid)
        _warn(scene, [*options.prompt, *([against] if against else [])])
        images = list(scene.every["image"])
        jobs = [Job(image, goal) for image in images for goal in goals]
        done = move(scene, options, jobs) if options.directions else optimise(scene, options, jobs)
        pictures = draw(scene, [each.latent for each in done])
        told = _measure(scene, jobs, done, pictures)
        results = [
            _result(scene, options, jobs[row], done[row], pictures[row], told[row])
            for row in range(0, len(jobs), len(goals))
        ]
        if options.grid:
            results[0] = replace(results[0], table=_table(images, [goal.name for goal in goals], pictures, told))
        if not options.directions and scene.cancelled:
            scene.note("Stopped before the end: these are the best pictures found so far.")
        elif options.strength is None or options.strength > 0:
            _tell_of_no_gain(scene, options, jobs, told)
        return replace(results[0], others=tuple(results[1:]))


def _warn(scene: i2i.Scene, sentences: Sequence[str]) -> None:
    """Say which words the text network does not know, where it is one that knows some only."""
    text: Any = scene.extractors["text"]
    for sentence in sentences if hasattr(text, "unknown") else ():
        if unknown := text.unknown(sentence):
            words = ", ".join(map(repr, unknown))
            scene.note(f"{text.name} passes over {words} in {sentence!r}, which it does not know.")


def _tell_of_no_gain(scene: i2i.Scene, options: Options, jobs: Sequence[Job], told: Sequence[dict[str, float]]) -> None:
    """Say of which pictures the words are no truer than before, and what to try."""
    more = "more --strength, a lower --threshold, or directions of more --samples"
    more = more if options.directions else "a lower --l2-weight, more --steps, or other words"
    for name in dict.fromkeys(job.goal.name for job in jobs):
        short = [
            f"{job.photo.name or 'the picture'} ({each['similarity/before']:.2f} to {each['similarity/after']:.2f})"
            for job, each in zip(jobs, told, strict=True)
            if job.goal.name == name and each["similarity/after"] - each["similarity/before"] < LEAST
        ]
        if short:
            scene.note(f"{name!r} is no truer than before of {', '.join(short)}: try {more}.")


def _measure(
    scene: i2i.Scene, jobs: Sequence[Job], done: Sequence[Edited], pictures: Sequence[Tensor]
) -> list[dict[str, float]]:
    """How well each picture goes with its words, before and after, and how like it is to what it was."""
    import torch

    text: Any = scene.extractors["text"]
    told: list[dict[str, float]] = []
    for job, each, picture in zip(jobs, done, pictures, strict=True):
        with torch.no_grad():
            vectors = text.images(torch.cat([job.photo.pixels, picture]))
        before, after = job.goal.similarity(vectors).tolist()
        alike = scene.compare(picture, job.photo.pixels)[0]
        kept = {name: value for name, value in alike.items() if name in ("identity", "lpips")}
        told.append({"similarity/before": before, "similarity/after": after, **kept, **each.told})
    return told


def _result(
    scene: i2i.Scene, options: Options, job: Job, done: Edited, picture: Tensor, told: dict[str, float]
) -> i2i.Result:
    from .editing import between, draw, latent_of

    last = max(1, options.frames - 1)
    way = [between(latent_of(job.photo), done.latent, number / last) for number in range(options.frames)]
    points = [(float(step), loss) for step, loss in enumerate(done.losses)]
    plot = i2i.Plot("step", "loss", {job.goal.name: points})
    return i2i.Result(picture, done.latent, draw(scene, way), told, plots={"loss": plot} if len(points) > 1 else {})


def _table(
    images: Sequence[i2i.Photo], names: Sequence[str], pictures: Sequence[Tensor], told: Sequence[dict[str, float]]
) -> i2i.Table:
    """Pictures down, prompts across."""
    cells: list[list[Tensor | None]] = []
    notes = []
    for row, image in enumerate(images):
        part = slice(row * len(names), (row + 1) * len(names))
        cells.append([image.pixels, *pictures[part]])
        notes.append(
            ["", *(f"{each['similarity/before']:.2f} to {each['similarity/after']:.2f}" for each in told[part])]
        )
    labels = [image.name or f"picture {number + 1}" for number, image in enumerate(images)]
    return i2i.Table(cells, ["original", *names], labels, notes)
