"""The editor: presets, pairs, grids, frames and errors, on a generator whose every number can be foretold."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch

import i2i
from i2i_plugins.mix.editor import Mix
from i2i_plugins.mix.plans import interpolate_strengths
from i2i_plugins.mix.presets import PRESETS, Name
from tests.plugins.mix.scenes import Stripes, flat, mix, rows_of, scene, shown, stripes

OWN, OTHER = flat(0.0, 0.1, 0.2, 0.3, 0.4, 0.5), flat(-0.5)


def test_every_preset_can_be_chosen() -> None:
    assert set(PRESETS) == set(get_args(Name))
    for preset in PRESETS.values():
        assert preset.uses <= set(Mix.Options.model_fields)


@pytest.mark.parametrize(
    ("preset", "rows"),
    [
        # Of six rows, row j is the share j/6 to (j + 1)/6, or rows 3j to 3j + 2 of 18.
        ("style", [0.0, 0.1, 0.2, -0.5, -0.5, -0.5]),  # 8-17: rows 3, 4, 5 lie wholly within
        ("expression", [0.0, -0.2, -0.15, 0.3, 0.4, 0.5]),  # 3-9: rows 1 and 2, half
        ("crossover", [0.0, 0.1, 0.2, -0.5, -0.5, -0.5]),  # 9-17
        ("morph", [-0.25, -0.2, -0.15, -0.1, -0.05, 0.0]),  # half the way
    ],
)
def test_preset_results(preset: str, rows: list[float]) -> None:
    result = mix(scene(stripes(), [OWN], [OTHER]), preset=preset)
    assert rows_of(result) == shown(result.image) == rows
    assert result.others == [] and result.table is None and len(result.frames) == (24 if preset == "morph" else 0)


def test_options_override_preset() -> None:
    result = mix(scene(stripes(), [OWN], [OTHER]), rows="0-2", psi=0.5)
    assert rows_of(result) == [-0.25, 0.1, 0.2, 0.3, 0.4, 0.5]
    own = mix(scene(stripes(), [OWN], [OTHER]), rows="0-2", rows_of="own")
    assert rows_of(own) == [-0.5, -0.5, -0.5, 0.3, 0.4, 0.5]
    far = mix(scene(stripes(), [OWN], [OTHER]), rows="5", rows_of="own", strength=1.5)
    assert rows_of(far) == [0.0, 0.1, 0.2, 0.3, 0.4, -1.0]


def test_scalars_report_layers_and_displacement() -> None:
    scalars = mix(scene(stripes(), [flat(0.0)], [flat(0.6)]), preset="style").scalars
    # Three of six rows moved by (0.6, 0.6, 0.6): the root mean square is 0.6 sqrt(3) sqrt(3/6), w_std is 2.
    assert scalars == pytest.approx({"rows": 3, "moved": 0.6 * 1.5**0.5 / 2})


def test_expression_delta_adds_difference() -> None:
    neutral, expressive = flat(0.1), flat(0.1, 0.3, 0.11, 0.3, 0.3, 0.3)
    given = scene(stripes(), [OWN], [neutral, expressive])
    # Rows 0-7 of 18 are 0 and 1 of 6 (a third lies half within). A tenth of w_std is 0.2; (0.2, 0.2, 0.2) is longer.
    assert rows_of(mix(given, preset="expression-delta")) == [0.0, 0.3, 0.2, 0.3, 0.4, 0.5]
    assert rows_of(mix(given, preset="expression-delta", strength=2)) == [0.0, 0.5, 0.2, 0.3, 0.4, 0.5]
    assert rows_of(mix(given, preset="expression-delta", threshold=0.2)) == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert rows_of(mix(given, preset="expression-delta", rows="0-17")) == [0.0, 0.3, 0.2, 0.5, 0.6, 0.7]


def test_average_of_all_images() -> None:
    given = scene(stripes(), [flat(0.0), flat(0.4)], [flat(0.8)])
    assert rows_of(mix(given, preset="average")) == [0.4] * 6
    weighed = mix(given, preset="average", weights=(1, 0, 3), grid=True)
    assert rows_of(weighed) == [0.6] * 6 and weighed.scalars["pictures"] == 3
    assert weighed.table is not None and weighed.table.columns == ["a", "b", "A", "mean"]
    assert [shown(cell)[0] for cell in weighed.table.cells[0] if cell is not None] == [0.0, 0.4, 0.8, 0.6]


def test_frames_reach_full_strength() -> None:
    frames = mix(scene(stripes(), [flat(0.0)], [flat(0.8)]), preset="morph", frames=5).frames
    assert [shown(frame)[0] for frame in frames] == [0.0, 0.2, 0.4, 0.6, 0.8]
    mixed = mix(scene(stripes(), [flat(0.0)], [flat(0.4)]), frames=3, strength=2)
    assert [shown(frame)[5] for frame in mixed.frames] == [0.0, 0.4, 0.8] and torch.equal(mixed.frames[2], mixed.image)
    assert len(mix(scene(stripes(), [OWN], [OTHER]), frames=1).frames) == 1


def test_morph_passes_all_images() -> None:
    for given in (
        scene(stripes(), [flat(0.0)], [flat(0.4), flat(0.0)]),
        scene(stripes(), [flat(0.0), flat(0.4), flat(0.0)]),
    ):
        result = mix(given, preset="morph", frames=3, grid=True, strength=0.75)
        assert [shown(frame)[0] for frame in result.frames] == [0.0, 0.2, 0.4, 0.2, 0.0]
        assert rows_of(result) == [0.2] * 6 and result.others == []
        assert result.table is not None and len(result.table.cells) == 2


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, []), (1, [4.0]), (2, [0.0, 4.0]), (3, [0.0, 1.0, 4.0]), (5, [0.0, 0.5, 1.0, 2.5, 4.0])],
)
def test_interpolate_strengths_reaches_each_one(count: int, expected: list[float]) -> None:
    assert interpolate_strengths([0.0, 1.0, 4.0], count) == expected
    assert interpolate_strengths([2.0], count) == [2.0] * count


def test_strengths_make_a_strip() -> None:
    given = scene(stripes(), [flat(0.0), flat(0.4)], [flat(0.8)])
    result = mix(given, preset="morph", strengths="-0.5:1:4", frames=7)
    table = result.table
    assert table is not None and table.columns == ["from", "-0.5", "0", "0.5", "1", "to"]
    shown_cells = [[shown(cell)[0] for cell in row if cell is not None] for row in table.cells]
    assert shown_cells == [[0.0, -0.4, 0.0, 0.4, 0.8, 0.8], [0.4, 0.2, 0.4, 0.6, 0.8, 0.8]]
    assert rows_of(result) == [0.8] * 6  # the last strength
    assert [shown(frame)[0] for frame in result.frames] == [-0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8]
    assert rows_of(mix(given, preset="morph", strengths="0,1,0", strength=0.5))[0] == 0.4
    there_and_back = mix(given, preset="morph", strengths="0,1,0", frames=5)
    assert [shown(frame)[0] for frame in there_and_back.frames] == [0.0, 0.4, 0.8, 0.4, 0.0]


def test_strengths_go_along_all_images() -> None:
    result = mix(scene(stripes(), [flat(0.0), flat(0.4), flat(0.0)]), preset="morph", strengths="0:1:5", frames=3)
    assert result.table is not None and result.table.columns == ["a", "0", "0.25", "0.5", "0.75", "1", "c"]
    cells = [shown(cell)[0] for cell in result.table.cells[0] if cell is not None]
    assert cells == [0.0, 0.0, 0.2, 0.4, 0.2, 0.0, 0.0]
    assert [shown(frame)[0] for frame in result.frames] == [0.0, 0.4, 0.0]


def test_images_and_donors_pair() -> None:
    many = [flat(0.1), flat(0.2), flat(0.3)]
    each = mix(scene(stripes(), many, [OTHER]))
    assert [rows_of(result)[5] for result in (each, *each.others)] == [-0.5] * 3
    assert [rows_of(result)[0] for result in (each, *each.others)] == [0.1, 0.2, 0.3]
    paired = mix(scene(stripes(), many, [flat(-0.1), flat(-0.2), flat(-0.3)]))
    assert [rows_of(result)[5] for result in (paired, *paired.others)] == [-0.1, -0.2, -0.3]
    with pytest.raises(i2i.UsageError, match=r"3 image\(s\) and 2 other image\(s\) do not pair: .* --grid"):
        mix(scene(stripes(), many, [OTHER, OTHER]))


def test_grid_shows_all_pairs_and_originals() -> None:
    result = mix(scene(stripes(), [flat(0.1), flat(0.2)], [flat(-0.1), flat(-0.2), flat(-0.3)]), grid=True)
    table = result.table
    assert table is not None and list(table.columns) == ["", "A", "B", "C"] and list(table.labels) == ["", "a", "b"]
    numbers = [[None if cell is None else (shown(cell)[0], shown(cell)[5]) for cell in row] for row in table.cells]
    assert numbers == [
        [None, (-0.1, -0.1), (-0.2, -0.2), (-0.3, -0.3)],
        [(0.1, 0.1), (0.1, -0.1), (0.1, -0.2), (0.1, -0.3)],
        [(0.2, 0.2), (0.2, -0.1), (0.2, -0.2), (0.2, -0.3)],
    ]


def test_grid_of_morph_shows_the_path() -> None:
    table = mix(scene(stripes(), [flat(0.0), flat(0.4)], [flat(0.8), flat(0.0)]), preset="morph", grid=True).table
    assert table is not None and table.labels == ["a to A", "b to B"]
    assert [[shown(cell)[0] for cell in row if cell is not None] for row in table.cells] == [
        [0.0, 0.0, 0.2, 0.4, 0.6, 0.8, 0.8],
        [0.4, 0.4, 0.3, 0.2, 0.1, 0.0, 0.0],
    ]


def test_results_keep_noise_and_weights() -> None:
    tuned = i2i.Latent(flat(0.1).w, {"grain": torch.full((1, 1, 1, 1), 0.05)}, {"shift": torch.full((3,), 0.2)})
    for order in ([tuned, flat(0.1)], [flat(0.1), tuned]):
        result = mix(scene(stripes(), order, [OTHER]), grid=True)
        for latent, each in zip(order, (result, *result.others), strict=True):
            assert isinstance(each.latent, i2i.Latent)
            assert (each.latent.noise, each.latent.changes) == (latent.noise, latent.changes)
            assert shown(each.image)[0] == (0.35 if latent is tuned else 0.1)
        assert result.table is not None
        cells = [shown(row[1])[0] for row in result.table.cells[1:] if row[1] is not None]
        assert cells == [0.35 if latent is tuned else 0.1 for latent in order]


def test_rendering_is_batched_and_reports_progress() -> None:
    generator, seen = stripes(), []
    given = scene(generator, [flat(0.1)] * 20, [OTHER] * 20, progress=lambda done, total: seen.append((done, total)))
    generator.batches.clear()
    mix(given, grid=True)
    assert generator.batches == [20, 64, 64, 64, 64, 64, 64, 16]  # 20 results; 400 places of the grid
    assert seen[-1] == (420, 420) and seen == sorted(seen)


def test_cancelled_edit_has_image_and_no_grid() -> None:
    given = scene(stripes(), [OWN], [OTHER], stop=lambda: True)
    result = mix(given, preset="morph", grid=True)
    assert rows_of(result)[0] == -0.25 and result.table is None and not result.frames


def test_grey_images_have_three_channels() -> None:
    class Grey(Stripes):
        channels = 1

    result = mix(scene(Grey(None, i2i.choose_device("cpu", "fp32")), [OWN], [OTHER]), grid=True)
    assert result.image.shape == (1, 3, 12, 12) and result.table is not None


@pytest.mark.parametrize(
    ("images", "others", "options", "told"),
    [
        (1, 0, {"preset": "style"}, "--preset style needs another image: type --image other=PATH"),
        (1, 0, {"preset": "morph"}, "--preset morph needs another image"),
        (1, 1, {"preset": "expression-delta"}, "needs two other photos of one person, neutral"),
        (2, 3, {"preset": "morph", "grid": True}, "2 image(s) and 3 other image(s) do not pair"),
        (1, 0, {"preset": "average"}, "at least two images"),
        (2, 0, {"preset": "average", "weights": (1, 2, 3)}, "--weights was given 3 times for 2 images"),
        (2, 0, {"preset": "average", "weights": (1, -1)}, "sum of --weights is 0"),
        (1, 1, {"rows": "8-40"}, "8-40 is not among layers 0 to 17"),
        (1, 0, {"preset": "sefa", "component": 3, "samples": 200}, "--component 3: there are components 0 to 2"),
        (1, 0, {"preset": "interfacegan", "attribute": "x", "labels": "no.csv"}, "--labels no.csv cannot be read"),
    ],
)
def test_errors_name_the_remedy(images: int, others: int, options: dict[str, Any], told: str) -> None:
    with pytest.raises(i2i.UsageError) as error:
        mix(scene(stripes(), [OWN] * images, [OTHER] * others), **options)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"preset": "morph", "psi": 0.5}, "--psi has no effect with --preset morph; leave it out, or choose style, "),
        ({"labels": "x.csv"}, "--labels has no effect with --preset style; leave it out, or choose interfacegan"),
        ({"weights": (1, 2)}, "choose average"),
        ({"preset": "average", "rows": "3"}, "--rows has no effect with --preset average"),
        ({"preset": "interfacegan"}, "needs --attribute"),
        ({"preset": "interfacegan", "attribute": "smiling"}, "either --labels FILE.csv"),
        ({"preset": "interfacegan", "attribute": "a", "against": "b", "condition": "c"}, "column of --labels"),
        ({"preset": "interfacegan", "attribute": "a", "labels": "x", "against": "b"}, "leave --against"),
        ({"preset": "interfacegan", "attribute": "a", "labels": "x", "condition": "a"}, "the attribute itself"),
        ({"psi": 2}, "--psi is 2"),
        (
            {"preset": "direction"},
            "--preset direction needs --direction: a file, or a record such as --direction smile",
        ),
        ({"preset": "interfacegan", "direction": "x.pt", "attribute": "a"}, "--direction replaces --attribute"),
        ({"preset": "ganspace", "direction": "x.pt", "samples": 300}, "--direction replaces --samples"),
        ({"preset": "sefa", "direction": "x.pt"}, "--direction has no effect with --preset sefa"),
        ({"preset": "average", "strengths": "1,2"}, "--strengths has no effect with --preset average"),
        ({"preset": "style", "strengths": "0,1", "grid": True}, "leave out --grid or --strengths"),
        ({"strengths": "1;2"}, "write numbers such as -4,-2,0,2,4, or FIRST:LAST:COUNT such as -4:4:9"),
        ({"strengths": "0:1:1"}, "FIRST:LAST:COUNT"),
        ({"strengths": "0:nan:3"}, "at most 1000 numbers from -100 to 100"),
        ({"strengths": "101"}, "at most 1000 numbers from -100 to 100"),
    ],
)
def test_options_in_conflict_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(i2i.UsageError) as error:
        i2i.build_options(Mix.Options, options, "options")
    assert told in str(error.value)


def test_options_survive_a_recipe() -> None:
    for preset in PRESETS:
        more = {"attribute": "a", "against": "b"} if preset == "interfacegan" else {}
        more |= {"direction": "smile", "strengths": "-1,1"} if preset == "direction" else {}
        options = Mix.Options(preset=preset, **more)
        assert Mix.Options(**options.model_dump(mode="json")) == options
