"""Devices: where networks compute, with precision, gradient accumulation and processes."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

    NetworkT = TypeVar("NetworkT", bound=nn.Module)

Precision = Literal["auto", "fp32", "bf16", "fp16"]


class Device(str, metaclass=ABCMeta):
    """The name of a device, which torch accepts wherever it takes a device, with help for training.

    It is a string (``"cpu"``, ``"cuda:1"``), so a plugin may write ``module.to(device)`` and know nothing else. A
    trainer that uses ``place``, ``adam``, ``parts``, ``autocast``, ``backward`` and ``update`` supports precision,
    memory layout, gradient accumulation, loss scaling and several processes without naming any of them.

    Plugins receive devices; ``i2i.choose_device`` makes one.
    """

    def __new__(cls, *arguments: Any, **options: Any) -> Device:
        """Refuse to make the abstract class itself: a string has no abstract methods to stop it."""
        if cls is Device:
            raise TypeError('i2i.Device is abstract; make a device with i2i.choose_device("cpu", precision="fp32")')
        return super().__new__(cls, *arguments)

    precision: str
    """``"fp32"``, ``"bf16"`` or ``"fp16"``."""
    rank: int
    """Number of this process, from 0."""
    world: int
    """Number of processes."""
    accumulate: int
    """Gradient accumulation steps."""
    compiled: bool
    """Whether ``place`` compiles networks."""

    @property
    @abstractmethod
    def type(self) -> str:
        """``"cpu"``, ``"cuda"`` or ``"mps"``."""

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype:
        """The floating-point type of the precision."""

    @property
    @abstractmethod
    def first(self) -> bool:
        """True in the one process that writes files."""

    @property
    @abstractmethod
    def patience(self) -> int:
        """Steps whose losses are read together: reading one synchronises a GPU, and is free on a CPU."""

    @abstractmethod
    def describe(self) -> str:
        """Describe the device, its precision and its processes in one line."""

    # For trainers.

    @abstractmethod
    def place(self, network: NetworkT) -> NetworkT:
        """Move a network to the device in its fastest memory layout, with the same weights in every process."""

    @abstractmethod
    def adam(self, parameters: Iterable[nn.Parameter], rate: float, betas: tuple[float, float]) -> torch.optim.Adam:
        """Create a fused Adam optimiser with learning rate ``rate``."""

    @abstractmethod
    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which forward passes run at the run's precision."""

    @abstractmethod
    def parts(self, batch: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        """Split a batch into ``accumulate`` parts, which pass through the networks one at a time."""

    @abstractmethod
    def backward(self, loss: Tensor, share: float = 1.0) -> None:
        """Add the gradient of ``share * loss``; each of K parts passes ``1 / K``."""

    @abstractmethod
    def update(self, optimizer: torch.optim.Optimizer) -> None:
        """Average the gradients over all processes, take the optimiser's step and clear them."""

    # For the engine.

    @abstractmethod
    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its mean over all processes, in place."""

    @abstractmethod
    def any(self, flag: bool) -> bool:
        """Return True in every process if ``flag`` is True in one, so that all stop at the same step."""

    @abstractmethod
    def share(self, value: str) -> str:
        """Return the first process's value in every process."""

    @abstractmethod
    def wait(self) -> None:
        """Wait until every process has reached this point."""

    @abstractmethod
    def put(self, array: np.ndarray) -> Tensor:
        """Move uint8 ``(N, H, W, C)`` to the device as float32 ``(N, C, H, W)`` in [-1, 1], channels last."""

    @abstractmethod
    def seed(self, *numbers: int) -> None:
        """Seed all random number generators from these numbers and the process's rank.

        Training reseeds from (seed, step) at each step, so the random numbers of a step depend on nothing before it: a
        resumed run continues exactly like one that was never stopped.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return the loss scale of fp16; empty otherwise."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what ``state_dict`` returned."""

    @abstractmethod
    def peak_memory(self) -> int:
        """Return the most memory used so far in bytes: of the GPU, or of this process where there is none."""
