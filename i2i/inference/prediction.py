"""Prediction: a trained run on image files of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from ..api.errors import I2IError, UsageError
from ..api.field import Field
from ..api.trainer import first_panel
from ..registry import Registry, load_registry
from ..toolkit.images import ImageError, resize, save_image
from ..toolkit.images.jobs import ImageJob, plan_jobs, report_faults

if TYPE_CHECKING:
    import numpy as np

    from ..api.device import Device
    from ..api.trainer import Trainer
    from ..training.checkpoints import Which
    from ..training.runs import Run

Side = Literal["A", "B"]


def predict(
    run: str | Path,
    inputs: Sequence[str | Path],
    out: str | Path,
    *,
    side: Side | None = None,
    overwrite: bool = False,
    device: str = "auto",
    checkpoint: Which = "last",
    registry: Registry | None = None,
    settings: Mapping[str, Any] = MappingProxyType({}),
    progress: Callable[[int, int], None] = lambda done, total: None,
    note: Callable[[str], None] | None = None,
) -> list[Path]:
    """Apply the trained network of a run to images, each at its own size; write PNG files to ``out``.

    Images are resized to fit the generator (see ``working_size``). Each result depends on its image only and is
    computed in float32 with the run's seed, so it is reproducible.

    Args:
        run: The run's folder.
        inputs: Images and folders. All images below a folder are read, and its structure is kept in ``out``.
        side: Take the left (``"A"``) or right (``"B"``) half of each image, for A|B pairs; None takes it whole.
        overwrite: Replace results that are already in ``out``; images given as inputs are never replaced.
        checkpoint: ``"last"``, ``"best"`` or a step.
        settings: The trainer's own options to change, such as ``{"test": "paper"}``.
        progress: Called with the images done and their number.
        note: Called with each note on an image, such as a colour profile that is ignored.

    Returns:
        The files written, in the order of the inputs.

    Raises:
        UsageError: an input is missing, a result is already there, or an option is wrong.
        I2IError: no run or checkpoint there; or some images could not be read, after all others were done.
    """
    jobs = plan_jobs([Path(path) for path in inputs], Path(out), overwrite=overwrite)
    translator = Translator(run, device=device, checkpoint=checkpoint, registry=registry, settings=settings)
    text = {"i2i": translator.description}

    def turn(job: ImageJob) -> None:
        save_image(job.result, translator.translate(job.picture, side, note), text)

    _do(jobs, turn, progress, out)
    return [job.result for job in jobs]


class Translator:
    """The trained network of a run, loaded once and applied to one image after another."""

    def __init__(
        self,
        run: str | Path,
        *,
        device: str = "auto",
        checkpoint: Which = "last",
        registry: Registry | None = None,
        settings: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Load the network; arguments as of ``predict``.

        Raises:
            UsageError: it is no run, its trainer turns no image into another, or an option is wrong.
            I2IError: there is no such checkpoint, or it cannot be read.
        """
        from ..runtime.device import choose_device
        from ..training.runs import open_run

        self.run = open_run(run)
        self.registry = self.run.restore(registry or load_registry())
        require_image_to_image(self.registry, self.run)
        self.device = choose_device(device, "fp32")
        self.trainer, self.step = self.run.load_trainer(
            self.registry, self.device, settings=settings, checkpoint=checkpoint
        )

    @property
    def description(self) -> str:
        """Which run made an image, for the metadata of its file."""
        return f"made by {self.run.options['trainer']} run {self.run.folder.name}, step {self.step}"

    def translate(self, path: Path, side: Side | None = None, note: Callable[[str], None] | None = None) -> np.ndarray:
        """Return the output for one image file: uint8 ``(H, W, 3)``, of the size of the input.

        Args:
            side: Take the left (``"A"``) or right (``"B"``) half of the image; None takes it whole.
            note: Called with each note on the image, such as a colour profile that is ignored.

        Raises:
            ImageError: the image cannot be read.
            I2IError: the network gives values that are not finite.
        """
        wanted = self.run.options["run"]
        self.device.seed(wanted["seed"])
        return _translate(self.trainer, path, side, wanted["size"], self.device, note)


def _do(
    jobs: Sequence[ImageJob], turn: Callable[[ImageJob], None], progress: Callable[[int, int], None], out: str | Path
) -> None:
    """Do every job, and only then report the unusable images: one in a thousand must not cost the rest."""
    faults = []
    for done, job in enumerate(jobs, start=1):
        try:
            turn(job)
        except ImageError as error:
            faults.append(str(error))
        progress(done, len(jobs))
    report_faults(faults, len(jobs), "images", f"the others are in {out}")


def working_size(height: int, width: int, size: int, multiple: int) -> tuple[int, int]:
    """Return the height and width to which an image is resized for a generator trained on ``size`` x ``size`` px.

    Its own, each side rounded to a multiple of ``multiple``, where both are within a factor 1.5 of ``size`` and
    rounding moves neither by more than an eighth. Any other image is resized to ``size`` x ``size``, as in training.
    """
    sides = [max(multiple, round(side / multiple) * multiple) for side in (height, width)]
    near = all(size / 1.5 <= side <= size * 1.5 for side in (height, width))
    kept = all(abs(new - side) <= side / 8 for new, side in zip(sides, (height, width), strict=True))
    return (sides[0], sides[1]) if near and kept else (size, size)


def _translate(
    trainer: Trainer, path: Path, side: Side | None, size: int, device: Device, note: Callable[[str], None] | None
) -> np.ndarray:
    """Make the output for one file: uint8 ``(H, W, 3)``, of the size of the input."""
    import numpy as np
    import torch

    from ..data.batches import place_field
    from ..data.pixels import panel_image
    from ..data.samples import resize_field

    field = trainer.data.fields[0]
    array = _read(path, field, trainer.data.palette, side, note)
    height, width = array.shape[:2]
    rows, columns = working_size(height, width, size, getattr(trainer, "multiple", 1))
    shown = np.ascontiguousarray(resize_field(array, field, columns, rows))
    with torch.no_grad():
        output = first_panel(trainer.sample({field.name: place_field(shown[None], field, device)}))
    if not torch.isfinite(output).all():
        raise I2IError("The generator gives values that are not finite; choose an earlier step with --checkpoint.")
    image = panel_image(output[0], trainer.data.palette)
    if not output.is_floating_point():  # a colour between those of two classes would be of neither
        return resize_field(image, Field("output", "labels"), width, height)
    return resize(image, width, height)


def _read(
    path: Path,
    field: Field,
    palette: Sequence[tuple[int, int, int]],
    side: Side | None,
    note: Callable[[str], None] | None,
) -> np.ndarray:
    """Read the file, or the half of it that is asked for, as a field."""
    from ..data.samples import read_field

    array = read_field(path, field, palette, note)
    half = array.shape[1] // 2
    if side is not None and half == 0:
        raise ImageError(path, "it is one pixel wide and has no sides; leave out --side.")
    return {None: array, "A": array[:, :half], "B": array[:, half:]}[side]


def require_image_to_image(registry: Registry, run: Run) -> None:
    """Accept only runs that turn an input into an image.

    Raises:
        UsageError: The run's trainer makes images or samples of its own; says what to type instead.
    """
    name = run.options["trainer"]
    learning = registry.get("trainer", name).learns_from()
    if learning == "seeds":
        raise UsageError(f"{run.folder} turns no image into another, for {name} makes its samples itself.")
    if learning == "images":
        raise UsageError(
            f"{run.folder} turns no image into another, for {name} makes images of its own: "
            f"type 'i2i sample --generator {run.folder}'."
        )
