"""What a spool held is known when its folder is gone: by schedule and slot, once, and nothing else."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from saltern.segments import HEAD
from saltern_agent import spool_notes
from saltern_agent.origin import Origin
from saltern_agent.spool import Spool
from saltern_agent.spool_notes import ANEW_BYTES
from support.descriptors import exhausted

DAY_S = 86400.0
MIB = 1024 * 1024
SMALL = 16 * 500
"""Bytes of a spool whose segments have a few records each."""
FRAME = b"x" * 40


def origin(slot: int) -> Origin:
    return Origin("ground", 1.0, slot)


class Agent:
    """One spool after the other in one folder, and what they said was lost."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.notes = folder / "spool", folder / "spool.notes"
        self.lost: list[Origin] = []
        self.spool = self.start()

    def start(self, max_bytes: int = MIB) -> Spool:
        self.spool = Spool(str(self.folder), max_bytes, DAY_S, lost=self.lost.extend, notes=str(self.notes))
        return self.spool

    def put(self, *slots: int) -> None:
        for slot in slots:
            self.spool.append(slot, FRAME, origin(slot))

    def slots(self) -> list[int]:
        return sorted(int(one.slot) for one in self.lost)

    def again(self, max_bytes: int = MIB) -> Spool:
        self.spool.close()
        return self.start(max_bytes)


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path)


def read(spool: Spool, count: int) -> None:
    for _ in range(count):
        assert spool.peek() is not None
        spool.advance()


