"""Does the comparison notice? A run in which all went well, with one thing planted that is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import whisper

from chaos import account
from chaos.finding import ACCOUNT, JOBS, POINTS, ROLLUPS, Finding
from chaos.history import History, Spell
from chaos.jobs import Accepted, Jobs, text_of
from chaos.points import Points, Stored
from chaos.program import Program
from chaos.stack import Stack
from chaos.truth import AGGREGATION, LEAVES
from saltern.ids import jid_of

SAMPLES = 40
FAULT_AT = 20


class Recorded(Jobs):
    """Jobs whose answers are at hand."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self.kept: dict[str, dict[str, str]] = {}

    def results(self, job: Accepted) -> dict[str, str]:
        return self.kept.get(job.jid, {})


class Ran:
    """A run of one minion, m1, that is over: a sample a second, all of them stored."""

    def __init__(self, root: Path) -> None:
        self.stack = Stack(root / "run", 1, clocks=False)
        self.stack.programs["m1"] = self.agent = Program([], root / "log", {})
        self.stack.programs["store"] = self.store_program = Program([], root / "log", {})
        self.stack.programs["master"] = self.master_program = Program([], root / "log", {})
        self.history = History()
        self.jobs = Recorded(self.stack)
        self.first = int(time.time()) - SAMPLES - 60
        self._offset = time.time() - time.monotonic()
        for number in range(1, SAMPLES + 1):
            self.sampled(number, self.first + number)
            self.store(self.first + number, number)
        self.told = {"expected": SAMPLES + 60, "received": SAMPLES, "missing": 60}

    def sampled(self, number: int, slot: int) -> None:
        """Have the minion write down a sample."""
        with open(self.stack.truth.folder / "m1.samples", "a") as file:
            file.write(f"{number} {jid_of(slot + 0.25)} {slot + 0.5 - self._offset:.6f}\n")

    def store(self, slot: int, number: int, *leaves: str) -> None:
        """Have the store get a sample, or some of its numbers."""
        for leaf in leaves or LEAVES:
            path = self.stack.file_of("m1", leaf)
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                retentions = [(1, 3600), (10, 3600)]
                whisper.create(str(path), retentions, xFilesFactor=0.0, aggregationMethod=AGGREGATION[leaf])
            whisper.update(str(path), LEAVES[leaf](number), slot)

    def forget(self, *slots: int) -> None:
        """Take slots out of all files, as if they had never come."""
        kept = [sample for sample in self.stack.truth.samples("m1") if sample.slot not in slots]
        for leaf in LEAVES:
            self.stack.file_of("m1", leaf).unlink()
        for sample in kept:
            self.store(sample.slot, sample.number)

    def fault(self, kind: str, target: str = "m1", began: int = FAULT_AT, seconds: float = 5.0) -> None:
        """Note a fault that began with a sample."""
        at = self.first + began
        self.history.spells.append(Spell(kind, target, frozenset(), at, at + seconds))

    def looked(self) -> Stored:
        """Return what the comparison says of the points."""
        return Points(self.stack, self.history, self.first - 3600, self.first + 3600).look("m1")

    def findings(self) -> list[Finding]:
        """Return all that the comparison finds."""
        stored = self.looked()
        now = self.first + SAMPLES + 60
        accounted = account.compared(stored, self.told, now, self.history)
        return [*stored.findings, *accounted, *self.jobs.compared(self.history)]

    def only(self, area: str, *words: str) -> None:
        """Assert that there is one finding, of an area, and that it has the words."""
        (found,) = self.findings()
        assert found.area == area
        assert found.whom == "m1"
        for word in words:
            assert word in found.text


@pytest.fixture
def ran(tmp_path: Path) -> Ran:
    return Ran(tmp_path)


def test_nothing_is_found_when_all_holds(ran: Ran) -> None:
    assert ran.findings() == []
    assert ran.looked().sampled == len(ran.looked().slots) == SAMPLES


def test_a_point_that_is_gone(ran: Ran) -> None:
    ran.forget(ran.first + 20)
    ran.told |= {"received": SAMPLES - 1, "missing": 61}
    ran.only(POINTS, "1 samples are not stored, and 0 are counted", f"20 at {ran.first + 20}")


def test_a_sample_whose_return_was_dropped(ran: Ran) -> None:
    ran.sampled(SAMPLES + 1, ran.first + SAMPLES + 1)
    ran.only(POINTS, "1 samples are not stored")


def test_a_point_that_is_gone_and_still_received(ran: Ran) -> None:
    ran.forget(ran.first + 20)
    assert {finding.area for finding in ran.findings()} == {POINTS, ACCOUNT}


@pytest.mark.parametrize("cause", ["lost", "dropped"])
def test_a_loss_that_is_counted_is_none(ran: Ran, cause: str) -> None:
    ran.forget(ran.first + 20)
    ran.told |= {"received": SAMPLES - 1, cause: 1}
    assert ran.findings() == []


def test_a_loss_is_counted_once(ran: Ran) -> None:
    ran.forget(ran.first + 20)
    ran.told |= {"received": SAMPLES - 1, "missing": 59, "lost": 2}
    ran.only(ACCOUNT, "2 are counted as lost or dropped, and 1 are not stored")


