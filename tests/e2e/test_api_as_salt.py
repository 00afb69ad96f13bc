"""What the HTTP API answers, held against what Salt's does (``support/salt_answers/record_http_api.py``).

Every case is asked of one stack of real processes. What is different on purpose is in ``DIFFERENT``, with the reason.
An error's status is compared, not its text: that one is ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.salt_answers.http_api_asking import Conversation, Server
from support.salt_answers.http_api_cases import CASES, GRANTS, MINIONS, OPTIONS, USERS, password
from support.stacks import Parts

RECORDED: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent.parent / "support/salt_answers/http_api.json").read_text()
)

OURS = ("duration_ms", "from")
"""What events of ours say, and Salt's don't."""

DIFFERENT: dict[str, tuple[str, ...]] = {
    "the welcome names the clients that are enabled; `destroy`, which Salt has among them, is none": (
        "GET /",
        "GET / without a session",
    ),
    "a cookie comes with a login alone": (
        "GET /login",
        "GET /login without a session",
        "HEAD /login",
    ),
    "what is to be posted can't be read: Salt answers with its welcome there, or an error": (
        "GET /logout",
        "GET /logout without a session",
        "GET /run",
        "GET /run without a session",
        "HEAD /run",
        "GET /token",
        "GET /token without a session",
        "HEAD /token",
    ),
    "which paths and methods there are is told to everyone, before it is asked who it is": (
        "GET /hook without a session",
        "GET /hook/a/b without a session",
        "GET /minions/web1/more without a session",
        "GET /stats/x without a session",
        "POST /jobs without a session",
        "POST /stats without a session",
    ),
    "a jid, no more: in Salt a timeout may come behind it": (
        "GET /jobs/1/2",
        "GET /jobs/1/2 without a session",
        "HEAD /jobs/1/2",
    ),
    "there is nothing to be posted there; Salt runs it at /jobs, and knows no such paths at the others": (
        "POST /minions/web1",
        "POST /jobs/1",
        "POST /jobs",
    ),
    "events of Graphite's kind may be posted there": (
        "POST /events without a session",
        "POST /events",
    ),
    "parameters in a URL are passed over: Salt knows no such page, or takes them for a part of the path": (
        "GET /?x=y",
        "GET /minions?mid",
        "GET /minions?x",
    ),
    "text/yaml is YAML, too": (
        "GET / accepting text/yaml",
        "POST / accepting text/yaml",
        "GET /keys accepting text/yaml",
    ),
    "of two forms that are wanted alike the one that is named first is taken, and one with q=0 isn't wanted": (
        "GET / accepting application/json;q=0, */*",
        "GET / accepting application/json, application/x-yaml",
    ),
    "media types are the same in capitals": ("JSON type in capitals",),
    "NaN is no JSON: null": ("JSON NaN",),
    "a request that can't be understood is the client's error: 400, not 500": (
        "POST /keys without a session",
        "JSON list of texts",
        "JSON list of lists",
        "JSON not UTF-8",
        "YAML broken",
        "YAML object of Python's",
        "target nodegroup nosuch",
        "no tgt",
        "no fun",
        "function a number",
        "async no tgt",
        "async no fun",
        "batch no tgt",
        "batch no fun",
        "subset 'x'",
        "subset no tgt",
        "subset no fun",
        "runner unknown",
        "runner unknown of a module",
        "runner no dot",
        "runner_async unknown",
        "runner_async unknown of a module",
        "runner_async no dot",
        "POST /minions no fun",
        "POST /keys without mid",
        "POST /keys empty list",
        "login no body",
        "login text body",
        "token no body",
        "token text",
    ),
    "OPTIONS is answered to pages of other origins that cors_origin names; in Salt 3008 it ends in an error": (
        "preflight",
        "options",
    ),
    "who isn't let in is told so: 401, not 500": (
        *(f"{user} may unknown runner" for user in USERS[1:]),
        "POST /keys with a session",
        "POST /keys bad password",
        "POST /keys no right",
        "login empty list",
    ),
    "a list is a list of minions, also without tgt_type": ("target list without saying so",),
    "expr_form is taken as tgt_type was called before: libpepper sends it": ("target by expr_form",),
    "keywords that are no map are refused; Salt drops them": (
        "kwarg list",
        "kwarg text",
    ),
    "one list of functions with too few lists of arguments is run; in Salt the minion fails and never answers": (
        "compound of one without arg",
    ),
    "a subset is a number of minions: what is none is refused, and of 0 there are none": (
        "subset '2'",
        "subset 0",
        "subset -1",
    ),
    "what went wrong is said in our words": (
        "compound with unknown",
        "runner missing argument",
        "runner too many",
        "runner full_return of an error",
        "wheel unknown",
        "wheel missing argument",
        "wheel unknown keyword",
    ),
    "a keyword that the function doesn't have is refused; Salt drops it": (
        "runner unknown keyword",
        "runner unknown kwarg",
    ),
    "what can't be begun is refused at once; Salt begins a job that fails": (
        "runner_async missing argument",
        "runner_async unknown keyword",
        "runner_async unknown kwarg",
        "runner_async too many",
        "wheel_async unknown",
        "wheel_async no dot",
        "wheel_async missing argument",
        "wheel_async unknown keyword",
    ),
    "wheel functions take arg, kwarg and full_return as runners do; Salt 3008 fails on them": (
        "wheel key.list arg",
        "wheel kwarg",
        "wheel full_return",
    ),
    "key.finger tells of minions' keys, key.finger_master of the master's": (
        "wheel key.finger",
        "GET /keys/*",
    ),
    "a minion's id is checked: Salt makes a file of any path": ("POST /keys bad mid",),
    "a login that is granted nothing is none": (
        "login of nobody",
        "hook by nobody",
        "events without a right",
        "nobody may GET /stats",
    ),
    "a login begins a session of its own; Salt gives the old one, whoever has it, the new one's rights": (
        "login with a session",
    ),
    "wheel_async asks who it is before it answers": (
        *(f"{user} may key.list_all by wheel_async" for user in USERS[1:] if user not in ("keyer", "tokens")),
        "run wheel_async no right",
        "run token unknown for wheel_async",
    ),
    "a token may no more than a login: it needs no right to a runner": ("token without a right to runners",),
    "hooks take whatever others send; what can't be read is in the event's body alone": (
        "hook JSON broken",
        "hook YAML broken",
        "hook XML",
        "hook no type",
    ),
    "pages of other origins get nothing, unless cors_origin names them": (
        "origin",
        "origin of a read",
    ),
    "in a compound call each function must be granted": (
        "tester may compound",
        "webber may compound",
        "halves may compound",
        "tokens may compound",
    ),
    "patterns mean whole names and values, and what a condition doesn't name is refused": (
        "arger may echo other",
        "arger may arg more",
    ),
    "arguments are judged as the minion will take them: k=v is a keyword": ("arger may arg k=v",),
    "saltutil.find_job needs a grant as any other function does": (*(f"{user} may find_job" for user in USERS[1:]),),
}
"""Why answers are others, with the cases' names."""
REASONS = {name: reason for reason, names in DIFFERENT.items() for name in names}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("stack")
    users = tmp_path_factory.mktemp("users") / "users"
    users.write_text("".join(f"{user}:{password(user)}\n" for user in USERS))
    users.chmod(0o600)
    options = {
        **OPTIONS,
        "external_auth": {"file": {"^filename": str(users), **GRANTS}},
        "schedule": {"stats": False},
        "heartbeat_timeout": 600,
    }
    parts = Parts(root / "stack", ids=list(MINIONS), master=json.dumps(options))
    for minion_id, grains in MINIONS.items():
        (Path(parts.stack.minion_config(minion_id)) / "minion").write_text(json.dumps({"grains": grains}))
    with parts.running():
        yield Server(parts.stack.ports["api"], password)


