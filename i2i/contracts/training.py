"""What a training method gives, and what a set of pictures gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..options import Options

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

    from ..data.pairs import Pair
    from ..devices import Device

Direction = Literal["AtoB", "BtoA"]
Split = Literal["train", "val", "test"]


class Trainer:
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

    def __init__(self, options: Any, device: Device) -> None:
        raise TypeError(f"{type(self).__name__} must define __init__(self, options, device)")

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """One optimisation step.

        Args:
            batch: ``{"input": (N, 3, H, W), "target": (N, 3, H, W)}``, float32 in [-1, 1], on the device; one and
                the same tensor for a trainer that wants pictures.

        Returns:
            Losses by name, each a detached tensor of no dimension, unread: ``.item()`` would wait for the device.
        """
        raise TypeError(f"{type(self).__name__} must define step(self, batch)")

    def sample(self, batch: dict[str, Tensor]) -> Tensor:
        """Pictures ``(N, 3, H, W)`` in [-1, 1] for ``batch["input"]``; must leave training as it was.

        A trainer that wants pictures makes N of its own instead, the same latents each time, so that sheets compare.
        """
        raise TypeError(f"{type(self).__name__} must define sample(self, batch)")

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


@dataclass(frozen=True)
class Archive:
    """Where a set is fetched from."""

    url: str
    bytes: int | None = None
    """About how many bytes; what is less than half or more than twice that is not taken for it."""
    pictures: int | None = None
    """Pairs in all splits together, where ``Dataset.counts`` does not tell them apart."""


class Dataset:
    """A set of picture pairs: where it comes from, how it is laid out, and a drawn sample of its own."""

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
    licence: ClassVar[str] = "unknown"
    homepage: ClassVar[str] = ""
    sides: ClassVar[tuple[str, str]] = ("A", "B")
    """What the left (A) and the right (B) picture of a pair show."""
    direction: ClassVar[Direction] = "AtoB"
    """The usual direction, the default of ``--direction``."""
    counts: ClassVar[Mapping[str, int]] = {}
    """Pairs in each split of the real set."""
    archive: ClassVar[Archive | None] = None
    """Where ``i2i datasets fetch`` gets it, or None where it cannot be downloaded by itself."""
    drawn: ClassVar[Mapping[str, int]] = {}
    """Pairs in each split of the drawn sample; empty where the set has none."""

    @classmethod
    def own(cls) -> bool:
        """True for a set of the user's own pictures: ``--data-root`` names the set itself, for there is no other."""
        return cls.archive is None and not cls.drawn

    def pairs(self, root: Path, split: str) -> list[Pair]:
        """The real pairs of a split under ``root``, in a fixed order, unread; empty where there are none.

        Raises:
            I2IError: the folder is there but its layout is not understood.
        """
        from ..data.pairs import find_pairs

        return find_pairs(root, split)

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """One drawn pair ``(A, B)``, each uint8 ``(size, size, 3)`` RGB, from ``rng`` alone."""
        raise TypeError(f"{type(self).__name__} must define draw(self, rng, size)")