def test_a_kill_explains_the_sample_in_the_making_and_no_more(ran: Ran) -> None:
    ran.agent.ended_at.append(ran.first + 20.6)
    ran.forget(ran.first + 20)
    ran.told |= {"received": SAMPLES - 1, "missing": 61}
    assert ran.findings() == []
    assert ran.looked().explained == 1
    ran.agent.ended_at[:] = [ran.first + 27.0]
    ran.only(POINTS, "1 samples are not stored")


def test_a_kill_explains_one_of_two_samples(ran: Ran) -> None:
    ran.agent.ended_at.append(ran.first + 21.6)
    ran.forget(ran.first + 20, ran.first + 21)
    ran.told |= {"received": SAMPLES - 2, "missing": 62}
    ran.only(POINTS, "1 samples are not stored")


def test_a_kill_long_after_its_disk_was_well_again_explains_nothing(ran: Ran) -> None:
    ran.forget(ran.first + 20)
    ran.told |= {"received": SAMPLES - 1, "missing": 61}
    ran.fault("full", began=20, seconds=2)
    ran.agent.ended_at.append(ran.first + 38.0)
    ran.only(POINTS, "1 samples are not stored")


def test_a_kill_while_its_disk_took_nothing_explains_all_since_then(ran: Ran) -> None:
    ran.sampled(SAMPLES + 1, ran.first + SAMPLES + 1)
    ran.sampled(SAMPLES + 2, ran.first + SAMPLES + 2)
    ran.sampled(SAMPLES + 3, ran.first + SAMPLES + 3)
    ran.agent.ended_at.append(ran.first + SAMPLES + 8.0)
    assert ran.findings()
    ran.fault("full", began=SAMPLES + 1, seconds=10)
    assert ran.findings() == []
    assert ran.looked().explained == 3


@pytest.mark.parametrize("kind", ["deleted", "away"])
def test_a_spool_that_vanished_with_its_agent_explains_what_was_in_it(ran: Ran, kind: str) -> None:
    ran.forget(ran.first + 20)
    ran.told |= {"received": SAMPLES - 1, "missing": 61}
    ran.fault(kind, began=25, seconds=0)
    assert ran.findings()
    ran.agent.ended_at.append(ran.first + 26.0)
    assert ran.findings() == []


@pytest.mark.parametrize("kind", ["deleted", "away"])
def test_a_journal_that_vanished_while_the_master_was_down_explains_what_was_in_it(ran: Ran, kind: str) -> None:
    ran.forget(ran.first + 20)
    ran.fault(kind, "master", began=25, seconds=0)
    assert ran.findings()
    ran.master_program.ended_at.append(ran.first + 22.0)
    assert ran.findings(), "its notes tell whose it was"
    ran.fault("full", "master", began=10, seconds=5)
    assert ran.findings() == []  # received, as it was saved
    ran.told |= {"received": SAMPLES - 1, "missing": 61}
    assert ran.findings() == []  # or missing
    ran.told |= {"received": SAMPLES - 2, "missing": 62}
    assert ran.findings()
    ran.master_program.ended_at[:] = [ran.first + 100.0]  # it was running, and made its journal again
    assert ran.looked().gone == 0


@pytest.mark.parametrize("kind", ["deleted", "away", "flip"])
def test_a_store_that_is_killed_without_its_log_explains_what_was_not_in_files(ran: Ran, kind: str) -> None:
    ran.forget(ran.first + 20)
    ran.fault(kind, "store", began=21, seconds=0)
    assert ran.findings()
    ran.store_program.ended_at.append(ran.first + 22.0)
    assert ran.findings() == []
    assert ran.looked().taken == 1
    ran.store_program.ended_at[:] = [ran.first + 100.0]  # long after it was in its file
    assert ran.looked().taken == 0
    ran.store_program.ended_at[:] = [ran.first + 22.0]
    ran.history.spells.clear()
    assert ran.findings()


@pytest.mark.parametrize("target", ["store", "master"])
def test_what_befell_others_explains_nothing(ran: Ran, target: str) -> None:
    ran.forget(ran.first + 20)
    ran.told |= {"received": SAMPLES - 1, "missing": 61}
    ran.fault("kill", target)
    ran.fault("full", target)
    (found,) = ran.findings()
    assert f"kill {target}" in found.faults


def test_a_value_that_is_another(ran: Ran) -> None:
    ran.store(ran.first + 20, 20_000)
    texts = [finding.text for finding in ran.findings()]
    assert any("20000 is stored, which nobody sampled" in text for text in texts)
    assert any("1 samples are not stored" in text for text in texts)


@pytest.mark.parametrize("leaf", [leaf for leaf in LEAVES if leaf != "value"])
def test_a_number_of_a_sample_that_is_another(ran: Ran, leaf: str) -> None:
    ran.store(ran.first + 20, 23, leaf)
    ran.only(POINTS, f"slot {ran.first + 20}: {leaf} is ")


