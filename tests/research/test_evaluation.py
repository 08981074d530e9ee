"""The evaluation of the embedded world: figures and their targets, the command, and the cards."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from math import nan
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import i2i
from research.demo import evaluate
from research.demo.measures import model_cards
from research.demo.measures.figures import Figure, Measured, create_figures
from research.demo.measures.samples import EvaluationSamples

# Figures.


@pytest.mark.parametrize(
    ("aims", "value", "aim", "holds"),
    [
        ({"under": 0.03}, 0.0299, "under 0.03", True),
        ({"under": 0.03}, 0.03, "under 0.03", False),
        ({"least": 0.95}, 0.95, "at least 0.95", True),
        ({"least": 0.95}, 0.94, "at least 0.95", False),
        ({"under": 0.03}, nan, "under 0.03", False),
        ({"least": 0.95}, nan, "at least 0.95", False),
        ({}, 1.0, "", None),
    ],
)
def test_figure_holds_its_target(aims: dict[str, float], value: float, aim: str, holds: bool | None) -> None:
    figure = Figure("x", value, "what", **aims)
    assert (figure.aim, figure.holds) == (aim, holds)
    assert Measured([figure]).missed == (["x"] if holds is False else [])
    kept = figure.as_json()
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept and kept.get("holds") == holds


def test_figures_are_rounded_to_four_digits() -> None:
    assert Figure("x", 0.0123456, "what").as_json() == {"value": 0.01235, "meaning": "what"}


def test_meanings_are_found_by_prefix() -> None:
    meanings = {"nme": "mean", "nme_p95": "worst", "accuracy": "of all", "accuracy/": "of {}"}
    found = create_figures(
        dict.fromkeys(("nme", "nme_p95", "accuracy", "accuracy/a/b"), 1.0), meanings, "p/", under={"nme": 2.0}
    )
    assert [figure.meaning for figure in found] == ["mean", "worst", "of all", "of a/b"]
    assert [figure.name for figure in found] == ["p/nme", "p/nme_p95", "p/accuracy", "p/accuracy/a/b"]
    assert [figure.under for figure in found] == [2.0, None, None, None]


# The command.


@pytest.mark.parametrize("part", [part for parts in evaluate.PARTS.values() for part in parts])
def test_every_part_is_a_function_of_the_measures(part: str) -> None:
    assert callable(evaluate._part(part))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In place of what takes long: two figures of demo-text, one of demo-faces, and what lacks something."""
    asked: list[str] = []

    def part(path: str) -> Callable[[EvaluationSamples], list[Figure]]:
        def measured(bench: EvaluationSamples) -> list[Figure]:
            asked.append(f"{path} {bench.count}")
            if path == "lacking":
                raise i2i.I2IError("Something is not here: type 'get it'.")
            return [Figure(f"{path}/good", 0.5, "half", least=0.4), Figure(f"{path}/plain", 2.0, "two")]

        def missing(bench: EvaluationSamples) -> list[Figure]:
            return [Figure("poor", 0.5, "half", under=0.4)]

        return missing if path == "poor" else measured

    monkeypatch.setattr(evaluate, "_part", part)
    parts = {"demo-faces": ("lacking", "first", "lacking"), "demo-text": ("second",), "demo-identity": ("poor",)}
    monkeypatch.setattr(evaluate, "PARTS", parts)
    return asked


def test_table_shows_targets_and_omits_missing_figures(found: list[str]) -> None:
    result = CliRunner().invoke(evaluate.main, ["demo-faces", "demo-text", "--count", "40"], catch_exceptions=False)
    assert result.exit_code == 0 and found == ["lacking 40", "first 40", "lacking 40", "second 40"]
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["demo-faces", "first/good", "0.5", "at", "least", "0.4", "holds"] in lines
    assert ["demo-text", "second/plain", "2"] in lines
    assert result.stderr.count("left out of demo-faces: Something is not here: type 'get it'.") == 1


def test_json_output(found: list[str]) -> None:
    result = CliRunner().invoke(evaluate.main, ["--json"])
    printed = json.loads(result.stdout)
    assert list(printed) == ["demo-faces", "demo-text", "demo-identity"]
    assert printed["demo-faces"]["left_out"] == ["Something is not here: type 'get it'."]
    kept = {"value": 0.5, "aim": "at least 0.4", "holds": True, "meaning": "half"}
    assert printed["demo-text"]["figures"]["second/good"] == kept


