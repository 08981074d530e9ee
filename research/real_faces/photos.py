"""``python -m research.real_faces.photos --data DIR``: the groups of photos, chosen by a fixed rule.

The photos are not part of the repository; their names are, in ``photos_tuning.txt`` and ``photos_evaluation.txt``. A
person belongs to the tuning group where the first hexadecimal digit of the md5 of the name is below 8, and to the
evaluation group otherwise. Settings and thresholds may be chosen on the tuning group only.

The evaluation group holds 24 faces of 24 people: the largest face of each of three group photos, and of the other
people of ``faces68`` the 21 of the most detail: 12 turned by at most 10 degrees, 6 by 10 to 20, and 3 by more. Each
person is shown by the better frame of that kind. Detail is sharpness times the side of the crop. Every third face is
also inverted by pivotal tuning.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

import i2i
from i2i.toolkit.faces.alignment import ffhq_placement
from i2i.toolkit.faces.detection import find_faces
from i2i.toolkit.faces.quality import FaceQuality, measure_quality
from i2i.toolkit.images import read_image, to_tensor
from i2i.toolkit.terminal import run_script

TUNING = Path(__file__).with_name("photos_tuning.txt")
EVALUATION = Path(__file__).with_name("photos_evaluation.txt")
GROUP_PHOTOS = "faces"
"""Folder of the group photos, all of which belong to the evaluation group."""
FRAMES = "faces68"
"""Folder of the frames of single people, with their 68 landmarks in ``landmarks.csv``."""
KINDS = ((0.0, 10.0, 12), (10.0, 20.0, 6), (20.0, 90.0, 3))
"""Least and largest yaw of each kind, degrees, and the number of its people."""
TUNED = 3
"""One of so many faces of the evaluation group is also inverted by pivotal tuning."""


@dataclass(frozen=True)
class RealPhoto:
    """A face of a group, by the line of its file."""

    file: str
    """Path within the data folder."""
    tuned: bool
    """Whether it is also inverted by pivotal tuning."""
    yaw: float
    """Degrees, positive to the left of the image."""
    sharpness: float
    side: float
    """Side of its FFHQ crop, pixels."""
    face: int = 1
    """Number of the face, from the left of the photo."""

    @property
    def name(self) -> str:
        """Name without folder and ending."""
        return Path(self.file).stem

    def __str__(self) -> str:
        method = "pti" if self.tuned else "-"
        return f"{self.file}\t{method}\t{self.yaw:.0f}\t{self.sharpness:.2f}\t{self.side:.0f}\t{self.face}"


def load_group(file: Path = EVALUATION) -> list[RealPhoto]:
    """Read the faces of a group."""
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [
        RealPhoto(name, how == "pti", float(yaw), float(sharpness), float(side), int(face))
        for name, how, yaw, sharpness, side, face in rows
    ]


def is_tuning(person: str) -> bool:
    """Return whether a person belongs to the tuning group."""
    return int(hashlib.md5(person.encode(), usedforsecurity=False).hexdigest()[0], 16) < 8


def choose_people(frames: Sequence[RealPhoto]) -> list[RealPhoto]:
    """Choose the people of each of ``KINDS`` by detail, each person once."""
    chosen: dict[str, RealPhoto] = {}
    for least, largest, count in KINDS:
        kind = [frame for frame in frames if least <= abs(frame.yaw) < largest and person_of(frame.file) not in chosen]
        best: dict[str, RealPhoto] = {}
        for frame in sorted(kind, key=lambda frame: -frame.sharpness * frame.side):
            best.setdefault(person_of(frame.file), frame)
        chosen |= dict(list(best.items())[:count])
    return sorted(chosen.values(), key=lambda frame: frame.file)


def person_of(file: str) -> str:
    """Return the person of a frame, whose file ends in a number."""
    return Path(file).stem.rsplit("_", 1)[0]


def _frames(data: Path) -> Iterator[RealPhoto]:
    with (data / FRAMES / "landmarks.csv").open(newline="", encoding="utf-8") as stream:
        rows = sorted(list(csv.reader(stream))[1:])
    for name, *numbers in rows:
        points = [[float(x) - 1, float(y) - 1] for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
        photo = read_image(data / FRAMES / name)
        yield _photo(f"{FRAMES}/{name}", measure_quality(photo, ffhq_placement(points), points))


def _group_photos(data: Path, finder: Any) -> Iterator[RealPhoto]:
    for file in sorted((data / GROUP_PHOTOS).glob("*.jpg")):
        photo = read_image(file)
        ((number, face),) = find_faces(to_tensor(photo), finder).items()
        quality = measure_quality(photo, ffhq_placement(face.landmarks), face.landmarks)
        yield replace(_photo(f"{GROUP_PHOTOS}/{file.name}", quality), face=number)


def _photo(file: str, quality: FaceQuality) -> RealPhoto:
    return RealPhoto(file, False, quality.yaw, quality.sharpness, quality.side)


@click.command()
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help=f"Folder with {GROUP_PHOTOS} and {FRAMES}.",
)
def main(data: Path) -> None:
    """Choose the groups again and write their files."""
    frames = list(_frames(data))
    tuning = [frame for frame in frames if is_tuning(person_of(frame.file))]
    others = [frame for frame in frames if not is_tuning(person_of(frame.file))]
    evaluation = [*_group_photos(data, i2i.extractor("faceplugin-landmarks", "cpu")), *choose_people(others)]
    evaluation = [replace(each, tuned=number % TUNED == 0) for number, each in enumerate(evaluation)]
    for file, group in ((TUNING, tuning), (EVALUATION, evaluation)):
        header = "# file, whether pti inverts it, yaw in degrees, sharpness, side of the crop in pixels, face"
        file.write_text("\n".join([header, *map(str, group)]) + "\n", encoding="utf-8")
        click.echo(f"wrote {len(group)} faces to {file}")


if __name__ == "__main__":
    run_script(main)