def test_a_sample_at_two_times(ran: Ran) -> None:
    ran.store(ran.first + SAMPLES + 1, SAMPLES)
    ran.told |= {"received": SAMPLES + 1, "missing": 59}
    ran.only(POINTS, f"sample {SAMPLES} is stored at each of")


def test_a_slot_that_was_sampled_twice(ran: Ran) -> None:
    ran.sampled(SAMPLES + 1, ran.first + SAMPLES)
    ran.only(POINTS, f"slot {ran.first + SAMPLES}: sampled twice")
    ran.fault("clock")
    assert ran.findings() == []


def test_a_sample_at_a_wrong_time(ran: Ran) -> None:
    ran.sampled(SAMPLES + 1, ran.first + SAMPLES + 1)
    ran.store(ran.first + SAMPLES + 30, SAMPLES + 1)
    ran.told |= {"received": SAMPLES + 1, "missing": 59}
    ran.only(POINTS, f"sample {SAMPLES + 1} is stored at {ran.first + SAMPLES + 30}")


@pytest.mark.parametrize("leaf", list(LEAVES))
def test_a_roll_up_that_is_another(ran: Ran, leaf: str) -> None:
    path = ran.stack.file_of("m1", leaf)
    data = bytearray(path.read_bytes())
    coarse = whisper.info(str(path))["archives"][1]["offset"]
    data[coarse + 5] ^= 0x40  # in the value of its first slot
    path.write_bytes(data)
    ran.only(ROLLUPS, f"{leaf}, 10 s, ")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"missing": 59}, "is not received"),
        ({"received": SAMPLES - 1, "missing": 61}, f"received {SAMPLES - 1}, and {SAMPLES} slots are stored"),
        ({"received": SAMPLES + 1, "missing": 59}, f"received {SAMPLES + 1}, and {SAMPLES} slots are stored"),
        ({"missing": 59, "dropped": 1}, "1 are counted as lost or dropped, and 0 are not stored"),
        ({"missing": 59, "failed": 1}, "no sample failed"),
        ({"expected": 3600, "missing": 3560}, "expected 3600"),
        ({"expected": SAMPLES + 20, "missing": 20}, f"expected {SAMPLES + 20}"),
    ],
)
def test_an_account_that_is_wrong_in_one_number(ran: Ran, change: dict[str, int], word: str) -> None:
    ran.told |= change
    ran.only(ACCOUNT, word)


def test_no_account(ran: Ran) -> None:
    assert list(account.compared(ran.looked(), None, ran.first + SAMPLES, ran.history))


def test_a_damaged_file_is_found(ran: Ran) -> None:
    ran.stack.file_of("m1", "peak").write_bytes(b"short")
    assert any("the file of peak is none" in finding.text for finding in ran.findings())


def did(ran: Ran, number: int = 1) -> Accepted:
    """Return a job that m1 did."""
    at = ran.first + float(FAULT_AT)
    job = Accepted(jid_of(at), number, at, frozenset({"m1"}))
    with open(ran.stack.truth.folder / "m1.jobs", "a") as file:
        file.write(f"{job.jid} {number} {at + 0.1 - (time.time() - time.monotonic()):.6f}\n")
    ran.jobs.accepted.append(job)
    ran.jobs.kept[job.jid] = {"m1": text_of(number)}
    return job


def planted_none(ran: Ran, job: Accepted) -> None:
    del ran.jobs.kept[job.jid]["m1"]


def planted_other(ran: Ran, job: Accepted) -> None:
    ran.jobs.kept[job.jid]["m1"] += "x"


def planted_undone(ran: Ran, job: Accepted) -> None:
    (ran.stack.truth.folder / "m1.jobs").unlink()


def planted_unanswered(ran: Ran, job: Accepted) -> None:
    planted_undone(ran, job)
    planted_none(ran, job)


def planted_twice(ran: Ran, job: Accepted) -> None:
    path = ran.stack.truth.folder / "m1.jobs"
    path.write_text(path.read_text() * 2)


@pytest.mark.parametrize(
    ("plant", "word"),
    [
        (planted_none, "no answer is kept"),
        (planted_other, "job 1"),
        (planted_undone, "an answer without a run"),
        (planted_unanswered, "not done, without any fault"),
        (planted_twice, "ran 2 times"),
    ],
)
def test_an_answer_that_is_wrong(ran: Ran, plant: Callable[[Ran, Accepted], None], word: str) -> None:
    job = did(ran)
    assert ran.findings() == []
    plant(ran, job)
    ran.only(JOBS, word)


def test_an_answer_that_was_in_the_making_when_its_agent_was_killed(ran: Ran) -> None:
    planted_none(ran, did(ran))
    ran.agent.ended_at.append(ran.first + FAULT_AT - 3.0)
    assert ran.findings()
    ran.agent.ended_at.append(ran.first + FAULT_AT + 0.5)
    assert ran.findings() == []


def test_an_answer_that_damage_may_have_taken(ran: Ran) -> None:
    planted_none(ran, did(ran))
    ran.fault("flip", "store")
    ran.fault("flip", "master", began=5, seconds=0)  # before it
    assert ran.findings()
    ran.fault("flip", "master")
    assert ran.findings() == []
