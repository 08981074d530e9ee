"""Settings of a run that are the same for every trainer."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, create_model, field_validator, model_validator

from ..api.options import Options
from ..api.trainer import Learning, learning_of
from ..guards import guarding, plugin_owner

if TYPE_CHECKING:
    from ..registry import Registry


class TrainOptions(Options):
    """What ``i2i train`` asks for besides the trainer's own options."""

    dataset: str | None = Field(
        ..., description="the dataset: see 'i2i datasets list'", json_schema_extra={"unit": "name"}
    )
    data_root: str | None = Field(
        None,
        description="the folder of datasets; for 'folder' the dataset itself",
        json_schema_extra={"unit": "dir"},
    )
    source: Literal["auto", "real", "synthetic", "drawn"] = Field(
        "auto", description="auto: the real samples, or if they are not downloaded synthetic ones (old name: drawn)"
    )
    direction: Literal["AtoB", "BtoA"] | None = Field(
        None, description="which side is turned into which  [default: the dataset's usual one]"
    )
    steps: int | None = Field(None, ge=1, description="optimisation steps")
    epochs: float | None = Field(None, gt=0, description="passes over the dataset, instead of --steps  [default: 200]")
    batch: int = Field(1, ge=1, description="samples in a step, over all processes")
    accumulate: int = Field(1, ge=1, description="gradient accumulation steps: parts of a batch, to save memory")
    size: int = Field(
        256, ge=16, le=4096, description="height and width of the images", json_schema_extra={"unit": "px"}
    )
    load_size: int | None = Field(
        None,
        ge=16,
        description="size before the random crop  [default: 286 for 256, and in proportion]",
        json_schema_extra={"unit": "px"},
    )
    flip: bool = Field(True, description="mirror half the samples")
    decay: float | None = Field(
        None,
        ge=0,
        le=1,
        description="last part of the training in which the learning rate falls linearly to zero  "
        "[default: 0.5 by epochs, 0 by --steps]",
    )
    ema: float = Field(
        0.995,
        ge=0,
        lt=1,
        description="decay of the averaged weights (EMA) with which images are made; 0: do not average",
    )
    overfit: int | None = Field(
        None,
        ge=1,
        description="train on the first N samples only, unaugmented: a quick test of a dataset and a trainer",
    )
    skip_bad: bool = Field(False, description="leave faulty files out instead of stopping before the first step")
    cache_mb: int = Field(2000, ge=0, description="memory for decoded images", json_schema_extra={"unit": "MB"})
    workers: int = Field(1, ge=0, le=64, description="threads that prepare batches ahead")
    checkpoint_every: int | None = Field(
        None, ge=1, description="steps between checkpoints  [default: a fifth of the run, at most 1000]"
    )
    sample_every: int | None = Field(None, ge=1, description="steps between sample grids  [default: the same]")
    validate_every: int | None = Field(None, ge=1, description="steps between validations  [default: the same]")
    keep: int = Field(3, ge=1, description="checkpoints to keep, besides the best")
    compile: bool = Field(False, description="compile the networks: slow to start, quicker on a GPU")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1 or mps", json_schema_extra={"unit": "name"})
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto", description="auto: the fastest of the device, found by timing"
    )
    seed: int = Field(0, ge=0, description="seed of every random number")
    callbacks: str | None = Field(
        None,
        description="callbacks to call, separated by commas, or none  [default: tensorboard and other defaults]",
        json_schema_extra={"unit": "name,..."},
    )

    @field_validator("source", mode="before")
    @classmethod
    def _recorded_name(cls, value: Any) -> Any:
        return "drawn" if value == "synthetic" else value  # existing runs have the old name

    @field_validator("data_root", mode="before")
    @classmethod
    def _plain_path(cls, value: Any) -> Any:
        return str(value) if isinstance(value, Path) else value  # as ``i2i.train`` may be given it

    @model_validator(mode="before")
    @classmethod
    def _check_length(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("steps") is not None and values.get("epochs") is not None:
            raise ValueError("give --steps or --epochs, not both")
        return values

    @model_validator(mode="after")
    def _fit_together(self) -> TrainOptions:
        if self.batch % self.accumulate:
            raise ValueError(f"--batch {self.batch} must be a multiple of --accumulate {self.accumulate}")
        if self.load_size is not None and self.load_size < self.size:
            raise ValueError(f"--load-size {self.load_size} must be at least --size {self.size}")
        return self

    @classmethod
    def suited(cls, defaults: Mapping[str, Any], learning: Learning) -> type[TrainOptions]:
        """Return these settings with a trainer's own defaults: what its help shows and a run of it starts from.

        Args:
            defaults: ``Trainer.defaults``.
            learning: What ``Trainer.learns_from`` returns.

        Raises:
            TypeError: a default is of no setting.
        """
        if unknown := defaults.keys() - cls.model_fields.keys():
            raise TypeError(f"it names no setting of a run: {', '.join(sorted(unknown))}")
        fields: dict[str, Any] = {}
        for name, field in cls.model_fields.items():
            own = copy(field)
            if name == "dataset" and learning == "seeds":
                own.default = None
            elif name == "dataset":
                own.annotation = str
            if name in defaults:
                own.default, own.validate_default = defaults[name], True
                own.description = (own.description or "").partition("  [default")[0]
            elif name == "load_size" and learning == "images":
                own.description = "size before the random crop  [default: --size, which crops nothing]"
            fields[name] = (own.annotation, own)
        return create_model(cls.__name__, __base__=cls, **fields)

    def jittered(self) -> tuple[int, bool]:
        """Return the size before the crop, and whether pairs are mirrored; neither when overfitting a few samples."""
        if self.overfit:
            return self.size, False
        return self.load_size or round(self.size * 286 / 256), self.flip

    def every(self, kind: Literal["checkpoint", "sample", "validate"], total: int) -> int:
        """Steps between two events of a kind."""
        asked: int | None = getattr(self, f"{kind}_every")
        return asked or min(1000, max(1, total // 5))


def suited_options(registry: Registry, trainer: str) -> type[TrainOptions]:
    """Return ``TrainOptions.suited`` for a trainer, which is imported only if it was registered without the attributes.

    Raises:
        I2IError: its defaults name no setting, or it cannot be imported; names the plugin.
    """
    entry = registry.entry("trainer", trainer)
    with guarding(plugin_owner(registry, "trainer", trainer), "defaults"):
        return TrainOptions.suited(entry.get("defaults"), learning_of(entry.get("wants")))
