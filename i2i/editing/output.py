"""The output directory of an edit: which files are written, and which files of the user are never replaced."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..api.editor import Plot, Result
from ..api.errors import UsageError
from ..api.generator import Generator, StyleGenerator
from ..api.placement import content_box
from ..api.scene import Latent
from ..toolkit.files import PART, hash_file, write_json
from ..toolkit.images import enlarge, read_image, resize, save_image, to_array
from ..toolkit.images.frames import LazyFrames
from ..toolkit.images.grids import draw_table, image_grid
from ..toolkit.images.pages import write_page
from ..toolkit.images.plots import draw_plot, write_csv
from ..toolkit.images.videos import map_in_order, write_gif, write_video
from ..toolkit.latents.files import save_latent
from .image_loader import EditImage
from .paste import PastedPhoto
from .recipes import RECIPE, recipe_text
from .settings import Animation

if TYPE_CHECKING:
    from torch import Tensor

CHECKSUMS = "sha256"
"""Key of the recipe with the SHA-256 of each file, by file name."""
STANDARD_FILES = (
    "result.png",
    "before_after.png",
    "frames.gif",
    "frames.mp4",
    "frames.png",
    "latent.safetensors",
    "photo.png",
    "grid.png",
    "grid.html",
)
"""Files of an edit besides its recipe and plots, without the numbers of results and frames."""
_NUMBERS = re.compile(r"(_[0-9]+)+(?=\.)")
PREVIEW = 1024
"""Longest side of an image in ``before_after.png`` and of a frame in ``frames.gif``, pixels; in the former, small
images are enlarged."""


@dataclass(frozen=True)
class Writer:
    """Write the files of one edit; files of an earlier edit are replaced."""

    out: Path
    recipe: dict[str, Any]
    note: Callable[[str], None]
    generator: Generator | None = None
    """The generator of the latents, if there is one."""
    animation: Animation = field(default_factory=Animation)
    """The files of the frames."""

    def write(self, result: Result, images: Sequence[EditImage], photos: Sequence[PastedPhoto] = ()) -> list[str]:
        """Write all files to ``out``, or none; the recipe last, so that it never names a missing file.

        Args:
            images: The images of the results, in the same order.
            photos: The whole photos with the edited crops pasted back.

        Returns:
            The file names, without the recipe.

        Raises:
            UsageError: a file of the same name appeared in ``out`` during the edit.
            OSError: a file cannot be written.
        """
        with replace_files(self.out) as temporary:
            written = replace(self, out=temporary)._write_all(result, images, photos)
            foreign = foreign_files(self.out, [*written, RECIPE])
            refuse_foreign_files(self.out, [name for name in foreign if is_standard_file(name)])
            for name in foreign:
                self.note(
                    f"{self.out / name} is not a file of an earlier edit, so the plot of that name is not written."
                )
                (temporary / name).unlink()
                written.remove(name)
            checksums = {name: hash_file(temporary / name) for name in written}
            write_json(temporary / RECIPE, {**self.recipe, "files": written, CHECKSUMS: checksums})
        return written

    def _write_all(self, result: Result, images: Sequence[EditImage], photos: Sequence[PastedPhoto]) -> list[str]:
        self._note_unused_animation(result)
        written: list[str] = []
        for number, each in enumerate((result, *result.others)):
            image = images[number] if number < len(images) else None
            written += self._write_result(each, image, "" if number == 0 else f"_{number + 1}")
        for photo in photos:
            save_image(self.out / photo.name, photo.pixels, self._metadata(), photo.icc_profile)
            written.append(photo.name)
        return written + self._write_plot_tables(result, images) + self._write_table(result, images)

    def _note_unused_animation(self, result: Result) -> None:
        """Tell once, for all results, which settings of the animation have no effect."""
        if not any(each.frames for each in (result, *result.others)):
            if self.animation != Animation():
                advice = "; --frames sets their number" if "frames" in self.recipe["options"] else ""
                self.note(f"--animation and --fps have no effect: the edit has no frames{advice}.")
        elif self.animation.files == ("png",) and self.animation.fps != Animation().fps:
            self.note("--fps has no effect on numbered images: add gif or mp4 to --animation.")

    def _write_plot_tables(self, result: Result, images: Sequence[EditImage]) -> list[str]:
        """Write the points of plots that ask for it, those of all results in one file."""
        tables: dict[str, dict[str, Plot]] = {}
        for number, each in enumerate((result, *result.others)):
            label = images[number].photo.name if number < len(images) else str(number + 1)
            for name, plot in each.plots.items():
                if plot.csv:
                    own = tables.setdefault(name, {})
                    own[f"{label} ({number + 1})" if label in own else label] = plot
        for name, plots in tables.items():
            write_csv(self.out / f"{name}.csv", plots)
        return [f"{name}.csv" for name in tables]

    def _write_result(self, result: Result, image: EditImage | None, mark: str) -> list[str]:
        ratio = (1, 1) if image is None else image.aspect_ratio
        after = without_bars(to_array(result.image), ratio)
        named = {name: name.replace(".", f"{mark}.", 1) for name in STANDARD_FILES}
        written = [named["result.png"]]
        save_image(self.out / written[0], after, self._metadata())
        if image is not None:
            both = [enlarge(preview(array)) for array in (without_bars(image.before, ratio), after)]
            pair = image_grid([both], columns=("before", "after"))
            save_image(self.out / named["before_after.png"], pair)
            written.append(named["before_after.png"])
        if result.frames:
            written += self._write_frames(result.frames, mark, ratio)
        if result.latent is not None:
            latent = result.latent if isinstance(result.latent, Latent) else Latent(result.latent)
            about = {"generator": self.recipe.get("generator"), **(image.metadata() if image else {})}
            save_latent(self.out / named["latent.safetensors"], latent, about, self._published(latent))
            written.append(named["latent.safetensors"])
        for name, plot in result.plots.items():
            written.append(f"{name}{mark}.png")
            draw_plot(self.out / written[-1], plot, title=f"{self.recipe['plugin']}: {name}")
        return written

    def _write_frames(self, frames: Sequence[Tensor], mark: str, ratio: tuple[int, int]) -> list[str]:
        """Write the files of the animation; each lazy frame is read once, as reading computes it."""
        files, numbered = self.animation.files, list[Path]()
        stored = isinstance(frames, LazyFrames) and len(files) > 1

        def rendered() -> Iterator[np.ndarray]:
            return (without_bars(to_array(frame), ratio) for frame in frames)

        def save(given: tuple[int, np.ndarray]) -> Path:
            number, array = given
            path = self.out / f"frames{mark}_{number:04}.png"
            save_image(path, array)
            return path

        def arrays() -> Iterator[np.ndarray]:
            return map_in_order(read_image, numbered) if stored else rendered()

        if stored or "png" in files:
            numbered = list(map_in_order(save, enumerate(rendered(), start=1)))
        written: list[str] = []
        if "gif" in files:
            written.append(f"frames{mark}.gif")
            write_gif(self.out / written[-1], arrays(), self.animation.fps, side=PREVIEW)
        if "mp4" in files:
            written.append(f"frames{mark}.mp4")
            write_video(self.out / written[-1], arrays(), self.animation.fps)
        if "png" in files:
            return written + [path.name for path in numbered]
        for path in numbered:
            path.unlink()
        return written

    def _published(self, latent: Latent) -> Tensor | None:
        """Return w in the published form of the generator's family; None where that is w itself."""
        if not isinstance(self.generator, StyleGenerator):
            return None
        published = self.generator.to_published_layers(latent.w)
        return published if published.shape != latent.w.shape else None

    def _write_table(self, result: Result, images: Sequence[EditImage]) -> list[str]:
        if result.table is None:
            return []
        table, ratio = result.table, images[0].aspect_ratio if images else (1, 1)
        cells = [[None if cell is None else without_bars(to_array(cell), ratio) for cell in row] for row in table.cells]
        save_image(
            self.out / "grid.png", draw_table(cells, table.columns, table.labels, table.caption), self._metadata()
        )
        title = f"i2i edit --plugin {self.recipe['plugin']}"
        about = {name: str(value) for name, value in _facts(self.recipe).items()}
        write_page(self.out / "grid.html", cells, table.columns, table.labels, table.notes, title, about, table.caption)
        return ["grid.png", "grid.html"]

    def _metadata(self) -> dict[str, str]:
        return {"Software": f"i2i {self.recipe['versions']['i2i']}", "i2i": recipe_text(self.recipe)}


