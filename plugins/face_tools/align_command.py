"""``i2i align``: FFHQ crops of the faces in photos."""

from __future__ import annotations

from typing import Any

import click

from i2i import Registry, UsageError
from i2i.toolkit.command_options import (
    device_option,
    extractor_options_option,
    eyes_option,
    face_option,
    json_option,
    landmarks_option,
    mouth_option,
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
@eyes_option
@mouth_option
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
    eyes: Any,
    mouth: Any,
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
    i2i align painting.jpg --eyes 310,402:395,398 --mouth 352,480 --out crops

    PHOTO is an image or a folder; a folder is searched recursively, and its structure is kept in --out.
    NAME.jpg gives NAME.png; with --face all its second face from the left is NAME_2.png, and so on. The JSON beside a
    crop holds its corners in the upright photo, to paste an edited crop back, and the landmarks in both.
    """
    from i2i import extractor
    from i2i.toolkit.faces.detection import parse_face_choice
    from i2i.toolkit.faces.points import FacePoints

    from .crops import align_photos, check_faults

    choice, points = parse_face_choice(face), FacePoints.of(eyes, mouth)
    if points is not None:
        _check_unused(choice, landmarks, extractor_options)
    finder = points or extractor("landmarks", device, "faces", registry, landmarks, named_options=extractor_options)
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
        found_by = {} if isinstance(finder, FacePoints) else {"landmarks": finder.name}
        echo_json({**found_by, "photos": [each.to_plain() for each in good], "faults": faults})
    elif good:
        rows = [
            (each.photo, crop.number, round(crop.placement.side), crop.file) for each in good for crop in each.crops
        ]
        echo_table(("photo", "face", "side", "crop"), rows)
    check_faults(aligned, out)


def _check_unused(face: Any, landmarks: str | None, extractor_options: dict[str, dict[str, Any]]) -> None:
    """Refuse options about the detection of faces, which is left out where a face is placed by hand."""
    given = {
        f"--face {face}": face != "largest",
        f"--landmarks {landmarks}": landmarks is not None,
        "--extractor-options": bool(extractor_options),
    }
    for text, is_given in given.items():
        if is_given:
            raise UsageError(f"{text} has no effect with --eyes and --mouth, which place the face: leave it out.")
