"""FFHQ crops of the faces in photos, written with their placement in the photo."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2i import I2IError, Placement, UsageError
from i2i.toolkit.faces.alignment import extract_crop, ffhq_placement, points_placement
from i2i.toolkit.faces.detection import BY_HAND, FaceChoice, find_faces
from i2i.toolkit.faces.points import FacePoints, check_single_photo
from i2i.toolkit.files import hash_file, write_json
from i2i.toolkit.images import ImageError, read_image, save_image, to_tensor
from i2i.toolkit.images.jobs import ImageJob, plan_jobs, report_faults

if TYPE_CHECKING:
    import numpy as np

    from i2i import Extractor, Face

SIZE = 1024
"""Height and width of FFHQ's crops, pixels."""
MAX_ENLARGEMENT = 1.5
"""Factor by which a crop may enlarge a face without a note."""


@dataclass(frozen=True)
class Crop:
    """The crop of one face."""

    file: Path
    """The image file; a JSON file beside it has the same name."""
    number: int
    """Number of the face from the left, as for ``--face``; 1 for a face that is placed by hand."""
    face: Face | FacePoints
    """The face with its landmarks in the photo, or as it is placed by hand."""
    placement: Placement
    """Placement of the crop in the photo."""
    size: int
    """Height and width of the crop, pixels."""

    def to_plain(self) -> dict[str, Any]:
        """Return plain values; points are ``[x, y]`` in pixels, (0, 0) the centre of the upper left one."""
        about = {"crop": str(self.file), "size": self.size, "number": self.number}
        if isinstance(self.face, FacePoints):
            return about | {"placement": self.placement.to_plain()} | self.face.to_plain()
        points = self.face.landmarks.tolist()
        return about | {
            "box": [round(side, 2) for side in self.face.box],
            "score": round(self.face.score, 4),
            "placement": self.placement.to_plain(),
            "landmarks": _round_points(points),
            "landmarks_in_crop": _round_points(self.placement.to_crop(points, self.size).tolist()),
        }


@dataclass(frozen=True)
class AlignedPhoto:
    """The crops of one photo."""

    photo: Path
    """The file."""
    crops: Sequence[Crop] = ()
    """A crop for each chosen face."""
    about: dict[str, Any] | None = None
    """``file``, ``sha256``, ``width`` and ``height`` of the upright photo; None where it cannot be used."""
    fault: str | None = None
    """Why the photo cannot be used, with the file name; None where it can."""

    def to_plain(self) -> dict[str, Any]:
        """Return plain values."""
        return {**(self.about or {"file": str(self.photo)}), "faces": [crop.to_plain() for crop in self.crops]}


