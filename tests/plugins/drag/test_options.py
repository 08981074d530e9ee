"""Options: points and presets as they are typed, and what a preset's values look like."""

from __future__ import annotations

from typing import Any

import pytest

import i2i
from i2i_plugins.drag.editor import Drag
from i2i_plugins.drag.options import read_point, read_presets
from i2i_plugins.drag.preset_values import read_values
from i2i_plugins.drag.presets import PRESETS
from i2i_plugins.drag.settings import default_tolerance, first_layers, resolve_settings
from tests.plugins.drag.scenes import Blobs

PUBLISHED = {"close_eyes", "big_eyes", "shut_mouth", "open_mouth", "slim_face"}
CHOSEN = {"smile", "frown", "raise_brows", "turn_left", "turn_right"}


def test_read_points() -> None:
    assert read_point("1,2:3,4") == ((1, 2), (3, 4))
    assert read_point(" 1.5 , -2.25 : .5,4. ") == ((1.5, -2.25), (0.5, 4))


def test_read_presets_adds_strengths() -> None:
    assert read_presets("open_mouth=0.6,slim_face=-0.3") == {"open_mouth": 0.6, "slim_face": -0.3}
    assert read_presets("smile, smile=0.5") == {"smile": 1.5}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"point": ("1,2",)}, "--point 1,2: write handle and target as x0,y0:x1,y1, such as"),
        ({"point": ("a,2:3,4",)}, "write handle and target"),
        ({"point": ("1e400,2:3,4",)}, "write handle and target"),
        ({"point": ("1,2:1.0,2",)}, "the handle is its own target; give another"),
        ({"preset": "smile="}, "--preset smile=: a strength is a number from -5 to 5 other than 0, such as smile=0.6"),
        ({"preset": "smile=nan"}, "a strength is a number"),
        ({"preset": "smile=0"}, "a strength is a number"),
        ({"preset": "smile=50"}, "a strength is a number"),
        ({"preset": ""}, "write presets as NAME or NAME=STRENGTH"),
        ({"preset": "smile,,frown"}, "write presets as NAME or NAME=STRENGTH"),
        ({"point": ("1,2:3,4",), "guide": "both"}, "--guide has no effect without presets"),
        ({"preset": "smile", "guide": "both", "method": "published"}, "the published method is guided by features"),
        (
            {"point": ("1,2:3,4", "5,5:6,6", "1.0,2:0,0")},
            "--point 1,2:3,4 and --point 1.0,2:0,0 have the same handle, which can have one target only; leave one of",
        ),
        ({"mask": "no/such.png"}, "--mask no/such.png: there is no such file; name an image of the same size"),
        ({"mask": "/"}, "--mask /: it is a folder; name an image of the same size, auto or none"),
        ({"rows": 19}, "--rows is 19"),
        ({"r1": 0}, "--r1 is 0"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(i2i.UsageError) as error:
        i2i.build_options(Drag.Options, options, "options")
    assert told in str(error.value)


def test_options_survive_a_recipe() -> None:
    options = Drag.Options(point=("1,2:3,4",), preset="smile=0.5", mask="auto", guide="both", r1=2)
    assert Drag.Options(**options.model_dump(mode="json")) == options


@pytest.mark.parametrize(
    ("size", "r1", "r2", "layer", "tolerance"),
    [(64, 2, 3, 32, 1), (128, 2, 3, 64, 2), (256, 2, 6, 128, 2), (512, 3, 12, 128, 2), (1024, 6, 24, 128, 4)],
)
def test_settings_scale_published_values(size: int, r1: float, r2: float, layer: int, tolerance: float) -> None:
    found = resolve_settings(Drag.Options(), Blobs(None, i2i.choose_device("cpu", "fp32"), size))
    assert (found.r1, found.r2, found.feature_resolution, found.tolerance) == (r1, r2, layer, tolerance)
    assert found.mask_weight == (20 if size >= 256 else 5) and default_tolerance(2048) == 8


@pytest.mark.parametrize(
    ("size", "r1", "r2", "tolerance"), [(256, 2, 6, 2), (512, 3, 12, 2), (1024, 6, 24, 4), (2048, 12, 48, 8)]
)
def test_settings_of_published_method(size: int, r1: float, r2: float, tolerance: float) -> None:
    generator = Blobs(None, i2i.choose_device("cpu", "fp32"), size)
    turn = [read_values(preset) for preset in PRESETS if preset.name == "turn_left"]
    found = resolve_settings(Drag.Options(method="published"), generator, turn)
    assert (found.r1, found.r2, found.tolerance, found.feature_resolution) == (r1, r2, tolerance, 128)
    assert (found.learning_rate, found.mask_weight, found.patience, found.steps) == (0.001, 20, 0, 300)
    assert not found.shared_vector and not found.preview


def test_guided_settings_of_large_images() -> None:
    generator = Blobs(None, i2i.choose_device("cpu", "fp32"), 1024)
    turn = [read_values(preset) for preset in PRESETS if preset.name == "turn_left"]
    plain, guided, turned = (
        resolve_settings(Drag.Options(), generator, presets, guide)
        for presets, guide in (((), "features"), ((), "both"), (turn, "both"))
    )
    assert guided.learning_rate == pytest.approx(1.5 * plain.learning_rate) and guided.preview and not plain.preview
    assert turned.shared_vector and turned.layers == 2 and guided.layers == 3  # 8 and 9 of 18 are 2 and 3 of 6
    assert turned.principal and not guided.principal and turned.learning_rate == 0.002
    assert guided.steps == 60 and guided.patience == 10
    assert turned.identity_weight > guided.identity_weight and turned.colour_weight < guided.colour_weight


@pytest.mark.parametrize(
    ("presets", "given", "layers"),
    [
        (["turn_left"], {"space": "w+"}, 9),
        (["turn_left"], {"space": "w"}, 8),
        (["smile"], {"space": "w"}, 8),
        (["smile"], {"space": "w", "rows": 7}, 7),
        ([], {"space": "w"}, 9),
        (["turn_left"], {"space": "w", "method": "published"}, 6),
    ],
)
def test_number_of_layers_follows_the_space(presets: list[str], given: dict[str, Any], layers: int) -> None:
    generator = Blobs(None, i2i.choose_device("cpu", "fp32"), 1024)
    generator.num_ws = 18
    known = {preset.name: read_values(preset) for preset in PRESETS}
    guide = "features" if "method" in given else "both"
    found = resolve_settings(Drag.Options(**given), generator, [known[name] for name in presets], guide)
    assert (found.layers, found.shared_vector) == (layers, given["space"] == "w")


@pytest.mark.parametrize(
    ("size", "given", "presets", "shared"),
    [
        (64, None, ["turn_left"], False),
        (256, None, ["turn_left"], True),
        (256, None, ["smile", "turn_right"], True),
        (256, None, ["smile"], False),
        (256, None, [], False),
        (256, "w+", ["turn_left"], False),
        (64, "w", ["smile"], True),
    ],
)
def test_heads_turn_in_w(size: int, given: str | None, presets: list[str], shared: bool) -> None:
    known = {preset.name: read_values(preset) for preset in PRESETS}
    generator = Blobs(None, i2i.choose_device("cpu", "fp32"), size)
    options = Drag.Options(space=given) if given else Drag.Options()
    assert resolve_settings(options, generator, [known[name] for name in presets]).shared_vector is shared


@pytest.mark.parametrize(
    ("asked", "num_ws", "rows"),
    [(None, 18, 6), (None, 14, 6), (None, 10, 5), (None, 1, 1), (6, 18, 6), (6, 10, 3), (9, 10, 5), (1, 10, 1)],
)
def test_first_layers_scale_with_generator(asked: int | None, num_ws: int, rows: int) -> None:
    assert first_layers(asked, num_ws) == rows


def test_presets_are_published_or_chosen() -> None:
    assert {preset.name for preset in PRESETS} == PUBLISHED | CHOSEN
    for preset in PRESETS:
        values = read_values(preset)
        assert preset.editor == "drag" and values.aims and values.moves
        assert not {move.landmark for move in values.moves} & set(values.hold)


def test_presets_are_registered() -> None:
    registry = i2i.load_registry()
    ours = {preset.name for preset in registry.all("preset").values() if preset.editor == "drag"}
    assert ours >= PUBLISHED | CHOSEN
    assert registry.get("editor", "drag") is Drag


SOUND: dict[str, Any] = {"moves": [{"landmark": 9, "by": [0, 0.1]}], "region": [{"hull": [7, 9, 11]}]}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"moves": []}, "moves: tuple should have at least 1 item"),
        ({"moves": [{"landmark": 0, "by": [0, 1]}]}, "moves.0.landmark: input should be greater than or equal to 1"),
        ({"moves": [{"landmark": 69, "by": [0, 1]}]}, "moves.0.landmark: input should be less than or equal to 68"),
        ({"moves": [{"landmark": 9}]}, "moves.0: a move needs 'to'"),
        ({"moves": [{"landmark": 9, "to": [8], "factor": 0}]}, "moves.0: a move needs 'to'"),
        ({"moves": [{"landmark": 9, "by": [0, float("nan")]}]}, "moves.0.by.1: input should be a finite number"),
        ({"region": "everything"}, "region: write \"all\", or a list of hulls such as {'hull': [7, 9, 11]}"),
        ({"region": None}, 'region: write "all"'),
        ({"region": []}, 'region: write "all"'),
        ({"region": [{"hull": [1, 2]}]}, "region.0.hull: tuple should have at least 3 items"),
        ({"aims": [{"name": "Aim", "pairs": [[1, 2]]}]}, "aims.0.name"),
        ({"colour": 1}, "colour: extra inputs are not permitted"),
    ],
)
def test_invalid_preset_names_its_provider(change: dict[str, Any], told: str) -> None:
    preset = i2i.Preset("odd", "Odd.", "drag", SOUND | change, "i2i-odd")
    assert read_values(i2i.Preset("sound", "Sound.", "drag", SOUND)).moves[0].landmark == 9
    with pytest.raises(i2i.I2IError) as error:
        read_values(preset)
    assert str(error.value).startswith(f"The preset 'odd' of i2i-odd cannot be used, {told}")
    assert str(error.value).count("\n") == 0


def test_preset_requires_region() -> None:
    assert read_values(i2i.Preset("all", "All.", "drag", SOUND | {"region": "all"})).region is None
    with pytest.raises(i2i.I2IError, match="cannot be used, region: field required"):
        read_values(i2i.Preset("odd", "Odd.", "drag", {"moves": SOUND["moves"]}))


def test_help_lists_presets_and_strengths() -> None:
    told = Drag.Options.model_fields["preset"].description or ""
    assert all(preset.name in told for preset in PRESETS) and "from -5 to 5" in told


def test_preset_values_must_be_a_mapping() -> None:
    with pytest.raises(i2i.I2IError, match="not a mapping"):
        read_values(i2i.Preset("odd", "Odd.", "drag", 3))  # type: ignore[arg-type]
