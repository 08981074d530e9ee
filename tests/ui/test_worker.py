"""Workers: order, places in the queue, cancellation within two seconds, and crashes that reach nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import i2i
from i2i.ui.events import Cancelled, Crashed, Failed, Finished, Frame, JobProgress, Note, Queued, Started
from i2i.ui.worker import Worker, WorkerPool

from .conftest import EventLog

SEED: dict[str, Any] = {"images": ["seed:1"]}
QUICK: dict[str, Any] = {"images": ["seed:1"], "size": 16}


def slowly(slow: Path, out: Path, **options: Any) -> dict[str, Any]:
    return {"name": str(slow), "images": ["seed:1"], "out": out, "options": options}


def test_jobs_run_in_order_and_know_their_places(worker: Worker, slow: Path, tmp_path: Path) -> None:
    logs = [EventLog() for _ in range(4)]
    first = worker.submit("edit", slowly(slow, tmp_path / "0"), logs[0])
    logs[0].wait_for(Note)
    rest = [worker.submit("render", QUICK, log) for log in logs[1:]]
    logs[3].until(lambda event: event == Queued(3))
    worker.cancel(rest[0])
    assert isinstance(logs[1].end(), Cancelled) and not logs[1].all(Started)
    logs[3].until(lambda event: event == Queued(2))
    assert not logs[0].all(Queued) and not first.ended
    worker.stop(first)
    ends = [log.end() for log in logs]
    assert [type(end) for end in ends] == [Finished, Cancelled, Finished, Finished]
    assert logs[2].all(Queued) == [Queued(2), Queued(1)] and logs[3].all(Queued) == [Queued(3), Queued(2), Queued(1)]
    assert logs[2].times[-1] <= logs[3].times[-1]


def test_events_of_one_job_come_in_order(worker: Worker, slow: Path, tmp_path: Path) -> None:
    log = EventLog()
    ticket = worker.submit("edit", slowly(slow, tmp_path / "out", seconds=0.0, shown=1), log)
    end = log.end()
    assert isinstance(end, Finished) and ticket.wait(5) and ticket.ended
    assert log.events[0] == Started() and log.events[-1] is end
    assert log.all(JobProgress)[-1] == JobProgress(1, 10) and Note("it waits") in log.events
    (frame,) = log.all(Frame)
    assert frame.image[:2] == b"\xff\xd8" and (frame.number, frame.width, frame.height) == (0, 8, 8)
    assert frame.points == [(0.0, 2.0)]
    assert end.value.files[-1] == "recipe.json" and end.value.scalars == {} and not end.value.stopped
    assert end.value.converged is None


def test_unread_frames_are_replaced_by_the_newest(worker: Worker, slow: Path, tmp_path: Path) -> None:
    log = EventLog()

    def listener(event: Any) -> None:
        if isinstance(event, Frame):
            time.sleep(0.3)
        log(event)

    worker.submit("edit", slowly(slow, tmp_path / "out", seconds=0.0, shown=200), listener)
    assert isinstance(log.end(), Finished)
    frames = log.all(Frame)
    assert 1 <= len(frames) <= 5 and frames[-1].points == [(199.0, 2.0)]


def test_errors_of_users_are_sentences_and_others_have_details(worker: Worker, slow: Path, tmp_path: Path) -> None:
    log = EventLog()
    worker.submit("edit", {"name": "drag", "images": ["seed:x"], "out": tmp_path / "a"}, log)
    end = log.end()
    assert isinstance(end, Failed) and end.message.startswith("--image seed:x: ") and end.details == ""
    log = EventLog()
    worker.submit("edit", slowly(slow, tmp_path / "b", says="oh no"), log)
    end = log.end()
    assert isinstance(end, Failed) and "oh no" in end.message and "\n" not in end.message
    assert "Traceback" in end.details and "slow.py" in end.details
    log = EventLog()
    worker.submit("render", {"no_such": 1}, log)
    end = log.end()
    assert isinstance(end, Failed) and "failed unexpectedly (TypeError" in end.message and "Traceback" in end.details


def test_unknown_task_and_unpicklable_argument_are_refused_at_once(worker: Worker) -> None:
    with pytest.raises(i2i.UsageError, match="There is no task 'system'"):
        worker.submit("system", {})
    with pytest.raises(TypeError, match="cannot be sent"):
        worker.submit("render", {"images": lambda: None})


def test_listener_that_fails_harms_nobody(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    def listener(event: Any) -> None:
        raise RuntimeError("the page is gone")

    assert worker.submit("render", QUICK, listener).wait(60)
    log = EventLog()
    worker.submit("render", QUICK, log)
    assert isinstance(log.end(), Finished) and "a listener failed" in caplog.text


def test_stop_keeps_the_best_result(worker: Worker, slow: Path, tmp_path: Path) -> None:
    log = EventLog()
    ticket = worker.submit("edit", slowly(slow, tmp_path / "out"), log)
    log.wait_for(Note)
    worker.stop(ticket)
    end = log.end()
    assert isinstance(end, Finished) and end.value.stopped and (tmp_path / "out" / "result.png").is_file()


def test_closed_page_frees_the_worker_for_others(worker: Worker, slow: Path, tmp_path: Path) -> None:
    """A job that does not stop is ended with its process after two seconds; the other owner's job goes on."""
    logs = [EventLog() for _ in range(3)]
    worker.submit("edit", slowly(slow, tmp_path / "0", obedient=False), logs[0], "one")
    worker.submit("render", QUICK, logs[1], "one")
    other = worker.submit("render", QUICK, logs[2], "other")
    logs[0].wait_for(Note)
    pid, begin = worker.pid, time.monotonic()
    tickets = worker.cancel_owner("one")
    assert len(tickets) == 2 and all(ticket.wait(10) for ticket in tickets)
    assert time.monotonic() - begin < 3
    assert isinstance(logs[2].end(), Finished) and other.wait(5) and worker.pid != pid
    assert not logs[0].all(Cancelled) and not logs[1].all(Cancelled)  # nobody listens any more


