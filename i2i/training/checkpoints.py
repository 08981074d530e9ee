"""Checkpoints, from which a run is resumed. Each is written atomically."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..api.errors import I2IError, UsageError
from ..toolkit.files import PART, atomic_write
from ..toolkit.weights.state_dicts import read_state_dict

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..api.trainer import Trainer

AVERAGE = "average"
"""Prefix of averaged tensors in a checkpoint."""
Which = Literal["last", "best"] | int


@dataclass
class Checkpoints:
    """The checkpoints in a run's folder, by step."""

    folder: Path
    options: dict[str, Any]
    """The content of ``options.json``."""
    owner: str = "trainer of this run"
    """What messages call the trainer: ``"trainer 'warm' of i2i-warm 0.1.0"``."""

    def resume(self) -> str:
        """Return the command that resumes the run."""
        return f"i2i train {self.options['trainer']} --resume {shlex.quote(str(self.folder))}"

    def checkpoint(self, step: int) -> Path:
        """Return the weight file of a step; the state lies beside it as ``.state``."""
        return self.folder / "checkpoints" / f"step_{step:06d}.safetensors"

    def steps(self) -> list[int]:
        """Return the steps that have a whole checkpoint, ascending."""
        found = (
            re.fullmatch(r"step_(\d+)\.safetensors", path.name) for path in self.checkpoint(0).parent.glob("step_*")
        )
        steps = sorted(int(match.group(1)) for match in found if match)
        return [step for step in steps if self.checkpoint(step).with_suffix(".state").is_file()]

    def pointer(self, which: Literal["last", "best"]) -> int | None:
        """Return the step that ``last`` or ``best`` names, if its checkpoint is there."""
        try:
            text = (self.folder / "checkpoints" / which).read_text(encoding="utf-8")
            step = int(text.strip().removeprefix("step_"))
        except (OSError, ValueError):
            return None
        return step if step in self.steps() else None

    def last_step(self) -> int | None:
        """Return the newest whole checkpoint."""
        return self.pointer("last") or max(self.steps(), default=None)

    def find(self, which: Which) -> int:
        """Return the step of a checkpoint.

        Raises:
            I2IError: there is none, or not this one; lists those there are.
        """
        step = (
            self.last_step()
            if which == "last"
            else self.pointer("best") or self.last_step()
            if which == "best"
            else which
        )
        if step is None:
            raise I2IError(f"{self.folder} holds no checkpoint yet; resume it with: {self.resume()}")
        if step not in self.steps():
            raise UsageError(
                f"{self.folder} has no checkpoint of step {step}; there are: {', '.join(map(str, self.steps()))}."
            )
        return step

    def save(
        self,
        step: int,
        tensors: dict[str, Tensor],
        state: dict[str, Any],
        best: int | None,
        keep: int,
        verify: bool,
    ) -> None:
        """Write a checkpoint beside and rename; then point ``last`` at it and let the oldest go.

        Args:
            step: Optimisation steps done.
            tensors: Those of the networks and of their average.
            state: What else training needs; ``state["trainer"]`` is what ``Trainer.state_dict`` returned.
            best: The step with the best validation so far.
            keep: How many checkpoints stay.
            verify: Read the state back and compare it before the checkpoint counts.

        Raises:
            I2IError: the trainer's state cannot be written so that it can be read back; nothing is written.
        """
        from safetensors.torch import save_file

        path = self.checkpoint(step)
        path.parent.mkdir(exist_ok=True)
        with atomic_write(path.with_suffix(".state")) as beside:
            _write_state(beside, state, self.owner, verify)
        with atomic_write(path) as beside:
            about = {"step": str(step), "trainer": self.options["trainer"], "format": "i2i"}
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, beside, metadata=about)
        self._point("last", step)
        if best is not None:
            self._point("best", best)
        for old in self.steps()[:-keep]:
            if old not in (best, step):
                self.checkpoint(old).unlink(missing_ok=True)
                self.checkpoint(old).with_suffix(".state").unlink(missing_ok=True)

    def _point(self, which: str, step: int) -> None:
        with atomic_write(self.folder / "checkpoints" / which) as beside:
            beside.write_text(f"step_{step:06d}\n", encoding="utf-8")

    def read_tensors(self, step: int) -> dict[str, Tensor]:
        """Return the networks' tensors in a checkpoint; ``load_networks`` and ``load_average`` take them.

        Raises:
            I2IError: the file is damaged.
        """
        try:
            return read_state_dict(self.checkpoint(step))
        except I2IError as error:
            others = [str(other) for other in self.steps() if other != step]
            way = f"use another with --checkpoint: {', '.join(others)}" if others else "train the run again"
            raise I2IError(f"{str(error).rpartition(';')[0]}; {way}.") from None

    def read_state(self, step: int) -> dict[str, Any]:
        """Return what else training needs to resume from a checkpoint.

        Raises:
            I2IError: the file is damaged.
        """
        path = self.checkpoint(step).with_suffix(".state")
        try:
            state = _load_state(path)
        except Exception as error:  # torch raises a dozen kinds for a damaged file
            reason = " ".join(str(error).split())[:120]
            raise I2IError(f"{path} is damaged ({reason}); train the run again.") from None
        if not isinstance(state, dict) or not {"trainer", "device", "best"} <= state.keys():
            raise I2IError(f"{path} is not the state of a training; train the run again.")
        return state

    def forget_parts(self) -> None:
        """Delete what a crash left of a checkpoint that it cut off: half a file, or a state without its weights."""
        folder = self.checkpoint(0).parent
        lonely = (path for path in folder.glob("step_*.state") if not path.with_suffix(".safetensors").is_file())
        for path in [*folder.glob(f".*{PART}"), *lonely]:
            path.unlink(missing_ok=True)


