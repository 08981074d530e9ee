"""The editor: what it gives for each photo, its grid, its options, and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pydantic import Field

import i2i
from i2i.testing import registered_by
from i2i_plugins.e4e.extractor import E4E
from i2i_plugins.e4e.network import E4ENetwork
from i2i_plugins.invert.editor import Invert
from i2i_plugins.invert.evaluation import format_score
from i2i_plugins.invert.inverters import INVERTERS
from i2i_plugins.invert.judgement import judge
from i2i_plugins.invert.methods import METHODS
from i2i_plugins.invert.options import InvertOptions, resolve_method
from i2i_plugins.perceptual.lpips_extractor import LpipsVgg
from i2i_plugins.stylegan.generators import StyleGAN2
from i2i_plugins.stylegan.networks.stylegan2 import StyleGAN2Generator
from tests.helpers.vgg16_of_noise import write
from tests.plugins.invert.scenes import CPU, Near, drawn_faces, generator, lpips, samples, scene

pytestmark = pytest.mark.usefixtures("one_thread")


NAME = "synthesis.b4.const"
"""A weight of the generator."""


def edit(told: i2i.Scene, **given: Any) -> i2i.Result:
    return Invert().edit(told, i2i.build_options(InvertOptions, given, "the test"))


def test_edit_returns_one_result_per_photo() -> None:
    target = drawn_faces(2)
    result = edit(scene(target)[0], steps=3, frames=2)
    assert len(result.others) == 1
    assert result.others[0].others == ()
    for each, picture in zip((result, *result.others), target.split(1), strict=True):
        assert each.image.shape == (1, 3, 64, 64) and each.image.abs().max() <= 1
        assert isinstance(each.latent, i2i.Latent)
        assert {"psnr", "lpips", "seconds", "steps", "loss"} <= set(each.scalars) and each.scalars["steps"] == 3
        assert each.scalars["lpips"] == pytest.approx(lpips().distance(each.image, picture).item(), rel=1e-4)
        line = each.plots["loss"].lines["loss"]
        assert [x for x, _ in line] == [0, 1, 2, 3] and each.scalars["loss"] in [
            pytest.approx(y, rel=1e-4) for _, y in line
        ]
        assert [frame.shape for frame in each.frames] == [(1, 3, 64, 64)] * 2  # of the start, and of step 2


def test_edit_inverts_with_the_untuned_generator() -> None:
    """That of a picture that comes as a latent with changes: what is saved knows nothing of them."""
    target, made = drawn_faces(1), generator("demo")
    told = scene(target)[0]
    told.generator, told.untuned = made.tuned({NAME: torch.ones_like(made.weights()[NAME])}), made
    assert torch.equal(edit(told, method="encoder").image, edit(scene(target)[0], method="encoder").image)


def test_plot_continues_with_tuning() -> None:
    result = edit(scene(drawn_faces(1))[0], method="hybrid-pti", steps=2, tune_steps=3, until=0, frames=1)
    plot = result.plots["loss"]
    assert [x for x, _ in plot.lines["tuning loss"]] == [2, 3, 4, 5]
    assert list(plot.lines) == ["loss", "tuning loss", "mse", "lpips", "tuning mse", "tuning lpips"]
    steps = {"loss": [0, 1, 2], "mse": [0, 1, 2], "tuning mse": [3, 4, 5]}
    assert {name: [x for x, _ in plot.lines[name]] for name in steps} == steps
    assert [x for x, _ in plot.right_lines["psnr"]] == [0, 1, 2, 3, 4, 5] and plot.csv and plot.logarithmic
    for x in (3, 4, 5):
        total, *terms = (dict(plot.lines[name])[x] for name in ("tuning loss", "tuning mse", "tuning lpips"))
        assert sum(terms) == pytest.approx(total, rel=1e-5)
    assert plot.right_lines["psnr"][-1][1] == pytest.approx(result.scalars["psnr"], abs=0.1)
    assert result.scalars["steps"] == 5 and len(result.frames) == 3 + 3
    assert isinstance(result.latent, i2i.Latent) and result.latent.changes


def test_encoder_has_no_plot() -> None:
    target = drawn_faces(1)
    told = scene(target)[0]
    result = edit(told, method="encoder")
    assert result.plots == {} and isinstance(result.latent, i2i.Latent)
    assert torch.equal(result.latent.w, told.extractors["encoder"](target))


def test_grid_compares_methods() -> None:
    target = drawn_faces(2)
    told, notes, steps = scene(target)
    result = edit(told, grid=True, steps=3, tune_steps=2, until=0)
    table = result.table
    methods = ["encoder", "hybrid", "hybrid-pti"]
    assert table is not None and [text.split(":")[0] for text in table.columns] == ["original", *methods]
    for name, text in zip(methods[1:], table.columns[2:], strict=True):
        before, after = (result.scalars[f"{name}/score_{when}"] for when in ("before", "after"))
        assert text == f"{name}: {format_score(before, after)}" and before < after and text.endswith("better")
    first = [float(judge(image, target[:1])) for image in (table.cells[0][1], result.image)]
    assert table.notes[0][2].endswith(f"; {format_score(*first)}"), "hybrid starts from what the encoder gives"
    assert "SSIM" in table.caption and "no method's loss" in table.caption
    assert list(table.labels) == ["face 0", "face 1"]
    assert all(torch.equal(row[0], picture) for row, picture in zip(table.cells, target.split(1), strict=True))
    assert torch.equal(table.cells[0][2], result.image) and torch.equal(table.cells[1][2], result.others[0].image)
    assert "PSNR" in table.notes[0][1] and "LPIPS" in table.notes[1][3] and table.notes[0][0] == ""
    means = [result.scalars[f"{name}/lpips"] for name in methods]
    assert means[0] > means[1] > means[2]
    measured = [note for note in notes if "per photo" in note]
    assert [note.split(":")[0] for note in measured] == ["encoder", "hybrid", "hybrid-pti"]
    assert "mean of 2" in measured[1]
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)  # it only grows


def test_grid_result_is_that_of_method() -> None:
    result = edit(scene(drawn_faces(1))[0], grid=True, methods=("encoder",), method="lpips", steps=2)
    assert result.table is not None and [text.split(":")[0] for text in result.table.columns] == [
        "original",
        "encoder",
        "lpips",
    ]
    assert result.scalars["steps"] == 2 and result.scalars["lpips/lpips"] == result.scalars["lpips"]


@pytest.mark.parametrize("method", ["hybrid,", "hybrid, rec-weight=2", "method=hybrid"])
def test_grid_reads_methods_as_the_inversion_does(method: str) -> None:
    result = edit(scene(drawn_faces(1))[0], grid=True, methods=("encoder",), method=method, steps=1)
    assert result.table is not None and [text.split(":")[0] for text in result.table.columns[1:]] == ["encoder", method]
    assert f"{method}/score_before" in result.scalars


@pytest.mark.parametrize("given", [{}, {"grid": True}, {"study": True}])
def test_malformed_method_is_refused(given: dict[str, Any]) -> None:
    told = scene(drawn_faces(1))[0]
    with pytest.raises(i2i.UsageError, match=r"'hybrid,fast' names no inverter \('fast' is not KEY=VALUE\)"):
        edit(told, method="hybrid,fast", **given)
    with pytest.raises(i2i.UsageError, match="--method space=w: there is no inverter of this name"):
        edit(told, method="space=w", **given)


@pytest.mark.parametrize(
    ("scores", "text"),
    [
        ((0.5, 0.75), "SSIM 0.750 from 0.500, better"),
        ((0.75, 0.5), "SSIM 0.500 from 0.750, worse"),
        ((0.5, 0.5003), "SSIM 0.500 from 0.500, unchanged"),
    ],
)
def test_verdict_says_what_optimising_did(scores: tuple[float, float], text: str) -> None:
    assert format_score(*scores) == text


def test_grid_leaves_the_encoder_out_where_none_fits() -> None:
    told, notes, _ = scene(drawn_faces(1), extractors={"perceptual": lpips()})
    result = edit(told, grid=True, steps=1, tune_steps=1, until=0)
    assert result.table is not None
    assert [text.split(":")[0] for text in result.table.columns] == ["original", "hybrid", "hybrid-pti"]
    assert notes[0].startswith("The grid leaves the method encoder out: no encoder is installed")
    for given in ({"methods": ("encoder",)}, {"method": "encoder"}):
        with pytest.raises(i2i.I2IError, match="No encoder is installed"):
            edit(told, grid=True, steps=1, **given)


def test_edit_returns_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("i2i_plugins.invert.study")
    answer = i2i.Result(drawn_faces(1))
    module.evaluate_perturbations = lambda scene, options: answer if options.study else None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "i2i_plugins.invert.study", module)
    assert edit(scene(drawn_faces(1))[0], study=True) is answer


@pytest.mark.parametrize("downloaded", [False, True])
def test_projector_and_pti_use_vgg16_where_it_is_downloaded(
    downloaded: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pivot of pti is the latent of the projector in w, without its noise maps."""
    monkeypatch.setattr("i2i_plugins.invert.inverters.is_vgg16_downloaded", lambda: downloaded)
    vgg = LpipsVgg(CPU, write(tmp_path))
    told, notes, steps = scene(drawn_faces(1), extractors={"perceptual": lpips(), "lpips-vgg": vgg})
    result = edit(told, method="pti", steps=2, tune_steps=2, until=0)
    assert steps[-1] == (4, 4) and isinstance(result.latent, i2i.Latent)
    assert result.latent.changes and (result.latent.w == result.latent.w[:, :1]).all() and not result.latent.noise
    assert ["'i2i models fetch vgg16'" in note for note in notes] == ([] if downloaded else [True])


