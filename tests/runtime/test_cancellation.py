"""Ctrl-C and SIGTERM during long work."""

from __future__ import annotations

import signal
import threading

import pytest

import i2i
from i2i.runtime.cancellation import SIGNALS, Cancellation


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in SIGNALS]


@pytest.mark.parametrize("number", SIGNALS)
def test_first_signal_requests_and_restores(number: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    before = handlers()
    with Cancellation("ends after this step") as cancellation:
        assert not cancellation.requested and not cancellation()
        signal.raise_signal(number)
        assert cancellation.requested and cancellation()
    assert handlers() == before
    assert capsys.readouterr().err == "\nends after this step\n"


@pytest.mark.parametrize(("first", "second"), [SIGNALS, SIGNALS[::-1]])
def test_second_signal_ends_the_work_at_once(first: signal.Signals, second: signal.Signals) -> None:
    before = handlers()
    with pytest.raises(i2i.Interrupted, match="nothing is written"), Cancellation("stops", "nothing is written"):
        signal.raise_signal(first)
        try:
            signal.raise_signal(second)
        except KeyboardInterrupt:
            assert handlers() == before  # so a third one works as usual while files are removed
            raise
        pytest.fail("the work goes on")


def test_without_a_text_the_second_signal_is_a_keyboard_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), Cancellation("stops"):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_other_errors_pass_unchanged() -> None:
    before = handlers()
    with pytest.raises(ValueError, match="unrelated"), Cancellation("stops", "nothing is written"):
        raise ValueError("unrelated")
    assert handlers() == before


def test_outside_the_main_thread_nothing_changes() -> None:
    before, seen = handlers(), []

    def work() -> None:
        with Cancellation("stops") as cancellation:
            seen.append((cancellation.requested, handlers() == before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, True)]
