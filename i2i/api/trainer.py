"""What a training method gives, and what a set of pictures gives it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .options import Options

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from ..api.device import Device


class Trainer(ABC):
    """A training method: networks, losses, and one optimisation step at a time.

    ``Trainer(options, device)`` builds the networks. ``device`` is a string that torch takes wherever it takes a
    device (``module.to(device)``), with help for speed, precision and several processes: see ``i2i.Device``.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
    kinds: ClassVar[Mapping[str, Callable[[dict[str, Tensor]], nn.Module]]] = {}
    """Foreign networks it can read, for ``i2i.load_network``: kind -> function from a state dict to a module."""

    wants: ClassVar[Literal["pairs", "pictures"]] = "pairs"
    """What it learns from; of pairs, one that wants pictures gets the side that ``--direction`` makes the target.

    One that wants pictures may define ``generator(self) -> Generator``: what it has learnt, to sample from and to edit
    with. It is called on a trainer that holds averaged weights, and makes ``i2i sample --generator RUN`` work.
    """
    defaults: ClassVar[Mapping[str, Any]] = {}
    """Settings of the run (of ``i2i.training.settings.TrainOptions``) that suit it, used where the user gives none."""

    networks: dict[str, nn.Module]
    """By name. The first makes the pictures: it is the one that is averaged (``--ema``) and exported."""
    multiple: int = 1
    """Height and width of an input must be multiples of this."""
    optimizers: dict[str, torch.optim.Optimizer]
    """By name. The training loop scales their rates over time; leave empty to keep the rates to yourself."""

    @abstractmethod
    def __init__(self, options: Any, device: Device) -> None:
        """Build ``networks`` and ``optimizers`` on ``device``."""

    @abstractmethod
    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """One optimisation step.

        Args:
            batch: ``{"input": (N, 3, H, W), "target": (N, 3, H, W)}``, float32 in [-1, 1], on the device; one and
                the same tensor for a trainer that wants pictures.

        Returns:
            Losses by name, each a detached tensor of no dimension, unread: ``.item()`` would wait for the device.
        """

    @abstractmethod
    def sample(self, batch: dict[str, Tensor]) -> Tensor:
        """Pictures ``(N, 3, H, W)`` in [-1, 1] for ``batch["input"]``; must leave training as it was.

        A trainer that wants pictures makes N of its own instead, the same latents each time, so that sheets compare.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return what training needs besides the weights of the networks; by default the state of the optimisers.

        It may hold, nested to any depth: ``dict``, ``OrderedDict``, ``Counter``, ``list``, ``tuple``, ``set``, None,
        ``bool``, ``int``, ``float``, ``complex``, ``str``, ``bytes``, ``bytearray``, ``pathlib.Path``, tensors and
        parameters, ``torch.Size``, ``torch.dtype``, ``torch.device``, ``torch.layout``, NumPy arrays and NumPy scalars
        of any type but ``object``. Keys of dictionaries and elements of sets are str, int, float, bool, bytes, None or
        tuples of these. Subclasses (``defaultdict``, named tuples, enumerations) are refused, as are all other types.

        It is called before the first step, so that what cannot be saved is refused at once, and for each checkpoint.
        The first checkpoint is read back and compared before training goes on.
        """
        return {name: optimizer.state_dict() for name, optimizer in getattr(self, "optimizers", {}).items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what ``state_dict`` returned: the same types, with all tensors on the CPU."""
        for name, optimizer in getattr(self, "optimizers", {}).items():
            optimizer.load_state_dict(state[name])