@pytest.mark.parametrize(
    ("name", "resolution", "given", "downloaded", "features", "facts"),
    [
        ("projector", 64, {}, True, "lpips-vgg", {"vgg16": True}),
        ("projector", 64, {}, False, "perceptual", {}),
        ("projector", 64, {"vgg": False}, True, "perceptual", {}),
        ("projector", 64, {"vgg": True}, False, "lpips-vgg", {}),
        ("pti", 64, {}, True, "lpips-vgg", {"vgg16": True}),
        ("hybrid", 64, {}, True, "perceptual", {}),
        ("hybrid", 64, {"vgg": True}, True, "lpips-vgg", {}),
        ("hybrid", 512, {}, True, "lpips-vgg", {"vgg16": True}),
        ("hybrid", 512, {}, False, "perceptual", {}),
        ("hybrid-pti", 1024, {}, True, "lpips-vgg", {"vgg16": True}),
        ("encoder", 1024, {}, True, "perceptual", {}),
        ("image2stylegan", 1024, {}, True, "vgg16", {}),
    ],
)
def test_network_of_lpips_is_part_of_the_cache_key(
    name: str,
    resolution: int,
    given: dict[str, Any],
    downloaded: bool,
    features: str,
    facts: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("i2i_plugins.invert.inverters.is_vgg16_downloaded", lambda: downloaded)
    made: Any = SimpleNamespace(resolution=resolution)
    inverter = next(each for each in INVERTERS if each.name == name)
    options = i2i.build_options(inverter.Options, given, "the test")
    method = inverter().method(made, options)
    assert method.features == features
    coarse = features == "lpips-vgg" and resolution >= 512
    assert bool(method.coarse) == coarse and bool(method.tuning and method.tuning.coarse) == (coarse and "pti" in name)
    assert inverter().cache_facts(made, options) == facts


def test_cancelled_edit_adds_a_note() -> None:
    told, notes, _ = scene(drawn_faces(1), stop=lambda: True)
    assert edit(told).scalars["steps"] == 0
    assert notes == ["Stopped before the end: these are the best latents found so far."]


def test_hybrid_without_fitting_encoder_starts_from_mean() -> None:
    target = samples("stylegan2", [2])
    wrong = Near(generator("demo"))
    told, notes, _ = scene(target, "stylegan2", {"perceptual": lpips(), "encoder": wrong})
    edit(told, steps=2)
    assert "starts from the mean" in notes[0] and "10 x 128 numbers, and this generator takes 8 x 5" in notes[0]
    edit(scene(target, "stylegan2", {"perceptual": lpips()})[0], steps=2)
    for given in ({"method": "encoder"}, {"start": "encoder"}):
        with pytest.raises(i2i.I2IError, match=r"'near' gives .*choose --method lpips, or --extractor encoder=NAME"):
            edit(told, **given)


def test_hybrid_ignores_encoder_worse_than_mean() -> None:
    """Its latents have the right shape, but the mean is nearer to the photo."""
    target = drawn_faces(1)
    far = Near(generator("demo"))
    far.w = far.w + 5
    told, notes, steps = scene(target, extractors={"perceptual": lpips(), "encoder": far})
    edit(told, patience=2, rate=1e-9)
    assert notes[0] == (
        "The optimisation of 1 of 1 photos starts from the mean latent, whose loss is lower than that of the encoder's "
        "latent."
    )
    assert steps[0][1] == METHODS["hybrid"].steps_from_mean


def test_encoder_method_uses_e4e(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(E4ENetwork(8, width=16).eval().state_dict(), tmp_path / "e4e.pt")
        network = StyleGAN2Generator.create(32, z_dim=8, w_dim=128, channel_base=256, mapping_layers=2)
    made = StyleGAN2(i2i.Weights("stylegan2", network.state_dict()), CPU)
    e4e = E4E(CPU, tmp_path / "e4e.pt")
    target = samples("stylegan2", [2])
    told = scene(target, extractors={"encoder": e4e, "perceptual": lpips()}, made=made)[0]
    result = edit(told, method="encoder")
    with torch.no_grad():
        codes = e4e(target)
        assert isinstance(result.latent, i2i.Latent) and torch.equal(result.latent.w, codes)
        assert torch.equal(result.image, made.render(codes).clamp(-1, 1))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"method": "encoder", "steps": 5}, "--steps has no effect with --method encoder"),
        (
            {"method": "hybrid", "until": 0.1},
            "--until has no effect with --method hybrid; .* that has it: hybrid-pti, pti",
        ),
        ({"method": "lpips", "tune_rate": 0.1}, "--tune-rate has no effect with --method lpips"),
        ({"method": "magic"}, "--method magic: there is no inverter of this name"),
        ({"method": "hybrid,stepps=3"}, "there is no option 'stepps'"),
        ({"rate": -1}, "--rate is -1"),
    ],
)
def test_options_without_effect_are_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(i2i.UsageError, match=told):
        edit(scene(drawn_faces(1))[0], **given)


