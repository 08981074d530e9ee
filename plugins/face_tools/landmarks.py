"""The landmarks of photos, file by file: found, drawn on a copy, and written as numbers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2i import UsageError
from i2i.toolkit.faces.detection import FaceChoice, find_faces
from i2i.toolkit.files import write_json
from i2i.toolkit.images import ImageError, read_image, save_image, to_tensor
from i2i.toolkit.images.jobs import plan_jobs, report_faults

if TYPE_CHECKING:
    from i2i import Extractor, Face


@dataclass(frozen=True)
class Found:
    """What the search of one photo gave."""

    photo: Path
    width: int = 0
    height: int = 0
    """Pixels, once it is turned upright; 0 where it could not be used."""
    faces: Mapping[int, Face] = field(default_factory=dict)
    """By their number from the left, which ``--face`` takes."""
    drawn: Path | None = None
    """The photo with its landmarks drawn; their numbers lie beside it, in a JSON file of the same name."""
    fault: str | None = None
    """Why it could not be used, the file named."""

    def facts(self) -> dict[str, Any]:
        """As plain values: pixels to two places, (0, 0) the centre of the upper left one, landmarks as ``[x, y]``."""
        faces = [
            {
                "number": number,
                "box": [round(side, 2) for side in face.box],
                "score": round(face.score, 4),
                "landmarks": [[round(x, 2), round(y, 2)] for x, y in face.landmarks.tolist()],
            }
            for number, face in self.faces.items()
        ]
        return {"file": str(self.photo), "width": self.width, "height": self.height, "faces": faces}


def search(
    inputs: Sequence[str | Path],
    finder: Extractor,
    choice: FaceChoice = "all",
    out: str | Path | None = None,
    *,
    overwrite: bool = False,
    note: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Found]:
    """Find the faces of photos, one photo after the other; one that cannot be used costs none of the others.

    Args:
        inputs: Photos and folders. Of a folder all pictures below it are taken, and its structure is kept in ``out``.
        finder: An extractor of landmarks that can search whole photographs.
        out: Folder for ``NAME.png``, the photo with its landmarks drawn, and ``NAME.json``; None writes nothing.
        overwrite: Replace what is already in ``out``.
        note: Called with a sentence about anything worth knowing.
        progress: Called with the photos done and their number.

    Raises:
        UsageError: an input is missing, a result is already there, or the extractor reads crops of faces only.
    """
    # Without --out the results have no place: under the null device there is nothing that they could replace.
    jobs = plan_jobs([Path(path) for path in inputs], Path(os.devnull if out is None else out), overwrite=overwrite)
    for numbers in (job.result.with_suffix(".json") for job in jobs if not overwrite):
        if numbers.exists():
            raise UsageError(f"{numbers} is already there; choose another --out, or replace it with --overwrite.")
    for done, job in enumerate(jobs, start=1):
        try:
            array = read_image(job.picture)
            faces = find_faces(to_tensor(array), finder, choice, job.picture, note)
            found = Found(job.picture, array.shape[1], array.shape[0], faces)
            if out is not None:
                from i2i.toolkit.faces.landmarks import mark_faces

                save_image(job.result, mark_faces(array, list(faces.values())))
                write_json(job.result.with_suffix(".json"), {"landmarks": finder.name, **found.facts()})
                found = replace(found, drawn=job.result)
        except ImageError as error:
            found = Found(job.picture, fault=str(error))
        progress(done, len(jobs))
        yield found


def check(found: Sequence[Found]) -> None:
    """Tell of the photos that could not be used, once all others are done.

    Raises:
        I2IError: there are some.
    """
    report_faults([each.fault for each in found if each.fault], len(found), "photos")
