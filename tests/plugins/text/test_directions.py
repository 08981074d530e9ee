"""Directions of styles: measured, kept, and followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import Field

import i2i
from i2i.testing import CommandOutcome, registry_of, run_command
from i2i.toolkit.latents.files import read_latent, save_latent
from i2i_plugins.stylegan.generators import StyleGAN2
from i2i_plugins.stylegan.networks.stylegan2 import StyleGAN2Generator
from i2i_plugins.text import directions as module
from i2i_plugins.text.directions import Directions, embed, make_directions
from i2i_plugins.text.templates import TEMPLATES, insert_text, known_templates
from tests.helpers.toy_generators import Bands
from tests.plugins.text.scenes import CPU, GREY, TEAL, Colours, Dials, edit, latent_of, scene


def tiny_stylegan2(resolution: int) -> Any:
    """A StyleGAN2 with random weights and few channels."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = StyleGAN2Generator.create(resolution, z_dim=8, w_dim=8, channel_base=64, channel_max=8)
    return StyleGAN2(i2i.Weights("stylegan2", network.state_dict()), CPU)


def _styles(generator: Any) -> dict[str, torch.Tensor]:
    w = generator.w_mean.expand(1, generator.num_ws, -1)
    return {name: each[0] for name, each in generator.style_space(w).items()}


@pytest.fixture(scope="module")
def found() -> Directions:
    return make_directions(Dials(), Colours(), samples=4)


@pytest.fixture
def file(found: Directions, tmp_path: Path) -> Path:
    path = tmp_path / "kept" / "dials.safetensors"
    found.save(path)
    return path


def test_make_directions_measures_effects(found: Directions) -> None:
    assert dict(found.layers) == {"first": 3, "second": 3} and found.effects.shape == (6, 4)
    torch.testing.assert_close(found.effects.norm(dim=1), torch.ones(6))
    # The dials of one colour are felt in its own number most, in both layers.
    assert found.effects[:, :3].argmax(dim=1).tolist() == [0, 1, 2, 0, 1, 2]
    # Styles of the first layer are twice as wide as those of the second, which are as wide as w, normal, at psi 0.7.
    # A deviation of 10,000 samples is off by 0.7 %.
    assert found.deviations.tolist() == pytest.approx([1.4, 1.4, 1.4, 0.7, 0.7, 0.7], rel=0.03)
    assert found.text == "colours" and found.samples == 4


def test_make_directions_does_not_change_generator() -> None:
    generator = Dials()
    make_directions(generator, Colours(), samples=1)
    assert all(not each.any() for each in generator.weights().values())
    network = tiny_stylegan2(8)
    weights = {name: each.clone() for name, each in network.weights().items()}
    make_directions(network, Colours(), samples=1)
    assert all(torch.equal(each, weights[name]) for name, each in network.weights().items())


def test_channels_are_moved_from_their_means() -> None:
    seen: list[float] = []

    class Recording(Dials):
        def render(self, w: torch.Tensor, noise: Any = "const") -> torch.Tensor:
            seen.extend(self.style_space(w)["second"][:, 0].tolist())
            return super().render(w, noise)

    made = make_directions(Recording(), Colours(), samples=3)
    # 3 channels of each layer, at 2 sides, on 3 images: those of the first channel of ``second`` come after 18.
    mean, deviation = 0.1, float(made.deviations[3])
    expected = [mean + 5 * deviation] * 3 + [mean - 5 * deviation] * 3
    assert seen[18:24] == pytest.approx(expected, abs=0.02)  # the mean of 10,000 samples is off by 0.7 %
    assert len({round(each, 3) for each in seen[:3]}) == 3  # other styles are those of the samples