@pytest.mark.parametrize("name", METHODS)
def test_resolve_method_without_options_is_as_published(name: str) -> None:
    assert resolve_method(i2i.build_options(InvertOptions, {}, "the test"), METHODS[name]) == METHODS[name]


def test_resolve_method_applies_options() -> None:
    given = {"steps": 7, "rate": 0.02, "space": "w", "start": "mean", "noise": True, "prior_weight": 0.1}
    settings = resolve_method(i2i.build_options(InvertOptions, given, "the test"), METHODS["hybrid"])
    fields = {"rate": "learning_rate", "start": "initial"}
    assert {key: getattr(settings, fields.get(key, key)) for key in given} == given
    assert (settings.steps_from_mean, settings.relative_rate, settings.require_encoder) == (7, False, True)
    pti = resolve_method(
        i2i.build_options(InvertOptions, {"tune_steps": 9, "locality": 0.1}, "the test"), METHODS["pti"]
    ).tuning
    assert pti is not None and (pti.steps, pti.learning_rate, pti.locality_weight) == (9, 3e-4, 0.1)


def test_methods_published_settings() -> None:
    found = {name: (each.space, each.steps, each.learning_rate) for name, each in METHODS.items()}
    assert found["image2stylegan"] == ("w+", 5000, 0.01) and found["projector"] == ("w", 1000, 0.1)
    assert found["lpips"] == ("w+", 100, 0.01)
    mixed = METHODS["lpips"]
    assert (mixed.rec_weight, mixed.lpips_weight, mixed.regularize_noise_weight) == (0.75, 0.5, 5e2)
    assert found["pti"] == ("w", 450, 0.01) and METHODS["projector"].features == METHODS["pti"].features == "lpips-vgg"
    assert METHODS["projector"].regularize_noise_weight == 1e5 and METHODS["projector"].jitter == 0.05


