"""What the tab "Translate" has to know of a run: how its input is drawn, and drawings as its network reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image

from ..api.errors import I2IError
from ..api.field import Field
from ..data.pixels import paint_labels, read_labels
from ..data.training_data import has_split, open_data
from ..toolkit.images import ImageError, ImageLimits, decode_image, read_image
from ..training.runs import open_dataset

if TYPE_CHECKING:
    from ..api.dataset import Dataset
    from ..registry import Registry
    from ..training.runs import Run

Colour = tuple[int, int, int]
InputKind = Literal["labels", "lines", "photo"]
"""Rectangles of classes, lines on paper of one colour, or anything else."""

MOST_COLOURS = 32
"""Colours up to which an image without a known palette counts as a label map."""
_NEAR = 24
"""Largest difference of a channel from a colour of a palette; JPEG files are not exact."""
LONGEST = 1024
"""Longest side of an image to draw on, pixels, unless the run has larger ones."""


@dataclass(frozen=True)
class InputStyle:
    """How the input of a run is drawn."""

    kind: InputKind
    palette: Mapping[str, Colour]
    """Of label maps: class -> colour, the most frequent one first. Of lines: ``ink`` and ``paper``."""
    blank: Colour
    """The colour of an empty drawing."""


@dataclass(frozen=True)
class OpenedRun:
    """A run that can translate images."""

    folder: str
    trainer: str
    dataset: str
    """Empty where the run records none."""
    step: int
    """Steps done by the checkpoint."""
    size: int
    """Height and width in training, pixels."""
    field: Field
    """How its network reads a file."""
    colours: Sequence[Colour]
    """Of label files: the colour of each class, by number; else empty."""
    style: InputStyle
    sides: tuple[str, str]
    """What inputs and outputs show, such as ``("labels", "photo")``."""
    examples: Sequence[bytes] = ()
    """Inputs of the dataset, PNG."""


@dataclass(frozen=True)
class TranslatedImage:
    """An image that a run made of another."""

    data: bytes
    """PNG."""
    width: int
    height: int
    seconds: float
    """Time that the network took, with reading the input."""


def detect_style(
    examples: Sequence[np.ndarray], classes: Sequence[str] = (), palette: Sequence[Colour] = (), *, labels: bool = False
) -> InputStyle:
    """Find out from example inputs how an input is drawn.

    Args:
        examples: uint8 ``(H, W, 3)``.
        classes: Names of the classes of the dataset, by number.
        palette: Their colours.
        labels: Whether the inputs are known to be label maps.
    """
    pixels = np.concatenate([each.reshape(-1, 3) for each in examples]) if examples else np.zeros((0, 3), np.uint8)
    names = list(classes) if len(classes) == len(palette) else [_css(colour) for colour in palette]
    if palette and (labels or _share_near(pixels, palette) > 0.9):
        counts = _nearest_counts(pixels, palette)
        order = sorted(range(len(palette)), key=lambda number: (-counts[number], number))
        found = {names[number]: palette[number] for number in order}
        return InputStyle("labels", found, next(iter(found.values())))
    if not len(pixels):
        return InputStyle("photo", {}, (255, 255, 255))
    if (paper := _paper(pixels)) is not None:
        ink = (0, 0, 0) if paper[0] else (255, 255, 255)
        return InputStyle("lines", {"ink": ink, "paper": paper}, paper)
    colours, sizes = np.unique(pixels, axis=0, return_counts=True)
    if len(colours) <= MOST_COLOURS:
        ordered = [_plain(colours[number]) for number in np.argsort(-sizes, kind="stable")]
        return InputStyle("labels", {_css(colour): colour for colour in ordered}, ordered[0])
    return InputStyle("photo", {}, (255, 255, 255))


def _paper(pixels: np.ndarray) -> Colour | None:
    """Return the colour of the paper of line drawings, white or black; None for other images."""
    values = pixels.astype(np.int16)
    grey = (values.max(1) - values.min(1) <= _NEAR).mean() > 0.97
    light, dark = (values.min(1) >= 230).mean(), (values.max(1) <= 25).mean()
    if not grey or max(light, dark) < 0.6 or len(np.unique(pixels)) < 2:
        return None
    return (255, 255, 255) if light >= dark else (0, 0, 0)


def _nearest(pixels: np.ndarray, palette: Sequence[Colour]) -> np.ndarray:
    """Return the number of the nearest colour of each pixel; pixels of one colour are looked up once."""
    flat = pixels.reshape(-1, 3)
    colours, where = np.unique(flat, axis=0, return_inverse=True)
    distances = ((colours[:, None].astype(np.int32) - np.array(palette, np.int32)) ** 2).sum(-1)
    numbers: np.ndarray = distances.argmin(1)[where.reshape(-1)].reshape(pixels.shape[:-1])
    return numbers


def _nearest_counts(pixels: np.ndarray, palette: Sequence[Colour]) -> list[int]:
    counts = np.bincount(_nearest(pixels, palette), minlength=len(palette)) if len(pixels) else [0] * len(palette)
    return [int(count) for count in counts]


def _share_near(pixels: np.ndarray, palette: Sequence[Colour]) -> float:
    if not len(pixels):
        return 0.0
    nearest = np.array(palette, np.int16)[_nearest(pixels, palette)]
    return float((np.abs(pixels.astype(np.int16) - nearest).max(1) <= _NEAR).mean())


def _plain(colour: np.ndarray) -> Colour:
    red, green, blue = (int(value) for value in colour)
    return red, green, blue


def _css(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def css_palette(style: InputStyle) -> dict[str, str]:
    """Return the palette in CSS colours."""
    return {name: _css(colour) for name, colour in style.palette.items()}


def describe_run(run: Run, registry: Registry, field: Field, step: int, count: int = 4) -> OpenedRun:
    """Describe a run whose network is open; one whose dataset is gone has no examples.

    Args:
        field: The field that its network reads.
        step: Steps done by the checkpoint.
        count: Number of examples.
    """
    wanted, info = run.options["run"], run.data_info()
    classes, palette, sides = info.classes, info.palette, ("input", "output")
    examples: list[np.ndarray] = []
    with suppress(I2IError, OSError):  # runs work without their dataset
        dataset = open_dataset(registry, run.options)
        classes, palette = classes or tuple(dataset.classes), palette or tuple(dataset.palette)
        direction = wanted["direction"] or dataset.direction
        sides = (dataset.sides[0], dataset.sides[1]) if direction == "AtoB" else (dataset.sides[1], dataset.sides[0])
        examples = _read_examples(run, registry, dataset, count)
    colours: Sequence[Colour] = ()
    if field.kind == "labels":
        number = field.classes or max(len(classes), len(palette), 2)
        colours = [_plain(colour) for colour in paint_labels(np.arange(number)[None], palette)[0]]
        classes = classes if len(classes) == number else tuple(f"class {each}" for each in range(number))
    style = detect_style(examples, classes, colours or palette, labels=field.kind == "labels")
    return OpenedRun(
        str(run.folder),
        run.options["trainer"],
        wanted.get("dataset") or "",
        step,
        wanted["size"],
        field,
        colours,
        style,
        sides,
        [encode_png(each) for each in examples],
    )


def _read_examples(run: Run, registry: Registry, dataset: Dataset, count: int) -> list[np.ndarray]:
    """Return the first inputs of the validation split, else of the training split; uint8 ``(H, W, 3)``.

    Raises:
        I2IError: the dataset is not where it was during the training.
    """
    wanted = run.options["run"]
    kind = registry.get("trainer", run.options["trainer"])
    root = Path(wanted["data_root"]) if wanted["data_root"] else None
    direction = wanted["direction"] or dataset.direction
    data = open_data(kind, dataset, root, "train", wanted["source"], wanted["seed"], direction)
    if has_split(kind, dataset, data, "val"):
        data = open_data(kind, dataset, root, "val", wanted["source"], wanted["seed"], direction)
    group = data.groups[0]
    column = group.columns[0]
    arrays = [group.read(index, wanted["size"])[column.key] for index in range(min(count, len(group.source)))]
    return [_as_rgb(array, column.shown, tuple(dataset.palette)) for array in arrays]


def _as_rgb(array: np.ndarray, field: Field, palette: Sequence[Colour]) -> np.ndarray:
    if field.kind == "labels":
        return paint_labels(array, palette)
    if field.kind == "mask":
        array = array[..., None] * np.uint8(255)
    elif field.bits == 16:
        array = (array >> 8).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)))


def blank_image(opened: OpenedRun) -> np.ndarray:
    """Return an empty drawing, uint8 ``(H, W, 3)``."""
    return np.full((opened.size, opened.size, 3), opened.style.blank, np.uint8)


def read_input(path: Path, opened: OpenedRun, limits: ImageLimits) -> np.ndarray:
    """Read an image to draw on: uint8 ``(H, W, 3)``, made smaller where it is much larger than the run's images.

    Raises:
        ImageError: it cannot be read, or a label map holds a class that the run does not know.
    """
    array = read_image(path, limits=limits)
    if opened.field.kind == "labels":
        array = paint_labels(read_labels(path, len(opened.colours), opened.colours), opened.colours)
    scale = max(LONGEST, opened.size) / max(array.shape[:2])
    if scale >= 1:
        return array
    width, height = (max(1, round(side * scale)) for side in array.shape[1::-1])
    # Colours between those of two classes would be of neither.
    resample = Image.Resampling.NEAREST if opened.style.kind == "labels" else Image.Resampling.LANCZOS
    return np.array(Image.fromarray(array).resize((width, height), resample))


def compose(base: np.ndarray, drawing: bytes) -> np.ndarray:
    """Put a drawing, PNG with opacity, over the image it was made on; both of one size.

    Raises:
        ImageError: the drawing is no image of this size.
    """
    if not drawing:
        return base
    decoded = decode_image(drawing, name="the drawing", colours="stored")
    if decoded.pixels.shape != base.shape:
        raise ImageError("the drawing", "it does not have the size of its image; clear it and draw again.")
    if decoded.alpha is None:
        return decoded.pixels
    clear = 1 - decoded.alpha[..., None].astype(np.float32) / 255
    return (decoded.pixels + clear * (base - 255.0)).round().clip(0, 255).astype(np.uint8)  # it was put on white


def encode_input(image: np.ndarray, opened: OpenedRun) -> bytes:
    """Return an image as a PNG file that the network reads: of label maps the numbers of the classes."""
    if opened.field.kind == "labels" and len(opened.colours) <= 256:
        return encode_png(_nearest(image, opened.colours).astype(np.uint8))
    return encode_png(image)


def encode_png(image: np.ndarray) -> bytes:
    """Return an image, uint8 ``(H, W, 3)`` or ``(H, W)``, as a PNG file."""
    stream = BytesIO()
    Image.fromarray(image).save(stream, "png")
    return stream.getvalue()
