"""The training loop: steps, rates, losses, samples, validation and checkpoints; and every way in which it can end."""

from __future__ import annotations

import math
import time
from typing import Any

from torch import Tensor

from ..api.device import Device
from ..api.errors import I2IError, Interrupted
from ..api.trainer import Trainer
from ..data.batches import Batches, fixed_batches
from ..data.sources import Source
from ..runtime.cancellation import Cancellation
from ..runtime.distributed import require_agreement
from ..runtime.progress import note
from ..toolkit.files import write_json
from .checkpoints import AVERAGE, load_networks, network_tensors
from .ema import Average
from .logs import Log, NotFinite
from .runs import Run
from .samples import sheet_of_pairs, sheet_of_pictures
from .settings import TrainOptions

_STOPPING = "i2i: stopping after this step; press Ctrl-C again to stop at once"


class Loop:
    """One training run from its first or next step to its last."""

    def __init__(
        self,
        run: Run,
        settings: TrainOptions,
        trainer: Trainer,
        batches: Batches,
        validation: Source | None,
        device: Device,
        quiet: bool = False,
    ) -> None:
        self.run, self.settings, self.trainer, self.batches = run, settings, trainer, batches
        self.validation, self.device, self.quiet = validation, device, quiet
        self.total = settings.steps or 1
        self.average = Average(next(iter(trainer.networks.values())), settings.ema)
        self.step = 0
        self.best: tuple[float, int] | None = None
        self.measured: dict[str, float] = {}
        self._verified = False

    def run_to_end(self, resumed: bool) -> None:
        """Train until the last step, an interrupt or a failure; ``summary.json`` tells which.

        Raises:
            Interrupted: the user stopped it; everything is saved.
            I2IError: a loss is not finite, or the disk refused.
        """
        if resumed and self.restore() >= self.total:
            raise I2IError(f"{self.run.folder} has done {self.step} of {self.total} steps; give more with --steps N.")
        if self.device.first:
            self.run.begin()
        start, began = self.step, time.perf_counter()
        log = Log(self.run.folder, self.device, start, self.total, self.settings.batch, self.quiet)
        status, reason = "failed", ""
        try:
            self._train(log)
            status = "done"
        except Interrupted as error:
            status, reason = "interrupted", str(error)
            raise
        except KeyboardInterrupt:  # the second Ctrl-C
            status = "interrupted"
            reason = f"Stopped at once; go on from step {self.run.last_step() or 0} with: {self.run.resume()}"
            raise Interrupted(reason) from None
        except NotFinite as error:
            reason = f"{error}. {self._last_good()}"
            raise NotFinite(reason) from None
        except BaseException as error:
            reason = f"{type(error).__name__}: {error}"
            raise
        finally:
            self._end(log, status, reason, start, time.perf_counter() - began)
        self.device.wait()  # the others go on to read what the first has written

    def _train(self, log: Log) -> None:
        with Cancellation(_STOPPING) as cancellation:
            for batch in self.batches.stream(self.step, self.total):
                self.step += 1
                self.device.seed(self.settings.seed, self.step)
                self._set_rates()
                losses = self.trainer.step(batch)
                if self.step == log.start + 1:
                    require_agreement(self.average.network, self.trainer.name, self.device.world)
                self.average.update(self.step)
                log.losses(self.step, self.batches.epoch(self.step), losses)
                stopping = self.device.any(cancellation.requested)
                self._events(log, stopping)
                if stopping and self.step < self.total:
                    raise Interrupted(
                        f"Stopped after step {self.step} of {self.total}, and saved; go on with: {self.run.resume()}"
                    )

    def _events(self, log: Log, stopping: bool) -> None:
        """What is due after this step. Everything is due after the last one; an interrupt only saves."""
        last = self.step == self.total
        due = {kind: last or self._due(kind) for kind in ("sample", "validate", "checkpoint")}
        if not stopping and not any(due.values()):
            return
        log.flush()  # no checkpoint of weights whose losses nobody has looked at
        if self.device.first and not stopping:
            with self.average.applied():
                if due["sample"]:
                    self._draw_sheets(log)
                if due["validate"]:
                    self._validate(log)
        if due["checkpoint"] or stopping:
            self.save()
        self.device.wait()
        log.idle()

    def _due(self, kind: Any) -> bool:
        return self.step % self.settings.every(kind, self.total) == 0

    def _set_rates(self) -> None:
        """Constant, then falling in a line that ends just above zero, so that the last step still learns."""
        factor = rate_factor(self.step, self.total, self.settings.decay or 0.0)
        for optimizer in getattr(self.trainer, "optimizers", {}).values():
            for group in optimizer.param_groups:
                group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor

    # Samples and validation.

    def _draw_sheets(self, log: Log) -> None:
        known, size = self.batches.cache.source, self.settings.size
        if self.trainer.wants == "pictures":
            log.sheet(self.step, "train", sheet_of_pictures(self.trainer, known, self.batches.pairs, size, self.device))
            return
        for split, source in (("train", known), ("val", self.validation)):
            if source is not None and not (split == "val" and self.settings.overfit):
                direction = self.settings.direction or "AtoB"
                shown = min(self.batches.pairs, len(source))
                log.sheet(self.step, split, sheet_of_pairs(self.trainer, source, shown, size, direction, self.device))

    def _validate(self, log: Log) -> None:
        if self.validation is None:
            return
        few = range(min(len(self.validation), self.settings.overfit or 100))
        direction = self.settings.direction or "AtoB"
        total = 0.0
        for _, batch in fixed_batches(self.validation, self.settings.size, direction, 1, self.device, few):
            total += float(mean_distance(self.trainer.sample({"input": batch["input"]}), batch["target"]))
        self.measured = {"l1": total / len(few)}
        log.validation(self.step, self.batches.epoch(self.step), self.measured)
        if self.best is None or self.measured["l1"] < self.best[0]:
            self.best = (self.measured["l1"], self.step)
            if not self._due("checkpoint") and self.step != self.total:
                self.save()

    # Saving and going on.

    def save(self) -> None:
        """Write a checkpoint of this step; only the first process does. The first one is read back and compared."""
        if not self.device.first:
            return
        tensors = network_tensors(self.trainer)
        tensors |= {f"{AVERAGE}.{name}": tensor for name, tensor in self.average.tensors.items()}
        state = {
            "step": self.step,
            "trainer": self.trainer.state_dict(),
            "device": self.device.state_dict(),
            "best": list(self.best) if self.best else None,
        }
        best = self.best[1] if self.best else None
        verify, self._verified = not self._verified, True
        self.run.save(self.step, tensors, state, best, self.settings.keep, verify)

    def restore(self) -> int:
        """Go back to the last whole checkpoint, or to the start where there is none; returns its step."""
        last = self.run.last_step()
        if last is None:
            note(f"{self.run.folder} has no checkpoint yet, so it starts from the first step", self.device)
            return 0
        step, tensors, state = self._read_last(last)
        load_networks(self.trainer, tensors, self.run.checkpoint(step))
        self.average.load({key.removeprefix(f"{AVERAGE}."): value for key, value in tensors.items()})
        self.trainer.load_state_dict(state["trainer"])
        self.device.load_state_dict(state["device"])
        self.best = (state["best"][0], int(state["best"][1])) if state["best"] else None
        self.step = step
        return step

    def _read_last(self, last: int) -> tuple[int, dict[str, Tensor], dict[str, Any]]:
        """The newest checkpoint up to ``last`` that can be read: its step, tensors and state."""
        steps = [step for step in self.run.steps() if step <= last]
        while True:
            step = steps.pop()
            try:
                return step, self.run.read_tensors(step), self.run.read_state(step)
            except I2IError as error:
                if not steps:
                    raise
                reason = str(error).partition(";")[0]
                note(f"{reason}, so the run goes on from step {steps[-1]}", self.device)

    def _last_good(self) -> str:
        last = self.run.last_step()
        kept = f"the last good checkpoint is {self.run.checkpoint(last)}" if last else "there is no checkpoint yet"
        return f"Training stopped; {kept}. Try a lower --rate or --precision fp32."

    def _end(self, log: Log, status: str, reason: str, start: int, seconds: float) -> None:
        if not self.device.first:
            log.close()
            return
        done = self.step - start
        summary = {
            "status": status,
            "reason": reason,
            "steps": self.step,
            "of": self.total,
            "seconds": round(seconds, 2),
            "images_per_second": round(done * self.settings.batch / max(log.seconds, 1e-9), 3),
            "losses": {name: value if math.isfinite(value) else str(value) for name, value in log.last.items()},
            "validation": self.measured,
            "best": self.best[1] if self.best else None,
            "device": self.device.describe(),
            "peak_memory_mb": round(self.device.peak_memory() / 2**20),
        }
        try:
            write_json(self.run.folder / "summary.json", summary)
            log.close()
        except OSError:
            if status == "done":  # otherwise the first trouble is the one to tell
                raise


def rate_factor(step: int, total: int, decay: float) -> float:
    """The share of the initial rate at a step, counted from 1: one, then a line to just above zero at ``total``."""
    falling = round(total * decay)
    past = step - (total - falling)
    return 1.0 if past <= 0 else 1 - past / (falling + 1)


def mean_distance(output: Tensor, target: Tensor) -> Tensor:
    """L1 of pictures in [0, 1]."""
    return (output.clamp(-1, 1) - target).abs().mean() / 2
