"""The groups of golden cases, and what is done with each case: compare it, or record it."""

from __future__ import annotations

import os
import shlex
import time
import warnings
from dataclasses import asdict
from typing import Any
from unittest.mock import patch

import i2i

from . import (
    command_cases,
    component_cases,
    edit_cases,
    format_cases,
    option_tables,
    training_cases,
    version_cases,
)
from .recording import differences, load, machine, save, summarise
from .workspace import Workspace, fixed_surroundings

GROUPS: dict[str, Any] = {
    "edits": edit_cases,
    "training": training_cases,
    "components": component_cases,
    "options": option_tables,
    "commands": command_cases,
    "formats": format_cases,
    "version_0_1": version_cases,
}
"""By name, modules with ``cases(registry)``, the cases by name, and ``observe(case, workspace)``, their results."""
RECORD = "python -m tests.golden.record"
"""The command that records cases; the names of cases follow."""


def names(group: str) -> list[str]:
    """The names of the cases of a group: those that the registry leads to, and those that are recorded."""
    with fixed_surroundings():
        current = GROUPS[group].cases(i2i.load_registry())
    return sorted({*current, *load(group)})


def observe(group: str, name: str, workspace: Workspace) -> dict[str, Any]:
    """Run a case as it is now and summarise its results by name."""
    module = GROUPS[group]
    found = module.observe(module.cases(workspace.registry)[name], workspace)
    return {key: summarise(value) for key, value in found.items()}


def command_to_record(group: str, name: str) -> str:
    """What to type to record a case anew."""
    return f"{RECORD} {shlex.quote(f'{group}/{name}')}"


def require_unchanged(group: str, name: str, workspace: Workspace) -> None:
    """Compare a case with its record.

    Raises:
        AssertionError: it differs, has no record, or its record has no case any more; says what to do.
    """
    case, record = GROUPS[group].cases(workspace.registry).get(name), load(group).get(name)
    command = command_to_record(group, name)
    assert case is not None, f"{group}/{name} is recorded, but there is no such case any more; if so meant: {command}"
    assert record is not None, f"{group}/{name} has no golden record yet; look at its result, then: {command}"
    require_same(group, name, record, observe(group, name, workspace))


def require_same(group: str, name: str, record: dict[str, Any], found: dict[str, Any]) -> None:
    """Compare the summaries of a case with its record.

    Raises:
        AssertionError: they differ; names every difference and the command that records the case anew.
    """
    exact = record.get("machine", machine()) == machine()
    lines = differences(record["results"], found, record.get("tolerance", {}), exact)
    if not exact:
        told = f"golden results were recorded on '{record['machine']}'; here they are compared within tolerances"
        warnings.warn(told, stacklevel=2)
    how = "exactly" if exact else f"within the tolerance for other machines than '{record['machine']}'"
    assert not lines, (
        f"{group}/{name} is not as recorded (compared {how}):\n  "
        + "\n  ".join(lines)
        + f"\nIf the change is meant: {command_to_record(group, name)}, and add a line to CHANGELOG.md."
    )


def record(group: str, chosen: list[str], workspace: Workspace) -> None:
    """Record cases of a group, and drop the records of those that are no more."""
    current, records = GROUPS[group].cases(workspace.registry), load(group)
    records = {name: kept for name, kept in records.items() if name in current}
    for name in chosen:
        began = time.process_time()
        # As in the tests, no case finds the inversions that another has cached.
        with patch.dict(os.environ, {"I2I_HOME": str(workspace.new_folder())}):
            results = observe(group, name, workspace)
        computed = any(result["kind"] != "exact" for result in results.values())
        about = {"machine": machine(), "tolerance": asdict(current[name].tolerance)} if computed else {}
        records[name] = {**about, "results": results}
        print(f"{group}/{name}: {time.process_time() - began:.1f} s", flush=True)
    save(group, records)
