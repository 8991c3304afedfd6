"""`lanetally demo` as a command: what it refuses, what it says at the end, and its exit code."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import main
from agent.cli.demo import play
from agent.cli.demo.check import Invariant, Report
from agent.cli.demo.summary import FIGURES, Show
from agent.domain.text import Text
from agent.i18n import translator

NEEDED = {
    *("baskets", "line_items", "scans", "missed_injected", "missed_alerted", "false_alerts"),
    *("receipts_printed", "facts_journaled", "facts_acknowledged", "vouchers_posted"),
    *("ledger_sum_minor", "duplicates_posted", "seconds", "seed", "invariants", "versions"),
}


@pytest.fixture(autouse=True)
def _english_and_signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def ends_with(monkeypatch: pytest.MonkeyPatch, *, held: bool) -> None:
    """Let the demo be over at once."""
    invariant = Invariant("all_settled", Text("Every basket is settled, once"), held, "1 = 2")
    report = Report(dict.fromkeys(FIGURES, 7), (invariant,))
    monkeypatch.setattr(play, "played", lambda *_: (report, 1.25))


@pytest.mark.parametrize(("held", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_says_whether_all_invariants_held(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], held: bool, code: int
):
    ends_with(monkeypatch, held=held)
    assert main(["demo"]) == code
    assert ("FAILED" in capsys.readouterr().out) is not held


def test_json_is_the_last_line_of_the_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    ends_with(monkeypatch, held=False)
    assert main(["demo", "--json", "--seed", "11"]) == 1
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(last) >= NEEDED
    assert last["invariants"] == {"all_settled": False}
    assert (last["seed"], last["seconds"]) == (11, 1.25)


@pytest.mark.parametrize("option", ["--baskets=0", "--baskets=-3", "--baskets=many", "--speed=-1"])
def test_numbers_out_of_range_are_refused(capsys: pytest.CaptureFixture[str], option: str):
    with pytest.raises(SystemExit) as ended:
        main(["demo", option])
    assert ended.value.code == 2
    name, _, value = option.partition("=")
    assert f"{name}: {value} is no number from" in capsys.readouterr().err


def test_a_folder_that_is_not_empty_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    assert main(["demo", "--keep", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{tmp_path} is not empty\n"


def test_a_stopped_demo_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(play, "played", stopped)
    assert main(["demo"]) == 130
    assert capsys.readouterr().err == "stopped before the end\n"


def test_without_a_terminal_progress_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]):
    show = Show(40, translator("en"), plain=True)
    with show.running():
        for done in range(40):
            show.step(alerts=done // 20)
        show.tell(Text("Thank you"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[0] == "4 of 40 baskets, missed scans noticed: 0"
    assert lines[-2:] == ["40 of 40 baskets, missed scans noticed: 1", "Thank you"]
