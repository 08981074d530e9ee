"""The options of ``invert``, and the method that they make."""

from __future__ import annotations

from dataclasses import fields, replace

from pydantic import Field

import i2i
from i2i import option_flag

from .disturbing import DISTURBANCES, Change
from .methods import METHODS, Method, Name, Space, Start, Tuning

OWN = "the method's own unless given"


class Options(i2i.Options):
    """What the user may choose; None leaves it to the method."""

    method: Name = Field("hybrid", description="How a photo gets its latent")
    space: Space | None = Field(None, description=f"Where the latent is sought; {OWN}")
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
    grid: bool = Field(False, description="Draw photos against methods, with their measures")
    methods: tuple[Name, ...] = Field(("encoder", "hybrid", "pti"), description="The methods of --grid")
    study: bool = Field(
        False,
        description="Draw which changes of a photo spoil its reconstruction, in every space and from every start "
        "unless one is chosen; at most 40 steps each unless --steps is given",
    )
    changes: tuple[Change, ...] = Field(tuple(DISTURBANCES), min_length=1, description="The changes of --study")
    strengths: tuple[float, ...] = Field((), description="Strengths for --study with one of --changes, in its own unit")
    seed: int = Field(0, ge=0, description="Filled in from the edit")


_OF_DESCENT = tuple(
    each.name for each in fields(Method) if each.name in Options.model_fields and each.name not in ("label", "seed")
)
_OF_TUNING = {"tune_steps": "steps", "tune_rate": "rate", "until": "until", "locality": "locality"}


def settle(options: Options, method: str | None = None) -> Method:
    """The method with what the user has chosen instead of its own numbers.

    Args:
        method: Another than ``options.method``, one of several that share the options; what means nothing to it is
            left out then.

    Raises:
        UsageError: the options hold something that means nothing to their own method.
    """
    found = METHODS[method or options.method]
    given = {name: getattr(options, name) for name in _OF_DESCENT if getattr(options, name) is not None}
    tuned = {own: getattr(options, name) for name, own in _OF_TUNING.items() if getattr(options, name) is not None}
    if method is None:
        _check(options, found)
    if not found.steps:
        given = {name: value for name, value in given.items() if name == "space"}
    if "rate" in given:
        given["relative"] = False
    if "steps" in given:
        given["steps_without"] = given["steps"]
    if "start" in given:
        given["insists"] = True
    tuning = replace(found.tuning, **tuned) if isinstance(found.tuning, Tuning) else None
    return replace(found, **given, tuning=tuning, label=options.label, seed=options.seed)


def _check(options: Options, method: Method) -> None:
    """Nothing that is typed is passed over in silence."""
    if options.grid or options.study:
        return
    for name in (*_OF_DESCENT, *_OF_TUNING):
        if getattr(options, name) is None:
            continue
        if name in _OF_TUNING and method.tuning is None:
            raise i2i.UsageError(
                f"{option_flag(name)} is of --method pti and means nothing to --method {method.name}; leave it out."
            )
        if name in _OF_DESCENT and name != "space" and not method.steps:
            raise i2i.UsageError(
                f"{option_flag(name)} means nothing to --method {method.name}, which optimises nothing; "
                "leave it out, or choose --method hybrid."
            )
