"""``i2i landmarks``: the faces in photos, and their 68 landmarks."""

from __future__ import annotations

from typing import Any

import click

from i2i import Registry
from i2i.toolkit.command_options import (
    device_option,
    extractor_options_option,
    face_option,
    json_option,
    landmarks_option,
)
from i2i.toolkit.progress import Progress
from i2i.toolkit.terminal import echo_json, echo_table


@click.command("landmarks")
@click.argument("photos", nargs=-1, required=True, type=click.Path(), metavar="PHOTO...")
@landmarks_option
@extractor_options_option
@face_option(default="all")
@click.option("--out", type=click.Path(), help="Folder for each photo with its landmarks drawn, and a JSON beside it.")
@click.option("--overwrite", is_flag=True, help="Replace results that are already in --out.")
@device_option
@json_option
@click.pass_obj
def command(
    registry: Registry,
    /,
    photos: tuple[str, ...],
    landmarks: str | None,
    extractor_options: dict[str, dict[str, Any]],
    face: str,
    out: str | None,
    overwrite: bool,
    device: str,
    as_json: bool,
) -> None:
    """Find the faces in photos and their 68 landmarks.

    \b
    i2i landmarks group.jpg
    i2i landmarks holiday --face largest --out marked

    PHOTO is an image or a folder; a folder is searched recursively, and its structure is kept in --out.
    Faces are counted from left to right: their numbers are what --face takes, here and in other commands. Boxes and
    landmarks are pixels of the upright photo; landmarks are in the iBUG order, in JSON only.
    """
    from i2i import extractor
    from i2i.toolkit.faces.detection import parse_face_choice

    from .landmarks import check_faults, find_landmarks

    choice = parse_face_choice(face)
    finder = extractor("landmarks", device, "faces", registry, landmarks, named_options=extractor_options)
    notes: list[str] = []
    with Progress("photos", transient=True) as progress:
        results = list(
            find_landmarks(photos, finder, choice, out, overwrite=overwrite, note=notes.append, progress=progress)
        )
    for text in notes:
        click.echo(text, err=True)
    good = [each for each in results if each.fault is None]
    if as_json:
        faults = [each.fault for each in results if each.fault is not None]
        echo_json({"landmarks": finder.name, "photos": [each.to_plain() for each in good], "faults": faults})
    elif good:
        rows = [
            (each.photo, number, *(round(side) for side in face.box), f"{face.score:.2f}")
            for each in good
            for number, face in each.faces.items()
        ]
        echo_table(("photo", "face", "x0", "y0", "x1", "y1", "score"), rows)
    check_faults(results)