def _write_state(path: Path, state: dict[str, Any], owner: str, verify: bool) -> None:
    import torch

    from .states import encode_state, require_same, unreadable

    torch.save({**state, "trainer": encode_state(state["trainer"], owner)}, path)
    if verify:
        try:
            read = _load_state(path)
        except Exception as error:  # as in ``Checkpoints.read_state``
            raise unreadable(owner, error) from error
        require_same(state["trainer"], read["trainer"], owner)


def _load_state(path: Path) -> dict[str, Any]:
    """Read the file of a state, on the CPU, without running anything in it."""
    import torch

    from .states import decode_state

    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(state, dict) and "trainer" in state:
        state["trainer"] = decode_state(state["trainer"])
    return state


def network_tensors(trainer: Trainer) -> dict[str, Tensor]:
    """Return every network's tensors as ``generator.down.0.0.weight``."""
    return {f"{name}.{key}": value for name, net in trainer.networks.items() for key, value in net.state_dict().items()}


def load_networks(trainer: Trainer, tensors: dict[str, Tensor], path: Path) -> None:
    """Fill every network of a trainer from a checkpoint.

    Raises:
        I2IError: the checkpoint does not fit the networks, as when the plugin has changed since.
    """
    for name, network in trainer.networks.items():
        own = {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
        try:
            network.load_state_dict(own)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:160]
            raise I2IError(
                f"{path} does not fit the network {name!r} ({reason}); was it trained with another version?"
            ) from None


def averaged_networks(trainer: Trainer) -> dict[str, nn.Module]:
    """Return the networks of a trainer whose weights are averaged, by name: those it names, else the first."""
    names = trainer.averaged or tuple(trainer.networks)[:1]
    return {name: trainer.networks[name] for name in names}


def averaged_prefixes(names: Collection[str]) -> dict[str, str]:
    """Return the prefix of the averaged tensors of each network in a checkpoint: ``average.``, or ``average.NAME.``."""
    return {name: f"{AVERAGE}." if len(names) == 1 else f"{AVERAGE}.{name}." for name in names}


def averaged_tensors(tensors: Mapping[str, Tensor], names: Collection[str]) -> dict[str, dict[str, Tensor]]:
    """Return the averaged tensors of each network among those of a checkpoint."""
    return {
        name: {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        for name, prefix in averaged_prefixes(names).items()
    }


def load_averages(trainer: Trainer, tensors: Mapping[str, Tensor]) -> None:
    """Load the averaged weights of a checkpoint, if it has any, into the networks."""
    networks = averaged_networks(trainer)
    for name, averaged in averaged_tensors(tensors, networks).items():
        if averaged:
            networks[name].load_state_dict(averaged, strict=False)


def sole_network(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return the tensors of the one network among those of a checkpoint, averaged ones where there are some.

    Raises:
        I2IError: there are several networks.
    """
    names = sorted({key.partition(".")[0] for key in tensors} - {AVERAGE})
    if len(names) != 1:
        raise I2IError(f"{path} holds the networks {', '.join(names)}, and one of one network is needed here.")
    prefix = f"{names[0]}."
    own = {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}
    return own | averaged_tensors(tensors, names)[names[0]]