@pytest.mark.parametrize("name", RECORDED)
def test_an_answer_is_that_of_salt(server: Server, name: str) -> None:
    ours = [compared(answer) for answer in Conversation(server).run(CASES[name])]
    theirs = [compared(as_they_count(answer)) for answer in RECORDED[name]]
    if name in REASONS:
        assert ours != theirs, f"this is no difference any more: {REASONS[name]}"
    else:
        assert ours == theirs


def as_they_count(answer: dict[str, Any]) -> dict[str, Any]:
    """Return Salt's *answer* to a login without the entries of ``*``, which don't count for who has own ones."""
    told = answer.get("body")
    found = told.get("return") if isinstance(told, dict) else None
    if not isinstance(found, list) or not found or not isinstance(found[0], dict) or "perms" not in found[0]:
        return answer
    session = found[0]
    if session["user"] not in GRANTS:
        return answer
    perms = [entry for entry in session["perms"] if entry not in GRANTS["*"]]
    return {**answer, "body": {"return": [{**session, "perms": perms}]}}


def compared(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what of an answer must be the same: of an error its status alone; of an event what Salt's has, too."""
    if answer.get("status", 0) >= 400:
        return {"status": answer["status"]}
    if answer.get("fields"):
        event = answer["body"]
        data = {name: value for name, value in event["data"].items() if name not in OURS}
        return {"fields": [name for name in answer["fields"] if name != "id"], "body": {**event, "data": data}}
    elements = answer["body"].get("return") if isinstance(answer.get("body"), dict) else None
    if isinstance(elements, list) and all(isinstance(one, dict) and len(one) == 1 for one in elements):
        return {**answer, "body": {"return": sorted(elements, key=lambda one: next(iter(one)))}}  # as minions answer
    return answer


def test_every_case_is_recorded_and_every_difference_is_one() -> None:
    assert set(RECORDED) == set(CASES)
    assert set(REASONS) <= set(CASES)
