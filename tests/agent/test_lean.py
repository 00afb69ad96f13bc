"""What an agent never imports, and that nobody misses it."""

from __future__ import annotations

import subprocess
import sys

from saltern_agent.spread import between

PROGRAM = """
import sys
import saltern_agent.main
never = {"pickle", "json", "random", "platform", "traceback", "tokenize"}
never |= {"asyncio", "inspect", "ctypes", "yaml", "psutil"}
assert not never & set(sys.modules), never & set(sys.modules)
import json, pickle
assert json.loads(json.dumps([1])) == [1] and pickle.loads(pickle.dumps([1])) == [1]
import zmq
with zmq.Context() as context, context.socket(zmq.PAIR) as one, context.socket(zmq.PAIR) as other:
    one.bind("inproc://here")
    other.connect("inproc://here")
    one.send_pyobj({"a": 1})
    assert other.recv_pyobj() == {"a": 1}
    one.send_json({"a": 1})
    assert other.recv_json() == {"a": 1}
    other.close()
    assert 0 < one.bind_to_random_port("tcp://127.0.0.1") < 65536
import io, logging
seen = io.StringIO()
logging.getLogger().addHandler(logging.StreamHandler(seen))
try:
    1 / 0
except ZeroDivisionError:
    logging.error("failed", exc_info=True)
assert "Traceback (most recent call last)" in seen.getvalue() and "1 / 0" not in seen.getvalue().split("\\n")[0]
assert type(sys.modules["traceback"]) is type(sys)
print("good")
"""


def test_an_agent_does_without_modules_that_only_others_need() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", PROGRAM], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("good\n", "")


def test_a_stand_in_gives_way_to_the_module_while_others_still_get_it() -> None:
    program = """
import sys
from saltern_agent.later import put_off
with put_off("colorsys"):
    import colorsys as held
    assert type(held).__name__ == "Later"
    assert held.rgb_to_hsv(1, 1, 1) == (0.0, 0.0, 1)
    import colorsys
assert colorsys is not held and sys.modules["colorsys"] is colorsys and colorsys.__spec__ is not None
import platform
assert held.python_implementation() == platform.python_implementation()
print("good")
"""
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("good\n", "")


def test_chance_stays_between_its_bounds_and_differs() -> None:
    drawn = [between(0.5, 1.0) for _ in range(200)]
    assert 0.5 <= min(drawn) < 0.6 < 0.9 < max(drawn) <= 1.0


def test_what_an_agent_imports_has_no_annotation_compiled() -> None:
    program = """
import builtins, pkgutil, importlib
import saltern_modules.collectors
real, compiled = builtins.compile, []
def compile(source, filename, *args, **kwargs):
    if filename == "<string>":
        compiled.append(source)
    return real(source, filename, *args, **kwargs)
builtins.compile = compile
import saltern_agent.main
import saltern_modules.stats
import saltern_modules.test
package = saltern_modules.collectors
for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(found.name)
print(compiled)
"""
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_named_tuple_is_what_typing_makes_of_it() -> None:
    import typing

    from saltern import named

    def made(base: typing.Any) -> typing.Any:
        class Point(base):  # type: ignore[misc]  # either's
            """A place."""

            x: int
            y: int = 2

            def far(self) -> int:
                """Return how far."""
                return self.x + self.y

            @property
            def both(self) -> tuple[int, int]:
                """Return both."""
                return self.x, self.y

        return Point

    ours, theirs = made(named.NamedTuple), made(typing.NamedTuple)
    assert issubclass(ours, tuple)
    assert ours(1) == theirs(1) == (1, 2)
    assert repr(ours(1)) == repr(theirs(1))
    assert ours.__doc__ == theirs.__doc__ == "A place."
    for name in ("_fields", "_field_defaults", "__name__", "__qualname__", "__module__"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours(3)._replace(y=1).far() == 4
    assert ours(3).both == (3, 2)
    assert typing.get_type_hints(ours) == typing.get_type_hints(theirs) == {"x": int, "y": int}
