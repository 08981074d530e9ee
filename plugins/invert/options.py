"""The options of the inverters and of the editor ``invert``, and the method that they configure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, get_args

from pydantic import Field

import i2i

from .methods import Initial, Method, Space

PerturbationName = Literal["shift", "rotation", "zoom", "blur", "noise", "occlusion", "jpeg"]
DEFAULT = "the method's own unless given"


class EncoderOptions(i2i.Options):
    """The options of every inverter; None means the setting of the method."""

    space: Space | None = Field(None, description=f"Latent space that is searched; {DEFAULT}")
    label: int | None = Field(None, ge=0, description="Class of a generator that has classes, counted from 0")
    batch: int | None = Field(
        None, ge=1, description="Photos in a batch; as many as a GPU's memory allows, or one on a CPU, unless given"
    )
    frames: int = Field(
        0,
        ge=0,
        description="Steps between the frames of an animation, 0 for none",
        json_schema_extra={"unit": "steps"},
    )
    seed: int = Field(0, ge=0, description="Seed of the random numbers; that of the edit")


class OptimizerOptions(EncoderOptions):
    """The options of inverters that optimise a latent."""

    start: Initial | None = Field(
        None, description=f"Initial latent; {DEFAULT}", json_schema_extra={"aliases": ["initial"]}
    )
    steps: int | None = Field(None, ge=1, le=100_000, description=f"Maximum number of optimisation steps; {DEFAULT}")
    rate: float | None = Field(
        None,
        gt=0,
        le=1000,
        description=f"Learning rate, in units of the latent's components; {DEFAULT}",
        json_schema_extra={"aliases": ["learning_rate"]},
    )
    noise: bool | None = Field(None, description=f"Optimise the noise maps as well; {DEFAULT}")
    rec_weight: float | None = Field(None, ge=0, description=f"Weight of the mean squared error of pixels; {DEFAULT}")
    lpips_weight: float | None = Field(None, ge=0, description=f"Weight of the perceptual loss; {DEFAULT}")
    regularize_noise_weight: float | None = Field(
        None, ge=0, description=f"Weight of the regularisation of noise maps; {DEFAULT}"
    )
    prior_weight: float | None = Field(
        None, ge=0, description=f"Weight of the distance from the mean latent, which keeps latents editable; {DEFAULT}"
    )
    layers_weight: float | None = Field(
        None, ge=0, description=f"Weight of the differences between layers, for the same purpose; {DEFAULT}"
    )
    landmark_weight: float | None = Field(
        None, ge=0, description=f"Weight of the distance of facial landmarks; {DEFAULT}"
    )
    identity_weight: float | None = Field(None, ge=0, description=f"Weight of the identity of faces; {DEFAULT}")
    background_weight: float | None = Field(
        None, ge=0, le=1, description=f"How much the surroundings of a face count beside it; {DEFAULT}"
    )
    patience: int | None = Field(
        None, ge=0, description=f"Early stopping: steps without improvement, 0 for never; {DEFAULT}"
    )


class LpipsOptions(OptimizerOptions):
    """The options of inverters whose loss has LPIPS."""

    vgg: bool | None = Field(
        None,
        description="Compute LPIPS with VGG16 in place of AlexNet; unless given, yes where VGG16 is downloaded ('i2i "
        "models fetch vgg16') and the method is projector or pti, or hybrid at 512 px or more",
    )


class TuningOptions(LpipsOptions):
    """The options of pivotal tuning."""

    tune_steps: int | None = Field(
        None, ge=1, le=100_000, description="Pivotal tuning: maximum number of steps, 350 unless given"
    )
    tune_rate: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="Pivotal tuning: learning rate of the weights, 0.0003 unless given",
        json_schema_extra={"aliases": ["tune_learning_rate"]},
    )
    until: float | None = Field(
        None,
        ge=0,
        description="Pivotal tuning: LPIPS at which it stops; 0.06 unless given, and for hybrid-pti a quarter of the "
        "latent's",
        json_schema_extra={"aliases": ["target_lpips"]},
    )
    locality: float | None = Field(
        None,
        ge=0,
        description="Pivotal tuning: weight that preserves the images of other latents (0.1 is usual), 0 unless given",
        json_schema_extra={"aliases": ["locality_weight"]},
    )


def is_vgg16_downloaded() -> bool:
    """Return whether the weights of VGG16 are here."""
    try:
        return i2i.model_path("vgg16").is_file()
    except i2i.I2IError:
        return False


class InvertOptions(TuningOptions):
    """The options of the editor: those of all inverters of this plugin, and its own."""

    method: str = Field("hybrid", description="Inverter, as NAME or NAME,KEY=VALUE (see 'i2i plugins list')")
    grid: bool = Field(False, description="Write an image grid that compares methods, with their metrics")
    methods: tuple[str, ...] = Field(("encoder", "hybrid", "hybrid-pti"), description="Methods of --grid")
    study: bool = Field(
        False,
        description="Plot LPIPS of reconstructions against perturbations of the photo, for every space and initial "
        "latent unless one is chosen; at most 40 steps each unless --steps is given",
    )
    changes: tuple[PerturbationName, ...] = Field(
        get_args(PerturbationName),
        min_length=1,
        description="Perturbations of --study",
        json_schema_extra={"aliases": ["perturbations"]},
    )
    strengths: tuple[float, ...] = Field((), description="Strengths for --study with one of --changes, in its own unit")


_METHOD_FIELDS = {
    "space": "space",
    "start": "initial",
    "steps": "steps",
    "rate": "learning_rate",
    "noise": "noise",
    "rec_weight": "rec_weight",
    "lpips_weight": "lpips_weight",
    "regularize_noise_weight": "regularize_noise_weight",
    "prior_weight": "prior_weight",
    "layers_weight": "layers_weight",
    "landmark_weight": "landmark_weight",
    "identity_weight": "identity_weight",
    "background_weight": "background_weight",
    "patience": "patience",
}
"""Fields of ``Method`` by option."""
_TUNING_FIELDS = {
    "tune_steps": "steps",
    "tune_rate": "learning_rate",
    "until": "target_lpips",
    "locality": "locality_weight",
}
"""Fields of ``Tuning`` by option."""


def resolve_method(options: EncoderOptions, method: Method) -> Method:
    """Return the method with the given options in place of its settings; options that it does not know are ignored."""
    settings = _given(options, _METHOD_FIELDS)
    if not method.steps:
        settings = {name: value for name, value in settings.items() if name == "space"}
    if "learning_rate" in settings:
        settings["relative_rate"] = False
    if (vgg := getattr(options, "vgg", None)) is not None:
        settings["features"] = "lpips-vgg" if vgg else "perceptual"
    if "steps" in settings:
        settings["steps_from_mean"] = settings["steps"]
    if "initial" in settings:
        settings["require_encoder"] = True
        settings["try_uniform"] = False
    tuning = replace(method.tuning, **_given(options, _TUNING_FIELDS)) if method.tuning is not None else None
    return replace(method, **settings, tuning=tuning, label=options.label, seed=options.seed)


def _given(options: i2i.Options, fields: dict[str, str]) -> dict[str, Any]:
    """Return the values of the options that were given, by field."""
    values = {field: getattr(options, name, None) for name, field in fields.items()}
    return {field: value for field, value in values.items() if value is not None}