def fails(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def killed(agent: Agent) -> None:
    """Let go of the lock and the notes, as the kernel does, and write nothing more."""
    cursor = agent.spool._cursor
    assert cursor is not None
    cursor.close()
    agent.spool._notes.close()


def test_spool_deleted_while_agent_is_down(agent: Agent) -> None:
    agent.put(70, 71, 72)
    killed(agent)
    shutil.rmtree(agent.folder)

    spool = agent.start()

    assert agent.slots() == [70, 71, 72]
    assert spool.dropped == 3
    agent.again()
    assert agent.slots() == [70, 71, 72], "each once"


def test_what_was_acknowledged_is_not_lost(agent: Agent) -> None:
    agent.put(1, 2, 3)
    read(agent.spool, 3)
    agent.spool.ack(2)
    killed(agent)
    shutil.rmtree(agent.folder)

    agent.start()

    assert agent.slots() == [3]


def test_nothing_is_lost_of_an_empty_spool(agent: Agent) -> None:
    agent.put(1, 2)
    read(agent.spool, 2)
    agent.spool.ack(2)
    assert agent.notes.stat().st_size == 0
    killed(agent)
    shutil.rmtree(agent.folder)

    agent.start()

    assert agent.slots() == []


def test_segment_deleted_while_agent_is_down(agent: Agent) -> None:
    agent.again(SMALL)
    agent.put(*range(1, 31))
    files = sorted(agent.folder.glob("*.seg"))
    assert len(files) > 2
    first, last = int(files[1].stem), int(files[2].stem) - 1
    killed(agent)
    files[1].unlink()

    spool = agent.start()

    assert agent.slots() == list(range(first, last + 1))
    assert spool.pending == 30 - len(agent.slots())
    assert spool.dropped == last - first + 1


def test_damage_while_agent_is_down_is_counted_once(agent: Agent) -> None:
    agent.put(*range(1, 12))
    path = next(agent.folder.glob("*.seg"))
    killed(agent)
    data = path.read_bytes()
    cut = len(data) * 2 // 3
    path.write_bytes(data[: HEAD.size] + b"\xff" * (cut - HEAD.size) + data[cut:])

    spool = agent.start()

    kept = spool.pending
    assert 0 < kept < 11
    assert agent.slots().count(1) == 1
    assert set(agent.slots()) == set(range(1, 12 - kept))
    assert spool.dropped == 11 - kept
    told = len(agent.lost)
    agent.again()
    assert len(agent.lost) == told


def test_what_was_deleted_while_it_ran_is_counted_once(agent: Agent) -> None:
    agent.put(1, 2)
    shutil.rmtree(agent.folder)
    agent.put(3)
    assert agent.slots() == [1, 2]

    agent.again()

    assert agent.slots() == [1, 2]
    assert agent.spool.pending == 1


def test_what_went_over_the_bounds_is_counted_once(agent: Agent) -> None:
    agent.again(SMALL)
    agent.put(*range(1, 401))
    over = agent.slots()
    assert over

    agent.again()

    assert agent.slots() == over


def test_damage_while_it_runs_is_counted_once(agent: Agent) -> None:
    agent.put(1, 2, 3)
    path = next(agent.folder.glob("*.seg"))
    data = bytearray(path.read_bytes())
    data[HEAD.size + 30] ^= 0xFF
    path.write_bytes(data)
    agent.spool.rewind()
    read(agent.spool, 2)
    assert agent.slots() == [1]

    agent.again()

    assert agent.slots() == [1]


@pytest.mark.parametrize("deleted", ["notes", "both"])
def test_deleted_notes_are_made_again(agent: Agent, deleted: str) -> None:
    agent.put(1, 2)
    agent.notes.unlink()
    if deleted == "both":
        shutil.rmtree(agent.folder)
    agent.spool.ack(2)
    agent.put(3)
    assert agent.notes.exists()
    killed(agent)
    shutil.rmtree(agent.folder)

    agent.start()

    assert 3 in agent.slots()


def test_torn_and_damaged_notes_tell_what_is_before(agent: Agent) -> None:
    agent.put(1, 2, 3)
    killed(agent)
    agent.notes.write_bytes(agent.notes.read_bytes()[:-3])
    agent.start()
    agent.put(4)  # is not noted behind what is torn
    killed(agent)
    shutil.rmtree(agent.folder)

    agent.start()

    assert agent.slots() == [1, 2, 4]


def test_a_folder_in_the_way_is_set_aside(agent: Agent) -> None:
    agent.put(1)
    killed(agent)
    agent.notes.unlink()
    agent.notes.mkdir()
    agent.start()
    agent.put(2)
    killed(agent)
    shutil.rmtree(agent.folder)

    agent.start()

    assert agent.slots() == [2]


def test_notes_that_cannot_be_read_just_now_are_not_given_up(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    agent.put(1, 2)
    killed(agent)
    shutil.rmtree(agent.folder)
    with exhausted():
        spool = agent.start()
        assert not spool.usable

    spool.open()

    assert agent.slots() == [1, 2]


def test_notes_stay_small_over_a_long_outage_and_a_long_backlog(agent: Agent) -> None:
    largest = 0
    for slot in range(1, 6_001):
        agent.put(slot)
        if slot > 10:
            read(agent.spool, 1)
            agent.spool.ack(slot - 10)
        largest = max(largest, agent.notes.stat().st_size)
    assert largest < ANEW_BYTES + 100
    killed(agent)
    shutil.rmtree(agent.folder)

    agent.start()

    assert agent.slots() == list(range(5_991, 6_001))


def test_what_was_acknowledged_and_could_not_be_noted_is_not_lost(agent: Agent) -> None:
    agent.put(1, 2, 3)
    noted = agent.notes.read_bytes()
    read(agent.spool, 2)
    agent.spool.ack(2)
    killed(agent)
    agent.notes.write_bytes(noted)
    for path in agent.folder.glob("*.seg"):
        path.unlink()

    agent.start()

    assert agent.slots() == [3]


def test_a_flipped_bit_is_no_other_slot(agent: Agent) -> None:
    agent.put(1, 2, 3)
    killed(agent)
    data = bytearray(agent.notes.read_bytes())
    data[len(data) // 2] ^= 0x01
    agent.notes.write_bytes(data)
    shutil.rmtree(agent.folder)

    agent.start()

    assert agent.slots() == [1]


def test_notes_alone_that_cannot_be_read_just_now(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    agent.put(1, 2)
    killed(agent)
    shutil.rmtree(agent.folder)
    with monkeypatch.context() as patch:
        patch.setattr(spool_notes.Notes, "_open", fails)
        assert not agent.start().usable

    agent.spool.open()

    assert agent.slots() == [1, 2]


def test_what_is_torn_is_cut_where_nothing_can_be_written_anew(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    agent.put(1, 2)
    killed(agent)
    agent.notes.write_bytes(agent.notes.read_bytes()[:-3])
    with monkeypatch.context() as patch:
        patch.setattr(spool_notes, "replacement", fails)
        agent.start()
        agent.put(3)
    killed(agent)
    shutil.rmtree(agent.folder)

    agent.start()

    assert agent.slots() == [1, 3]


def test_half_a_note_hides_no_other(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    agent.put(1)
    with monkeypatch.context() as patch:
        mine = agent.spool._notes._file
        patch.setattr(os, "write", lambda fd, data: write(fd, data[:5] if fd == mine else data))
        agent.put(2)
    agent.put(3)
    killed(agent)
    shutil.rmtree(agent.folder)

    agent.start()

    assert agent.slots() == [1, 3]


class Machine(RuleBasedStateMachine):
    """Whatever happens to the folder: what was put is acknowledged, there, or told as lost, once."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()  # the other kind warns in another test where Hypothesis makes one in vain
        self.agent = Agent(Path(self.folder))
        self.put = self.acked = 0

    @rule(count=st.integers(1, 6))
    def append(self, count: int) -> None:
        self.agent.put(*range(self.put + 1, self.put + count + 1))
        self.put += count

    @rule(count=st.integers(1, 4))
    def acknowledge(self, count: int) -> None:
        for _ in range(count):
            record = self.agent.spool.peek()
            if record is None:
                return
            self.agent.spool.advance()
            self.agent.spool.ack(record.seq)
            self.acked += 1

    @rule()
    def restart(self) -> None:
        self.agent.again()

    @rule(data=st.data())
    def kill_and_delete(self, data: st.DataObject) -> None:
        killed(self.agent)
        files = sorted(self.agent.folder.glob("*.seg"))
        what = data.draw(st.sampled_from([None, self.agent.folder, *files]))
        if what == self.agent.folder:
            shutil.rmtree(what)
        elif what is not None:
            what.unlink()
        self.agent.start(data.draw(st.sampled_from([MIB, 16 * 300])))

    @invariant()
    def nothing_is_unknown(self) -> None:
        counts = Counter(self.agent.slots())
        assert not [slot for slot, count in counts.items() if count > 1]
        assert len(counts) + self.acked + self.agent.spool.pending == self.put

    def teardown(self) -> None:
        self.agent.spool.close()
        shutil.rmtree(self.folder)


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestMachine = Machine.TestCase
