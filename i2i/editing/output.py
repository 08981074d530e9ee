"""What an edit leaves in ``--out``."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..api.editor import Result
from ..api.errors import UsageError
from ..api.scene import Latent
from ..toolkit.faces.alignment import extract_crop
from ..toolkit.files import PART, hash_file, write_json
from ..toolkit.images import enlarge, read_image, resize, save_image, to_array
from ..toolkit.images.grids import draw_table, image_grid
from ..toolkit.images.pages import write_page
from ..toolkit.images.plots import draw_plot
from ..toolkit.images.videos import write_gif
from ..toolkit.latents.files import save_latent
from .images import EditImage
from .paste import Mode, paste
from .recipes import RECIPE, for_picture

if TYPE_CHECKING:
    from ..api.placement import Placement

PROOFS = "sha256"
"""Where in a recipe the sha256 of each file stands, by its name."""
USUAL = ("result.png", "before_after.png", "frames.gif", "latent.safetensors", "photo.png", "grid.png", "grid.html")
"""Files of an edit besides its recipe and its plots."""
_NUMBER = re.compile(r"_[0-9]+(?=\.)")
PREVIEW = 1024
"""Longest side of a picture in ``before_after.png`` and of a frame in ``frames.gif``, pixels; in the first, small
pictures are enlarged."""
FRAMES_PER_SECOND = 10
"""Of ``frames.gif``."""


@dataclass(frozen=True)
class PastedPhoto:
    """A whole photo with the edited crops pasted back."""

    name: str
    """Of its file: ``photo.png``, ``photo_2.png``, ..."""
    pixels: np.ndarray
    """uint8 ``(H, W, 3)``."""


def paste_crops(result: Result, images: Sequence[EditImage], blend: str) -> list[PastedPhoto]:
    """Paste the results back into the photos that their images were cropped from, all crops of a photo together.

    Args:
        images: Those that the results belong to, in the order of the results.
        blend: ``feather``, ``poisson`` or ``plain``, as ``--blend``.
    """
    parts: dict[Path, list[tuple[np.ndarray, Placement]]] = {}
    for each, image in zip((result, *result.others), images, strict=False):
        if image.source is not None and image.placement is not None:
            parts.setdefault(image.source, []).append((to_array(each.image), image.placement))
    photos = []
    for number, (source, edited) in enumerate(parts.items()):
        photo = read_image(source)
        crops = [(after, extract_crop(photo, placement, len(after)), placement) for after, placement in edited]
        mode: Mode = "poisson" if blend == "poisson" else "feather"
        name = "photo.png" if number == 0 else f"photo_{number + 1}.png"
        photos.append(PastedPhoto(name, paste(photo, crops, mode, colours=blend != "plain")))
    return photos


@dataclass(frozen=True)
class Writer:
    """Writes the files of one edit in the place of those of an earlier one."""

    out: Path
    recipe: dict[str, Any]
    note: Callable[[str], None]

    def write(self, result: Result, pictures: Sequence[EditImage], photos: Sequence[PastedPhoto] = ()) -> list[str]:
        """Leave everything in ``out``, or nothing; the recipe last, for what it names is there then.

        Args:
            pictures: Those that the results belong to, in the order of the results.
            photos: The whole photos with the edited crops.

        Returns:
            The names of the files, without the recipe.

        Raises:
            UsageError: since the edit began, somebody has put a file in the place of one of its own.
            OSError: the disk refused.
        """
        with placing(self.out) as beside:
            written = replace(self, out=beside)._draw(result, pictures, photos)
            others = of_others(self.out, [*written, RECIPE])
            refuse(self.out, [name for name in others if usual(name)])
            for name in others:
                self.note(f"{self.out / name} is no earlier edit's, so the curve of that name is left out.")
                (beside / name).unlink()
                written.remove(name)
            proofs = {name: hash_file(beside / name) for name in written}
            write_json(beside / RECIPE, {**self.recipe, "files": written, PROOFS: proofs})
        return written

    def _draw(self, result: Result, pictures: Sequence[EditImage], photos: Sequence[PastedPhoto]) -> list[str]:
        written: list[str] = []
        for number, each in enumerate((result, *result.others)):
            picture = pictures[number] if number < len(pictures) else None
            written += self._one(each, picture, "" if number == 0 else f"_{number + 1}")
        for photo in photos:
            save_image(self.out / photo.name, photo.pixels, self._text())
            written.append(photo.name)
        return written + self._table(result)

    def _one(self, result: Result, picture: EditImage | None, mark: str) -> list[str]:
        after, named = to_array(result.image), {name: name.replace(".", f"{mark}.", 1) for name in USUAL}
        written = [named["result.png"]]
        save_image(self.out / written[0], after, self._text())
        if picture is not None:
            both = [enlarge(preview(each)) for each in (picture.before, after)]
            pair = image_grid([both], columns=("before", "after"))
            save_image(self.out / named["before_after.png"], pair)
            written.append(named["before_after.png"])
        if result.frames:
            frames = [preview(to_array(frame)) for frame in result.frames]
            write_gif(self.out / named["frames.gif"], frames, FRAMES_PER_SECOND, side=PREVIEW)
            written.append(named["frames.gif"])
        if result.latent is not None:
            latent = result.latent if isinstance(result.latent, Latent) else Latent(result.latent)
            about = {"generator": self.recipe.get("generator"), **(picture.about() if picture else {})}
            save_latent(self.out / named["latent.safetensors"], latent, about)
            written.append(named["latent.safetensors"])
        for name, plot in result.plots.items():
            written.append(f"{name}{mark}.png")
            draw_plot(self.out / written[-1], plot, title=f"{self.recipe['plugin']}: {name}")
        return written

    def _table(self, result: Result) -> list[str]:
        if result.table is None:
            return []
        table = result.table
        cells = [[None if cell is None else to_array(cell) for cell in row] for row in table.cells]
        save_image(self.out / "grid.png", draw_table(cells, table.columns, table.labels), self._text())
        title = f"i2i edit --plugin {self.recipe['plugin']}"
        about = {name: str(value) for name, value in _facts(self.recipe).items()}
        write_page(self.out / "grid.html", cells, table.columns, table.labels, table.notes, title, about)
        return ["grid.png", "grid.html"]

    def _text(self) -> dict[str, str]:
        return {"Software": f"i2i {self.recipe['versions']['i2i']}", "i2i": for_picture(self.recipe)}


def _facts(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What a page tells of its edit."""
    generator = {"generator": recipe["generator"]["name"]} if recipe.get("generator") else {}
    return {**generator, **recipe["options"], "seed": recipe["seed"], "i2i": recipe["versions"]["i2i"]}


