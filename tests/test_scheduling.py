"""What a worker that crashed leaves goes to those that know their tests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from support.scheduling import Scheduling

TESTS = [f"{file}.py::test_{number}" for file in "abcd" for number in range(2)]


class Node:
    """A worker."""

    def __init__(self) -> None:
        self.gateway = SimpleNamespace(id="gw")
        self.given: list[str] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        self.given += [TESTS[index] for index in indices]

    def shutdown(self) -> None:
        self.shutting_down = True


@pytest.fixture
def at() -> Any:
    option = SimpleNamespace(loadscopereorder=False)
    return Scheduling(SimpleNamespace(getvalue=lambda _: ["popen", "popen"], option=option))  # type: ignore[arg-type]


def join(at: Any, node: Node) -> Node:
    at.add_node(node)
    at.add_node_collection(node, TESTS)
    return node


def test_one_that_has_not_collected_yet_is_given_nothing(at: Any) -> None:
    one, other = join(at, Node()), join(at, Node())
    at.schedule()
    assert (one.given, other.given) == (TESTS[0:2] + TESTS[4:6], TESTS[2:4] + TESTS[6:8])
    new = Node()
    at.add_node(new)
    at.mark_test_complete(one, 0)
    assert at.remove_node(one) == TESTS[1]
    assert new.given == []
    assert not new.shutting_down
    at.add_node_collection(new, TESTS)
    at.schedule()
    assert new.given == TESTS[4:6]
    assert new.shutting_down
    for index in (2, 3, 6, 7):
        at.mark_test_complete(other, index)
    assert at.remove_node(other) is None
    for index in (4, 5):
        at.mark_test_complete(new, index)
    assert at.remove_node(new) is None
    assert not at.has_pending