def test_effects_are_the_same_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches need the weights of a channel at zero, which a StyleGAN2 has; one by one the effects are the same."""
    monkeypatch.setattr(module, "STATISTICS_SAMPLES", 100)
    generator = tiny_stylegan2(8)
    together = make_directions(generator, Colours(), samples=2)
    monkeypatch.setattr(module._StyleLayer, "_find_matrix", lambda *_: None)
    apart = make_directions(generator, Colours(), samples=2)
    # Directions of unit length from float32 images.
    torch.testing.assert_close(together.effects, apart.effects, atol=2e-3, rtol=0)
    assert dict(together.layers) == {name: len(each) for name, each in _styles(generator).items()}


def test_layers_above_the_resolution_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STATISTICS_SAMPLES", 100)
    monkeypatch.setattr(module, "RESOLUTION", 8)
    made = make_directions(tiny_stylegan2(16), Colours(), samples=1)
    assert list(made.layers) == [f"synthesis.{name}.affine.bias" for name in ("b4.conv1", "b8.conv0", "b8.conv1")]
    assert len(made.effects) == len(made.deviations) == sum(made.layers.values())


def test_all_layers_are_measured_without_features(monkeypatch: pytest.MonkeyPatch) -> None:
    class Coarse(Dials):
        def features(self, w: torch.Tensor, resolution: int) -> torch.Tensor:
            raise i2i.UsageError(f"no layer has {resolution} px")

    class Faulty(Dials):
        def features(self, w: torch.Tensor, resolution: int) -> torch.Tensor:
            raise TypeError("a mistake in the plugin")

    monkeypatch.setattr(module, "RESOLUTION", 4)
    monkeypatch.setattr(module, "STATISTICS_SAMPLES", 100)
    for generator in (Dials(), Coarse()):  # the first does not define features
        assert list(make_directions(generator, Colours(), samples=1).layers) == ["first", "second"]
    with pytest.raises(TypeError, match="a mistake in the plugin"):
        make_directions(Faulty(), Colours(), samples=1)


def test_directions_of_some_layers_fit_the_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESOLUTION", 8)
    monkeypatch.setattr(module, "STATISTICS_SAMPLES", 100)
    generator = tiny_stylegan2(16)
    made = make_directions(generator, Colours(), samples=1)
    made.save(tmp_path / "some.safetensors")
    assert module.load_for_generator(tmp_path / "some.safetensors", generator).layers == made.layers
    foreign = replace(made, layers={f"{name}x": count for name, count in made.layers.items()})
    foreign.save(tmp_path / "foreign.safetensors")
    with pytest.raises(i2i.I2IError, match="made for another generator"):
        module.load_for_generator(tmp_path / "foreign.safetensors", generator)


def test_templates_have_the_article() -> None:
    assert len(set(TEMPLATES)) == 79 and all(each.count("{}") == 1 and each.endswith(".") for each in TEMPLATES)
    for text in ("a face", "The face", "face"):
        assert "a bad photo of the face." in [each.replace("Face", "face") for each in insert_text(text)]
    assert "graffiti of a old man." in insert_text("an old man") and "a toy mouth open." in insert_text("mouth open")


def test_a_small_vocabulary_gets_templates_that_it_knows() -> None:
    class Few(Colours):
        def unknown(self, sentence: str) -> list[str]:
            return [word for word in sentence.strip(".").split() if word not in ("a", "the", "photo", "of")]

        def texts(self, sentences: Sequence[str]) -> torch.Tensor:
            assert sorted(sentences) == ["a photo of a red.", "a photo of the red."]
            return super().texts(sentences)

    torch.testing.assert_close(embed(Few(), ["red"]), Colours().texts(["red"])[0])
    assert known_templates(Colours()) == TEMPLATES

    class Unread(Colours):
        def unknown(self, sentence: str) -> list[str]:
            return sentence.split()

    assert known_templates(Unread()) == ["a {}"]


def test_make_directions_progress_counts_channels() -> None:
    told: list[tuple[int, int]] = []
    make_directions(Dials(), Colours(), samples=1, progress=lambda done, total: told.append((done, total)))
    assert told == [(number, 6) for number in range(1, 7)]


def test_make_directions_refuses_generator_without_styles() -> None:
    class Plain(Dials):
        def style_space(self, w: torch.Tensor) -> dict[str, torch.Tensor]:
            return {}

    for generator in (Plain(), Bands(None, CPU)):
        with pytest.raises(i2i.I2IError, match="have no styles"):
            make_directions(generator, Colours(), samples=1)


def test_offsets_depend_on_relevance() -> None:
    effects = torch.tensor([[0.8, 0.6], [-0.4, 0.9], [0.1, 0.99]])
    held = Directions({"a": 1, "b": 2}, effects, torch.tensor([1.0, 2.0, 4.0]), torch.zeros(3), "t", 1)
    offsets, count = held.offsets(torch.tensor([5.0, 0.0]), alpha=3, threshold=0.15)
    # Relevances 0.8, -0.4 and 0.1; the last is below, the others are divided by the largest.
    assert count == 2 and offsets["a"].tolist() == pytest.approx([3.0])
    assert offsets["b"].tolist() == pytest.approx([-3.0, 0.0])
    with pytest.raises(i2i.UsageError, match=r"largest relevance is 0.800, so type --threshold 0.4"):
        held.offsets(torch.tensor([1.0, 0.0]), alpha=1, threshold=0.9)
    assert set(held.offsets(torch.tensor([1.0, 0.0]), alpha=1, threshold=0.5)[0]) == {"a"}


def test_directions_file_round_trip(found: Directions, file: Path) -> None:
    again = Directions.load(file)
    assert dict(again.layers) == dict(found.layers) and (again.text, again.samples) == (found.text, found.samples)
    for name in ("effects", "deviations", "w_mean"):
        assert torch.equal(getattr(again, name), getattr(found, name))


def test_edit_with_directions_changes_styles(file: Path, tmp_path: Path) -> None:
    given = scene([TEAL, GREY])
    result = edit(given, "red", directions=file, threshold=0.3, frames=3)
    for photo, each in zip(given.every["image"], (result, *result.others), strict=True):
        assert torch.equal(latent_of(each).w, photo.latent.w)  # type: ignore[union-attr]
        change = (each.image - photo.pixels)[0, :, 0, 0]
        assert change[0] > 0.3 > 0.1 > change[1:].abs().max()
        assert each.scalars["channels"] == 2 and each.scalars["similarity/after"] > each.scalars["similarity/before"]
        assert not each.plots
    torch.testing.assert_close(result.frames[1], (result.frames[0] + result.frames[2]) / 2)
    torch.testing.assert_close(result.frames[2], result.image)
    save_latent(tmp_path / "latent.safetensors", latent_of(result), {})
    latent, _ = read_latent(tmp_path / "latent.safetensors")
    assert torch.equal(Dials().tuned(latent.changes).render(latent.w).clamp(-1, 1), result.image)


def test_edits_with_directions_add_up(file: Path) -> None:
    first = latent_of(edit(scene([TEAL]), "red", directions=file, strength=1))
    twice = latent_of(edit(scene([first]), "red", directions=file, strength=1))
    whole = latent_of(edit(scene([TEAL]), "red", directions=file, strength=2))
    assert set(twice.changes) == set(whole.changes)
    for name, change in whole.changes.items():
        torch.testing.assert_close(twice.changes[name], change, atol=1e-5, rtol=1e-5)  # a byte a number and its scale


def test_against_replaces_the_neutral_text(file: Path) -> None:
    red, not_blue = (
        edit(scene([TEAL]), "red", directions=file, threshold=0.01, **more) for more in ({}, {"against": "blue"})
    )
    assert not_blue.image[0, 2, 0, 0] < red.image[0, 2, 0, 0] - 0.1
    torch.testing.assert_close(embed(Colours(), ["red"]), Colours().texts(["red"])[0])


def test_grid_with_directions(file: Path) -> None:
    table = edit(scene([GREY]), "red", "blue", directions=file, grid=True).table
    assert table is not None
    red, blue = (table.cells[0][column][0, :, 0, 0] for column in (1, 2))  # type: ignore[index]
    assert red.argmax() == 0 and blue.argmax() == 2


def test_grid_reads_directions_and_neutral_text_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    sentences: list[str] = []
    load = Directions.load

    class Counting(Colours):
        def texts(self, texts: Sequence[str]) -> torch.Tensor:
            sentences.extend(texts)
            return super().texts(texts)

    monkeypatch.setattr(Directions, "load", lambda path: read.append(path) or load(path))
    given = scene([GREY])
    given.extractors = {**given.extractors, "text": Counting()}
    edit(given, "red", "blue", "green", directions=file, grid=True)
    assert read == [file]
    assert sentences.count(insert_text("a face")[0]) == sentences.count(insert_text("red")[0]) == 1


def test_a_prompt_that_moves_no_channel_leaves_its_column_empty(file: Path) -> None:
    notes: list[str] = []
    given = scene([GREY], note=notes.append)
    table = edit(given, "red", "red and blue", directions=file, threshold=0.8, grid=True).table
    assert table is not None and [cell is None for cell in table.cells[0]] == [False, False, True]
    assert "no channel is that relevant to this text" in table.notes[0][2] and any("'red and blue'" in n for n in notes)


def test_directions_of_other_generator_or_file_are_refused(found: Directions, file: Path, tmp_path: Path) -> None:
    with pytest.raises(i2i.I2IError, match="there is no such file; make it with i2i models make-directions"):
        edit(scene([GREY]), "red", directions=tmp_path / "none.safetensors")

    class Other(Dials):
        @property
        def w_mean(self) -> torch.Tensor:
            return torch.ones(3)

    with pytest.raises(i2i.I2IError, match="was made for another generator"):
        edit(scene([GREY], Other()), "red", directions=file)
    held = Directions(found.layers, found.effects, found.deviations, found.w_mean, "clip", 1)
    held.save(tmp_path / "clip.safetensors")
    with pytest.raises(i2i.I2IError, match="choose it with --extractor text=clip"):
        edit(scene([GREY]), "red", directions=tmp_path / "clip.safetensors")
    with pytest.raises(i2i.I2IError, match="it is a folder; make a file in it with i2i models make-directions"):
        edit(scene([GREY]), "red", directions=tmp_path)
    torn = replace(found, effects=found.effects * torch.nan)
    torn.save(tmp_path / "torn.safetensors")
    with pytest.raises(i2i.I2IError, match=r"torn\.safetensors contains numbers that are not finite .*; make it again"):
        edit(scene([GREY]), "red", directions=tmp_path / "torn.safetensors")
    save_latent(tmp_path / "latent.safetensors", GREY, {})
    with pytest.raises(i2i.I2IError, match="contains no directions; make them: i2i models make-directions"):
        edit(scene([GREY]), "red", directions=tmp_path / "latent.safetensors")


def test_directions_are_checked_before_the_extractor_opens(found: Directions, file: Path, tmp_path: Path) -> None:
    class Missing(Colours):
        def __init__(self, device: i2i.Device) -> None:
            raise i2i.I2IError("fetch 605 MB")

    registry = registry_of(Dials, Missing, plugins=["text"])
    shared: dict[str, Any] = {"generator": "dials", "device": "cpu", "registry": registry, "prompt": "red"}
    replace(found, w_mean=found.w_mean + 1).save(tmp_path / "other.safetensors")
    with pytest.raises(i2i.I2IError, match="was made for another generator"):
        i2i.edit("text", directions=tmp_path / "other.safetensors", **shared)
    with pytest.raises(i2i.I2IError, match="fetch 605 MB"):
        i2i.edit("text", directions=file, **shared)


def test_directions_without_effect_add_a_warning(file: Path) -> None:
    notes: list[str] = []
    steps: list[tuple[int, int]] = []
    given = scene([TEAL, GREY], note=notes.append, progress=lambda done, total: steps.append((done, total)))
    edit(given, "red", directions=file, strength=0.001)
    assert (
        len(notes) == 1 and "warning: similarity to 'red' did not increase for a (" in notes[0] and ", b (" in notes[0]
    )
    assert "more --strength, a lower --threshold, or directions of more --samples" in notes[0]
    assert steps == [(1, 2), (2, 2)]
    given.stop = lambda: True
    notes.clear()
    edit(given, "red", directions=file)
    assert not notes, "it is whole"


class Tinted(Colours):
    """``Colours`` whose image vectors are turned around by an option."""

    name = "tinted"

    class Options(i2i.Options):
        reverse: bool = Field(False, description="Exchange red and blue")

    def __init__(self, device: i2i.Device, options: Options) -> None:
        self.options = options

    def images(self, pictures: torch.Tensor) -> torch.Tensor:
        return super().images(pictures.flip(1) if self.options.reverse else pictures)


def command(*arguments: Any) -> CommandOutcome:
    """Run ``i2i models make-directions --generator dials ARGUMENTS``."""
    registry = registry_of(Dials, Colours, Tinted, plugins=["text"])
    return run_command("models", "make-directions", "--generator", "dials", *arguments, registry=registry)


def test_make_directions_command(tmp_path: Path) -> None:
    out = tmp_path / "made.safetensors"
    done = command("--samples", 2, "--device", "cpu", "--out", out)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.strip() == str(out) and Directions.load(out).samples == 2
    assert edit(scene([TEAL]), "red", directions=out).image[0, 0, 0, 0] > 0.3


def test_make_directions_extractor_options(tmp_path: Path) -> None:
    start = ["--samples", "1", "--device", "cpu"]
    made = []
    for reverse in ("false", "true"):
        out = tmp_path / f"{reverse}.safetensors"
        options = ["--extractor", "text=tinted", "--extractor-options", f"tinted.reverse={reverse}", "--out", str(out)]
        done = command(*start, *options)
        assert done.exit_code == 0, done.stderr
        made.append(Directions.load(out).effects)
    torch.testing.assert_close(made[1][:, :3], made[0][:, :3].flip(1))
    wrong = [*start, "--extractor-options", "tinted.reverse=true", "--out", str(tmp_path / "wrong.safetensors")]
    done = command(*wrong, "--extractor", "text=colours")
    assert done.exit_code == 2
    assert "--extractor-options is for 'tinted', and the extractor here is 'colours'" in done.stderr


def test_make_directions_interrupted_writes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any) -> Directions:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "make_directions", stopped)
    out = tmp_path / "made.safetensors"
    done = command("--out", out)
    assert done.exit_code == 1 and not out.exists()
    assert done.stderr.startswith("i2i: Stopped before all channels were measured, so nothing is written;")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--out", "x.pt"], "written to a file such as x.safetensors"),
        (["--out", "x.safetensors", "--extractor", "identity=who"], "name it as text=NAME"),
        (["--out", "x.safetensors", "--extractor", "text=who"], "no extractor of text called 'who'"),
    ],
)
def test_make_directions_command_errors(arguments: list[str], told: str) -> None:
    done = command(*arguments)
    assert done.exit_code == 2 and told in done.stderr and "Traceback" not in done.stderr
