"""The editor: prompts, weights, rows, grids, frames and errors, on a generator of one colour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

import i2i
from i2i.toolkit.latents.sampling import SamplingOptions, latents
from i2i_plugins.text.editor import Text
from i2i_plugins.text.goals import MIN_CHANGE, TextGoal, create_goals
from i2i_plugins.text.optimisation import SCHEDULE
from tests.plugins.text.scenes import GREY, TEAL, WORDS, Colours, alike, edit, latent_of, scene

QUICK: dict[str, Any] = {"steps": 40, "l2_weight": 0.001}


def test_defaults_are_the_published_ones_but_for_the_identity() -> None:
    options = Text.Options(prompt=("red",))
    assert (options.steps, options.rate, options.l2_weight, options.identity_weight) == (300, 0.1, 0.008, 0.05)


@pytest.mark.parametrize(("time", "share"), [(0, 0), (0.025, 0.5), (0.05, 1), (0.75, 1), (0.875, 0.5), (1, 0)])
def test_learning_rate_schedule(time: float, share: float) -> None:
    assert SCHEDULE(time) == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize("against", [None, "a face"])
def test_edit_increases_similarity(against: str | None) -> None:
    given = scene([TEAL])
    result = edit(given, "red", against=against, **QUICK)
    before, after = given.photos["image"].pixels[0, :, 0, 0], result.image[0, :, 0, 0]
    assert result.scalars["similarity/after"] > result.scalars["similarity/before"] + 0.03
    assert after[0] > before[0] + 0.05 and after[0] - before[0] > (after[1:] - before[1:]).max()
    assert torch.equal(given.generator.render(latent_of(result).w).clamp(-1, 1), result.image)
    assert len(result.plots["loss"].lines["red"]) == 41


def test_l2_weight_limits_displacement() -> None:
    far, near = (edit(scene([TEAL]), "red", steps=40, l2_weight=weight) for weight in (0, 1.0))
    assert (latent_of(near).w - TEAL.w).norm() < 0.2 * (latent_of(far).w - TEAL.w).norm()


def test_identity_weight_keeps_identity() -> None:
    held = edit(scene([TEAL], compare=alike), "red", identity_weight=20, **QUICK)
    free = edit(scene([TEAL]), "red", identity_weight=20, **QUICK)  # nobody to tell
    assert "identity" not in free.scalars and "psnr" not in held.scalars
    assert held.scalars["identity"] > alike(free.image, scene([TEAL]).photos["image"].pixels)[0]["identity"]
    assert (latent_of(held).w - TEAL.w).norm() < (latent_of(free).w - TEAL.w).norm()


def test_layers_option_limits_changes() -> None:
    changed = latent_of(edit(scene([TEAL]), "red", rows="1", rows_of="own", **QUICK)).w[0]
    assert torch.equal(changed[[0, 2]], TEAL.w[0, [0, 2]]) and not torch.equal(changed[1], TEAL.w[0, 1])
    coarse = latent_of(edit(scene([TEAL]), "red", rows="0-5", **QUICK)).w[0]  # a third of 18, one row of three
    assert torch.equal(coarse[1:], TEAL.w[0, 1:]) and not torch.equal(coarse[0], TEAL.w[0, 0])


def test_strength_scales_displacement() -> None:
    once, twice, none = (edit(scene([TEAL]), "red", strength=strength, **QUICK) for strength in (1, 2, 0))
    way = latent_of(once).w - TEAL.w
    torch.testing.assert_close(latent_of(twice).w - TEAL.w, 2 * way, atol=1e-6, rtol=1e-5)
    assert torch.equal(latent_of(none).w, TEAL.w)


def test_batch_equals_single_images() -> None:
    together = edit(scene([TEAL, GREY]), "red", **QUICK)
    single = edit(scene([TEAL, GREY]), "red", batch=1, **QUICK)
    alone = edit(scene([GREY]), "red", **QUICK)
    for other in (single.others[0], alone):
        torch.testing.assert_close(latent_of(together.others[0]).w, latent_of(other).w, atol=1e-5, rtol=0)


def test_several_prompts_combine() -> None:
    both = edit(scene([GREY]), "red", "blue", **QUICK).image[0, :, 0, 0]
    assert both[0] > both[1] + 0.02 and both[2] > both[1] + 0.02


def test_grid_shows_every_image_with_every_prompt() -> None:
    given = scene([TEAL, GREY])
    result = edit(given, "red", "blue", grid=True, **QUICK)
    table = result.table
    assert table is not None and list(table.columns) == ["original", "red", "blue"] and list(table.labels) == ["a", "b"]
    for row, (photo, each) in enumerate(zip(given.every["image"], (result, *result.others), strict=True)):
        assert table.cells[row][0] is photo.pixels and table.cells[row][1] is each.image
        red, blue = (table.cells[row][column][0, :, 0, 0] for column in (1, 2))  # type: ignore[index]
        assert red[0] > blue[0] and blue[2] > red[2]
        assert " to " in table.notes[row][1]


def test_frames_lead_from_image_to_result() -> None:
    given = scene([TEAL])
    result = edit(given, "red", frames=3, **QUICK)
    first, middle, last = result.frames
    torch.testing.assert_close(first, given.photos["image"].pixels)
    torch.testing.assert_close(last, result.image)
    torch.testing.assert_close(middle, (first + last) / 2)  # one colour, and linear
    assert len(edit(given, "red", frames=1, **QUICK).frames) == 1


def test_progress_and_cancellation() -> None:
    steps: list[tuple[int, int]] = []
    edit(scene([TEAL, GREY], progress=lambda done, total, **_: steps.append((done, total))), "red", steps=4, batch=1)
    assert steps[-1] == (8, 8) and sorted(steps) == steps
    notes: list[str] = []
    stopped = edit(scene([TEAL], stop=lambda: True, note=notes.append), "red")
    assert torch.equal(latent_of(stopped).w, TEAL.w) and "Stopped before the end" in notes[0] and not stopped.plots


def test_unknown_words_add_a_note() -> None:
    class Few(Colours):
        def unknown(self, sentence: str) -> list[str]:
            return [word for word in sentence.split() if word not in WORDS]

    notes: list[str] = []
    given = scene([TEAL], note=notes.append)
    given.extractors["text"] = Few()
    edit(given, "red", "dark red wine", against="green", **QUICK)
    assert notes == ["colours does not know 'dark', 'wine' in 'dark red wine' and ignores them."]


def test_similarity_that_does_not_increase_adds_a_warning() -> None:
    notes: list[str] = []
    given = scene([TEAL, GREY], note=notes.append)
    edit(given, "red", steps=1)  # the rate rises from 0
    assert len(notes) == 1 and notes[0].startswith("warning: similarity to 'red' did not increase for a (0.")
    assert ", b (0." in notes[0] and "lower --l2-weight" in notes[0]
    notes.clear()
    edit(given, "red", strength=-1, **QUICK)  # away from it, as asked
    edit(given, "red", **QUICK)
    assert not notes


@pytest.mark.parametrize(("option", "words"), [("--prompt", {}), ("--against", {"against": "xyzzy"})])
def test_meaningless_text_names_its_option(option: str, words: dict[str, str]) -> None:
    class Strict(Colours):
        def texts(self, sentences: Sequence[str]) -> torch.Tensor:
            if "xyzzy" in sentences:
                raise i2i.UsageError("The text 'xyzzy' has no word that colours knows.")
            return super().texts(sentences)

    given = scene([TEAL])
    given.extractors["text"] = Strict()  # type: ignore[index]
    with pytest.raises(i2i.UsageError, match=f"^{option}: The text 'xyzzy' has no word"):
        edit(given, *(["red"] if words else ["xyzzy"]), **words)


def test_against_with_same_meaning_is_refused() -> None:
    with pytest.raises(i2i.UsageError, match="--against 'red wine' means the same as the prompt 'red' to colours"):
        create_goals(Colours(), ["red"], "red wine", each=False)


def test_create_goals() -> None:
    one, other = create_goals(Colours(), ["red", "blue"], None, each=True)
    (both,) = create_goals(Colours(), ["red", "blue"], None, each=False)
    torch.testing.assert_close(both.vector, (one.vector + other.vector) / (one.vector + other.vector).norm())
    assert both.name == "red, blue" and one.direction is None
    (led,) = create_goals(Colours(), ["red"], "blue", each=False)
    assert (
        led.direction is not None
        and float(led.direction.norm()) == pytest.approx(1)
        and float(led.direction @ other.vector) < 0
    )


def test_directional_loss_compares_the_change() -> None:
    way = torch.tensor([1.0, 0.0])
    goal = TextGoal("", way, way)
    before = torch.tensor([[0.0, 1.0]]).repeat(3, 1)
    # Half the floor along the way counts half, a whole change along it all, one across it nothing.
    change = torch.tensor([[MIN_CHANGE / 2, 0.0], [2 * MIN_CHANGE, 0.0], [0.0, MIN_CHANGE]])
    torch.testing.assert_close(goal.losses(before + change, before), torch.tensor([0.5, 0.0, 1.0]))
    vectors = before.clone().requires_grad_()
    assert torch.autograd.grad(goal.losses(vectors, before).sum(), vectors)[0].isfinite().all()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"prompt": ()}, '--prompt "a smiling face"'),
        ({"prompt": (" ",)}, '--prompt "a smiling face"'),
        ({"prompt": ("red",), "threshold": 0.1}, "--threshold has an effect with --directions FILE only"),
        ({"prompt": ("red",), "directions": "d.safetensors", "steps": 5}, "--steps has no effect with --directions"),
        ({"prompt": ("red",), "rows_of": "own"}, "give --rows as well"),
        ({"prompt": ("red",), "against": " "}, "--against is empty"),
        ({"prompt": ("blue", "Looking  left"), "against": "looking left"}, "--against 'looking left' is the prompt"),
        ({"prompt": ("red",), "directions": "d.safetensors", "against": "red"}, "--against 'red' is the prompt"),
        ({"prompt": ("A face",), "directions": "d.safetensors"}, "--prompt 'A face' is the default of --against"),
    ],
)
def test_options_without_effect_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(i2i.UsageError) as caught:
        i2i.build_options(Text.Options, options, "the command line")
    assert told in str(caught.value)


@pytest.mark.parametrize("options", [{"prompt": "red"}, {"prompt": ("red", "blue"), "directions": "d.safetensors"}])
def test_options_survive_a_recipe(options: dict[str, Any]) -> None:
    chosen = Text.Options(**options)
    assert i2i.build_options(Text.Options, chosen.model_dump(mode="json"), "a recipe") == chosen
    assert "red" in chosen.prompt


@pytest.mark.usefixtures("one_thread")
def test_edit_synthetic_faces(tmp_path: Path) -> None:
    seeds = [1000, 1002]
    words = {"prompt": ("a face with blond hair",), "steps": 20, "rate": 0.2, "l2_weight": 0.003, "rows": "9-17"}
    result = i2i.edit("text", [f"seed:{seed}" for seed in seeds], out=tmp_path, device="cpu", **words)
    generator = i2i.generator("demo-faces", device="cpu")
    with torch.no_grad():
        before = generator.render(latents(generator, seeds, SamplingOptions(truncation=0.7))).clamp(-1, 1)
    after = torch.cat([each.image for each in (result, *result.others)])
    for each in (result, *result.others):
        assert each.scalars["similarity/after"] > each.scalars["similarity/before"] + 0.05
    assert (yellow(after) > yellow(before) + 0.02).all()  # it is no noise that only the network sees
    assert {"result.png", "result_2.png", "latent.safetensors"} <= {each.name for each in tmp_path.iterdir()}


def yellow(pictures: torch.Tensor) -> torch.Tensor:
    """How much more red and green than blue there is where synthetic faces have their hair: ``(N,)``."""
    hair = pictures[:, :, 6:14, 22:42].mean(dim=(2, 3))
    return hair[:, :2].mean(dim=1) - hair[:, 2]


class Picky(Colours):
    """Refuses sentences without a colour that it knows."""

    def texts(self, sentences: Sequence[str]) -> torch.Tensor:
        for sentence in sentences:
            if not any(word in sentence for word in WORDS):
                raise i2i.UsageError(f"The text {sentence!r} has no known word.")
        return super().texts(sentences)


def test_a_refused_prompt_leaves_its_column_empty() -> None:
    notes: list[str] = []
    given = scene([TEAL, GREY], note=notes.append)
    given.extractors = {**given.extractors, "text": Picky()}
    table = edit(given, "purple", "red", "orange", "blue", grid=True, **QUICK).table
    assert table is not None and list(table.columns) == ["original", "purple", "red", "orange", "blue"]
    for cells, texts in zip(table.cells, table.notes, strict=True):
        assert [cell is None for cell in cells] == [False, True, False, True, False]
        assert "no known word" in texts[1] and "no known word" in texts[3] and " to " in texts[2]
        red, blue = (cell[0, :, 0, 0] - cells[0][0, :, 0, 0] for cell in (cells[2], cells[4]))  # type: ignore[index]
        assert red.argmax() == 0 and blue.argmax() == 2
    told = [note for note in notes if "is refused, so its column is empty" in note]
    assert len(told) == 2 and told[0].startswith("warning: 'purple' is refused")
    with pytest.raises(i2i.UsageError, match="'orange' has no known word"):
        edit(given, "purple", "orange", grid=True)
    with pytest.raises(i2i.UsageError, match="'purple' has no known word"):
        edit(given, "purple", "red")