def test_obedient_job_is_cancelled_without_a_new_process(worker: Worker, slow: Path, tmp_path: Path) -> None:
    log = EventLog()
    ticket = worker.submit("edit", slowly(slow, tmp_path / "out"), log)
    log.wait_for(Note)
    pid, begin = worker.pid, time.monotonic()
    worker.cancel(ticket)
    assert isinstance(log.end(), Finished) and time.monotonic() - begin < 2 and worker.pid == pid


def test_crash_is_told_and_the_queue_goes_on(worker: Worker, slow: Path, tmp_path: Path) -> None:
    log, after = EventLog(), EventLog()
    worker.submit("edit", slowly(slow, tmp_path / "out"), log)
    worker.submit("render", QUICK, after)
    log.wait_for(Note)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    end = log.end()
    assert isinstance(end, Crashed) and end.message.startswith("The worker process died: it was killed, ")
    assert isinstance(after.end(), Finished)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGSEGV)  # while it is idle: the next job does not notice
    time.sleep(0.5)
    log = EventLog()
    worker.submit("render", QUICK, log)
    assert isinstance(log.end(), Finished)


def test_ctrl_c_does_not_end_the_worker(worker: Worker) -> None:
    log = EventLog()
    worker.submit("render", QUICK, log)
    log.end()
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGINT)
    log = EventLog()
    pid = worker.pid
    worker.submit("render", QUICK, log)
    assert isinstance(log.end(), Finished) and worker.pid == pid


PARENT = """
import os, sys, time
from i2i.ui.worker import Worker

if __name__ == "__main__":
    worker = Worker("cpu")
    started = []
    worker.submit("edit", {"name": sys.argv[1], "images": ["seed:1"], "out": sys.argv[2]}, started.append)
    while len(started) < 3:
        time.sleep(0.05)
    print(worker.pid, flush=True)
    if sys.argv[3] == "die":
        os._exit(1)
    if sys.argv[3] == "interrupt":
        raise KeyboardInterrupt
"""


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks at /proc")
@pytest.mark.parametrize("way", ["return", "die", "interrupt"])
def test_worker_ends_with_its_parent_and_prints_nothing(way: str, slow: Path, tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "parent.py"), str(slow), str(tmp_path / "out"), way]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    (pid,) = map(int, done.stdout.split())
    end = time.monotonic() + 3
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not is_alive(pid)
    assert done.stderr == "" or (way == "interrupt" and done.stderr.endswith("KeyboardInterrupt\n")), done.stderr


def test_closed_worker_refuses_jobs_and_cancels_those_it_has(slow: Path, tmp_path: Path) -> None:
    pool, log = WorkerPool(), EventLog()
    worker = pool.worker("cpu")
    assert pool.worker("cpu") is worker and worker.pid is None
    worker.submit("edit", slowly(slow, tmp_path / "out"), log)
    pool.close()
    assert isinstance(log.end(), Cancelled)
    with pytest.raises(i2i.UsageError, match="The worker is closed"):
        worker.submit("render", SEED)
