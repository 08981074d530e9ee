"""Trainers: training methods with their networks, losses and optimisation step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from .dataset import Direction
from .field import Field
from .options import Options

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from .device import Device

TrainerT = TypeVar("TrainerT", bound="Trainer")
Learning = Literal["pairs", "images", "unpaired", "fields", "seeds"]


@dataclass(frozen=True)
class DataInfo:
    """Facts about the data, passed to a trainer."""

    fields: tuple[Field, ...] = (Field("input"), Field("target"))
    """The entries of every batch, by key; of single images only ``target``, which is ``input`` as well."""
    classes: tuple[str, ...] = ()
    """Names of the classes of label fields, by number."""
    palette: tuple[tuple[int, int, int], ...] = ()
    """RGB colour of each class, 0 to 255."""
    direction: Direction = "AtoB"
    """Which side of the dataset is turned into which; of no meaning for trainers that want fields."""
    size: int = 256
    """Height and width of what is in a batch, in pixels."""

    @property
    def input_channels(self) -> int:
        """Channels of the first entry of a batch; of labels the number of their classes, of a mask 1."""
        return _channels(self.fields[0], self.classes)

    @property
    def target_channels(self) -> int:
        """Channels of the second entry of a batch, or of the only one."""
        return _channels(self.fields[min(1, len(self.fields) - 1)], self.classes)


def _channels(field: Field, classes: tuple[str, ...]) -> int:
    if field.kind == "labels":
        return field.classes or len(classes)
    return field.channels if field.kind == "image" else 1


@dataclass(frozen=True)
class TrainingProgress:
    """Where a training is."""

    step: int = 0
    """The step that is about to be taken, from 1; 0 before the first."""
    total: int = 0
    """The last step of the run."""
    epoch: float = 0.0
    """Passes over the dataset before this step."""


class Trainer(ABC):
    """A training method: networks, losses, and one optimisation step at a time.

    ``Trainer(options, device)`` builds the networks; ``self.data`` is there already. ``device`` is a string that torch
    takes wherever it takes a device (``module.to(device)``), with help for speed, precision and several processes: see
    ``i2i.Device``.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
    kinds: ClassVar[Mapping[str, Callable[[dict[str, Tensor]], nn.Module]]] = {}
    """External networks it can read, for ``i2i.load_network``: kind -> function from a state dict to a module."""

    wants: ClassVar[Literal["pairs", "images", "unpaired", "pictures", "seeds"] | tuple[Field, ...]] = "pairs"
    """What it learns from, and so what a batch is:

    - ``"pairs"``: ``{"input", "target"}``, the two sides of each pair by ``--direction``; label maps are painted in the
      colours of their classes.
    - ``"images"`` (or ``"pictures"``, its old name): the side that ``--direction`` makes the target, or any folder of
      images; ``"input"`` and ``"target"`` are the same tensor.
    - ``"unpaired"``: ``{"input", "target"}`` as of pairs, but sampled independently, each side in its own random order.
    - a tuple of fields: a tensor for each, by name. The dataset must declare them with the same kinds. ``i2i predict``
      reads the first from a file, and ``i2i evaluate`` compares the output with the second.
    - ``"seeds"``: no dataset; the trainer makes its samples itself, such as from a generator. A batch is ``{"seed"}``,
      int64 ``(N,)``: a number for each sample, and other numbers for validation than for training.

    One that wants images may define ``generator(self) -> Generator``: the trained generator, to sample from and to edit
    with. It is called on a trainer that holds averaged weights, and makes ``i2i sample --generator RUN`` work.
    """
    defaults: ClassVar[Mapping[str, Any]] = {}
    """Settings of the run (of ``i2i.training.settings.TrainOptions``) that suit it, used where the user gives none."""
    best_metric: ClassVar[str | None] = "l1"
    """The metric of ``validate`` by which the checkpoint ``best`` is chosen; None: there is no best checkpoint.

    ``validate`` must return a metric that a trainer declares here; the default is optional."""
    best_is: ClassVar[Literal["lower", "higher"]] = "lower"
    """Which values of ``best_metric`` are better."""

    next_command: ClassVar[str] = ""
    """The command that uses a trained run, printed at its end: ``{run}`` stands for its folder, and the names of the
    trainer's options in braces for their values. Empty: what the engine knows, such as ``i2i predict``."""

    data: DataInfo = DataInfo()
    """Its data: set before ``__init__`` is called."""
    progress: TrainingProgress = TrainingProgress()
    """Step, number of steps and epoch: set before each step."""

    networks: dict[str, nn.Module]
    """By name. The first makes the images of ``sample``; ``i2i export`` writes it, or another by its name."""
    averaged: tuple[str, ...] = ()
    """Names of the networks whose weights are averaged over time (``--ema``); by default the first."""
    multiple: int = 1
    """Height and width of an input must be multiples of this."""
    optimizers: dict[str, torch.optim.Optimizer]
    """By name. The training loop scales their learning rates over time; leave empty to keep them constant."""

    @abstractmethod
    def __init__(self, options: Any, device: Device) -> None:
        """Build ``networks`` and ``optimizers`` on ``device``."""

    @classmethod
    def create(cls: type[TrainerT], options: Any, device: Device, data: DataInfo = DataInfo()) -> TrainerT:
        """Build a trainer that knows its data: what the engine calls in place of the constructor."""
        trainer = cls.__new__(cls)
        trainer.data = data
        trainer.__init__(options, device)  # type: ignore[misc]
        return trainer

    @classmethod
    def learns_from(cls) -> Learning:
        """Return what ``wants`` means: ``fields`` for a tuple of fields, ``images`` for ``pictures``, else itself."""
        return learning_of(cls.wants)

    @abstractmethod
    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Take one optimisation step.

        Args:
            batch: What ``wants`` asks for, on the device: images float32 ``(N, C, H, W)`` in [-1, 1], labels int64
                ``(N, H, W)``, masks float32 ``(N, 1, H, W)`` of 0 and 1, values float32 ``(N, ...)``, seeds int64
                ``(N,)``.

        Returns:
            Losses by name, each a detached tensor of no dimension, unread: ``.item()`` would wait for the device.
        """

    @abstractmethod
    def sample(self, batch: dict[str, Tensor]) -> Tensor | Mapping[str, Tensor]:
        """Make images for a batch; must leave training as it was.

        Args:
            batch: ``{"input"}`` of pairs; of other data what ``step`` gets, without the target or second field in
                ``i2i evaluate``, and with the first entry alone in ``i2i predict``.

        Returns:
            Images ``(N, C, H, W)`` in [-1, 1], C being 1 or 3; or several by name, each a panel of the sample grids:
            images, or class numbers int64 ``(N, H, W)``. The first is the output. A trainer that wants images makes N
            of its own, from the same latents each time, so that sample grids compare.
        """

    def validate(self, batch: dict[str, Tensor]) -> Mapping[str, float]:
        """Measure the trainer on a batch of the split ``val``; must leave training as it was.

        It is called with averaged weights on one sample at a time, and the values are averaged over all of them.

        Args:
            batch: As for ``step``.

        Returns:
            Metrics by name. By default ``l1``, the mean absolute distance of output and target in [0, 1], for
            trainers that want pairs, and nothing for others, which are then not validated.
        """
        if self.learns_from() != "pairs":
            return {}
        output = first_panel(self.sample({"input": batch["input"]}))
        return {"l1": float((output.clamp(-1, 1) - batch["target"]).abs().mean() / 2)}

    def state_dict(self) -> dict[str, Any]:
        """Return what training needs besides the weights of the networks; by default the state of the optimisers.

        It may hold, nested to any depth: ``dict``, ``OrderedDict``, ``Counter``, ``list``, ``tuple``, ``set``, None,
        ``bool``, ``int``, ``float``, ``complex``, ``str``, ``bytes``, ``bytearray``, ``pathlib.Path``, tensors and
        parameters, ``torch.Size``, ``torch.dtype``, ``torch.device``, ``torch.layout``, NumPy arrays and NumPy scalars
        of any type but ``object``. Keys of dictionaries and elements of sets are str, int, float, bool, bytes, None or
        tuples of these. Subclasses (``defaultdict``, named tuples, enumerations) are refused, as are all other types.

        It is called before the first step, so that what cannot be saved is refused at once, and for each checkpoint.
        The first checkpoint is read back and compared before training continues.
        """
        return {name: optimizer.state_dict() for name, optimizer in getattr(self, "optimizers", {}).items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what ``state_dict`` returned: the same types, with all tensors on the CPU."""
        for name, optimizer in getattr(self, "optimizers", {}).items():
            optimizer.load_state_dict(state[name])


def learning_of(wants: Literal["pairs", "images", "unpaired", "pictures", "seeds"] | tuple[Field, ...]) -> Learning:
    """Return what a value of ``Trainer.wants`` means; see ``Trainer.learns_from``."""
    if isinstance(wants, tuple):
        return "fields"
    return "images" if wants == "pictures" else wants


def first_panel(made: Tensor | Mapping[str, Tensor]) -> Tensor:
    """Return the output among what ``Trainer.sample`` returned: the tensor itself, or the first panel."""
    return next(iter(made.values())) if isinstance(made, Mapping) else made
