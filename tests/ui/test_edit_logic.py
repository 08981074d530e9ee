"""What the tab "Edit" decides without a browser: jobs, generators, the history strip and the session of panels."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui", reason='the web page needs NiceGUI: pip install "i2i[ui]"')

from nicegui import ui
from nicegui.testing import User

import i2i
from i2i.testing import registry_of
from i2i.ui.events import Event, JobProgress
from i2i.ui.generators import bundle_offers, generator_choices, size_text
from i2i.ui.history import History, HistoryNode
from i2i.ui.jobs import JobError, Jobs
from i2i.ui.pages import PAGES
from i2i.ui.pages.edit.adjustments import _point, readable
from i2i.ui.pages.edit.history_strip import node_label, shown_nodes
from i2i.ui.pages.shell import build_shell
from i2i.ui.server import PageContext
from i2i.ui.session import SessionStore
from i2i.ui.worker import Ticket, Worker, WorkerPool

from .simulation import simulate
from .test_plugins_page import Warm, WarmPanel


def slow_edit(slow: Path, out: Path, **options: Any) -> dict[str, Any]:
    return {"name": str(slow), "images": ["seed:1"], "out": out, "options": options}


def test_jobs_return_results_and_raise_errors(worker: Worker, slow: Path, tmp_path: Path) -> None:
    async def check() -> None:
        jobs, events = Jobs(worker, ""), list[Event]()
        outcome = await jobs.run("edit", slow_edit(slow, tmp_path / "a", seconds=0), events.append)
        assert (outcome.width, outcome.height) == (64, 64)
        assert any(isinstance(event, JobProgress) for event in events)
        with pytest.raises(JobError) as failed:
            await jobs.run("edit", slow_edit(slow, tmp_path / "b", says="no reason"))
        assert "no reason" in str(failed.value) and "Traceback" in failed.value.details
        with pytest.raises(JobError, match="There is no editor") as refused:
            await jobs.run("edit", {**slow_edit(slow, tmp_path / "c"), "name": "nothing"})
        assert refused.value.details == ""

    asyncio.run(check())


def test_jobs_stop_and_end_with_the_page(worker: Worker, slow: Path, tmp_path: Path) -> None:
    async def check() -> None:
        jobs, tickets = Jobs(worker, "one"), list[Ticket]()

        def stop(event: Event) -> None:
            if isinstance(event, JobProgress):
                jobs.stop(tickets[0])

        outcome = await jobs.run("edit", slow_edit(slow, tmp_path / "a"), stop, tickets.append)
        assert outcome.stopped

        def close(event: Event) -> None:
            if isinstance(event, JobProgress):
                jobs.close()

        with pytest.raises(i2i.Interrupted, match="page was closed"):
            await jobs.run("edit", slow_edit(slow, tmp_path / "b"), close)
        with pytest.raises(i2i.Interrupted, match="page was closed"):
            await jobs.run("edit", slow_edit(slow, tmp_path / "c"))

    asyncio.run(check())


def test_generators_that_are_here_and_bundles_to_download(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("I2I_HOME", str(tmp_path))
    registry = i2i.load_registry()
    assert [choice.caption for choice in generator_choices(registry)] == ["demo-faces (synthetic faces, 64 px)"]
    (offer,) = [offer for offer in bundle_offers(registry) if "mobile-ffhq" in offer.generators]
    assert (offer.name, size_text(offer.bytes)) == ("faces", "79 MB")
    assert all(licence for _, _, _, licence in offer.models)
    assert [size_text(count) for count in (None, 10, 2_800, 1_400_000)] == ["size not known", "1 kB", "3 kB", "1 MB"]


def test_strip_shows_branches_and_leaves_out_images_without_edits() -> None:
    history = History()
    looked_at = history.add(HistoryNode(0, None, "seed:1", "seed:1"))
    root = history.add(HistoryNode(0, None, "seed:2", "seed:2"))
    first = history.add(HistoryNode(0, root.number, "drag", editor="drag"))
    deeper = history.add(HistoryNode(0, first.number, "drag", editor="drag"))
    branch = history.add(HistoryNode(0, root.number, "drag", editor="drag"))
    assert [node.number for node in shown_nodes(history)] == [each.number for each in (root, first, deeper, branch)]
    history.go_to(looked_at.number)
    assert next(iter(shown_nodes(history))) is looked_at
    assert node_label(root) == "seed 2"


def test_points_and_presets_as_words() -> None:
    assert _point((20.0, 40.5), (32.12345, -0.0)) == "20,40.5:32.123,0"
    assert readable("open_mouth") == "Open mouth"


def test_panel_of_a_plugin_replaces_the_form_and_no_generator_is_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Worker, "start", lambda self: None)
    registry = registry_of(Warm, WarmPanel)
    store, workers = SessionStore(registry), WorkerPool()
    context = PageContext(registry, tmp_path, store=store, workers=workers)

    async def check(user: User) -> None:
        (choice,) = [each for each in user.find(ui.select).elements if each.props.get("label") == "Editor"]
        choice.value = "warm"
        await user.should_see("made by the panel")
        user.find("Run").click()
        await user.should_see("No image is open; open a photo or a seed first.")

    simulate(lambda: build_shell(context, PAGES[:1], PAGES[0]), check)
    workers.close()
    store.close()
