"""The options of the inverters and of the editor ``invert``, and the method that they make."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from pydantic import Field

import i2i

from .disturbing import DISTURBANCES, Change
from .methods import Method, Space, Start, Tuning

OWN = "the method's own unless given"


class EncoderOptions(i2i.Options):
    """The options of every inverter; None leaves a value to the method."""

    space: Space | None = Field(None, description=f"Where the latent is sought; {OWN}")
    label: int | None = Field(None, ge=0, description="Class of a generator that has them, counted from 0")
    batch: int | None = Field(
        None, ge=1, description="Photos at a time: what a card's memory allows, else one, unless given"
    )
    frames: int = Field(
        0,
        ge=0,
        description="Keep the picture of every so many steps for an animation, 0 for none",
        json_schema_extra={"unit": "steps"},
    )
    seed: int = Field(0, ge=0, description="Filled in from the edit")


class OptimizerOptions(EncoderOptions):
    """The options of inverters that optimise a latent."""

    start: Start | None = Field(None, description=f"Where the search begins; {OWN}")
    steps: int | None = Field(None, ge=1, le=100_000, description=f"Steps of optimisation; {OWN}")
    rate: float | None = Field(None, gt=0, le=1000, description=f"Learning rate, in the numbers of the latent; {OWN}")
    noise: bool | None = Field(None, description=f"Optimise the noise maps as well; {OWN}")
    rec_weight: float | None = Field(None, ge=0, description=f"Weight of the squared difference of pixels; {OWN}")
    lpips_weight: float | None = Field(None, ge=0, description=f"Weight of the distance by features; {OWN}")
    regularize_noise_weight: float | None = Field(
        None, ge=0, description=f"How much noise maps are held to be noise; {OWN}"
    )
    prior_weight: float | None = Field(
        None, ge=0, description=f"How much latents are held to the mean, which keeps them editable; {OWN}"
    )
    patience: int | None = Field(
        None, ge=0, description=f"Steps without gain after which a photo is done, 0 for never; {OWN}"
    )


class TuningOptions(OptimizerOptions):
    """The options of pivotal tuning."""

    tune_steps: int | None = Field(None, ge=1, le=100_000, description="pti: most steps of tuning, 350 unless given")
    tune_rate: float | None = Field(
        None, gt=0, le=1000, description="pti: learning rate of the weights, 0.0003 unless given"
    )
    until: float | None = Field(
        None, ge=0, description="pti: LPIPS at which tuning ends, a quarter of the latent's own unless given"
    )
    locality: float | None = Field(
        None, ge=0, description="pti: how much other latents keep their pictures (0.1 is usual), 0 unless given"
    )


class Options(TuningOptions):
    """The options of the editor: those of all inverters here, and its own."""

    method: str = Field("hybrid", description="The inverter, as NAME or NAME,KEY=VALUE (see 'i2i plugins list')")
    grid: bool = Field(False, description="Draw photos against methods, with their measures")
    methods: tuple[str, ...] = Field(("encoder", "hybrid", "pti"), description="The methods of --grid")
    study: bool = Field(
        False,
        description="Draw which changes of a photo spoil its reconstruction, in every space and from every start "
        "unless one is chosen; at most 40 steps each unless --steps is given",
    )
    changes: tuple[Change, ...] = Field(tuple(DISTURBANCES), min_length=1, description="The changes of --study")
    strengths: tuple[float, ...] = Field((), description="Strengths for --study with one of --changes, in its own unit")


_OF_METHOD = tuple(
    each.name
    for each in fields(Method)
    if each.name in OptimizerOptions.model_fields and each.name not in ("label", "seed")
)
_OF_TUNING = {"tune_steps": "steps", "tune_rate": "rate", "until": "until", "locality": "locality"}


def settle(options: EncoderOptions, method: Method) -> Method:
    """Return the method with the user's values in place of its own; options that it does not know are ignored."""
    given = _given(options, {name: name for name in _OF_METHOD})
    if not method.steps:
        given = {name: value for name, value in given.items() if name == "space"}
    if "rate" in given:
        given["relative"] = False
    if "steps" in given:
        given["steps_without"] = given["steps"]
    if "start" in given:
        given["insists"] = True
    tuning = replace(method.tuning, **_given(options, _OF_TUNING)) if isinstance(method.tuning, Tuning) else None
    return replace(method, **given, tuning=tuning, label=options.label, seed=options.seed)


def _given(options: i2i.Options, names: dict[str, str]) -> dict[str, Any]:
    """Return the options that have a value, under the names on the right."""
    values = {own: getattr(options, name, None) for name, own in names.items()}
    return {own: value for own, value in values.items() if value is not None}