def align_photos(
    inputs: Sequence[str | Path],
    finder: Extractor | FacePoints,
    out: str | Path,
    choice: FaceChoice = "largest",
    size: int = SIZE,
    *,
    overwrite: bool = False,
    note: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[AlignedPhoto]:
    """Crop the faces of photos one by one; photos that cannot be used are reported and skipped.

    Args:
        inputs: Photos and folders; folders are searched recursively, and their structure is kept in ``out``.
        finder: A landmark extractor that finds faces in whole photos (``i2i.FaceFinder``), or the face of a single
            photo that is placed by hand.
        out: Folder for ``NAME.png`` and ``NAME.json``; with ``choice`` ``"all"`` the second face from the left gets the
            name ``NAME_2``, and so on.
        size: Height and width of the crops, pixels.
        overwrite: Replace files that are already in ``out``; input files are never replaced.
        note: Called with each note to the user.
        progress: Called with the number of photos done and their total.

    Raises:
        UsageError: an input is missing, a result is already there, or the extractor reads crops of faces only; or
            a face is placed by hand in several photos, or outside of the photo.
    """
    jobs = plan_jobs([Path(path) for path in inputs], Path(out), overwrite=overwrite)
    if isinstance(finder, FacePoints):
        check_single_photo(len(jobs))
    if not overwrite:
        _refuse_replacing(jobs, several=choice == "all")
    taken = {each.resolve() for job in jobs for each in (job.picture, job.result)}
    for done, job in enumerate(jobs, start=1):
        try:
            array = read_image(job.picture, note=note)
            faces = _faces(array, finder, choice, job.picture, note)
            crops = [
                _crop(job, _name(job.result, number if choice == "all" else 1, taken), number, face, size)
                for number, face in faces.items()
            ]
            about = {"file": str(job.picture), "sha256": hash_file(job.picture)}
            aligned = AlignedPhoto(job.picture, crops, about | {"width": array.shape[1], "height": array.shape[0]})
            _write(aligned, array, "" if isinstance(finder, FacePoints) else finder.name, note)
        except ImageError as error:
            aligned = AlignedPhoto(job.picture, fault=str(error))
        progress(done, len(jobs))
        yield aligned


def check_faults(aligned: Sequence[AlignedPhoto], out: str | Path) -> None:
    """Report the photos that could not be used.

    Raises:
        I2IError: there are such photos.
    """
    faults = [each.fault for each in aligned if each.fault]
    report_faults(faults, len(aligned), "photos", f"the crops of the others are in {out}")


def _refuse_replacing(jobs: Sequence[ImageJob], several: bool) -> None:
    """Refuse to replace JSON files and crops of further faces; ``plan_jobs`` checks the crops of first faces."""
    for job in jobs:
        stem = job.result.stem
        paths = [job.result.with_suffix(".json")]
        if several and job.result.parent.is_dir():
            own = {other.result.name for other in jobs}
            paths += [
                path
                for path in sorted(job.result.parent.iterdir())
                if path.suffix in (".png", ".json")
                and path.stem.startswith(f"{stem}_")
                and path.stem.removeprefix(f"{stem}_").isdecimal()
                and path.name not in own
            ]
        for path in paths:
            if path.exists():
                raise UsageError(f"{path} is already there; choose another --out, or replace it with --overwrite.")


def _name(result: Path, number: int, taken: set[Path]) -> Path:
    """Return ``NAME.png`` for the first face, ``NAME_2.png`` for the second, unless the name is taken."""
    if number == 1:
        return result
    path, suffix = result.with_name(f"{result.stem}_{number}.png"), 1
    while path.resolve() in taken:
        suffix += 1
        path = result.with_name(f"{result.stem}_{number}-{suffix}.png")
    taken.add(path.resolve())
    return path


def _faces(
    array: np.ndarray, finder: Extractor | FacePoints, choice: FaceChoice, photo: Path, note: Callable[[str], None]
) -> dict[int, Face | FacePoints]:
    """Return the faces of a photo by their number from the left: detected ones, or the one placed by hand."""
    if isinstance(finder, FacePoints):
        finder.check_inside(array.shape[0], array.shape[1], photo)
        return {1: finder}
    return dict(find_faces(to_tensor(array), finder, choice, photo, note, BY_HAND))


def _crop(job: ImageJob, file: Path, number: int, face: Face | FacePoints, size: int) -> Crop:
    try:
        if isinstance(face, FacePoints):
            return Crop(file, number, face, points_placement(face), size)
        return Crop(file, number, face, ffhq_placement(face.landmarks), size)
    except I2IError as error:
        raise ImageError(job.picture, str(error)) from None


def _write(aligned: AlignedPhoto, array: np.ndarray, finder: str, note: Callable[[str], None]) -> None:
    """Write the crops of one photo, each with its JSON file; ``finder`` is empty for a face that is placed by hand."""
    for crop in aligned.crops:
        factor = crop.size / crop.placement.side
        if factor > MAX_ENLARGEMENT:
            name = f"face {crop.number} from the left" if len(aligned.crops) > 1 else "the face"
            if isinstance(crop.face, FacePoints):
                name, width = "the square around the face", round(crop.placement.side)
            else:
                width = round(crop.face.box[2] - crop.face.box[0])
            note(
                f"{aligned.photo}: {name} is {width} px wide; a crop of {crop.size} px enlarges it {factor:.1f} times, "
                f"and --size {max(16, round(crop.placement.side))} would not."
            )
        save_image(crop.file, extract_crop(array, crop.placement, crop.size))
        found_by = {"finder": finder} if finder else {}
        write_json(crop.file.with_suffix(".json"), {"photo": aligned.about, **found_by, **crop.to_plain()})


def _round_points(points: list[list[float]]) -> list[list[float]]:
    return [[round(x, 2), round(y, 2)] for x, y in points]