@pytest.mark.parametrize(
    ("count", "advice"), [("2000", "python -m research.demo.train demo-identity"), ("50", "--count 2000")]
)
def test_missed_target_exits_with_1(
    found: list[str], count: str, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        evaluate.run(["demo-identity", "demo-text", "--count", count])
    out, err = capsys.readouterr()
    assert ended.value.code == 1 and "MISSED" in out and "second/good" in out
    last = err.splitlines()[-1]
    assert last.startswith("Error: Targets are missed (demo-identity poor): ") and last.endswith(f"{advice}.")


def test_unknown_network_is_refused() -> None:
    result = CliRunner().invoke(evaluate.main, ["demo-fates"])
    assert result.exit_code == 2 and "demo-faces" in result.stderr


# Cards.


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the card that a training leaves."""
    monkeypatch.setattr(model_cards, "mark", lambda name: f"mark of {name}")
    card = {
        "name": "demo-text",
        "summary": "Words.",
        "licence": "MIT",
        "trained_on": "synthetic faces",
        "settings": {"steps": 1200, "rate": 0.002},
        "facts": {"steps": 1200, "pictures": 40000},
        "parameters": 1234567,
        "seconds": 630,
        "threads": 2,
        "machine": "x86_64",
        "torch": "2.15",
        "figures": {},
    }
    (tmp_path / "demo-text.json").write_text(json.dumps(card), encoding="utf-8")
    return tmp_path


def figures_of(folder: Path, name: str = "demo-text") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["figures"]
    return found


def test_figures_of_other_weights_or_counts_are_removed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Measured([Figure("one", 1.0, "a")]), Measured([Figure("other", 2.0, "b", least=1.0)])
    model_cards.write("demo-text", one, 50, folder)
    model_cards.write("demo-text", other, 50, folder)
    assert list(figures_of(folder)) == ["one", "other"] and figures_of(folder)["other"]["holds"] is True
    model_cards.write("demo-text", other, 60, folder)
    assert list(figures_of(folder)) == ["other"]
    monkeypatch.setattr(model_cards, "mark", lambda name: "of others")
    model_cards.write("demo-text", one, 60, folder)
    assert list(figures_of(folder)) == ["one"]


def test_page_matches_cards(folder: Path) -> None:
    figures = [
        Figure("found", 0.5, "half", least=0.4),
        Figure("lost", 0.25, "much", under=0.1),
        Figure("odd", nan, "none"),
    ]
    model_cards.write("demo-text", Measured(figures), 2000, folder)
    model_cards.write("faces", Measured([Figure("seen", 0.96, "by dlib")]), 2000, folder)
    page = model_cards.page(folder)
    for line in (
        "- trained on: synthetic faces",
        "- pictures: 40,000",
        "- settings: steps 1200, rate 0.002",
        "- weights: 1,234,567",
        "- training took: 10 minutes on 2 threads of x86_64, PyTorch 2.15",
        "- measured on: up to 2,000 faces of each kind",
        "| found | 0.5 | at least 0.4, met | half |",
        "| lost | 0.25 | under 0.1, **missed** | much |",
        "| odd | none |  | none |",
        "| seen | 0.96 |  | by dlib |",
    ):
        assert f"\n{line}\n" in page
    assert page.index("\n## faces\n") < page.index("\n## demo-text\n") and "## demo-identity" not in page


def test_cards_say_how_networks_were_made() -> None:
    page = model_cards.page()
    for name, made in model_cards.MADE.items():
        assert f"## {name}\n" in page and made in page and made == model_cards.read(name)["made"]
        assert "upper bounds" in made
    assert "regressed on rendered faces" in model_cards.MADE["demo-faces"]
    published = page.split("## mobile-ffhq\n")[1]
    assert "NVIDIA" in published and "trained on: Images of StyleGAN2-FFHQ" in published


def test_missing_card_is_named(folder: Path) -> None:
    with pytest.raises(
        i2i.I2IError, match=r"demo-faces\.json cannot be read .*: type 'python -m .*train demo-faces' anew"
    ):
        model_cards.write("demo-faces", Measured(), 50, folder)
    (folder / "demo-faces.json").write_text("[]", encoding="utf-8")
    with pytest.raises(i2i.I2IError, match=r"demo-faces\.json is no card"):
        model_cards.read("demo-faces", folder)


def test_write_updates_cards(found: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_cards, "write", partial(model_cards.write, folder=folder))
    before = (folder / "demo-text.json").read_bytes()
    assert CliRunner().invoke(evaluate.main, ["demo-text"]).exit_code == 0
    assert (folder / "demo-text.json").read_bytes() == before
    assert CliRunner().invoke(evaluate.main, ["demo-text", "--write", "--count", "64"]).exit_code == 0
    assert list(figures_of(folder)) == ["second/good", "second/plain"]
    assert model_cards.read("demo-text", folder)["measured"] == {"count": 64, "of": "mark of demo-text"}
