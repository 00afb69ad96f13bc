"""What is asked of Salt's HTTP API, and of ours: ``CASES``, by name; each is a list of requests, one after the other.

A request is a map: ``method``, ``path``, ``headers``, ``body``; ``until``: where in the answer something must be before
it counts; ``only``: what of it is kept; ``stream``: it stays open, and ``event`` is a tag to be read from it. In texts
``<<session:fred>>`` is fred's session, ``<<token:fred>>`` his token for chunks, ``<<password:fred>>`` his password, and
``<<0:return.0.jid>>`` what the first request was answered there.
"""

import json
from urllib.parse import urlencode

JSON = "application/json"
YAML = "application/x-yaml"
FORM = "application/x-www-form-urlencoded"
TEXT = "text/plain"

MINIONS = {"web1": {"role": "web"}, "db1": {"role": "db"}}
"""The minions, with grains of their own."""

GRANTS = {
    "admin": [".*", "@runner", "@wheel", "@jobs"],
    "tester": [r"test\..*"],
    "webber": [{"web*": ["test.ping", "grains.items"]}],
    "arger": [
        {"*": [{"test.arg": {"args": ["a.*", "b.*"], "kwargs": {"k": "v.*"}}}, {"test.echo": {"args": ["hello"]}}]},
    ],
    "jobber": ["@jobs"],
    "runner": [{"@runner": [r"manage\.up", r"jobs\..*"]}],
    "keyer": [{"@wheel": [r"key\.list_all", r"key\.finger"]}],
    "listener": ["@events"],
    "halves": [{"web1": ["test.ping"]}, {"db1": ["test.ping"]}],
    "cluster": [{"web1 or db1": ["test.ping", "cmd.run"]}],
    "runs": ["cmd.run", "test.ping"],
    "tokens": ["test.ping", {"@runner": [r"auth\.mk_token", r"manage\.up"]}, {"@wheel": [r"key\.list_all"]}],
    "*": ["test.true"],
    "nobody": [],
    "admins%": [".*"],
}
"""``external_auth: file``."""

USERS = [*(name for name in GRANTS if name.isalpha()), "stranger"]
"""Who has a password; the stranger has it alone, and what everybody may."""

OPTIONS = {
    "nodegroups": {"webs": "web*", "both": "web1 or db1"},
    "token_expire_user_override": {"file": ["tester"]},
    "netapi_enable_clients": [
        "local", "local_async", "local_batch", "local_subset", "runner", "runner_async", "wheel", "wheel_async",
    ],
}  # fmt: skip
"""Of the master."""

CASES = {}


def password(user):
    """Return a user's password."""
    return f"{user}-secret"


def get(path, user="admin", **headers):
    """Return a request to read *path*, with the session of *user*."""
    return asked("GET", path, user, None, headers)


def post(path, value, user="admin", kind=JSON, **headers):
    """Return a request to write *value* as *kind*; a text is sent as it stands."""
    if isinstance(value, str) or value is None:
        body = value
    else:
        body = urlencode(value, doseq=True) if str(kind).startswith(FORM) else json.dumps(value)
        body = body.replace("%3C%3C", "<<").replace("%3E%3E", ">>").replace("%3A", ":")
    return asked("POST", path, user, body, {**({"Content_Type": kind} if kind else {}), **headers})


