"""The training loop: steps, learning rates, losses, samples, validation, checkpoints, and how it ends."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..api.device import Device
from ..api.errors import I2IError, Interrupted, PluginError
from ..api.trainer import Trainer, TrainingProgress
from ..callbacks import Callbacks
from ..data.batches import Batches, fixed_batches
from ..data.training_data import TrainingData
from ..runtime.cancellation import Cancellation
from ..runtime.distributed import require_agreement
from ..runtime.notes import note
from ..toolkit.files import write_json
from .checkpoints import averaged_networks, averaged_prefixes, averaged_tensors, load_networks, network_tensors
from .ema import WeightAverages
from .logs import Log, NotFinite
from .runs import Run
from .samples import sample_grid
from .settings import TrainOptions

_STOPPING = "i2i: stopping after this step; press Ctrl-C again to stop at once"


class Loop:
    """One training run from its first or next step to its last."""

    def __init__(
        self,
        run: Run,
        settings: TrainOptions,
        trainer: Trainer,
        data: TrainingData,
        validation: TrainingData | None,
        device: Device,
        quiet: bool = False,
        callbacks: Callbacks | None = None,
    ) -> None:
        """Prepare a run.

        Args:
            data: What the trainer learns from.
            validation: What it is validated on; None: it is not.
            callbacks: Called for each event, in the first process only; None: none.
        """
        self.run, self.settings, self.trainer, self.data = run, settings, trainer, data
        self.validation, self.device, self.quiet = validation, device, quiet
        self.callbacks = callbacks if callbacks is not None and device.first else Callbacks()
        self.batches = make_batches(data, settings, device)
        self.total = settings.steps or 1
        self.averages = WeightAverages(averaged_networks(trainer), settings.ema)
        self.step = 0
        self.best: tuple[float, int] | None = None
        self.measured: dict[str, float] = {}
        self._verified = False

    def run_to_end(self, resumed: bool) -> None:
        """Train until the last step, an interrupt or a failure; ``summary.json`` says which.

        Raises:
            Interrupted: the user stopped it; everything is saved.
            I2IError: a loss is not finite, or the disk refused.
        """
        if resumed and self.restore() >= self.total:
            raise I2IError(f"{self.run.folder} has done {self.step} steps; to continue, give more with --steps N.")
        if self.device.first:
            self.run.begin()
        start, began = self.step, time.perf_counter()
        log = Log(self.run.folder, self.device, start, self.total, self.settings.batch, self.quiet, self.callbacks)
        self.callbacks.call("run_begins", self.run.folder, self.run.options, start, self.total)
        status, reason = "failed", ""
        try:
            self._train(log)
            status = "done"
        except Interrupted as error:
            status, reason = "interrupted", str(error)
            raise
        except KeyboardInterrupt:  # the second Ctrl-C
            status = "interrupted"
            reason = f"Stopped at once; resume from step {self.run.last_step() or 0} with: {self.run.resume()}"
            raise Interrupted(reason) from None
        except NotFinite as error:
            reason = f"{error}, in {self.run.owner}. {self._last_good()}"
            raise NotFinite(reason) from None
        except BaseException as error:
            reason = f"{type(error).__name__}: {error}"
            raise
        finally:
            self._end(log, status, reason, start, time.perf_counter() - began)
        self.device.wait()  # the others continue with reading what the first has written

    def _train(self, log: Log) -> None:
        with Cancellation(_STOPPING) as cancellation:
            for batch in self.batches.stream(self.step, self.total):
                self.step += 1
                self.device.seed(self.settings.seed, self.step)
                self._set_rates()
                self.trainer.progress = TrainingProgress(self.step, self.total, self.batches.epoch(self.step - 1))
                losses = self.trainer.step(batch)
                if self.step == log.start + 1:
                    first = next(iter(self.trainer.networks.values()))
                    require_agreement(first, self.trainer.name, self.device.world)
                self.averages.update(self.step)
                log.losses(self.step, self.batches.epoch(self.step), losses)
                stopping = self.device.any(cancellation.requested)
                self._events(log, stopping)
                if stopping and self.step < self.total:
                    raise Interrupted(
                        f"Stopped after step {self.step} of {self.total}, and saved; resume with: {self.run.resume()}"
                    )

    def _events(self, log: Log, stopping: bool) -> None:
        """What is due after this step. Everything is due after the last one; an interrupt only saves."""
        last = self.step == self.total
        due = {kind: last or self._due(kind) for kind in ("sample", "validate", "checkpoint")}
        if not stopping and not any(due.values()):
            return
        log.flush()  # no checkpoint of weights whose losses nobody has looked at
        if self.device.first and not stopping:
            try:
                with self.averages.applied():
                    if due["sample"]:
                        self._make_samples(log)
                    if due["validate"]:
                        self._validate(log)
            except I2IError:  # the checkpoint is valid, and is kept if the trainer fails here
                if due["checkpoint"]:
                    self.save()
                raise
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

    def _make_samples(self, log: Log) -> None:
        size = self.settings.size
        log.samples(self.step, "train", sample_grid(self.trainer, self.data, self.batches.count, size, self.device))
        if self.validation is not None and not self.settings.overfit and self.trainer.learns_from() != "images":
            shown = min(self.batches.count, len(self.validation))
            log.samples(self.step, "val", sample_grid(self.trainer, self.validation, shown, size, self.device))

    def _validate(self, log: Log) -> None:
        if self.validation is None:
            return
        count = min(len(self.validation), self.settings.overfit or 100)
        totals: dict[str, float] = {}
        for batch in fixed_batches(self.validation.groups, self.settings.size, 1, self.device, count):
            for name, value in self.trainer.validate(batch).items():
                totals[name] = totals.get(name, 0.0) + float(value)
        self._check_best_metric(totals)
        if not totals:
            return
        self.measured = {name: total / count for name, total in totals.items()}
        log.validation(self.step, self.batches.epoch(self.step), self.measured)
        if self._is_best():
            self.best = (self.measured[self.trainer.best_metric or ""], self.step)
            if not self._due("checkpoint") and self.step != self.total:
                self.save()

    def _check_best_metric(self, measured: Mapping[str, float]) -> None:
        """Refuse a declared ``best_metric`` that ``validate`` does not return; the inherited one is optional.

        Raises:
            I2IError: it is missing; names the plugin and what was returned.
        """
        name = self.trainer.best_metric
        declared = any("best_metric" in vars(cls) for cls in type(self.trainer).__mro__ if cls is not Trainer)
        if declared and name is not None and name not in measured:
            raise PluginError(
                f"The {self.run.owner} returned {', '.join(map(repr, measured)) or 'no metrics'} from validate(); "
                f"expected its best_metric {name!r} among them; tell its author."
            )

    def _is_best(self) -> bool:
        """Return whether this validation is better than all before by the trainer's best metric."""
        name = self.trainer.best_metric
        if name is None or name not in self.measured:
            return False
        value = self.measured[name]
        if self.best is None:
            return not math.isnan(value)
        return value < self.best[0] if self.trainer.best_is == "lower" else value > self.best[0]

    # Checkpoints.

    def save(self) -> None:
        """Write a checkpoint of this step; only the first process does. The first one is read back and compared."""
        if not self.device.first:
            return
        tensors = network_tensors(self.trainer)
        prefixes = averaged_prefixes(self.averages.by_name)
        for name, average in self.averages.by_name.items():
            tensors |= {f"{prefixes[name]}{key}": tensor for key, tensor in average.tensors.items()}
        state = {
            "step": self.step,
            "trainer": self.trainer.state_dict(),
            "device": self.device.state_dict(),
            "best": list(self.best) if self.best else None,
        }
        best = self.best[1] if self.best else None
        verify, self._verified = not self._verified, True
        self.run.save(self.step, tensors, state, best, self.settings.keep, verify)
        self.callbacks.call("checkpoint", self.step, self.run.checkpoint(self.step), best == self.step)

    def restore(self) -> int:
        """Go back to the last whole checkpoint, or to the start where there is none; returns its step."""
        last = self.run.last_step()
        if last is None:
            note(f"{self.run.folder} has no checkpoint yet, so it starts from the first step", self.device)
            return 0
        step, tensors, state = self._read_last(last)
        load_networks(self.trainer, tensors, self.run.checkpoint(step))
        for name, averaged in averaged_tensors(tensors, self.averages.by_name).items():
            self.averages.by_name[name].load(averaged)
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
                note(f"{reason}, so the run resumes from step {steps[-1]}", self.device)

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
            self.callbacks.call("run_ends", summary)
        except OSError:
            if status == "done":  # otherwise the first trouble is the one to tell
                raise


def rate_factor(step: int, total: int, decay: float) -> float:
    """Return the learning rate of a step, counted from 1, relative to the initial one: constant, then linear decay."""
    falling = round(total * decay)
    past = step - (total - falling)
    return 1.0 if past <= 0 else 1 - past / (falling + 1)


def make_batches(data: TrainingData, settings: TrainOptions, device: Device) -> Batches:
    """Return the batches of a run."""
    load_size, flip = settings.jittered()
    return Batches(
        data.groups,
        batch=settings.batch,
        size=settings.size,
        load_size=load_size,
        flip=flip,
        seed=settings.seed,
        device=device,
        only=settings.overfit,
        cache_mb=settings.cache_mb,
        workers=settings.workers,
    )
