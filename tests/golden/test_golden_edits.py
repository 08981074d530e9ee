"""Every editor, with each of its presets and methods, edits as recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from .edit_cases import cases, observe
from .groups import names, require_same
from .recording import load, summarise
from .workspace import Workspace


@pytest.mark.parametrize("name", names("edits"))
def test_golden_edit(name: str, unchanged: Callable[[str, str], None]) -> None:
    unchanged("edits", name)


def test_golden_edit_that_changes_is_noticed(workspace: Workspace) -> None:
    case, record = cases(workspace.registry)["mix-morph"], load("edits")["mix-morph"]
    changed = replace(case, options={**case.options, "strength": 0.49})
    for machine in (record["machine"], "another"):
        found = {name: summarise(value) for name, value in observe(changed, workspace).items()}
        with pytest.raises(AssertionError, match=r"is not as recorded[\s\S]* tests\.golden\.record edits/mix-morph"):
            require_same("edits", "mix-morph", {**record, "machine": machine}, found)