def asked(method, path, user, body, headers):
    """Return a request."""
    told = {"Accept": JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    if user:
        told["X-Auth-Token"] = f"<<session:{user}>>"
    told = {name: value for name, value in told.items() if value is not None}
    return {"method": method, "path": path, "headers": told, **({} if body is None else {"body": body})}


def case(name, *asks):
    """Add a case."""
    if name in CASES:
        raise ValueError(name)
    CASES[name] = list(asks)


def chunk(name, low, user="admin", **options):
    """Add a case that is one chunk."""
    case(name, post("/", [low], user, **options))


def local(fun, *arg, tgt="web1", client="local", **more):
    """Return a chunk for minions."""
    return {"client": client, "tgt": tgt, "fun": fun, **({"arg": list(arg)} if arg else {}), **more}


def master(client, fun, **more):
    """Return a chunk for the master itself."""
    return {"client": client, "fun": fun, **more}


def creds(user):
    """Return with what *user* logs in."""
    return {"username": user, "password": password(user), "eauth": "file"}


PING = local("test.ping")


# Each URL by each method, with a session and without
URLS = (
    "/", "/login", "/logout", "/minions", "/minions/web1", "/jobs", "/jobs/20200101000000000000", "/keys", "/keys/web1",
    "/run", "/token", "/events", "/hook", "/hook/a/b", "/stats", "/nosuch", "/minions/web1/more", "/jobs/1/2",
    "/keys/a/b", "/run/x", "/token/x", "/login/x", "/stats/x", "/minions/", "/jobs/", "/keys/", "/login/",
)  # fmt: skip

for url in URLS:
    if url != "/events":
        case(f"GET {url}", {**get(url), **({"only": "nothing"} if url in ("/stats", "/jobs", "/jobs/") else {})})
    case(f"GET {url} without a session", get(url, ""))
    for method in ("PUT", "DELETE", "PATCH"):
        if url.count("/") == 1 and url != "/nosuch":
            case(f"{method} {url}", asked(method, url, "admin", "{}", {"Content_Type": JSON}))
    if url not in ("/logout", "/events"):
        case(f"HEAD {url}", asked("HEAD", url, "admin", None, {}))
for url in ("/", "/minions", "/jobs", "/keys", "/hook", "/stats", "/logout", "/events"):
    case(f"POST {url} without a session", post(url, [PING], ""))
case("POST /events", post("/events", {}))
case("POST /stats", post("/stats", {}))
case("POST /nosuch", post("/nosuch", {}))
case("POST /minions/web1", post("/minions/web1", [PING]))
case("POST /jobs/1", post("/jobs/1", [PING]))
case("POST / with a bad session", asked("POST", "/", "", "[]", {"X_Auth_Token": "0" * 40, "Content_Type": JSON}))
case("POST / with a session that is not hex", post("/", [PING], "", X_Auth_Token="no-token"))
case("POST / with a token as the session", post("/", [PING], "", X_Auth_Token="<<token:admin>>"))
case("POST / by cookie", post("/", [PING], "", Cookie="session_id=<<session:admin>>"))
case("GET /minions by cookie", get("/minions", "", Cookie="session_id=<<session:admin>>"))
case("header before cookie", post("/", [PING], "", X_Auth_Token="0" * 40, Cookie="session_id=<<session:admin>>"))
case("good header, bad cookie", post("/", [PING], "admin", Cookie="session_id=" + "0" * 40))

# In which form
for number, accept in enumerate(
    (
        None, "*/*", "application/*", JSON, YAML, "text/yaml", "text/html", "text/plain", "image/png", "",
        f"{YAML}, {JSON};q=0.5", f"{JSON};q=0.5, {YAML};q=0.4", f"{JSON};q=0, */*", f"text/html, {YAML}",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", f"{JSON}, {YAML}", f"{YAML}, {JSON}",
        f"{JSON};charset=utf-8", "nonsense",
    )
):  # fmt: skip
    case(f"GET / accepting {accept}", {**get("/", "", Accept=accept), "only": "return"})
    if number < 8:
        case(f"POST / accepting {accept}", post("/", [PING], Accept=accept))
        case(f"GET /keys accepting {accept}", get("/keys", Accept=accept))
case("error accepting YAML", post("/", [{**PING, "client": "nosuch"}], Accept=YAML))
case("login accepting YAML", post("/login", creds("webber"), "", Accept=YAML))
case("job accepting YAML", post("/minions", [PING], Accept=YAML))
case("several as YAML", post("/", [PING, master("runner", "manage.up")], Accept=YAML))
case("nothing as YAML", post("/", [], Accept=YAML))
case("batch as YAML", post("/", [local("test.ping", tgt="*", client="local_batch", batch="1")], Accept=YAML))
case("nothing matched as YAML", post("/", [local("test.ping", tgt="nosuch")], Accept=YAML))

# What bodies hold
ONE = json.dumps(PING)
case("JSON object", post("/", ONE))
case("JSON list", post("/", f"[{ONE}]"))
case("JSON with charset", post("/", ONE, kind=f"{JSON}; charset=utf-8"))
case("JSON type in capitals", post("/", ONE, kind="Application/JSON"))
case("JSON empty list", post("/", "[]"))
case("JSON empty object", post("/", "{}"))
case("JSON null", post("/", "null"))
case("JSON text", post("/", '"test.ping"'))
case("JSON number", post("/", "1"))
case("JSON list of texts", post("/", '["test.ping"]'))
case("JSON list of lists", post("/", f"[[{ONE}]]"))
case("JSON broken", post("/", "{"))
case("JSON with a comma too many", post("/", f"[{ONE},]"))
case("JSON with BOM", post("/", "\ufeff" + ONE))
case("JSON empty body", post("/", ""))
case("JSON NaN", post("/", '[{"client": "local", "tgt": "web1", "fun": "test.echo", "arg": [NaN]}]'))
case("JSON unicode", post("/", [local("test.echo", "Zürich 東京 😀")]))
case("JSON not UTF-8", post("/", '[{"client": "\udcff"}]'))
case("no body", asked("POST", "/", "admin", None, {"Content_Type": JSON}))
case("no body, no type", asked("POST", "/", "admin", None, {}))
case("no type", post("/", f"[{ONE}]", kind=None))
case("XML", post("/", "<a/>", kind="application/xml"))
case("octets", post("/", ONE, kind="application/octet-stream"))
case("multipart", post("/", '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n',
                       kind="multipart/form-data; boundary=x"))  # fmt: skip
case("vendor JSON", post("/", ONE, kind="application/vnd.api+json"))
case("YAML object", post("/", "client: local\ntgt: web1\nfun: test.ping\n", kind=YAML))
case("YAML list", post("/", "- client: local\n  tgt: web1\n  fun: test.echo\n  arg: [1, a, {b: [c]}]\n", kind=YAML))
case("YAML as text/yaml", post("/", "client: local\ntgt: web1\nfun: test.ping\n", kind="text/yaml"))
case("YAML broken", post("/", "a: [", kind=YAML))
case("YAML text", post("/", "hello", kind=YAML))
case("YAML empty", post("/", "", kind=YAML))
case("YAML object of Python's", post("/", "!!python/object/apply:os.system ['true']", kind=YAML))
case("text that is JSON", post("/", f"[{ONE}]", kind=TEXT))
case("text that is a JSON object", post("/", ONE, kind=TEXT))
case("text that is none", post("/", "hello", kind=TEXT))
case("form", post("/", PING, kind=FORM))
case("form with charset", post("/", PING, kind=f"{FORM}; charset=utf-8"))
case("form with an argument", post("/", local("test.arg", "2"), kind=FORM))
case("form with arguments", post("/", local("test.arg", "2", "a", "true", "[1, x]", "null", "1.5"), kind=FORM))
case("form with keywords as text", post("/", local("test.arg", "a", "k=2", "l=[1]"), kind=FORM))
case("form with kwarg", post("/", {**local("test.arg"), "kwarg": "{a: 1, b: x}"}, kind=FORM))
case("form with star", post("/", {**PING, "tgt": "*"}, kind=FORM))
case("form with a list", post("/", {**PING, "tgt": ["web1", "db1"], "tgt_type": "list"}, kind=FORM))
case("form with a comma list", post("/", {**PING, "tgt": "web1,db1", "tgt_type": "list"}, kind=FORM))
case("form with functions", post("/", {"client": "local", "tgt": "web1", "fun": ["test.ping", "test.echo"],
                                       "arg": ["[]", "[x]"]}, kind=FORM))  # fmt: skip
case("form for a runner", post("/", master("runner", "jobs.lookup_jid", jid="20200101000000000000"), kind=FORM))
case("form for the wheel", post("/", master("wheel", "key.finger", match="web1"), kind=FORM))
case("form, escaped", post("/", {**local("test.echo"), "arg": "a b&c=d é"}, kind=FORM))
case("form, empty value", post("/", "client=local&tgt=web1&fun=test.ping&arg=", kind=FORM))
case("form, nothing in it", post("/", "x", kind=FORM))
case("form, broken escapes", post("/", "client=local&tgt=web1&fun=test.echo&arg=%zz", kind=FORM))
case("form with full_return", post("/", {**PING, "full_return": "true"}, kind=FORM))
case("form with full_return False", post("/", {**PING, "full_return": "False"}, kind=FORM))
case("form with timeout", post("/", {**PING, "timeout": "5"}, kind=FORM))
case("form said to be JSON", post("/", "client=local&tgt=web1&fun=test.ping"))
case("JSON said to be a form", post("/", ONE, kind=FORM))

# local
chunk("ping", PING)
chunk("ping all", local("test.ping", tgt="*"))
for tgt_type, tgt in (
    ("glob", "web*"), ("glob", "*"), ("list", "web1,db1"), ("list", ["web1", "db1"]), ("list", ["web1"]),
    ("pcre", "(web|db)1"), ("grain", "role:web"), ("grain", "role:nosuch"), ("grain_pcre", "role:(web|db)"),
    ("compound", "web1 or G@role:db"), ("compound", "not web1"), ("compound", "web1 and G@role:db"),
    ("nodegroup", "webs"), ("nodegroup", "both"), ("nodegroup", "nosuch"), ("ipcidr", "192.0.2.0/24"),
    ("pillar", "a:b"), ("nosuch", "web1"), ("range", "web1"),
):  # fmt: skip
    chunk(f"target {tgt_type} {tgt}", local("test.ping", tgt=tgt, tgt_type=tgt_type))
chunk("target list without saying so", local("test.ping", tgt=["web1", "db1"]))
chunk("target by expr_form", local("test.ping", tgt="role:web", expr_form="grain"))
chunk("target nothing", local("test.ping", tgt="nosuch"))
chunk("target list with unknown", local("test.ping", tgt=["web1", "nosuch"], tgt_type="list"))
chunk("target empty", local("test.ping", tgt=""))
chunk("target number", local("test.ping", tgt=1))
chunk("target null", local("test.ping", tgt=None))
chunk("target map", local("test.ping", tgt={"a": 1}))
chunk("no tgt", {"client": "local", "fun": "test.ping"})
chunk("no fun", {"client": "local", "tgt": "*"})
chunk("no client", {"tgt": "*", "fun": "test.ping"})
chunk("client null", {"client": None, "tgt": "*", "fun": "test.ping"})
for client in ("nosuch", "ssh", "ssh_async", "run", "Local", "destroy", "__init__"):
    chunk(f"client {client}", {"client": client, "tgt": "*", "fun": "test.ping"})
chunk("arg list", local("test.arg", "a", 1, None, True, 1.5, [1, "x"], {"a": {"b": 2}}))
chunk("arg scalar", {**local("test.echo"), "arg": "hello"})
chunk("arg number", {**local("test.echo"), "arg": 5})
chunk("arg k=v", local("test.arg", "k=2", "l=[1, 2]", "m=text"))
chunk("arg k=v that is no name", local("test.arg", "a b=c", "=x", "http://x/?a=b"))
chunk("arg texts that look like something", local("test.arg", "1", "true", "null", "[1]", "{a: 1}"))
chunk("arg with __kwarg__", local("test.arg", {"__kwarg__": True, "a": 1}))
chunk("arg empty list", {**local("test.arg"), "arg": []})
chunk("arg null", {**local("test.arg"), "arg": None})
chunk("kwarg", local("test.arg", kwarg={"a": 1, "b": "x", "c": None, "d": [1]}))
chunk("arg and kwarg", local("test.arg", "z", kwarg={"a": "1"}))
chunk("kwarg empty", local("test.arg", kwarg={}))
chunk("kwarg list", local("test.arg", kwarg=["a=1"]))
chunk("kwarg text", local("test.arg", kwarg="a=1"))
chunk("full_return", local("test.ping", full_return=True))
chunk("full_return all", local("test.echo", "x", tgt="*", full_return=True))
chunk("full_return of a failure", local("test.retcode", 3, full_return=True))
chunk("full_return of an unknown function", local("nosuch.fun", full_return=True))
chunk("full_return of nothing", local("test.ping", tgt="nosuch", full_return=True))
chunk("compound", local(["test.ping", "test.echo"], [], ["x"]))
chunk("compound on all", local(["test.ping", "test.echo"], [], ["x"], tgt="*"))
chunk("compound full_return", local(["test.ping", "test.echo"], [], ["x"], full_return=True))
chunk("compound of one", local(["test.ping"], []))
chunk("compound of one without arg", local(["test.ping"]))
chunk("compound with unknown", local(["test.ping", "nosuch.fun"], [], []))
chunk("compound as comma text", local("test.ping,test.echo", "x"))
chunk("compound twice", local(["test.echo", "test.echo"], ["a"], ["b"]))
chunk("unknown function", local("nosuch.fun"))
chunk("unknown function of a module", local("test.nosuch"))
chunk("function without a dot", local("ping"))
chunk("function a number", local(1))
chunk("bad arguments", local("test.echo"))
chunk("too many arguments", local("test.ping", 1, 2))
chunk("unknown keyword", local("test.ping", kwarg={"nosuch": 1}))
chunk("exception", local("test.exception", "boom"))
chunk("retcode", local("test.retcode", 42))
chunk("false", local("test.false"))
chunk("echo unicode", local("test.echo", "ü\n\t\x00"))
chunk("echo big number", local("test.echo", 2**70))
chunk("outputter", local("test.outputter", "x"))
chunk("kwarg function", local("test.kwarg", kwarg={"a": 1}))
chunk("cross_test", local("test.cross_test", "test.ping"))
chunk("timeout", local("test.ping", timeout=5))
chunk("timeout text", local("test.ping", timeout="5"))
chunk("timeout bad", local("test.ping", timeout="soon"))
chunk("gather_job_timeout", local("test.ping", timeout=5, gather_job_timeout=5))
chunk("slower than its timeout", local("test.sleep", 2, timeout=1))
chunk("ret unknown", local("test.ping", ret="nosuch"))
chunk("metadata", local("test.ping", metadata={"a": 1}))
chunk("own jid", local("test.ping", jid="20260101000000123456", full_return=True))
chunk("unknown keys", local("test.ping", nosuch=1, other="x"))
chunk("keys that begin with underscores", local("test.ping", __user="x", __jid_event__="y"))
chunk("credentials of another in a chunk", local("test.ping", username="x", password="y", eauth="file"))
chunk("token of another in a chunk", local("test.ping", token="0" * 64))
chunk("grains.items", local("grains.items"))
chunk("grains.get", local("grains.get", "role", tgt="*"))
chunk("sys.list_functions", local("sys.list_functions", "test.ping"))
chunk("saltutil.find_job", local("saltutil.find_job", "20200101000000000000"))
chunk("saltutil.running", local("saltutil.running"))
chunk("cmd.run", local("cmd.run", "echo hello"))
chunk("cmd.run failing", local("cmd.run", "exit 3", full_return=True))
chunk("pillar.items", local("pillar.items"))
chunk("config.get", local("config.get", "nosuch"))
case("two chunks", post("/", [PING, local("test.echo", "x")]))
case("two chunks, the second bad", post("/", [PING, {"client": "nosuch"}]))
case("two chunks, the first bad", post("/", [{"client": "nosuch"}, PING]))
case("chunks of three clients", post("/", [PING, master("runner", "manage.up"), master("wheel", "key.list_all")]))
case("a batch among chunks", post("/", [PING, local("test.ping", tgt="*", client="local_batch"), PING]))
case("nothing matched among chunks", post("/", [PING, local("test.ping", tgt="nosuch"), PING]))
case("ten chunks", post("/", [local("test.echo", n) for n in range(10)]))

# local_async
chunk("async", local("test.ping", client="local_async"))
chunk("async all", local("test.ping", tgt="*", client="local_async"))
chunk("async nothing", local("test.ping", tgt="nosuch", client="local_async"))
chunk("async list with unknown", local("test.ping", tgt="web1,nosuch", tgt_type="list", client="local_async"))
chunk("async compound", local(["test.ping", "test.echo"], [], ["x"], client="local_async"))
chunk("async unknown function", local("nosuch.fun", client="local_async"))
chunk("async no tgt", {"client": "local_async", "fun": "test.ping"})
chunk("async no fun", {"client": "local_async", "tgt": "*"})
chunk("async own jid", local("test.ping", client="local_async", jid="20260101000000123457"))
chunk("async full_return", local("test.ping", client="local_async", full_return=True))
chunk("async kwarg", local("test.arg", client="local_async", kwarg={"a": 1}))
case("async and its job", post("/", [local("test.arg", "a", "k=1", client="local_async", kwarg={"b": 2})]),
     {**get("/jobs/<<0:return.0.jid>>"), "until": "return.0.web1"})  # fmt: skip
case("async and lookup_jid", post("/", [local("test.echo", "x", client="local_async")]),
     {**post("/", [master("runner", "jobs.lookup_jid", jid="<<0:return.0.jid>>")]), "until": "return.0.web1"},
     post("/", [master("runner", "jobs.list_job", arg=["<<0:return.0.jid>>"])]),
     post("/", [master("runner", "jobs.print_job", arg=["<<0:return.0.jid>>"])]),
     post("/", [master("runner", "jobs.exit_success", arg=["<<0:return.0.jid>>"])]),
     {**get("/jobs"), "only": "return.0.<<0:return.0.jid>>"})  # fmt: skip

# local_batch, local_subset
for batch in (None, "1", 1, "10%", "50%", "100%", 5, "0", 0, "x", "-1", "150%", "1.5", ""):
    more = {} if batch is None else {"batch": batch}
    chunk(f"batch {batch!r}", local("test.ping", tgt="*", client="local_batch", **more))
chunk("batch nothing", local("test.ping", tgt="nosuch", client="local_batch"))
chunk("batch arg kwarg", local("test.arg", "a", client="local_batch", kwarg={"b": 1}))
chunk("batch full_return", local("test.ping", client="local_batch", full_return=True))
chunk("batch failing", local("test.retcode", 3, tgt="*", client="local_batch"))
chunk("batch unknown function", local("nosuch.fun", client="local_batch"))
chunk("batch list", local("test.ping", tgt=["web1", "db1"], tgt_type="list", client="local_batch", batch=1))
chunk("batch compound", local(["test.ping", "test.echo"], [], ["x"], client="local_batch"))
chunk("batch wait", local("test.ping", tgt="*", client="local_batch", batch=1, batch_wait=1))
chunk("batch no tgt", {"client": "local_batch", "fun": "test.ping"})
chunk("batch no fun", {"client": "local_batch", "tgt": "*"})
for subset in (None, 1, 2, 5, "2", 0, "x", -1):
    more = {} if subset is None else {"subset": subset}
    tgt = "*" if subset not in (1,) else "web1"
    chunk(f"subset {subset!r}", local("test.ping", tgt=tgt, client="local_subset", **more))
chunk("subset nothing", local("test.ping", tgt="nosuch", client="local_subset"))
chunk("subset unknown function", local("nosuch.fun", tgt="*", client="local_subset"))
chunk("subset full_return", local("test.ping", client="local_subset", full_return=True))
chunk("subset arg", local("test.echo", "x", client="local_subset"))
chunk("subset list", local("test.ping", tgt="web1,db1", tgt_type="list", client="local_subset"))
chunk("subset no tgt", {"client": "local_subset", "fun": "test.ping"})
chunk("subset no fun", {"client": "local_subset", "tgt": "*"})

# runner
for client in ("runner", "runner_async"):
    chunk(f"{client} manage.up", master(client, "manage.up"))
    chunk(f"{client} keyword", master(client, "jobs.list_jobs", search_metadata={"no": "such"}))
    chunk(f"{client} kwarg", master(client, "jobs.list_jobs", kwarg={"search_metadata": {"no": "such"}}))
    chunk(f"{client} arg", master(client, "jobs.lookup_jid", arg=["20200101000000000000"]))
    chunk(f"{client} full_return", master(client, "manage.up", full_return=True))
    chunk(f"{client} unknown", master(client, "nosuch.fun"))
    chunk(f"{client} unknown of a module", master(client, "jobs.nosuch"))
    chunk(f"{client} no dot", master(client, "jobs"))
    chunk(f"{client} no fun", {"client": client})
    chunk(f"{client} missing argument", master(client, "jobs.lookup_jid"))
    chunk(f"{client} unknown keyword", master(client, "manage.up", nosuch=1))
    chunk(f"{client} unknown kwarg", master(client, "manage.up", kwarg={"nosuch": 1}))
    chunk(f"{client} too many", master(client, "manage.up", arg=[1, 2, 3, 4, 5, 6, 7, 8, 9]))
chunk("runner tgt is a keyword", master("runner", "manage.up", tgt="web1"))
chunk("runner manage.status", master("runner", "manage.status"))
chunk("runner manage.down", master("runner", "manage.down"))
chunk("runner manage.up by target", master("runner", "manage.up", kwarg={"tgt": "web*"}))
chunk("runner jobs.active", master("runner", "jobs.active"))
chunk("runner jobs.list_job unknown", master("runner", "jobs.list_job", jid="20200101000000000000"))
chunk("runner jobs.lookup_jid unknown", master("runner", "jobs.lookup_jid", jid="20200101000000000000"))
chunk("runner jobs.print_job unknown", master("runner", "jobs.print_job", jid="20200101000000000000"))
chunk("runner arg k=v", master("runner", "jobs.lookup_jid", arg=["jid=20200101000000000000"]))
chunk("runner arg scalar", master("runner", "jobs.lookup_jid", arg="20200101000000000000"))
chunk("runner test.arg", master("runner", "test.arg", arg=["a", 1, "k=2"], kwarg={"b": [1]}))
chunk("runner timeout", master("runner", "manage.up", timeout=20))
chunk("runner full_return of an error", master("runner", "jobs.lookup_jid", full_return=True))
chunk("runner cache.grains", master("runner", "cache.grains", tgt="web1"))
chunk("runner pillar.show_pillar", master("runner", "pillar.show_pillar"))
chunk("runner fileserver.envs", master("runner", "fileserver.envs"))
chunk("runner fileserver.file_list", master("runner", "fileserver.file_list"))
chunk("runner event.send", master("runner", "event.send", arg=["my/tag"], kwarg={"data": {"a": 1}}))
chunk("runner saltutil.sync_modules", master("runner", "saltutil.sync_modules"))
chunk("runner config.get", master("runner", "config.get", arg=["nosuch"]))

# wheel
for client in ("wheel", "wheel_async"):
    chunk(f"{client} key.list_all", master(client, "key.list_all"))
    chunk(f"{client} key.list", master(client, "key.list", match="accepted"))
    chunk(f"{client} key.list arg", master(client, "key.list", arg=["accepted"]))
    chunk(f"{client} kwarg", master(client, "key.list", kwarg={"match": "accepted"}))
    chunk(f"{client} unknown", master(client, "nosuch.fun"))
    chunk(f"{client} no dot", master(client, "key"))
    chunk(f"{client} no fun", {"client": client})
    chunk(f"{client} missing argument", master(client, "key.list"))
    chunk(f"{client} unknown keyword", master(client, "key.list_all", nosuch=1))
    chunk(f"{client} full_return", master(client, "key.list_all", full_return=True))
chunk("wheel key.finger", master("wheel", "key.finger", match="*"))
chunk("wheel key.finger nothing", master("wheel", "key.finger", match="nosuch"))
chunk("wheel key.name_match", master("wheel", "key.name_match", match="web*"))
chunk("wheel key.key_str nothing", master("wheel", "key.print", match="nosuch"))
chunk("wheel key.accept nothing", master("wheel", "key.accept", match="nosuch"))
chunk("wheel key.reject nothing", master("wheel", "key.reject", match="nosuch"))
chunk("wheel key.delete nothing", master("wheel", "key.delete", match="nosuch"))
chunk("wheel key.accept accepted", master("wheel", "key.accept", match="web1"))
chunk("wheel minions.connected", master("wheel", "minions.connected"))
chunk("wheel unknown match", master("wheel", "key.list", match="nosuch"))

# Convenience URLs
case("GET /minions/web*", get("/minions/web*"))
case("GET /minions/nosuch", get("/minions/nosuch"))
case("GET /minions/%2A", get("/minions/%2A"))
case("POST /minions", post("/minions", [PING]))
case("POST /minions object", post("/minions", PING))
case("POST /minions form", post("/minions", {"tgt": "*", "fun": "test.ping"}, kind=FORM))
case("POST /minions without client", post("/minions", {"tgt": "*", "fun": "test.ping"}))
case("POST /minions with another client", post("/minions", {**PING, "client": "runner"}))
case("POST /minions nothing matched", post("/minions", local("test.ping", tgt="nosuch")))
case("POST /minions two", post("/minions", [PING, local("test.ping", tgt="nosuch"), local("test.ping", tgt="db1")]))
case("POST /minions no fun", post("/minions", {"tgt": "*"}))
case("POST /minions empty", post("/minions", []))
case("POST /minions no list", post("/minions", '"x"'))
case("POST /minions and its job", post("/minions", [local("test.echo", "x", tgt="*")]),
     {**get("/jobs/<<0:return.0.jid>>"), "until": "return.0.web1"})  # fmt: skip
case("POST /minions failing and its job", post("/minions", [local("test.retcode", 3)]),
     {**get("/jobs/<<0:return.0.jid>>"), "until": "return.0.web1"})  # fmt: skip
case("GET /jobs/x", get("/jobs/x"))
case("GET /jobs/JID accepting YAML", get("/jobs/20200101000000000000", Accept=YAML))
case("POST /jobs", post("/jobs", [PING]))
case("GET /keys/*", get("/keys/*"))
case("GET /keys/nosuch", get("/keys/nosuch"))
case("GET /?x=y", {**get("/?x=y", ""), "only": "return"})
case("GET /minions?mid", get("/minions?mid=db1"))
case("GET /minions?x", get("/minions?x=1"))
case("POST /?x=y", post("/?x=y", [PING]))
DELETED = post("/", [master("wheel", "key.delete", match="[nx]*")])
for name, low, kind in (
    ("POST /keys", {"mid": "new1", **creds("admin")}, JSON),
    ("POST /keys form", {"mid": "new2", **creds("admin")}, FORM),
    ("POST /keys with a session", {"mid": "new3"}, JSON),
    ("POST /keys bad password", {"mid": "new4", **creds("admin"), "password": "no"}, JSON),
    ("POST /keys no right", {"mid": "new5", **creds("tester")}, JSON),
    ("POST /keys with a token", {"mid": "new6", "token": "<<token:admin>>"}, JSON),
    ("POST /keys without mid", creds("admin"), JSON),
    ("POST /keys bad mid", {"mid": "../x", **creds("admin")}, JSON),
    ("POST /keys empty list", [], JSON),
):
    case(name, post("/keys", low, "admin" if "session" in name else "", kind=kind), {**DELETED, "only": "nothing"})

# Logging in
case("login", post("/login", creds("admin"), ""))
for user in USERS:
    case(f"login of {user}", post("/login", creds(user), ""))
case("login form", post("/login", creds("admin"), "", kind=FORM))
case("login YAML", post("/login", "username: admin\npassword: <<password:admin>>\neauth: file\n", "", kind=YAML))
case("login text", post("/login", json.dumps(creds("admin")), "", kind=TEXT))
case("login list", post("/login", [creds("admin")], ""))
case("login list of two", post("/login", [creds("tester"), creds("admin")], ""))
case("login empty list", post("/login", [], ""))
case("login no body", asked("POST", "/login", "", None, {}))
case("login empty object", post("/login", {}, ""))
case("login text body", post("/login", '"x"', ""))
case("login broken", post("/login", "{", ""))
case("login bad password", post("/login", {**creds("admin"), "password": "no"}, ""))
case("login unknown user", post("/login", creds("whoever") | {"password": "x"}, ""))
case("login bad eauth", post("/login", {**creds("admin"), "eauth": "nosuch"}, ""))
case("login eauth not configured", post("/login", {**creds("admin"), "eauth": "pam"}, ""))
for missing in ("username", "password", "eauth"):
    case(f"login without {missing}", post("/login", {k: v for k, v in creds("admin").items() if k != missing}, ""))
case("login empty password", post("/login", {**creds("admin"), "password": ""}, ""))
case("login empty username", post("/login", {**creds("admin"), "username": ""}, ""))
case("login password number", post("/login", {**creds("admin"), "password": 1}, ""))
case("login username list", post("/login", {**creds("admin"), "username": ["admin"]}, ""))
case("login token_expire", post("/login", {**creds("admin"), "token_expire": 60}, ""))
case("login token_expire allowed", post("/login", {**creds("tester"), "token_expire": 60}, ""))
case("login token_expire bad", post("/login", {**creds("tester"), "token_expire": "soon"}, ""))
case("login more fields", post("/login", {**creds("admin"), "nosuch": 1, "client": "runner", "fun": "x"}, ""))
case("login with a session", post("/login", creds("tester"), ""),
     post("/login", creds("webber"), "", X_Auth_Token="<<0:return.0.token>>"),
     post("/", [local("test.echo", "x")], "", X_Auth_Token="<<0:return.0.token>>"))  # fmt: skip
case("login with a bad session", post("/login", creds("tester"), "", X_Auth_Token="0" * 40))
case("login accepting HTML", post("/login", creds("tester"), "", Accept="text/html"))
case("login and the cookie", post("/login", creds("tester"), ""),
     post("/", [PING], "", Cookie="session_id=<<0:return.0.token>>"))  # fmt: skip
case("logout", post("/login", creds("tester"), ""), post("/logout", None, "", X_Auth_Token="<<0:return.0.token>>"),
     post("/", [PING], "", X_Auth_Token="<<0:return.0.token>>"),
     get("/minions", "", X_Auth_Token="<<0:return.0.token>>"),
     post("/logout", None, "", X_Auth_Token="<<0:return.0.token>>"))  # fmt: skip
case("logout JSON body", post("/login", creds("tester"), ""),
     post("/logout", {}, "", X_Auth_Token="<<0:return.0.token>>"))  # fmt: skip
case("logout by cookie", post("/login", creds("tester"), ""),
     post("/logout", "{}", "", Cookie="session_id=<<0:return.0.token>>"))  # fmt: skip
case("logout with a bad session", post("/logout", None, "", X_Auth_Token="0" * 40))

# /run
case("run", post("/run", [{**PING, **creds("tester")}], ""))
case("run object", post("/run", {**PING, **creds("tester")}, ""))
case("run form", post("/run", {**PING, **creds("tester")}, "", kind=FORM))
case("run two users", post("/run", [{**PING, **creds("tester")}, {**PING, **creds("webber")}], ""))
case("run runner", post("/run", [{**master("runner", "manage.up"), **creds("runner")}], ""))
case("run wheel", post("/run", [{**master("wheel", "key.list_all"), **creds("keyer")}], ""))
case("run runner_async", post("/run", [{**master("runner_async", "manage.up"), **creds("runner")}], ""))
case("run wheel_async", post("/run", [{**master("wheel_async", "key.list_all"), **creds("keyer")}], ""))
case("run async", post("/run", [{**PING, "client": "local_async", **creds("tester")}], ""))
case("run batch", post("/run", [{**local("test.ping", tgt="*", client="local_batch"), **creds("tester")}], ""))
case("run bad password", post("/run", [{**PING, **creds("tester"), "password": "no"}], ""))
case("run bad password for a runner", post("/run", [{**master("runner", "manage.up"), **creds("runner"),
                                                     "password": "no"}], ""))  # fmt: skip
case("run bad password for the wheel", post("/run", [{**master("wheel", "key.list_all"), **creds("keyer"),
                                                      "password": "no"}], ""))  # fmt: skip
case("run bad eauth", post("/run", [{**PING, **creds("tester"), "eauth": "nosuch"}], ""))
case("run no right", post("/run", [{**local("cmd.run", "true"), **creds("tester")}], ""))
case("run runner no right", post("/run", [{**master("runner", "manage.up"), **creds("tester")}], ""))
case("run wheel no right", post("/run", [{**master("wheel", "key.list_all"), **creds("tester")}], ""))
case("run wheel_async no right", post("/run", [{**master("wheel_async", "key.list_all"), **creds("tester")}], ""))
case("run no credentials", post("/run", [PING], ""))
case("run runner no credentials", post("/run", [master("runner", "manage.up")], ""))
case("run wheel no credentials", post("/run", [master("wheel", "key.list_all")], ""))
for missing in ("username", "password", "eauth"):
    left = {k: v for k, v in creds("tester").items() if k != missing}
    case(f"run without {missing}", post("/run", [{**PING, **left}], ""))
case("run with a session header", post("/run", [PING], "admin"))
case("run token", post("/run", [{**PING, "token": "<<token:tokens>>"}], ""))
case("run token for a runner", post("/run", [{**master("runner", "manage.up"), "token": "<<token:tokens>>"}], ""))
case("run token for the wheel", post("/run", [{**master("wheel", "key.list_all"), "token": "<<token:tokens>>"}], ""))
case("run token no right", post("/run", [{**local("cmd.run", "true"), "token": "<<token:tokens>>"}], ""))
case("run token unknown", post("/run", [{**PING, "token": "0" * 64}], ""))
case("run token unknown for a runner", post("/run", [{**master("runner", "manage.up"), "token": "0" * 64}], ""))
case("run token unknown for the wheel", post("/run", [{**master("wheel", "key.list_all"), "token": "0" * 64}], ""))
case("run token unknown for wheel_async", post("/run", [{**master("wheel_async", "key.list_all"),
                                                         "token": "0" * 64}], ""))  # fmt: skip
case("run token not hex", post("/run", [{**PING, "token": "xyz"}], ""))
case("run token number", post("/run", [{**PING, "token": 5}], ""))
case("run token null", post("/run", [{**PING, "token": None}], ""))
case("run token empty", post("/run", [{**PING, "token": ""}], ""))
case("run with a session as the token", post("/run", [{**PING, "token": "<<session:tokens>>"}], ""))
case("run empty list", post("/run", [], ""))
case("run no list", post("/run", '"x"', ""))
case("run no body", asked("POST", "/run", "", None, {}))
case("run broken", post("/run", "{", ""))
case("run unknown client", post("/run", [{**PING, "client": "nosuch", **creds("tester")}], ""))
case("run no client", post("/run", [{"tgt": "*", "fun": "test.ping", **creds("tester")}], ""))
case("run second without credentials", post("/run", [{**PING, **creds("tester")}, PING], ""))

# /token
case("token", post("/token", creds("tokens"), ""))
case("token list", post("/token", [creds("tokens")], ""))
case("token two", post("/token", [creds("tokens"), creds("tokens")], ""))
case("token form", post("/token", creds("tokens"), "", kind=FORM))
case("token YAML", post("/token", creds("tokens"), "", Accept=YAML))
case("token bad password", post("/token", {**creds("tokens"), "password": "no"}, ""))
case("token unknown user", post("/token", {**creds("tokens"), "username": "whoever2"}, ""))
case("token bad eauth", post("/token", {**creds("tokens"), "eauth": "nosuch"}, ""))
for missing in ("username", "password", "eauth"):
    case(f"token without {missing}", post("/token", {k: v for k, v in creds("tokens").items() if k != missing}, ""))
case("token empty list", post("/token", [], ""))
case("token no body", asked("POST", "/token", "", None, {}))
case("token text", post("/token", '"x"', ""))
case("token without a right to runners", post("/token", creds("tester"), ""))
case("token for nobody", post("/token", creds("nobody"), ""))
case("token and a chunk", post("/token", [creds("tokens")], ""),
     post("/run", [{**PING, "token": "<<0:0.token>>"}], ""))  # fmt: skip

# /hook, and the event that it makes
HOOKED = {
    "JSON": (json.dumps({"a": [1, {"b": None}]}), JSON), "JSON list": ("[1, 2]", JSON), "JSON text": ('"x"', JSON),
    "JSON number": ("5", JSON), "JSON null": ("null", JSON), "JSON false": ("false", JSON), "JSON broken": ("{", JSON),
    "form": ("a=1&b=x&b=y&arg=2&kwarg=%7Ba%3A+1%7D&empty=", FORM), "form of one arg": ("arg=k%3Dv", FORM),
    "YAML": ("a: [1, b]\n", YAML), "YAML broken": ("a: [", YAML), "text": ("hello", TEXT),
    "text JSON": ('{"a": 1}', TEXT), "XML": ("<a/>", "application/xml"), "no type": ("hello", None),
    "empty JSON": ("", JSON), "unicode": (json.dumps({"a": "ü"}, ensure_ascii=False), JSON),
}  # fmt: skip
for name, (body, kind) in HOOKED.items():
    tag = f"t/{name.replace(' ', '-')}"
    case(f"hook {name}", {**get("/events"), "stream": True}, post(f"/hook/{tag}", body, kind=kind, X_Own="1"),
         *([{"event": f"salt/netapi/hook/{tag}"}] if name not in ("JSON broken", "YAML broken", "XML", "no type")
           else []))  # fmt: skip
case("hook no body", {**get("/events"), "stream": True}, asked("POST", "/hook/t/none", "admin", None, {}),
     {"event": "salt/netapi/hook/t/none"})  # fmt: skip
case("hook without a path", {**get("/events"), "stream": True}, post("/hook", {"a": 1}),
     {"event": "salt/netapi/hook"})  # fmt: skip
case("hook with a trailing slash", post("/hook/", {"a": 1}))
case("hook with a query", {**get("/events"), "stream": True}, post("/hook/t/query?x=1&y=2", {"a": 1}),
     {"event": "salt/netapi/hook/t/query"})  # fmt: skip
case("hook escaped", {**get("/events"), "stream": True}, post("/hook/t/a%20b%2Fc", {"a": 1}),
     {"event": "salt/netapi/hook/t/a b/c"})  # fmt: skip
case("hook by nobody", post("/hook/t/nobody", {"a": 1}, "nobody"))
case("hook by cookie", post("/hook/t/cookie", {"a": 1}, "", Cookie="session_id=<<session:admin>>"))
case("hook accepting YAML", post("/hook/t/yaml", {"a": 1}, Accept=YAML))
case("hook accepting HTML", post("/hook/t/html", {"a": 1}, Accept="text/html"))

# /events
case("events of a job", {**get("/events"), "stream": True}, post("/", [local("test.echo", "x", client="local_async")]),
     {"event": "salt/job/<<1:return.0.jid>>/new"}, {"event": "salt/job/<<1:return.0.jid>>/ret/web1"})  # fmt: skip
case("events of a runner", {**get("/events"), "stream": True}, post("/", [master("runner_async", "manage.up")]),
     {"event": "<<1:return.0.tag>>/new"}, {"event": "<<1:return.0.tag>>/ret"})  # fmt: skip
case("events of the wheel", {**get("/events"), "stream": True}, post("/", [master("wheel", "key.list_all")]),
     {"event": "<<1:return.0.tag>>/new"}, {"event": "<<1:return.0.tag>>/ret"})  # fmt: skip
case("events by cookie", {**get("/events", "", Cookie="session_id=<<session:admin>>"), "stream": True})
case("events by token", {**get("/events", "", X_Auth_Token="<<token:admin>>"), "stream": True})
case("events accepting its form", {**get("/events", Accept="text/event-stream"), "stream": True})
case("events accepting anything", {**get("/events", Accept="*/*"), "stream": True})
case("events accepting nothing", {**get("/events", Accept=None), "stream": True})
case("events with token in the query", get("/events?token=<<session:admin>>", ""))
case("events with a parameter", get("/events?x=1"))
case("events with a bad session", get("/events", "", X_Auth_Token="0" * 40))
case("events with a session that is not hex", get("/events", "", X_Auth_Token="xyz"))
case("events without a right", {**get("/events", "nobody"), "stream": True})

# Other origins
case("origin", post("/", [PING], Origin="http://other.example"))
case("origin of a read", {**get("/", "", Origin="http://other.example"), "only": "return"})
case("preflight", asked("OPTIONS", "/", "", None, {"Origin": "http://other.example",
                                                   "Access_Control_Request_Method": "POST"}))  # fmt: skip
case("options", asked("OPTIONS", "/", "", None, {}))

# Who may what
CALLS = {
    "ping all": local("test.ping", tgt="*"),
    "ping web1": PING,
    "ping db1": local("test.ping", tgt="db1"),
    "ping nothing": local("test.ping", tgt="nosuch"),
    "ping by list": local("test.ping", tgt=["web1", "db1"], tgt_type="list"),
    "echo": local("test.echo", "hello"),
    "echo other": local("test.echo", "hello; x"),
    "arg": local("test.arg", "ab", "bc", kwarg={"k": "vw"}),
    "arg k=v": local("test.arg", "ab", "bc", "k=vw"),
    "true": local("test.true"),
    "arg bad": local("test.arg", "xb", "bc", kwarg={"k": "vw"}),
    "arg missing": local("test.arg", "ab", kwarg={"k": "vw"}),
    "arg more": local("test.arg", "ab", "bc", "c", kwarg={"k": "vw", "l": 1}),
    "grains": local("grains.items"),
    "cmd.run": local("cmd.run", "echo hi"),
    "compound": local(["test.ping", "cmd.run"], [], ["echo hi"]),
    "find_job": local("saltutil.find_job", "20200101000000000000"),
    "async": local("test.ping", client="local_async"),
    "batch": local("test.ping", client="local_batch"),
    "subset": local("test.ping", client="local_subset"),
    "manage.up": master("runner", "manage.up"),
    "jobs.lookup_jid": master("runner", "jobs.lookup_jid", jid="20200101000000000000"),
    "jobs.active by runner_async": master("runner_async", "jobs.active"),
    "key.list_all": master("wheel", "key.list_all"),
    "key.finger": master("wheel", "key.finger", match="web1"),
    "key.list_all by wheel_async": master("wheel_async", "key.list_all"),
    "unknown function": local("nosuch.fun"),
    "unknown runner": master("runner", "nosuch.fun"),
    "unknown wheel": master("wheel", "nosuch.fun"),
}
for user in USERS[1:]:
    for name, low in CALLS.items():
        chunk(f"{user} may {name}", low, user)
    if user in ("tester", "webber", "jobber", "keyer", "nobody"):
        for url in ("/minions", "/minions/web1", "/jobs/20200101000000000000", "/keys", "/keys/web1"):
            case(f"{user} may GET {url}", get(url, user))
        for url in ("/jobs", "/stats"):
            case(f"{user} may GET {url}", {**get(url, user), "only": "nothing"})
        case(f"{user} may POST /minions", post("/minions", [PING], user))
