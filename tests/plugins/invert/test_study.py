"""The study inverts what it says, measures what it shows, and ends when it is told to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

import i2i
from i2i_plugins.invert.editor import Invert
from i2i_plugins.invert.options import InvertOptions
from i2i_plugins.invert.perturbations import PERTURBATIONS, covered_square
from i2i_plugins.invert.study import STEPS, evaluate_perturbations, randomise_weights
from tests.plugins.invert.scenes import demo, drawn_faces, generator, lpips, scene

FEW: dict[str, Any] = {"study": True, "steps": 5, "space": "w+", "start": "encoder", "changes": ("shift", "noise")}


def options(**changed: Any) -> InvertOptions:
    return InvertOptions(**{**FEW, **changed})


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def studied() -> tuple[i2i.Result, list[str], list[tuple[int, int]]]:
    """Of two faces, by shift and noise."""
    made, notes, steps = scene(drawn_faces(2))
    return evaluate_perturbations(made, options()), notes, steps


def test_table_shows_inputs_above_reconstructions(studied: Any) -> None:
    result, face = studied[0], drawn_faces(1)
    table = result.table
    assert [len(row) for row in table.cells] == [4] * 5 and [len(row) for row in table.notes] == [4] * 5
    assert table.columns == ["unchanged", "change 1", "change 2", "change 3"]
    assert table.labels[0] == "shift to the right: 5, 12.5, 25 % of the side"
    assert table.labels[1:4:2] == ["w+ from the encoder"] * 2 and table.labels[4] == "random synthesis weights"
    for row, name in ((0, "shift"), (2, "noise")):
        perturbation = PERTURBATIONS[name]
        expected = [face[0], *(perturbation(face[0], strength, 0) for strength in perturbation.strengths)]
        for cell, picture in zip(table.cells[row], expected, strict=True):
            assert torch.equal(cell[0], picture)
        for cell, below, note in zip(table.cells[row], table.cells[row + 1], table.notes[row + 1], strict=True):
            assert note.split(",")[0] == f"LPIPS {lpips().distance(below, cell).item():.4f}"
    assert table.notes[0] == ["unchanged", "5 % of the side", "12.5 % of the side", "25 % of the side"]


def test_lines_are_means_over_the_photos(studied: Any) -> None:
    result, faces = studied[0], drawn_faces(2)
    plot = result.plots["study_shift"]
    assert plot.x == "shift to the right, % of the side" and not plot.logarithmic
    assert [x for x, _ in plot.lines["w+ from the encoder"]] == [0, 5, 12.5, 25]
    alone = []
    for face in faces.split(1):
        made, _, _ = scene(face)
        alone.append(
            dict(
                evaluate_perturbations(made, options(changes=("shift",)))
                .plots["study_shift"]
                .lines["w+ from the encoder"]
            )
        )
    for x, y in plot.lines["w+ from the encoder"]:
        # Batches of another size are summed in another order.
        assert y == pytest.approx((alone[0][x] + alone[1][x]) / 2, rel=1e-2)
    mean = sum(y for x, y in plot.lines["w+ from the encoder"] if x) / 3
    assert result.scalars["shift/lpips"] == pytest.approx(mean, rel=1e-6)


def test_results_are_those_of_unchanged_photos(studied: Any) -> None:
    result = studied[0]
    assert len(result.others) == 1 and result.others[0].table is None
    for each, face in zip((result, *result.others), drawn_faces(2).split(1), strict=True):
        assert each.image.shape == (1, 3, 64, 64) and each.latent.w.shape == (1, 10, 128)
        assert each.scalars["lpips"] == pytest.approx(lpips().distance(each.image, face).item(), rel=1e-3)
        assert each.scalars["steps"] == 5
    assert torch.equal(result.image, result.table.cells[1][0])


def test_lpips_grows_with_noise(studied: Any) -> None:
    ys = [y for _, y in studied[0].plots["study_noise"].lines["w+ from the encoder"]]
    assert ys == sorted(ys) and ys[-1] > 2 * ys[0]
    assert any(note.startswith("noise: mean LPIPS 0.") for note in studied[1])


def test_progress_reaches_its_total(studied: Any) -> None:
    done, totals = zip(*studied[2], strict=True)
    assert len(set(totals)) == 1 and list(done) == sorted(done) and done[-1] == totals[0]


def test_plot_has_a_line_for_each_space_and_initial_latent() -> None:
    made, _, steps = scene(drawn_faces(1))
    every = options(space=None, start=None, steps=2, changes=("shift",), strengths=(20.0,))
    result = Invert().edit(made, every)
    names = [f"{space} from the {start}" for space in ("w+", "w", "z") for start in ("encoder", "mean")]
    lines = result.plots["study_shift"].lines
    assert list(lines) == names
    assert all([x for x, _ in line] == [0, 20] for line in lines.values())
    assert len({line[0][1] for line in lines.values()}) == 6, "no two give the same picture"
    assert lines["w+ from the encoder"][0][1] < min(lines["w+ from the mean"][0][1], lines["z from the mean"][0][1])
    assert steps[-1][0] == steps[-1][1]
    told = result.scalars["lpips"]
    assert told == pytest.approx(lines["w+ from the encoder"][0][1], rel=1e-3), "that of the method comes first"


def test_first_line_is_that_of_the_method() -> None:
    made, _, _ = scene(drawn_faces(1))
    few = options(method="projector", space=None, start="mean", steps=1, changes=("zoom",), strengths=(1.5,))
    result = evaluate_perturbations(made, few)
    assert next(iter(result.plots["study_zoom"].lines)) == "w from the mean"
    w = result.latent.w
    assert torch.equal(w, w[:, :1].expand_as(w))
    made, _, _ = scene(drawn_faces(1))
    few = options(method="encoder", start=None, steps=None, changes=("zoom",), strengths=(1.5,))
    encoder = evaluate_perturbations(made, few)
    assert list(encoder.plots["study_zoom"].lines) == ["w+ from the encoder"], "it begins nowhere else"
    assert "loss" not in encoder.plots


def test_without_encoder_only_the_mean_is_evaluated() -> None:
    made, notes, _ = scene(drawn_faces(1), extractors={"perceptual": lpips()})
    result = evaluate_perturbations(made, options(start=None, steps=1, changes=("blur",), strengths=(2.0,)))
    assert list(result.plots["study_blur"].lines) == ["w+ from the mean"]
    assert any("no encoder" in note for note in notes)


def test_generator_with_classes_skips_z(monkeypatch: pytest.MonkeyPatch) -> None:
    made, notes, _ = scene(drawn_faces(1))
    monkeypatch.setattr(made.generator, "c_dim", 3)
    result = evaluate_perturbations(made, options(space=None, steps=1, changes=("blur",), strengths=(2.0,)))
    assert list(result.plots["study_blur"].lines) == ["w+ from the encoder", "w from the encoder"]
    assert any("--label" in note for note in notes)


def test_cancelled_evaluation_returns_partial_result() -> None:
    calls = iter(range(1000))
    made, notes, _ = scene(drawn_faces(1), stop=lambda: next(calls) > 3)
    result = evaluate_perturbations(made, options(space=None, start=None, steps=50, changes=("shift",)))
    assert list(result.plots["study_shift"].lines) == ["w+ from the encoder"], "no further way is begun"
    assert result.scalars["steps"] < 10 and result.image.isfinite().all()
    assert any(note.startswith("Stopped") for note in notes)


def test_steps_default_is_small() -> None:
    class Asked(Exception):
        pass

    def ask(_images: Any, _method: str, values: Any, **_: Any) -> Any:
        raise Asked(values["steps"])

    for given, taken in ((None, STEPS), (400, 400)):
        made, _, _ = scene(drawn_faces(1))
        made.invert = ask
        with pytest.raises(Asked, match=f"^{taken}$"):
            evaluate_perturbations(made, options(steps=given))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"changes": ("shift", "blur"), "strengths": (2.0,)}, "name it with --changes, once"),
        ({"changes": ("zoom",), "strengths": (0.0,)}, r"zoom takes 0.1 to 10 times"),
        ({"changes": ("zoom",), "strengths": (1.0,)}, "changes nothing"),
        ({"changes": ("occlusion",), "strengths": (130.0,)}, r"0 to 100 % of the area"),
    ],
)
def test_strengths_out_of_range_are_refused(changed: dict[str, Any], reason: str) -> None:
    made, _, _ = scene(drawn_faces(1), extractors={"encoder": demo("encoder"), "perceptual": lpips()})
    with pytest.raises(i2i.UsageError, match=reason):
        evaluate_perturbations(made, options(**changed))


def test_perturbations_with_different_numbers_of_strengths_make_one_table() -> None:
    result = i2i.edit(
        "invert", ["seed:1"], study=True, changes=("shift", "zoom"), steps=1, space="w+", start="encoder", device="cpu"
    )
    assert result.table is not None and {len(row) for row in result.table.cells} == {5}
    assert [row[4] is None for row in result.table.cells] == [True, True, False, False, True]
    assert {len(row) for row in result.table.notes} == {5}


class Echo(i2i.Inverter):
    """An inverter whose reconstruction is the image itself."""

    name = "echo"
    summary = "The image itself."

    def invert(self, scene: i2i.Scene, images: torch.Tensor, options: Any) -> list[i2i.Inversion]:
        latent = i2i.Latent(scene.generator.w_mean.expand(1, scene.generator.num_ws, -1))
        return [i2i.Inversion(latent, image=image) for image in images.split(1)]


class Restored(Echo):
    """An inverter whose reconstruction is the first image, which is the photo without a defect."""

    name = "restored"

    def invert(self, scene: i2i.Scene, images: torch.Tensor, options: Any) -> list[i2i.Inversion]:
        return [replace(each, image=images[:1]) for each in super().invert(scene, images, options)]


class Dotted(Echo):
    """An inverter that restores everything but the area of the occlusion of 25 %."""

    name = "dotted"

    def invert(self, scene: i2i.Scene, images: torch.Tensor, options: Any) -> list[i2i.Inversion]:
        spoilt = images[:1] * (1 - covered_square(64, 25, 0))
        return [replace(each, image=spoilt) for each in super().invert(scene, images, options)]


def study_by(inverter: type[i2i.Inverter], *changes: Any, **given: Any) -> tuple[i2i.Result, list[str]]:
    made, notes, _ = scene(drawn_faces(1))
    made.inverters = {**made.inverters, inverter.name: inverter}
    chosen = InvertOptions(study=True, method=inverter.name, changes=changes, **given)
    return evaluate_perturbations(made, chosen), notes


def test_defects_are_measured_against_the_clean_photo() -> None:
    face = drawn_faces(1)
    echo, notes = study_by(Echo, "noise", "occlusion", "jpeg", "shift")
    assert [name for name in echo.plots if name.startswith("study")] == [
        *("study_noise", "study_noise_clean"),
        *("study_occlusion", "study_occlusion_clean", "study_occlusion_outside"),
        *("study_jpeg", "study_jpeg_clean", "study_shift"),
    ], "a shift takes nothing from the photo"
    for name in ("noise", "jpeg"):
        perturbation = PERTURBATIONS[name]
        lines = echo.plots[f"study_{name}_clean"].lines
        images = torch.stack([perturbation(face[0], strength) for strength in perturbation.strengths])
        expected = lpips().distance(images, face.expand_as(images)).tolist()
        assert [x for x, _ in lines["echo"]] == [0, *perturbation.strengths]
        assert [y for _, y in lines["echo"]] == pytest.approx([0, *expected], rel=1e-3)
        itself = lines["the changed photo itself"]
        assert [y for _, y in itself] == pytest.approx([y for _, y in lines["echo"]], rel=1e-3)
        assert echo.scalars[f"{name}/lpips"] == 0
        assert echo.scalars[f"{name}/lpips_clean"] == pytest.approx(sum(expected) / 3, rel=1e-3)
    restored, _ = study_by(Restored, "noise", "occlusion")
    assert restored.scalars["noise/lpips_clean"] == restored.scalars["occlusion/lpips_clean"] == 0
    assert restored.scalars["noise/lpips"] == pytest.approx(echo.scalars["noise/lpips_clean"], rel=1e-3)
    assert all(y > 0.001 for _, y in restored.plots["study_noise_clean"].lines["the changed photo itself"][1:])
    assert any("to the clean photo 0." in note and "of the changed photo itself 0." in note for note in notes)


def test_occlusion_is_measured_outside_as_well() -> None:
    """What the square hides does not count; what is spoilt elsewhere does, by the visible area."""
    echo, notes = study_by(Echo, "occlusion")
    assert echo.scalars["occlusion/lpips_outside"] == 0 < echo.scalars["occlusion/lpips_clean"]
    assert any("; outside of it 0.0000." in note for note in notes)
    dotted, _ = study_by(Dotted, "occlusion", strengths=(25.0, 4.0))
    outside = dict(dotted.plots["study_occlusion_outside"].lines["dotted"])
    assert outside[25.0] == 0 < outside[4.0]
    face, hidden = drawn_faces(1), covered_square(64, 4.0)
    spoilt = face * (1 - covered_square(64, 25.0) * (1 - hidden))
    expected = lpips().distance(spoilt, face).item() / (1 - hidden.mean().item())
    assert outside[4.0] == pytest.approx(expected, rel=1e-3)
    assert dotted.table is not None and dotted.table.notes[1][1].count(",") == 2


def test_random_synthesis_weights_are_the_baseline(studied: Any) -> None:
    result, notes, _ = studied
    own = result.plots["study_shift"].lines["w+ from the encoder"][0][1]
    assert result.scalars["random_weights/lpips"] > 3 * own
    shown = result.table.cells[4]
    assert shown[1:] == [None] * 3 and lpips().distance(shown[0], drawn_faces(1)).item() > own
    assert any(note.startswith("With random synthesis weights: mean LPIPS 0.") for note in notes)
    encoder, _ = study_by(Echo, "shift")
    assert "random_weights/lpips" not in encoder.scalars, "it optimises nothing"


def test_randomised_weights_keep_mean_and_deviation() -> None:
    made = generator("demo")
    before = {name: weight.clone() for name, weight in made.weights().items()}
    one, other, third = (randomise_weights(made, seed).weights() for seed in (0, 0, 1))
    assert one.keys() == before.keys()
    for name, weight in before.items():
        assert torch.equal(weight, made.weights()[name]), "the generator itself is left alone"
        assert torch.equal(one[name], other[name])
        if weight.numel() > 5000:
            assert not torch.equal(one[name], third[name]) and not torch.allclose(one[name], weight, rtol=0.1)
            assert one[name].std().item() == pytest.approx(weight.std().item(), rel=0.05)
            assert (one[name].mean() - weight.mean()).abs() < 0.05 * weight.std()


def test_options_within_method_are_those_of_the_study() -> None:
    made, _, _ = scene(drawn_faces(1))
    few = options(method="hybrid,space=w, steps=2", space=None, steps=None, changes=("blur",), strengths=(2.0,))
    result = evaluate_perturbations(made, few)
    assert list(result.plots["study_blur"].lines) == ["w from the encoder"] and result.scalars["steps"] == 2
    assert result.table.labels[-1] == "random synthesis weights" and "random_weights/lpips" in result.scalars
    made, _, _ = scene(drawn_faces(1))
    apart = evaluate_perturbations(made, options(space="w", steps=2, changes=("blur",), strengths=(2.0,)))
    assert torch.equal(result.image, apart.image)
    assert result.scalars["random_weights/lpips"] == apart.scalars["random_weights/lpips"]
    made, _, _ = scene(drawn_faces(1))
    few = options(method="hybrid,start=mean,steps=1", space=None, start=None, steps=None, changes=("blur",))
    lines = list(evaluate_perturbations(made, few).plots["study_blur"].lines)
    assert lines == [f"{space} from the mean" for space in ("w+", "w", "z")], "the method's own comes first"
