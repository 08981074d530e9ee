"""Weight files: reading them safely, whoever made them. Nothing that a user loads can run code."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import I2IError, UsageError, did_you_mean, disk_trouble
from .registry import Registry, load_registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn


def read_state(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a ``.safetensors`` file or of a state dict saved by torch, by name, on the CPU.

    Raises:
        I2IError: the file is missing, damaged, holds no state dict, or holds anything but plain tensors.
    """
    import torch
    from safetensors.torch import load_file

    path = Path(path)
    if not path.is_file():
        raise I2IError(f"{path} is not a file; check the path.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch remarks on what is an error of ours or none
            state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise disk_trouble(error, f"reading {path}") from None
    except pickle.UnpicklingError as error:
        raise I2IError(f"{path} holds more than tensors and was not opened ({_refused(error)}).") from None
    except Exception as error:  # a hostile file can make a reader raise anything
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise I2IError(f"{path} is damaged or no weight file ({reason}); get it again.") from None
    pairs = state.items() if isinstance(state, dict) else ()
    tensors = {key: value for key, value in pairs if isinstance(key, str) and isinstance(value, torch.Tensor)}
    if not tensors:
        raise I2IError(f"{path} holds no state dict (names with tensors); save the network's state_dict() instead.")
    return {key.removeprefix("module."): value for key, value in tensors.items()}


def _refused(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if "Unsupported" in line or "GLOBAL" in line]
    return lines[0][:160] if lines else "it asks for code to be run"


def load_network(path: str | Path, kind: str, *, registry: Registry | None = None) -> nn.Module:
    """A foreign network, read by its key names, in evaluation mode on the CPU.

    Args:
        kind: What the file holds: ``unet256``, ``patchgan``, ...; trainers name the kinds they read in ``kinds``.

    Raises:
        UsageError: no plugin reads the kind.
        I2IError: the file cannot be read safely, or does not fit the kind.
    """
    kinds: dict[str, Callable[[dict[str, Tensor]], nn.Module]] = {}
    for trainer in (registry or load_registry()).all("trainer").values():
        kinds.update(getattr(trainer, "kinds", {}))
    if kind not in kinds:
        raise UsageError(f"No plugin reads networks of the kind {kind!r}.{did_you_mean(kind, kinds)}")
    state = read_state(path)
    try:
        return kinds[kind](state)
    except I2IError as error:
        raise I2IError(f"{path}: {error}") from None