def _facts(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that the HTML page lists."""
    generator = {"generator": recipe["generator"]["name"]} if recipe.get("generator") else {}
    return {**generator, **recipe["options"], "seed": recipe["seed"], "i2i": recipe["versions"]["i2i"]}


def without_bars(array: np.ndarray, aspect_ratio: tuple[int, int]) -> np.ndarray:
    """Return the content of a square image that has black bars; other images as they are."""
    height, width = array.shape[:2]
    if height != width:
        return array
    x0, y0, x1, y1 = content_box(aspect_ratio, width)
    return array[y0:y1, x0:x1]


def preview(array: np.ndarray) -> np.ndarray:
    """Downsample an image to at most ``PREVIEW`` pixels on its longest side."""
    height, width = array.shape[:2]
    scale = min(1.0, PREVIEW / max(height, width))
    return resize(array, max(1, round(width * scale)), max(1, round(height * scale)))


def is_standard_file(name: str) -> bool:
    """Return whether edits of any editor may write a file of this name."""
    return name == RECIPE or _NUMBERS.sub("", name) in STANDARD_FILES


def own_files(out: Path) -> set[str]:
    """Return the names of the files that an earlier edit wrote to a folder and that have not changed since."""
    try:
        recipe = json.loads((out / RECIPE).read_text(encoding="utf-8"))
        checksums = {str(name): str(sha256) for name, sha256 in recipe[CHECKSUMS].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
    return {
        RECIPE,
        *(name for name, sha256 in checksums.items() if Path(name).name == name and _is_unchanged(out / name, sha256)),
    }


def _is_unchanged(path: Path, sha256: str) -> bool:
    return path.is_file() and not path.is_symlink() and hash_file(path) == sha256


def foreign_files(out: Path, names: Iterable[str]) -> list[str]:
    """Return those of the names that exist in a folder and are not unchanged files of an earlier edit."""
    taken = [name for name in names if os.path.lexists(out / name)]
    own = own_files(out) if taken else set()
    return sorted(name for name in taken if name not in own)


def check_output_directory(out: Path, used: Sequence[Path]) -> None:
    """Check, before the edit, that the output directory is writable and that no file would be lost.

    Args:
        used: Input files of the edit.

    Raises:
        UsageError: the directory is not writable; or the edit would replace one of its input files, or a file that no
            earlier edit wrote.
    """
    above = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        reason = "the folder is not writable" if above.is_dir() else "it is a file"
        raise UsageError(f"--out {out} cannot be created in {above}: {reason}; name another folder.")
    own = own_files(out)
    for path in used:
        if path.resolve().parent == out.resolve() and (is_standard_file(path.name) or path.name in own):
            raise UsageError(f"--out {out} holds {path.name}, which the edit would replace; name another folder.")
    if out.is_dir():
        refuse_foreign_files(
            out, foreign_files(out, (path.name for path in out.iterdir() if is_standard_file(path.name)))
        )


def refuse_foreign_files(out: Path, names: Sequence[str]) -> None:
    """Refuse to replace files that are not unchanged files of an earlier edit.

    Raises:
        UsageError: ``names`` is not empty.
    """
    if names:
        raise UsageError(
            f"--out {out} holds {names[0]}, which the edit would replace and which is not an unchanged file of an "
            "earlier edit: name another folder, or move that file away."
        )


@contextmanager
def replace_files(out: Path) -> Iterator[Path]:
    """Yield an empty temporary folder in ``out``; its files are moved to ``out`` at the end, the recipe last.

    Unchanged files of an earlier edit are deleted then. If the block fails, ``out`` stays as it was.

    Raises:
        OSError: a file cannot be written; ``filename`` is its path in ``out``.
    """
    new = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".", suffix=PART, dir=out))
    try:
        yield temporary
        names = sorted((path.name for path in temporary.iterdir()), key=lambda name: (name == RECIPE, name))
        stale = own_files(out).difference(names)
        for name in names:
            (temporary / name).replace(out / name)
        for name in stale:
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        if error.filename and Path(error.filename).parent == temporary:
            error.filename = str(out / Path(error.filename).name)
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if new:
            with suppress(OSError):  # it is not empty
                out.rmdir()
