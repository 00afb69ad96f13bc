"""``/metrics/…`` beside the real graphite-web, over the same files."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgpack
import pytest
import whisper

from saltern_graphite.http import metrics as metrics_api
from saltern_graphite.http import name_stream
from saltern_graphite.http.app import create_app
from support.asgi_client import AsgiClient
from support.graphite_web import DEBIAN_PYTHON, Answer, GraphiteWeb, Pairs
from support.http_api import PlainStore

NAMES = (
    "servers.web-1.cpu.0.user", "servers.web-1.cpu.0.idle", "servers.web-1.cpu.1.user", "servers.web-1.load",
    "servers.web.cpu.0.user", "servers.web.load", "servers.web", "servers.db1.disk.sda", "servers.db1.disk.sdb.size",
    "servers.p%41.x", "other.deep.er.est", "top", "ünï.cöde",
)  # fmt: skip
QUERIES = (
    "*", "servers", "servers.*", "servers.web", "servers.web*.load", "servers.*.cpu.*.user", "servers.{web,db1}.*",
    "servers.web-[0-9].cpu.*", "*.*", "**", "servers.**", "**.user", "**.web.**", "nothing.here", "top", "ü*.*",
    "serv?rs.*", "servers.p%41.*", "servers.*.[c-l]*", "servers.web,db1.*", "servers.we", "servers..loa", "**.**",
    "**.nothing",
)  # fmt: skip
TREE_ARCHIVES = [(60, 60)]
REACH_S = 3600
_READ = """\
import json, pickle, sys
nodes = pickle.loads(sys.stdin.buffer.read())
for node in nodes:
    if "intervals" in node:
        found = node["intervals"]
        node["intervals"] = [type(found).__name__, found.size, [[type(one).__name__, vars(one)] for one in found]]
print(json.dumps(nodes))
"""


class Ours:
    """The application over a tree, without a socket."""

    def __init__(self, tree: Path) -> None:
        store = PlainStore(tree)
        store.index.build(store.whisper_dir)
        self.client = AsgiClient(create_app(store))

    def ask(self, path: str, pairs: Pairs = (), *, post: bool = False) -> Answer:
        form = urlencode(list(pairs))
        if post:
            kind = {"content-type": "application/x-www-form-urlencoded"}
            answer = self.client.request("POST", path, content=form, headers=kind)
        else:
            answer = self.client.request("GET", f"{path}?{form}" if form else path)
        return Answer(answer.status_code, answer.headers.get("content-type", ""), answer.content)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    for name in NAMES:
        path = folder / f"{name.replace('.', '/')}.wsp"
        path.parent.mkdir(parents=True, exist_ok=True)
        whisper.create(str(path), TREE_ARCHIVES)
    return folder


@pytest.fixture(scope="module")
def theirs(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphiteWeb]:
    with GraphiteWeb(tmp_path_factory.mktemp("web"), tree) as web:
        yield web


@pytest.fixture(scope="module")
def ours(tree: Path) -> Ours:
    return Ours(tree)


def both(theirs: GraphiteWeb, ours: Ours, path: str, pairs: Pairs, *, post: bool = False) -> tuple[Answer, Answer]:
    there, here = theirs.ask(path, pairs, post=post), ours.ask(path, pairs, post=post)
    assert (here.status, here.type.partition(";")[0]) == (there.status, there.type.partition(";")[0])
    return there, here


def without_ties(entries: Any) -> Any:
    """Their order is by name alone, and at random among equal ones."""
    return (
        sorted(entries, key=lambda entry: json.dumps(entry, sort_keys=True)) if isinstance(entries, list) else entries
    )


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("leaves", ["0", "1"])
def test_trees_completions_and_nodes(theirs: GraphiteWeb, ours: Ours, query: str, leaves: str) -> None:
    pairs = [("query", query), ("leavesOnly", leaves)]
    for wildcards in ("0", "1"):
        there, here = both(theirs, ours, "/metrics/find", [*pairs, ("wildcards", wildcards)])
        assert here.json() == there.json()
        there, here = both(theirs, ours, "/metrics/find", [*pairs, ("wildcards", wildcards), ("format", "completer")])
        assert without_ties(here.json()["metrics"]) == without_ties(there.json()["metrics"])
    for position in ("-1", "0"):
        there, here = both(
            theirs, ours, "/metrics/find", [*pairs, ("position", position), ("format", "nodelist")], post=True
        )
        assert here.json() == there.json()
    there, here = both(theirs, ours, "/metrics/expand", pairs)
    assert here.json() == there.json()


@pytest.mark.parametrize("query", QUERIES)
def test_json_msgpack_and_pickle(theirs: GraphiteWeb, ours: Ours, query: str) -> None:
    there, here = both(theirs, ours, "/metrics/find", [("query", query), ("format", "json")])
    expected = without_times(there.json())
    assert without_ties(without_times(here.json())) == without_ties(expected)
    there, here = both(theirs, ours, "/metrics/find", [("query", query), ("format", "msgpack")])
    assert without_ties(without_times(msgpack.unpackb(here.body))) == without_ties(
        without_times(msgpack.unpackb(there.body))
    )


def without_times(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the clock's time: an interval as its length, which is the file's reach."""
    for node in nodes:
        for number, interval in enumerate(node.get("intervals", ())):
            start, end = (interval["start"], interval["end"]) if isinstance(interval, dict) else interval
            assert isinstance(start, float)
            assert isinstance(end, float | int)
            assert (isinstance(interval, dict), len(interval)) in ((True, 2), (False, 2))
            node["intervals"][number] = "an interval"
    return nodes


