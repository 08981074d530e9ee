"""The tab "Train" in a real browser."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui", reason='the web page needs NiceGUI: pip install "i2i[ui]"')

from i2i.training.run_process import training_process

from .browser import chromium
from .runs import write_pairs
from .test_page import Watched
from .test_server import started

SECONDS = 60_000


@pytest.fixture(autouse=True)
def no_training_outlives_its_test(tmp_path: Path) -> Iterator[None]:
    yield
    for folder in (tmp_path / "working" / "runs").glob("*"):
        if (pid := training_process(folder)) is not None:
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


def choose_folder(page: Any, folder: Path) -> None:
    page.get_by_label("Dataset", exact=True).click()
    page.get_by_role("option", name="folder: your own images").click()
    page.get_by_label("Folder of the dataset", exact=True).fill(str(folder))


def test_training_is_started_watched_stopped_and_resumed(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    pairs = write_pairs(tmp_path / "pairs")
    folder = tmp_path / "working" / "runs" / "pix2pix-folder-001"
    with started(tmp_path, OMP_NUM_THREADS="1") as (_, address):
        watched = Watched(browser, address)
        page = watched.page
        page.goto(f"{address}/train")
        page.get_by_text("There are no runs yet.").wait_for()
        choose_folder(page, tmp_path / "missing")
        page.get_by_role("button", name="Start").click()
        page.get_by_text("There is no folder").wait_for()
        page.get_by_role("button", name="Close").click()
        page.get_by_label("Folder of the dataset", exact=True).fill(str(tmp_path / "empty"))
        page.get_by_role("button", name="Start").click()
        page.get_by_role("alert").filter(has_text="There are no pairs in").wait_for(timeout=SECONDS)

        page.get_by_role("button", name="Choose the folder of the dataset").click()
        page.get_by_role("dialog").get_by_role("button", name="Up").click()
        page.get_by_role("dialog").get_by_text("pairs", exact=True).click()
        page.get_by_label("Steps", exact=True).fill("5000")
        page.get_by_label("Size", exact=True).last.fill("32")
        page.get_by_text("Options of pix2pix").click()
        for label, value in (("Levels", "3"), ("Width", "4"), ("Discriminator width", "4")):
            page.get_by_label(label, exact=True).last.fill(value)
        page.get_by_label("Patch", exact=True).click()
        page.get_by_role("option", name="16").click()
        page.get_by_text("More options").click()
        page.get_by_label("Sample every").fill("20")
        page.get_by_label("Device").fill("cpu")
        page.get_by_role("button", name="Command").click()
        page.get_by_text(f"i2i train pix2pix --dataset folder --data-root {pairs} --steps 5000").wait_for()
        page.get_by_role("button", name="Close").click()
        page.get_by_role("button", name="Start").click()
        page.get_by_role("button", name="Stop").wait_for(timeout=SECONDS)
        page.get_by_text("loss g_l1").wait_for(timeout=SECONDS)
        page.get_by_text("pix2pix-folder-001: step").wait_for(timeout=SECONDS)
        assert training_process(folder) is not None
        page.get_by_role("button", name="Stop").click()
        page.get_by_role("button", name="Resume").wait_for(timeout=SECONDS)
        assert training_process(folder) is None and (folder / "checkpoints" / "last").is_file()

        sample = page.get_by_text("pix2pix-folder-001: step")
        newest = int(sample.inner_text().rpartition(" ")[2])
        page.get_by_role("slider", name="Step of the samples").locator("[tabindex='0']").focus()
        page.keyboard.press("ArrowLeft")
        if newest > 20:  # otherwise it was stopped before the second samples
            page.get_by_text(f"pix2pix-folder-001: step {newest - 20}", exact=True).wait_for()

        page.get_by_role("button", name="Resume").click()
        page.get_by_label("Train until step").fill("1")
        page.get_by_role("button", name="Train", exact=True).click()
        page.get_by_text("type a larger number").wait_for()
        watched.check()
        watched.context.close()


def test_two_runs_are_compared_at_a_phone_width(browser: Any, small_run: Path, tmp_path: Path) -> None:
    with started(tmp_path, OMP_NUM_THREADS="1") as (_, address):
        for name in ("one", "two"):
            shutil.copytree(small_run, tmp_path / "working" / "runs" / name)
        watched = Watched(browser, address, 390, 844, color_scheme="dark")
        page = watched.page
        page.goto(f"{address}/train")
        page.get_by_text("one", exact=True).click()
        page.get_by_text("one: step 2", exact=True).wait_for()
        page.get_by_label("Compare with").click()
        page.get_by_role("option", name="two").click()
        page.get_by_text("two: step 2", exact=True).wait_for()
        assert page.get_by_role("columnheader").all_inner_texts() == ["Last value", "one", "two"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, "the page scrolls sideways"
        page.get_by_role("button", name="Translate").click()
        page.get_by_text("32 x 32 px in").wait_for(timeout=SECONDS)
        watched.check()
        watched.context.close()
