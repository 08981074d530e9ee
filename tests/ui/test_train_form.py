"""The form of the tab "Train", without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("nicegui", reason='the web page needs NiceGUI: pip install "i2i[ui]"')

from nicegui import ui
from nicegui.testing import User

import i2i
from i2i.ui.pages import PAGES
from i2i.ui.pages.shell import build_shell
from i2i.ui.server import PageContext

from .simulation import field, simulate

(TRAIN,) = (page for page in PAGES if page.name == "train")


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PageContext:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("I2I_HOME", str(tmp_path / "home"))
    return PageContext(i2i.load_registry(), tmp_path, local_files=False)


def test_files_of_the_machine_are_refused_without_local_files(
    context: PageContext, caplog: pytest.LogCaptureFixture
) -> None:
    async def check(user: User) -> None:
        field(user, "Dataset", ui.select).value = "folder"
        field(user, "Folder of the dataset", ui.input).value = "/"
        user.find("Start").click()
        await user.should_see("folder reads a folder of this machine, which --no-local-files forbids.")
        field(user, "Trainer", ui.select).value = "encoder"
        field(user, "Generator *", ui.input).value = "/weights.pt"
        user.find("Start").click()
        await user.should_see("generator names a file of this machine, which --no-local-files forbids")

    simulate(lambda: build_shell(context, PAGES, TRAIN), check)


def test_form_says_what_a_dataset_is_and_keeps_a_name_that_was_typed(context: PageContext, tmp_path: Path) -> None:
    async def check(user: User) -> None:
        field(user, "Dataset", ui.select).value = "facades"
        await user.should_see("facades is not downloaded, so that 400 synthetic pairs are used.")
        name = field(user, "Name of the run", ui.input)
        assert name.value == "pix2pix-facades-001"
        name.value = "mine"
        (tmp_path / "home" / "datasets" / "edges2shoes").mkdir(parents=True)
        field(user, "Dataset", ui.select).value = "edges2shoes"
        await user.should_see("edges2shoes is downloaded.")
        assert name.value == "mine"
        field(user, "Steps").value = 7
        user.find("Command").click()
        await user.should_see("i2i train pix2pix --dataset edges2shoes --steps 7 --out runs/mine")
        field(user, "Trainer", ui.select).value = "encoder"
        await user.should_see("This trainer makes its samples itself, so it needs no dataset.")

    simulate(lambda: build_shell(context, PAGES, TRAIN), check)
