"""``i2i align``: FFHQ crops of the faces in photos."""

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


@click.command("align")
@click.argument("photos", nargs=-1, required=True, type=click.Path(), metavar="PHOTO...")
@click.option("--out", required=True, type=click.Path(), help="Folder for the crops, and a JSON beside each.")
@click.option(
    "--size",
    type=click.IntRange(16, 4096),
    default=1024,
    show_default=True,
    metavar="PX",
    help="Height and width of a crop.",
)
@face_option()
@landmarks_option
@extractor_options_option
@click.option("--overwrite", is_flag=True, help="Replace results that are already in --out.")
@device_option
@json_option
@click.pass_obj
def command(
    registry: Registry,
    /,
    photos: tuple[str, ...],
    out: str,
    size: int,
    face: str,
    landmarks: str | None,
    extractor_options: dict[str, dict[str, Any]],
    overwrite: bool,
    device: str,
    as_json: bool,
) -> None:
    """Crop the faces of photos, upright and centred, as in the dataset FFHQ.

    \b
    i2i align me.jpg --out crops
    i2i align holiday --face all --size 256 --out crops

    PHOTO is an image or a folder; a folder is searched recursively, and its structure is kept in --out.
    NAME.jpg gives NAME.png; with --face all its second face from the left is NAME_2.png, and so on. The JSON beside a
    crop holds its corners in the upright photo, to paste an edited crop back, and the landmarks in both.
    """
    from i2i import extractor
    from i2i.toolkit.faces.detection import parse_face_choice

    from .crops import align_photos, check_faults

    choice = parse_face_choice(face)
    finder = extractor("landmarks", device, "faces", registry, landmarks, named_options=extractor_options)
    notes: list[str] = []
    with Progress("photos", transient=True) as progress:
        done = align_photos(
            photos, finder, out, choice, size, overwrite=overwrite, note=notes.append, progress=progress
        )
        aligned = list(done)
    for text in notes:
        click.echo(text, err=True)
    good = [each for each in aligned if each.fault is None]
    if as_json:
        faults = [each.fault for each in aligned if each.fault is not None]
        echo_json({"landmarks": finder.name, "photos": [each.to_plain() for each in good], "faults": faults})
    elif good:
        rows = [
            (each.photo, crop.number, round(crop.placement.side), crop.file) for each in good for crop in each.crops
        ]
        echo_table(("photo", "face", "side", "crop"), rows)
    check_faults(aligned, out)
