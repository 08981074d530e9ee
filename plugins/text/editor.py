"""The editor ``text``: images and a sentence in, images that match the sentence out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import i2i

from .options import NEUTRAL, Options

if TYPE_CHECKING:
    from torch import Tensor

    from .pipeline import EditedLatent, Job

MIN_INCREASE = 0.01
"""Increase of the similarity of image and words below which no difference is visible."""


class Text(i2i.Editor):
    """Change latents until a text network finds that the images show what the words say."""

    name = "text"
    summary = 'Edit by words, such as "a smiling face": StyleCLIP optimisation or global directions.'
    photos = ("image+",)
    extractors = ("text",)
    may_use = ("identity", "landmarks", "perceptual")
    wants = "latent"
    requires = i2i.StyleGenerator
    Options = Options

    def check(self, generator: Any, options: Any) -> None:
        """Check that the directions were made for this generator, before anything is downloaded or computed.

        Raises:
            I2IError: they were made for another generator, or the file cannot be read.
        """
        from .directions import load_for_generator

        if options.directions:
            load_for_generator(options.directions, generator)

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """Return one result for each image.

        Raises:
            UsageError: there are no such layers, or no channel is relevant to the words, or they are not known.
            I2IError: an extractor cannot be opened, or the directions were made for another generator or text network.
        """
        from .directions import apply_directions
        from .goals import create_goals
        from .pipeline import Job, optimise_jobs, render_latents

        against = NEUTRAL if options.directions and options.against is None else options.against
        goals = create_goals(scene.extractors["text"], options.prompt, against, options.grid)
        _report_unknown_words(scene, [*options.prompt, *([against] if against else [])])
        images = list(scene.every["image"])
        jobs = [Job(image, goal) for image in images for goal in goals]
        done = apply_directions(scene, options, jobs) if options.directions else optimise_jobs(scene, options, jobs)
        rendered = render_latents(scene, [result.latent for result in done])
        scalars = _measure(scene, jobs, done, rendered)
        results = [
            _result(scene, options, jobs[row], done[row], rendered[row], scalars[row])
            for row in range(0, len(jobs), len(goals))
        ]
        if options.grid:
            results[0] = replace(results[0], table=_table(images, [goal.name for goal in goals], rendered, scalars))
        if not options.directions and scene.cancelled:
            scene.note("Stopped before the end: these are the best images found so far.")
        elif options.strength is None or options.strength > 0:
            _report_no_increase(scene, options, jobs, scalars)
        return replace(results[0], others=tuple(results[1:]))


def _report_unknown_words(scene: i2i.Scene, sentences: Sequence[str]) -> None:
    """Note words that the text network does not know, where it can tell."""
    text: Any = scene.extractors["text"]
    for sentence in sentences if hasattr(text, "unknown") else ():
        if unknown := text.unknown(sentence):
            words = ", ".join(map(repr, unknown))
            scene.note(f"{text.name} does not know {words} in {sentence!r} and ignores them.")


def _report_no_increase(
    scene: i2i.Scene, options: Options, jobs: Sequence[Job], scalars: Sequence[dict[str, float]]
) -> None:
    """Note images whose similarity to the words did not increase, and what to try."""
    more = "more --strength, a lower --threshold, or directions of more --samples"
    more = more if options.directions else "a lower --l2-weight, more --steps, or other words"
    for name in dict.fromkeys(job.goal.name for job in jobs):
        short = [
            f"{job.photo.name or 'the image'} ({each['similarity/before']:.2f} -> {each['similarity/after']:.2f})"
            for job, each in zip(jobs, scalars, strict=True)
            if job.goal.name == name and each["similarity/after"] - each["similarity/before"] < MIN_INCREASE
        ]
        if short:
            scene.note(f"warning: similarity to {name!r} did not increase for {', '.join(short)}: try {more}.")


def _measure(
    scene: i2i.Scene, jobs: Sequence[Job], done: Sequence[EditedLatent], rendered: Sequence[Tensor]
) -> list[dict[str, float]]:
    """Measure the similarity to the words before and after, and to the initial image."""
    import torch

    text: Any = scene.extractors["text"]
    scalars: list[dict[str, float]] = []
    for job, each, picture in zip(jobs, done, rendered, strict=True):
        with torch.no_grad():
            vectors = text.images(torch.cat([job.photo.pixels, picture]))
        before, after = job.goal.similarity(vectors).tolist()
        alike = scene.compare(picture, job.photo.pixels)[0]
        kept = {name: value for name, value in alike.items() if name in ("identity", "lpips")}
        scalars.append({"similarity/before": before, "similarity/after": after, **kept, **each.scalars})
    return scalars


def _result(
    scene: i2i.Scene, options: Options, job: Job, done: EditedLatent, picture: Tensor, scalars: dict[str, float]
) -> i2i.Result:
    from .pipeline import interpolate_latents, latent_of, render_latents

    last = max(1, options.frames - 1)
    path = [interpolate_latents(latent_of(job.photo), done.latent, number / last) for number in range(options.frames)]
    points = [(float(step), loss) for step, loss in enumerate(done.losses)]
    plot = i2i.Plot("step", "loss", {job.goal.name: points})
    return i2i.Result(
        picture, done.latent, render_latents(scene, path), scalars, plots={"loss": plot} if len(points) > 1 else {}
    )


def _table(
    images: Sequence[i2i.Photo], names: Sequence[str], rendered: Sequence[Tensor], scalars: Sequence[dict[str, float]]
) -> i2i.Table:
    """Lay out images down and prompts across."""
    cells: list[list[Tensor | None]] = []
    notes = []
    for row, image in enumerate(images):
        part = slice(row * len(names), (row + 1) * len(names))
        cells.append([image.pixels, *rendered[part]])
        notes.append(
            ["", *(f"{each['similarity/before']:.2f} to {each['similarity/after']:.2f}" for each in scalars[part])]
        )
    labels = [image.name or f"image {number + 1}" for number, image in enumerate(images)]
    return i2i.Table(cells, ["original", *names], labels, notes)
