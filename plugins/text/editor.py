"""The editor ``text``: edit images by a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

import i2i

from .directions import OffsetFinder, StyleOffsets, apply_directions, load_for_generator
from .goals import TextGoal, create_goals
from .options import NEUTRAL, TextOptions
from .pipeline import EditedLatent, TextEdit, interpolate_latents, latent_of, optimise_edits, render_latents

MIN_INCREASE = 0.01
"""Increase of the similarity of image and text below which no difference is visible."""


class Text(i2i.Editor):
    """Change latents so that the images match a text."""

    name = "text"
    summary = 'Edit by a text, such as "a smiling face": StyleCLIP optimisation or global directions.'
    photos = ("image+",)
    extractors = ("text",)
    may_use = ("identity", "landmarks", "perceptual")
    wants = "latent"
    requires = i2i.StyleGenerator
    Options = TextOptions

    def check(self, generator: i2i.Generator | None, options: Any) -> None:
        """Check that the directions were made for this generator, before anything is downloaded or computed.

        Raises:
            I2IError: they were made for another generator, or the file cannot be read.
        """
        if options.directions and isinstance(generator, i2i.StyleGenerator):
            load_for_generator(options.directions, generator)

    def edit(self, scene: i2i.Scene, options: Any) -> i2i.Result:
        """Return one result for each image.

        Raises:
            UsageError: there are no such layers, no channel is relevant to the text, or the text is unknown.
            I2IError: an extractor cannot be opened, or the directions were made for another generator or text network.
        """
        against = NEUTRAL if options.directions and options.against is None else options.against
        goals, offsets, refused = _find_goals(scene, options, against)
        accepted = [prompt for prompt in options.prompt if prompt not in refused]
        _report_unknown_words(scene, [*accepted, *([against] if against else [])])
        images = list(scene.every["image"])
        edits = [TextEdit(image, goal) for image in images for goal in goals]
        done = apply_directions(scene, edits, offsets) if options.directions else optimise_edits(scene, options, edits)
        rendered = render_latents(scene, [result.latent for result in done])
        scalars = _measure(scene, edits, done, rendered)
        results = [
            _result(scene, options, edits[row], done[row], rendered[row], scalars[row])
            for row in range(0, len(edits), len(goals))
        ]
        if options.grid:
            results[0] = replace(results[0], table=_table(images, options.prompt, refused, rendered, scalars))
        if not options.directions and scene.cancelled:
            scene.note("Stopped before the end: these are the best images found so far.")
        elif options.strength is None or options.strength > 0:
            _report_no_increase(scene, options, edits, scalars)
        return replace(results[0], others=tuple(results[1:]))


def _find_goals(
    scene: i2i.Scene, options: TextOptions, against: str | None
) -> tuple[list[TextGoal], dict[str, StyleOffsets], dict[str, str]]:
    """Create the goals, with the offsets of global directions, and say which prompts of a grid are refused and why.

    Raises:
        UsageError: a prompt is refused, or each of a grid.
        I2IError: an extractor cannot be opened, or the directions were made for another generator or text network.
    """
    text = scene.extractors["text"]
    try:
        wanted: Sequence[TextGoal | str] = create_goals(text, options.prompt, against, options.grid)  # in one batch
    except i2i.UsageError:
        if not options.grid:
            raise
        wanted = options.prompt
    finder = OffsetFinder(scene, options) if options.directions else None
    goals: list[TextGoal] = []
    offsets: dict[str, StyleOffsets] = {}
    refused: dict[str, str] = {}
    for each in wanted:
        try:
            goal = create_goals(text, [each], against, True)[0] if isinstance(each, str) else each
            if finder is not None:
                offsets[goal.name] = finder.find(goal)
        except i2i.UsageError as error:
            refused[each if isinstance(each, str) else each.name] = str(error)
            if len(refused) == len(set(options.prompt)) or not options.grid:
                raise
        else:
            goals.append(goal)
    for prompt, reason in refused.items():
        scene.note(f"warning: {prompt!r} is refused, so its column is empty: {reason}")
    return goals, offsets, refused


def _report_unknown_words(scene: i2i.Scene, sentences: Sequence[str]) -> None:
    """Note words that the text network does not know, where it can tell."""
    text: Any = scene.extractors["text"]
    for sentence in sentences if hasattr(text, "unknown") else ():
        if unknown := text.unknown(sentence):
            words = ", ".join(map(repr, unknown))
            scene.note(f"{text.name} does not know {words} in {sentence!r} and ignores them.")


def _report_no_increase(
    scene: i2i.Scene, options: TextOptions, edits: Sequence[TextEdit], scalars: Sequence[dict[str, float]]
) -> None:
    """Note images whose similarity to the text did not increase, and what to try."""
    more = "more --strength, a lower --threshold, or directions of more --samples"
    more = more if options.directions else "a lower --l2-weight, more --steps, or another text"
    for name in dict.fromkeys(edit.goal.name for edit in edits):
        short = [
            f"{edit.photo.name or 'the image'} ({each['similarity/before']:.2f} -> {each['similarity/after']:.2f})"
            for edit, each in zip(edits, scalars, strict=True)
            if edit.goal.name == name and each["similarity/after"] - each["similarity/before"] < MIN_INCREASE
        ]
        if short:
            scene.note(f"warning: similarity to {name!r} did not increase for {', '.join(short)}: try {more}.")


def _measure(
    scene: i2i.Scene, edits: Sequence[TextEdit], done: Sequence[EditedLatent], rendered: Sequence[Tensor]
) -> list[dict[str, float]]:
    """Measure the similarity to the text before and after, and to the initial image."""
    text: Any = scene.extractors["text"]
    scalars: list[dict[str, float]] = []
    for edit, each, result_image in zip(edits, done, rendered, strict=True):
        with torch.no_grad():
            vectors = text.images(torch.cat([edit.photo.pixels, result_image]))
        before, after = edit.goal.similarity(vectors).tolist()
        measured = scene.compare(result_image, edit.photo.pixels)[0]
        similarity = {name: value for name, value in measured.items() if name in ("identity", "lpips")}
        scalars.append({"similarity/before": before, "similarity/after": after, **similarity, **each.scalars})
    return scalars


def _result(
    scene: i2i.Scene, options: TextOptions, edit: TextEdit, done: EditedLatent, image: Tensor, scalars: dict[str, float]
) -> i2i.Result:
    last = max(1, options.frames - 1)
    path = [interpolate_latents(latent_of(edit.photo), done.latent, number / last) for number in range(options.frames)]
    points = [(float(step), loss) for step, loss in enumerate(done.losses)]
    plot = i2i.Plot("step", "loss", {edit.goal.name: points})
    return i2i.Result(
        image,
        done.latent,
        render_latents(scene, path),
        scalars,
        plots={"loss": plot} if len(points) > 1 else {},
    )


def _table(
    images: Sequence[i2i.Photo],
    prompts: Sequence[str],
    refused: Mapping[str, str],
    rendered: Sequence[Tensor],
    scalars: Sequence[dict[str, float]],
) -> i2i.Table:
    """Show images in rows and prompts in columns; those of ``refused`` prompts are empty, with the reason as a note."""
    cells: list[list[Tensor | None]] = []
    notes: list[list[str]] = []
    remaining = iter(zip(rendered, scalars, strict=True))
    for image in images:
        cells.append([image.pixels])
        notes.append([""])
        for prompt in prompts:
            picture, note = None, refused.get(prompt, "")
            if prompt not in refused:
                picture, each = next(remaining)
                note = f"{each['similarity/before']:.2f} to {each['similarity/after']:.2f}"
            cells[-1].append(picture)
            notes[-1].append(note)
    labels = [image.name or f"image {number + 1}" for number, image in enumerate(images)]
    return i2i.Table(cells, ["original", *prompts], labels, notes)