def test_pickle_is_read_by_graphite_itself(theirs: GraphiteWeb, ours: Ours) -> None:
    pairs = [("query", "servers.*"), ("format", "pickle"), ("now", "86400")]
    there, here = both(theirs, ours, "/metrics/find", pairs)
    shapes = []
    for body in (there.body, here.body):
        done = subprocess.run([DEBIAN_PYTHON, "-c", _READ], input=body, capture_output=True, check=True, timeout=60)
        nodes = sorted(json.loads(done.stdout), key=lambda node: (node["path"], node["is_leaf"]))
        for node in nodes:
            if node["is_leaf"]:
                name, size, [[inner, state]] = node["intervals"]
                assert state["tuple"] == [state["start"], state["end"]]
                assert size == state["size"] == state["end"] - state["start"]
                node["intervals"] = (name, inner, sorted(state), {type(value).__name__ for value in state.values()})
        shapes.append(nodes)
    assert shapes[1] == shapes[0]


def test_an_interval_is_what_the_schema_keeps(ours: Ours) -> None:
    pairs = [("query", "top"), ("now", "172800")]
    [node] = ours.ask("/metrics/find", [*pairs, ("format", "json")]).json()
    assert node == {"path": "top", "is_leaf": True, "intervals": [{"start": 86400.0, "end": 172800.0}]}
    [node] = msgpack.unpackb(ours.ask("/metrics/find", [*pairs, ("format", "msgpack")]).body)
    assert node == {"path": "top", "is_leaf": True, "intervals": [[86400.0, 172800.0]]}
    with pytest.raises(ModuleNotFoundError, match="graphite"):
        pickle.loads(ours.ask("/metrics/find", [*pairs, ("format", "pickle")]).body)


@pytest.mark.parametrize("times", [("1", "2"), ("-1h", "now"), ("-1", "-1"), ("99999999", "noon tomorrow")])
def test_times_hide_nothing(theirs: GraphiteWeb, ours: Ours, times: tuple[str, str]) -> None:
    for style in ("treejson", "json"):
        pairs = [("query", "servers.web-1.*"), ("from", times[0]), ("until", times[1]), ("format", style)]
        there, here = both(theirs, ours, "/metrics/find", pairs)
        assert len(here.json()) == len(there.json()) == 2


