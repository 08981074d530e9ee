"""The cache of inversions, when two edits want the same photo at once."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

import i2i
from i2i.editing.inversion import _plain, _plot
from i2i.editing.pipeline import edit
from i2i.testing import registry_of
from tests.helpers.toy_faces import Squares, photo
from tests.helpers.toy_latents import Bands, Bandwise, Brighten, latent_registry


def test_a_photo_is_inverted_once_for_two_edits_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads stand for processes here: each has a lock of its own."""
    Bandwise.asked.clear()
    registry, picture = latent_registry(), photo(tmp_path / "me.png", (10, 10, 30), size=(60, 60))
    waits, invert = threading.Event(), Bandwise.invert

    def slow(self: Bandwise, scene: i2i.Scene, images: Any, options: Any) -> list[i2i.Inversion]:
        assert waits.wait(30), "the other edit waits"
        return invert(self, scene, images, options)

    def note(text: str) -> None:
        if text == "Waiting for another process that inverts the same photo.":
            waits.set()

    def run(number: int) -> None:
        shared: dict[str, Any] = {"generator": "bands", "device": "cpu", "registry": registry, "note": note}
        edit("brighten", [picture], out=tmp_path / str(number), **shared)

    monkeypatch.setattr(Bandwise, "invert", slow)
    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert Bandwise.asked == [1]
    first, second = ((tmp_path / str(number) / "photo.png").read_bytes() for number in range(2))
    assert first == second


def test_cache_facts_are_part_of_the_key(tmp_path: Path) -> None:
    """What an inverter says that its results depend on: another value makes it invert again."""
    facts: dict[str, Any] = {}

    class Depending(Bandwise):
        name = "depending"
        default = False

        def cache_facts(self, generator: i2i.Generator, options: Any) -> dict[str, Any]:
            return facts

    registry = registry_of(Bands, Brighten, Depending, Squares)
    picture = photo(tmp_path / "me.png", (10, 10, 30), size=(60, 60))
    shared: dict[str, Any] = {"generator": "bands", "device": "cpu", "registry": registry, "invert": "depending"}
    Bandwise.asked.clear()
    for number, value in enumerate((None, True, True, None)):
        facts.update({"there": value})
        edit("brighten", [picture], out=tmp_path / str(number), **shared)
    assert Bandwise.asked == [1, 1]
    facts.update({"there": {1, 2}})
    with pytest.raises(i2i.I2IError, match=r"'depending'.*cache_facts.*a mapping of values that JSON has"):
        edit("brighten", [picture], out=tmp_path / "last", **shared)


def test_whether_optional_extractors_are_here_is_part_of_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A latent that was found without a network is not that which is found with it."""

    class Judging(Bandwise):
        name = "judging"
        default = False
        may_use = ("identity",)

    class Known(i2i.Extractor):
        name, summary, role, domain = "known", "Needs a package.", "identity", "faces"
        packages = ("package_that_comes_later",)

    registry = registry_of(Bands, Brighten, Judging, Squares, Known)
    picture = photo(tmp_path / "me.png", (10, 10, 30), size=(60, 60))
    shared: dict[str, Any] = {"generator": "bands", "device": "cpu", "registry": registry, "invert": "judging"}
    Bandwise.asked.clear()
    for number in range(3):
        edit("brighten", [picture], out=tmp_path / str(number), **shared)
        (tmp_path / "package_that_comes_later.py").write_text("")
        monkeypatch.syspath_prepend(tmp_path)
    assert Bandwise.asked == [1, 1]


def test_the_key_is_described_once_for_all_images(tmp_path: Path) -> None:
    described: list[str] = []

    class Counting(Bandwise):
        name = "counting"
        default = False

        def cache_facts(self, generator: i2i.Generator, options: Any) -> dict[str, Any]:
            described.append(self.name)
            return {}

    class Several(Brighten):
        name = "several"
        photos = ("image+",)

    registry = registry_of(Bands, Several, Counting, Squares)
    colours = ((10, 10, 30), (90, 10, 30))
    pictures = [photo(tmp_path / f"{red}.png", (red, *rest), size=(60, 60)) for red, *rest in colours]
    shared: dict[str, Any] = {"generator": "bands", "device": "cpu", "registry": registry, "invert": "counting"}
    Bandwise.asked.clear()
    edit("several", pictures, **shared)
    edit("several", pictures[1:], **shared)
    assert Bandwise.asked == [2] and described == ["counting"] * 2


def test_plots_survive_the_cache() -> None:
    """As JSON in the latent file; entries of earlier versions have no right axis."""
    plot = i2i.Plot(
        "step", "loss", {"a": [(0.0, 1.5)]}, True, "PSNR, dB", {"psnr": [(0.0, 12.0), (1.0, 13.0)]}, csv=True
    )
    values = json.loads(json.dumps(_plain(plot)))
    assert _plot(values) == plot
    earlier = {name: values[name] for name in ("x", "y", "lines", "log")}
    assert _plot(earlier) == i2i.Plot("step", "loss", {"a": [(0.0, 1.5)]}, True)
