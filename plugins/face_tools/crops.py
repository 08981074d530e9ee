"""The faces of photos, file by file: found, cut out as FFHQ's are, and written with their place in the photo."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from i2i import I2IError, Placement, UsageError
from i2i.toolkit.faces.alignment import extract_crop, ffhq_placement
from i2i.toolkit.faces.detection import FaceChoice, find_faces
from i2i.toolkit.files import hash_file, write_json
from i2i.toolkit.images import ImageError, read_image, save_image, to_tensor
from i2i.toolkit.images.jobs import ImageJob, plan_jobs, report_faults

if TYPE_CHECKING:
    import numpy as np

    from i2i import Extractor, Face

SIZE = 1024
"""Height and width of FFHQ's crops, pixels."""
LARGE = 1.5
"""How far a crop may enlarge what it shows before that is told."""


@dataclass(frozen=True)
class Crop:
    """A face that was cut out."""

    file: Path
    """The crop; its numbers lie beside it, in a JSON file of the same name."""
    number: int
    """Of the face, from the left; what ``--face`` takes."""
    face: Face
    placement: Placement
    size: int
    """Height and width of the crop, pixels."""

    def facts(self) -> dict[str, Any]:
        """As plain values; points are ``[x, y]`` in pixels, (0, 0) the centre of the upper left one."""
        points = self.face.landmarks.tolist()
        return {
            "crop": str(self.file),
            "size": self.size,
            "number": self.number,
            "box": [round(side, 2) for side in self.face.box],
            "score": round(self.face.score, 4),
            "placement": self.placement.to_plain(),
            "landmarks": _rounded(points),
            "landmarks_in_crop": _rounded(self.placement.to_crop(points, self.size).tolist()),
        }


@dataclass(frozen=True)
class Aligned:
    """What one photo gave."""

    photo: Path
    crops: Sequence[Crop] = ()
    about: dict[str, Any] | None = None
    """The photo's ``file``, ``sha256``, ``width`` and ``height``, turned upright; None where it could not be used."""
    fault: str | None = None
    """Why it could not be used, the file named."""

    def facts(self) -> dict[str, Any]:
        """As plain values."""
        return {**(self.about or {"file": str(self.photo)}), "faces": [crop.facts() for crop in self.crops]}


def align(
    inputs: Sequence[str | Path],
    finder: Extractor,
    out: str | Path,
    choice: FaceChoice = "largest",
    size: int = SIZE,
    *,
    overwrite: bool = False,
    note: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Aligned]:
    """Cut the faces out of photos, one photo after the other; one that cannot be used costs none of the others.

    Args:
        inputs: Photos and folders. Of a folder all pictures below it are taken, and its structure is kept in ``out``.
        finder: An extractor of landmarks that can search whole photographs.
        out: Folder for ``NAME.png`` and ``NAME.json``; with ``choice`` ``"all"`` the second face from the left gets the
            name ``NAME_2``, and so on.
        size: Height and width of the crops, pixels.
        overwrite: Replace what is already in ``out``; pictures given as inputs are never replaced.
        note: Called with a sentence about anything worth knowing.
        progress: Called with the photos done and their number.

    Raises:
        UsageError: an input is missing, a result is already there, or the extractor reads crops of faces only.
    """
    jobs = plan_jobs([Path(path) for path in inputs], Path(out), overwrite=overwrite)
    if not overwrite:
        _refuse_replacing(jobs, several=choice == "all")
    taken = {each.resolve() for job in jobs for each in (job.picture, job.result)}
    for done, job in enumerate(jobs, start=1):
        try:
            array = read_image(job.picture)
            faces = find_faces(to_tensor(array), finder, choice, job.picture, note)
            crops = [
                _crop(job, _name(job.result, number if choice == "all" else 1, taken), number, face, size)
                for number, face in faces.items()
            ]
            about = {"file": str(job.picture), "sha256": hash_file(job.picture)}
            aligned = Aligned(job.picture, crops, about | {"width": array.shape[1], "height": array.shape[0]})
            _write(aligned, array, finder.name, note)
        except ImageError as error:
            aligned = Aligned(job.picture, fault=str(error))
        progress(done, len(jobs))
        yield aligned


def check(aligned: Sequence[Aligned], out: str | Path) -> None:
    """Tell of the photos that could not be used, once all others are done.

    Raises:
        I2IError: there are some.
    """
    faults = [each.fault for each in aligned if each.fault]
    report_faults(faults, len(aligned), "photos", f"the crops of the others are in {out}")


def _refuse_replacing(jobs: Sequence[ImageJob], several: bool) -> None:
    """Refuse to replace numbers, or crops of further faces; ``plan_jobs`` has looked for those of the first ones."""
    for job in jobs:
        stem = job.result.stem
        there = [job.result.with_suffix(".json")]
        if several and job.result.parent.is_dir():
            own = {other.result.name for other in jobs}
            there += [
                path
                for path in sorted(job.result.parent.iterdir())
                if path.suffix in (".png", ".json")
                and path.stem.startswith(f"{stem}_")
                and path.stem.removeprefix(f"{stem}_").isdecimal()
                and path.name not in own
            ]
        for path in there:
            if path.exists():
                raise UsageError(f"{path} is already there; choose another --out, or replace it with --overwrite.")


def _name(result: Path, number: int, taken: set[Path]) -> Path:
    """``NAME.png`` for the first face, ``NAME_2.png`` for the second, unless another photo's crop has that name."""
    if number == 1:
        return result
    path, again = result.with_name(f"{result.stem}_{number}.png"), 1
    while path.resolve() in taken:
        again += 1
        path = result.with_name(f"{result.stem}_{number}-{again}.png")
    taken.add(path.resolve())
    return path


def _crop(job: ImageJob, file: Path, number: int, face: Face, size: int) -> Crop:
    try:
        return Crop(file, number, face, ffhq_placement(face.landmarks), size)
    except I2IError as error:
        raise ImageError(job.picture, str(error)) from None


def _write(aligned: Aligned, array: np.ndarray, finder: str, note: Callable[[str], None]) -> None:
    """Write the crops of one photo, each with its numbers."""
    for crop in aligned.crops:
        times = crop.size / crop.placement.side
        if times > LARGE:
            which = f"face {crop.number} from the left" if len(aligned.crops) > 1 else "the face"
            wide = round(crop.face.box[2] - crop.face.box[0])
            note(
                f"{aligned.photo}: {which} is {wide} px wide; a crop of {crop.size} px enlarges it {times:.1f} times, "
                f"and --size {max(16, round(crop.placement.side))} would not."
            )
        save_image(crop.file, extract_crop(array, crop.placement, crop.size))
        write_json(crop.file.with_suffix(".json"), {"photo": aligned.about, "finder": finder, **crop.facts()})


def _rounded(points: list[list[float]]) -> list[list[float]]:
    return [[round(x, 2), round(y, 2)] for x, y in points]
