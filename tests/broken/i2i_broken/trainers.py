"""Trainers: one that misbehaves as it is told, and others that are wrong as they stand."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, field_validator
from torch import nn

import i2i

from .faults import Faulty, misbehave


class Broken(i2i.Trainer):
    """A 1 x 1 convolution."""

    name = "broken-trainer"
    summary = "Misbehaves as its options say."

    class Options(Faulty):
        when: int = Field(0, description="The step from which it misbehaves")

    def __init__(self, options: Any, device: i2i.Device) -> None:
        self.options = options
        self.net = nn.Conv2d(3, 3, 1).to(device)
        good = {"net": self.net}
        wrong = options.at == "networks"
        self.networks = misbehave(options, "networks", good) if wrong else good
        optimizers: dict[str, torch.optim.Optimizer] = {"net": torch.optim.SGD(self.net.parameters(), 0.1)}
        self.optimizers = misbehave(options, "optimizers", optimizers)
        self.averaged = misbehave(options, "averaged", ("net",))
        misbehave(options, "__init__", None)

    def _misbehave(self, method: str, good: Any) -> Any:
        return good if self.progress.step < self.options.when else misbehave(self.options, method, good)

    def step(self, batch: Any) -> Any:
        loss = (self.net(batch["input"]) - batch["target"]).abs().mean()
        self.net.zero_grad()
        loss.backward()
        if self.options.how == "grad" and self.options.at == "step":
            return {"loss": (self.net(batch["input"]) - batch["target"]).abs().mean()}
        if self.options.at == "step" and self.options.how in ("nan", "inf", "twice"):
            return {"loss": self._misbehave("step", loss.detach())}
        return self._misbehave("step", {"loss": loss.detach()})

    def sample(self, batch: Any) -> Any:
        if self.options.at == "sample" and self.options.how == "small":
            return self.net(batch["input"]).detach()[..., :8, :8]
        return self._misbehave("sample", self.net(batch["input"]).detach())

    def validate(self, batch: Any) -> Any:
        if self.options.at == "validate" and self.options.how == "nan":
            return {"l1": float("nan")}
        return self._misbehave("validate", {"l1": 0.5})

    def state_dict(self) -> Any:
        stored: dict[str, Any] = {
            "array": np.arange(3.0),
            "function": lambda: None,
            "open": self.options,
            "objects": np.array([object()]),
        }
        if self.options.at == "state_dict" and self.options.how in stored:
            return {"extra": stored[self.options.how]} if self.progress.step >= self.options.when else {}
        return self._misbehave("state_dict", {})

    def load_state_dict(self, state: Any) -> None:
        misbehave(self.options, "load_state_dict", None)


class Images(Broken):
    """A trainer that wants images."""

    name = "broken-images"
    wants = "images"

    def generator(self) -> Any:
        return misbehave(self.options, "generator", None)


class Unpaired(Broken):
    """A trainer that wants unpaired images."""

    name = "broken-unpaired"
    wants = "unpaired"


class Incomplete(i2i.Trainer):
    """Neither step nor sample."""

    name = "broken-incomplete"
    summary = "Lacks what is abstract."

    def __init__(self, options: Any, device: i2i.Device) -> None:
        self.networks = {"net": nn.Conv2d(3, 3, 1)}


class Signature(Broken):
    """Methods and a constructor that take too little."""

    name = "broken-signature"

    def step(self) -> Any:  # type: ignore[override]
        return {}


class Attributes(Broken):
    """Class attributes that no contract allows."""

    name = "broken-attributes"
    wants = "everything"  # type: ignore[assignment]
    best_is = "faster"  # type: ignore[assignment]


class Best(Broken):
    """A best metric that ``validate`` does not return."""

    name = "broken-best"
    best_metric = "psnr"


class Defaults(Broken):
    """Settings of the run that do not exist."""

    name = "broken-defaults"
    defaults = {"stepz": 3}


class Validator(Broken):
    """Options whose validator fails."""

    name = "broken-validator"

    class Options(i2i.Options):
        amount: float = Field(0.5, description="Refused by a bug")
        at: Literal[""] = Field("", description="None")

        @field_validator("amount")
        @classmethod
        def fail(cls, value: float) -> float:
            raise ZeroDivisionError("in a validator")


class Unwritable(Broken):
    """Options with a default that JSON does not know."""

    name = "broken-unwritable"

    class Options(i2i.Options):
        thing: Any = Field(default_factory=object, description="Not plain")
        at: Literal[""] = Field("", description="None")


class Factory(Broken):
    """Options whose default cannot be made."""

    name = "broken-factory"

    class Options(i2i.Options):
        amount: float = Field(default_factory=lambda: 1 / 0, description="No default")


@i2i.hookimpl
def register_trainers(register: i2i.Register) -> None:
    """Register the trainers."""
    for thing in (
        Broken,
        Images,
        Unpaired,
        Incomplete,
        Signature,
        Attributes,
        Best,
        Defaults,
        Validator,
        Unwritable,
        Factory,
    ):
        register(thing)