@pytest.mark.parametrize(
    "pairs", [[], [("query", "")], [("query", "a"), ("format", "x")], [("query", "a"), ("from", "x")],
              [("query", "a"), ("leavesOnly", "x")]]
)  # fmt: skip
def test_mistakes_have_the_same_status(theirs: GraphiteWeb, ours: Ours, pairs: Pairs) -> None:
    there, here = theirs.ask("/metrics/find", pairs), ours.ask("/metrics/find", pairs)
    assert here.status == there.status == 400


def test_expanding_several(theirs: GraphiteWeb, ours: Ours) -> None:
    queries = [("query", query) for query in ("servers.web*", "servers.*", "nope", "**.user")]
    for more in ([], [("groupByExpr", "1")], [("leavesOnly", "1")], [("groupByExpr", "1"), ("leavesOnly", "1")]):
        there, here = both(theirs, ours, "/metrics/expand", [*queries, *more])
        assert here.json() == there.json()
    there, here = both(theirs, ours, "/metrics/expand", [])
    assert here.json() == there.json()


def test_the_whole_index(theirs: GraphiteWeb, ours: Ours) -> None:
    there, here = both(theirs, ours, "/metrics/index.json", [])
    assert here.json() == there.json() == sorted(NAMES)
    for pairs in ([("pretty", "1")], [("jsonp", "call")], [("jsonp", "call"), ("pretty", "1")]):
        there, here = both(theirs, ours, "/metrics/index.json", pairs)
        assert here.body.decode() == re.sub(
            r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), there.body.decode()
        )


@pytest.mark.parametrize("piece", [1, 3, 100])
def test_the_index_in_pieces_and_pages(ours: Ours, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(name_stream, "NAMES_A_PIECE", piece)
    assert ours.ask("/metrics/index.json").json() == sorted(NAMES)
    pretty = ours.ask("/metrics/index.json", [("pretty", "1")]).body
    assert pretty == json.dumps(sorted(NAMES), indent=2, ensure_ascii=False).encode()
    read: list[str] = []
    while page := ours.ask("/metrics/index.json", [("limit", str(piece)), ("after", read[-1] if read else "")]).json():
        assert len(page) <= piece
        read += page
    assert read == sorted(NAMES)
    assert ours.ask("/metrics/index.json", [("after", "servers.web.")]).json() == [
        name for name in sorted(NAMES) if name > "servers.web."
    ]


def test_an_index_of_nothing(tmp_path: Path) -> None:
    empty = Ours(tmp_path / "none")
    assert empty.ask("/metrics/index.json").body == b"[]"
    assert empty.ask("/metrics/index.json", [("pretty", "1"), ("jsonp", "f")]).body == b"f([])"
    assert empty.ask("/metrics/index.json", [("limit", "5")]).json() == []


def test_a_page_has_a_size(ours: Ours) -> None:
    for limit in ("-1", "1000001", "many"):
        answer = ours.ask("/metrics/index.json", [("limit", limit)])
        assert (answer.status, answer.body.startswith(b"limit must be")) == (400, True)


def test_too_many_nodes(ours: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_api, "MAX_NODES", 3)
    for style in ("json", "completer", "nodelist", "pickle", "msgpack", "treejson"):
        answer = ours.ask("/metrics/find", [("query", "servers.*"), ("format", style)])
        assert answer.status == 400
        assert b"3 are allowed: narrow it" in answer.body
    assert ours.ask("/metrics/find", [("query", "servers.*.cpu.*.user")]).status == 200  # one name, four paths
    answer = ours.ask("/metrics/expand", [("query", "servers.web*"), ("query", "servers.we*")])
    assert answer.body == b"the queries together match 4 nodes, 3 are allowed: narrow it\n"


def test_compressed_on_its_way(ours: Ours) -> None:
    answer = ours.client.request("GET", "/metrics/index.json")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.json() == sorted(NAMES)
    plain = {"Accept-Encoding": "identity", "Accept": "application/json"}
    answer = ours.client.request("GET", "/metrics/index.json", headers=plain)
    assert "content-encoding" not in answer.headers
    assert answer.text == json.dumps(sorted(NAMES))
