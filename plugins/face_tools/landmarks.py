"""The landmarks of photos: found, drawn on a copy of the photo, and written to JSON."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2i import UsageError
from i2i.toolkit.faces.detection import FaceChoice, find_faces
from i2i.toolkit.faces.landmarks import mark_faces
from i2i.toolkit.files import write_json
from i2i.toolkit.images import ImageError, read_image, save_image, to_tensor
from i2i.toolkit.images.jobs import plan_jobs, report_faults

if TYPE_CHECKING:
    from i2i import Extractor, Face


@dataclass(frozen=True)
class PhotoLandmarks:
    """The faces of one photo."""

    photo: Path
    """The file."""
    width: int = 0
    """Width of the upright photo, pixels; 0 where it cannot be used."""
    height: int = 0
    """Height of the upright photo, pixels; 0 where it cannot be used."""
    faces: Mapping[int, Face] = field(default_factory=dict)
    """Faces by their number from the left, as for ``--face``."""
    marked: Path | None = None
    """The copy with the landmarks drawn; a JSON file beside it has the same name."""
    fault: str | None = None
    """Why the photo cannot be used, with the file name; None where it can."""

    def to_plain(self) -> dict[str, Any]:
        """Return plain values; points are ``[x, y]`` in pixels, (0, 0) the centre of the upper left one."""
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


def find_landmarks(
    inputs: Sequence[str | Path],
    finder: Extractor,
    choice: FaceChoice = "all",
    out: str | Path | None = None,
    *,
    overwrite: bool = False,
    note: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[PhotoLandmarks]:
    """Find the faces of photos one by one; photos that cannot be used are reported and skipped.

    Args:
        inputs: Photos and folders; folders are searched recursively, and their structure is kept in ``out``.
        finder: A landmark extractor that finds faces in whole photos (``i2i.FaceFinder``).
        out: Folder for ``NAME.png``, the photo with its landmarks drawn, and ``NAME.json``; None writes nothing.
        overwrite: Replace what is already in ``out``.
        note: Called with each note to the user.
        progress: Called with the number of photos done and their total.

    Raises:
        UsageError: an input is missing, a result is already there, or the extractor reads crops of faces only.
    """
    # Without --out nothing is written: below the null device there is nothing to replace.
    jobs = plan_jobs([Path(path) for path in inputs], Path(os.devnull if out is None else out), overwrite=overwrite)
    for path in (job.result.with_suffix(".json") for job in jobs if not overwrite):
        if path.exists():
            raise UsageError(f"{path} is already there; choose another --out, or replace it with --overwrite.")
    for done, job in enumerate(jobs, start=1):
        try:
            array = read_image(job.picture, note=note)
            faces = find_faces(to_tensor(array), finder, choice, job.picture, note)
            result = PhotoLandmarks(job.picture, array.shape[1], array.shape[0], faces)
            if out is not None:
                save_image(job.result, mark_faces(array, list(faces.values())))
                write_json(job.result.with_suffix(".json"), {"landmarks": finder.name, **result.to_plain()})
                result = replace(result, marked=job.result)
        except ImageError as error:
            result = PhotoLandmarks(job.picture, fault=str(error))
        progress(done, len(jobs))
        yield result


def check_faults(results: Sequence[PhotoLandmarks]) -> None:
    """Report the photos that could not be used.

    Raises:
        I2IError: there are such photos.
    """
    report_faults([each.fault for each in results if each.fault], len(results), "photos")