class Constant(i2i.Inverter):
    """An inverter of another plugin: the mean of all w, moved by an option of its own."""

    name = "constant"
    summary = "The mean of all w."

    class Options(i2i.Options):
        steps: int = Field(1, description="Not used")
        shift: float = Field(0.0, description="Added to w")

    def invert(self, scene: i2i.Scene, images: torch.Tensor, options: Any) -> list[i2i.Inversion]:
        w = scene.generator.w_mean.expand(1, scene.generator.num_ws, -1) + options.shift
        image = scene.generator.render(w).clamp(-1, 1)
        return [i2i.Inversion(i2i.Latent(w), {"steps": float(options.steps)}, image=image) for _ in images]


def test_inverter_of_other_plugin_works_everywhere() -> None:
    told = scene(drawn_faces(1))[0]
    told.inverters = {**told.inverters, "constant": Constant}
    result = edit(told, method="constant,shift=0.5", steps=3)
    assert isinstance(result.latent, i2i.Latent) and result.scalars["steps"] == 3
    assert torch.allclose(result.latent.w, generator("demo").w_mean.expand(1, 10, -1) + 0.5)
    with pytest.raises(i2i.UsageError, match="--rate has no effect with --method constant"):
        edit(told, method="constant", rate=0.1)
    table = edit(told, grid=True, methods=("encoder", "constant"), method="constant").table
    assert table is not None and list(table.columns) == ["original", "encoder", "constant"]
    studied = edit(told, study=True, method="constant", changes=("shift",), strengths=(20.0,))
    assert list(studied.plots["study_shift"].lines) == ["constant"]


def test_space_z_with_classes_needs_a_label() -> None:
    class Classes:
        c_dim = 3

        def __getattr__(self, name: str) -> object:
            return getattr(generator("demo"), name)

    for label, told in ((None, "together with a class"), (3, "--label 3: there is none")):
        with pytest.raises(i2i.UsageError, match=f"{told}.*from 0 to 2"):
            edit(scene(drawn_faces(1), made=Classes())[0], space="z", label=label)


def test_registered_classes() -> None:
    assert registered_by("i2i_plugins.invert") == [Invert, *sorted(INVERTERS, key=lambda inverter: inverter.name)]
    assert (Invert.name, Invert.wants, Invert.photos) == ("invert", "crops", ("image+",))