def preview(array: np.ndarray) -> np.ndarray:
    """A picture no larger than ``PREVIEW``."""
    height, width = array.shape[:2]
    scale = min(1.0, PREVIEW / max(height, width))
    return resize(array, max(1, round(width * scale)), max(1, round(height * scale)))


def usual(name: str) -> bool:
    """Whether any edit may write a file of this name, whatever its editor draws."""
    return name == RECIPE or _NUMBER.sub("", name) in USUAL


def own_files(out: Path) -> set[str]:
    """Names of the files that an earlier edit left in a folder and that are still as it left them."""
    try:
        recipe = json.loads((out / RECIPE).read_text(encoding="utf-8"))
        proofs = {str(name): str(proof) for name, proof in recipe[PROOFS].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
    return {RECIPE, *(name for name, proof in proofs.items() if Path(name).name == name and _is(out / name, proof))}


def _is(path: Path, proof: str) -> bool:
    return path.is_file() and not path.is_symlink() and hash_file(path) == proof


def of_others(out: Path, names: Iterable[str]) -> list[str]:
    """Of the names those that are taken in a folder by something that no edit left there as it is now."""
    taken = [name for name in names if os.path.lexists(out / name)]
    own = own_files(out) if taken else set()
    return sorted(name for name in taken if name not in own)


def check_place(out: Path, used: Sequence[Path]) -> None:
    """Refuse a folder before the work that could not be written there, or in which something would be lost.

    Args:
        used: Files that the edit works from.

    Raises:
        UsageError: one may not write there; or under a name that an edit writes lies a file that the edit works from,
            or one that no earlier edit left there.
    """
    above = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        reason = "one may not write there" if above.is_dir() else "that is a file"
        raise UsageError(f"--out {out} cannot be made in {above}: {reason}; name another folder.")
    own = own_files(out)
    for path in used:
        if path.resolve().parent == out.resolve() and (usual(path.name) or path.name in own):
            raise UsageError(f"--out {out} holds {path.name}, which the edit would replace; name another folder.")
    if out.is_dir():
        refuse(out, of_others(out, (path.name for path in out.iterdir() if usual(path.name))))


def refuse(out: Path, others: Sequence[str]) -> None:
    """Refuse to replace files that are not an earlier edit's.

    Raises:
        UsageError: there are some.
    """
    if others:
        raise UsageError(
            f"--out {out} holds {others[0]}, which the edit would replace and no earlier edit left there as it is: "
            "name another folder, or move that file away."
        )


@contextmanager
def placing(out: Path) -> Iterator[Path]:
    """Yield an empty folder within ``out``, whose files take their places in ``out`` at the end, the recipe last.

    What an earlier edit left there goes then, unless somebody has changed it since. On any failure ``out`` stays as it
    was.

    Raises:
        OSError: the disk refused; names the file's place in ``out``.
    """
    new = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".", suffix=PART, dir=out))
    try:
        yield beside
        names = sorted((path.name for path in beside.iterdir()), key=lambda name: (name == RECIPE, name))
        stale = own_files(out).difference(names)
        for name in names:
            (beside / name).replace(out / name)
        for name in stale:
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        if error.filename and Path(error.filename).parent == beside:
            error.filename = str(out / Path(error.filename).name)
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        if new:
            with suppress(OSError):  # it is in use
                out.rmdir()
