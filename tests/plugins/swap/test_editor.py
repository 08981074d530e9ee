"""The editor: pairs, grids, rows, starts, frames and errors, on discs whose every colour can be foretold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import i2i
from i2i.toolkit.faces.alignment import square_placement
from i2i_plugins.swap.editor import Swap
from i2i_plugins.swap.faces import skin_tones
from i2i_plugins.swap.pairs import pair_up, unique_names
from i2i_plugins.swap.pipeline import choose_swap_layers, report
from tests.plugins.swap.scenes import BLUE, GREEN, RED, SIDE, Discs, Points, Still, person, scene, swap, w_of

QUICK: dict[str, Any] = {"rate": 0.05, "steps": 40, "colour_weight": 0, "grow": 0.15}
"""A person is a colour here, also at the edge of the disc."""


def test_swap_changes_only_the_face() -> None:
    given = scene([RED], [BLUE])
    result = swap(given, **QUICK)
    told, target = result.scalars, given.photos["target"].pixels
    assert told["closed"] > 0.5 and told["identity/after"] > told["identity/before"]
    assert told["landmarks"] < 0.05 and told["background"] < 4 and told["steps"] == 40  # the soft edge counts
    assert torch.equal(result.image[..., 0], target[..., 0])  # the edge of the picture lies outside the face
    assert result.others == () and result.table is None and not result.frames
    lines = result.plots["loss"].lines
    assert len(lines["loss"]) == 41 and lines["loss"][-1][1] < lines["loss"][0][1]
    parts = sum(line[-1][1] for name, line in lines.items() if name != "loss")
    assert lines["loss"][-1][1] == pytest.approx(parts, rel=1e-5)


def test_swap_without_background_renders_the_latent() -> None:
    given = scene([RED], [BLUE])
    result = swap(given, background=False, **QUICK)
    assert torch.equal(given.generator.render(w_of(result)[None]).clamp(-1, 1), result.image)


def test_batch_equals_single_pairs() -> None:
    together = swap(scene([RED, GREEN], [BLUE, RED]), **QUICK)
    alone = [swap(scene([RED], [BLUE]), **QUICK), swap(scene([GREEN], [RED]), **QUICK)]
    for one, other in zip((together, *together.others), alone, strict=True):
        torch.testing.assert_close(one.image, other.image, atol=1e-4, rtol=0)  # sums in another order
    single = swap(scene([RED, GREEN], [BLUE, RED]), batch=1, **QUICK)
    torch.testing.assert_close(single.others[0].image, together.others[0].image, atol=1e-4, rtol=0)


def test_layers_option_limits_changes() -> None:
    before = RED.w[0]
    after = w_of(swap(scene([RED], [BLUE]), rows="0", rows_of="own", **QUICK))
    assert not torch.equal(after[0], before[0]) and torch.equal(after[1:], before[1:])
    # Rows 9-17 of 18 are the second half: rows 2 and 3 of 4.
    after = w_of(swap(scene([RED], [BLUE]), rows="9-17", **QUICK))
    assert torch.equal(after[:2], before[:2])


def test_default_layers_leave_pose_and_colours() -> None:
    class Large(Discs):
        num_ws, resolution = 18, 256

    assert choose_swap_layers(Swap.Options(), Large()) == ([*range(3, 11)], [4, 5, 6, 7])
    assert choose_swap_layers(Swap.Options(rows="6-17"), Large()) == ([*range(6, 18)], [6, 7])
    assert choose_swap_layers(Swap.Options(), Discs()) == ([0, 1, 2, 3], [1])  # a small one


def test_skin_tone_of_target_or_source() -> None:
    given = scene([RED], [BLUE])
    target, source = (given.photos[name].pixels[0, :, 16, 16] for name in ("target", "source"))
    own, other = (swap(given, steps=1, rate=1e-6, start="target", skin=skin) for skin in ("target", "source"))
    torch.testing.assert_close(own.image[0, :, 16, 16], target, atol=1e-5, rtol=0)
    torch.testing.assert_close(other.image[0, :, 16, 16], source, atol=0.03, rtol=0)  # gains are limited
    ground = given.photos["target"].pixels[..., 0]
    torch.testing.assert_close(other.image[..., 0], ground, atol=1e-5, rtol=0)  # far from any skin
    assert other.scalars["identity/after"] > 0.95 > own.scalars["identity/after"]


def test_skin_tones_are_read_only_where_a_result_takes_them_on(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Tensor] = []

    def counted(images: Tensor, landmarks: Tensor) -> Tensor:
        read.append(images)
        return skin_tones(images, landmarks)

    monkeypatch.setattr("i2i_plugins.swap.faces.skin_tones", counted)
    swap(scene([RED], [BLUE]), steps=1, skin="target")
    assert not read
    swap(scene([RED], [BLUE]), steps=1, skin="source")
    assert read


@pytest.mark.parametrize(
    ("options", "crossed"),
    [
        ({}, [1]),  # 4-7 of 18 are 0.22 to 0.44 of the way, amid which lies row 1 of 4
        ({"start": "target"}, []),
        ({"crossover": "0-17"}, [0, 1, 2, 3]),  # given layers are crossed whether they may change or not
        ({"rows": "0", "rows_of": "own"}, []),  # what may not change is not crossed either
        ({"crossover": "0,2", "rows_of": "own"}, [0, 2]),
    ],
)
def test_initial_latent_takes_layers_of_source(options: dict[str, Any], crossed: list[int]) -> None:
    after = w_of(swap(scene([RED], [BLUE]), steps=1, rate=1e-6, **options))
    expected = RED.w[0].clone()
    expected[crossed] = BLUE.w[0, crossed]
    torch.testing.assert_close(after, expected, atol=1e-5, rtol=0)


def test_pairing_of_sources_and_targets() -> None:
    result = swap(scene([RED, GREEN], [BLUE]), **QUICK)
    assert len(result.others) == 1 and all(each.scalars["closed"] > 0.3 for each in (result, *result.others))
    with pytest.raises(i2i.UsageError, match=r"3 target\(s\) and 2 source\(s\) do not pair: .* or --grid"):
        swap(scene([RED, GREEN, BLUE], [BLUE, RED]), **QUICK)


def test_grid_swaps_all_pairs() -> None:
    notes: list[str] = []
    given = scene([RED], [GREEN, BLUE], note=notes.append)
    result = swap(given, grid=True, **QUICK)
    assert result.table is not None and list(result.table.labels) == ["a", "A", "B"]
    assert list(result.table.columns) == ["face of a", "face of A", "face of B"]
    cells, people = result.table.cells, [*given.every["target"], *given.every["source"]]
    for row, photo in enumerate(people):
        assert cells[row][row] is photo.pixels
        for column, other in enumerate(people):
            if row != column:
                cell = cells[row][column]
                assert cell is not None and torch.equal(cell[..., 0], photo.pixels[..., 0])  # whose background it is
                middle = cell[..., 16, 16] - photo.pixels[..., 16, 16]
                assert (middle * (other.pixels - photo.pixels)[..., 16, 16]).sum() > 0  # and towards whom it went
    assert torch.equal(result.image, cells[0][1]) and result.others == ()  # type: ignore[arg-type]
    told = result.scalars
    swaps = [name for name in told if " on " in name]
    assert swaps[0] == "identity/A on a" and len(swaps) == 6
    assert told["identity/A on a"] == told["identity/after"]
    assert told["grid/identity/after"] == pytest.approx(sum(told[name] for name in swaps) / 6)
    assert notes == [
        "result.png is a with the face of A; all 6 swaps are in grid.png, and grid.html has the metrics of each."
    ]
    assert "closed" in result.table.notes[2][0] and result.table.notes[2][2] == ""


def test_grid_names_are_unique() -> None:
    same = [replace(each, name="face") for each in scene([RED], [RED]).every["target"] * 2]
    assert unique_names([*same, replace(same[0], name="")]) == ["face (1)", "face (2)", "image 3"]


def test_tuned_targets_keep_their_weights() -> None:
    tuned = person((0.8, 0.1, 0.1), (0.2, 0.3, 0.4), shift=torch.tensor([-0.2]))
    result = swap(scene([RED, tuned, GREEN], [BLUE]), **QUICK)
    second = result.others[0]
    assert isinstance(second.latent, i2i.Latent) and set(second.latent.changes) == {"shift"}
    assert torch.equal(second.image[..., 0], second.image[..., 0].clamp(max=0.21))  # 0.4 - 0.2 at most
    assert second.scalars["closed"] > 0.3


def test_frames_progress_and_cancellation() -> None:
    steps: list[tuple[int, int]] = []
    result = swap(
        scene([RED], [BLUE], progress=lambda done, total, **_: steps.append((done, total))), steps=20, frames=5
    )
    assert len(result.frames) == 5 and steps[-1] == (20, 20) and len(steps) == 21
    notes: list[str] = []
    stopped = swap(scene([RED], [BLUE], stop=lambda: True, note=notes.append), steps=20, start="target")
    assert torch.equal(w_of(stopped), RED.w[0]) and "Stopped before the end" in notes[0]
    assert not stopped.plots


def test_landmarks_without_gradients_add_a_note() -> None:
    notes: list[str] = []
    swap(scene([RED, GREEN], [BLUE], Still(), note=notes.append), steps=1, batch=1)
    assert ["No gradients pass through the landmarks of 'still'" in note for note in notes if "warn" not in note] == [
        True
    ]


@pytest.mark.parametrize(("role", "faceless"), [("target", 0), ("source", 1)])
def test_photos_without_a_face_are_refused(role: str, faceless: int) -> None:
    class Finder(Points):
        """Finds a face in bright pictures."""

        name = "finder"

        def find(self, picture: Tensor) -> list[i2i.Face]:
            bright = float(picture.mean()) > -0.5
            return [i2i.Face((0, 0, 9, 9), self(picture)[0], 1.0)] if bright else []

    given = scene([RED], [BLUE], Finder())
    people = [given.every["target"][0], given.every["source"][0]]
    dark = replace(people[faceless], pixels=torch.full_like(people[0].pixels, -1), path=Path("flat.png"))
    photo = replace(dark, placement=square_placement(SIDE, SIDE))

    def shown(other: i2i.Photo) -> i2i.Scene:
        return replace(given, every={**given.every, role: [other]})

    with pytest.raises(i2i.I2IError, match=rf"^flat.png: swap needs a face, and finder .* --image {role}=PATH\.$"):
        swap(shown(photo), steps=1)
    swap(shown(dark), steps=1)  # a latent's picture
    swap(shown(replace(photo, pixels=people[faceless].pixels)), steps=1)
    swap(replace(shown(photo), extractors=given.extractors | {"landmarks": Points()}), steps=1)  # it finds no faces


def test_warnings_of_useless_swaps() -> None:
    notes: list[str] = []
    result = swap(scene([RED], [RED], note=notes.append), steps=1)
    assert "closed" not in result.scalars
    assert notes == [
        "The target already shows the source's face, so the closed gap is not reported: a with the face of A "
        "(cosine 1.00)."
    ]
    notes.clear()
    worse = {"identity/before": 0.5, "identity/after": 0.4, "closed": -0.2}
    given = scene([RED, GREEN], [BLUE], note=notes.append)
    report(given, pair_up(given.every["target"], given.every["source"]), [worse, {**worse, "identity/after": 0.6}])
    assert notes == [
        "warning: the similarity to the source decreased: a with the face of A (cosine 0.40 from 0.50); "
        "try more --steps, or a larger --arcface-weight."
    ]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"crossover": "3", "start": "target"}, "--start crossover"),
        ({"rows_of": "own"}, "give one of them as well"),
        ({"arcface_weight": 0}, "--arcface-weight is 0"),
    ],
)
def test_options_without_effect_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(i2i.UsageError, match=told):
        i2i.build_options(Swap.Options, options, "the command line")


@pytest.mark.parametrize("options", [{}, {"start": "crossover", "crossover": "2-5"}, {"start": "target"}])
def test_options_survive_a_recipe(options: dict[str, Any]) -> None:
    chosen = Swap.Options(**options)
    assert i2i.build_options(Swap.Options, chosen.model_dump(mode="json"), "a recipe") == chosen


def test_missing_layers_are_refused() -> None:
    with pytest.raises(i2i.UsageError, match="not among layers 0 to 3"):
        swap(scene([RED], [BLUE]), rows="7", rows_of="own")


def test_default_swaps_two_samples(tmp_path: Path) -> None:
    result = i2i.edit("swap", out=tmp_path, steps=2, frames=1, device="cpu")
    assert result.image.shape == (1, 3, 64, 64)
    files = {"result.png", "before_after.png", "latent.safetensors", "frames.gif", "loss.png", "recipe.json"}
    assert files <= {each.name for each in tmp_path.iterdir()}
