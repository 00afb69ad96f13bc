"""One case of ``http_api_cases.py``: its requests, sent to an API that runs, and what is kept of the answers.

Needs the standard library and PyYAML alone: the Python of a Salt runs it, too.
"""

import http.client
import io
import json
import re
import tarfile
import time

import yaml

WAIT_S = 20.0
HEADERS = ("Content-Type", "WWW-Authenticate", "Content-Disposition", "Location")
JID = re.compile(r"(?<!\d)\d{20}(?!\d)")
TOKEN = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])")
FINGER = re.compile(r"(?:[0-9a-f]{2}:){15,31}[0-9a-f]{2}")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d+:Z]*")
START = re.compile(r"\d{4}, [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d\.\d+")
FILLED = re.compile(r"<<([^<>]+)>>")
PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.DOTALL)
GRAINS = ("id", "kernel", "role", "os_family", "pythonversion", "ipv4")
NO_TOKEN = "0" * 40
"""What who is not let in has."""
OF_RESOURCES = ("__pub_resource_targets", "__pub_pure_resource_target", "__pub_minion_is_target")
"""What only a Salt with resources publishes."""
TIMES = ("start", "expire", "ts", "Start Time", "Uptime", "duration")


class Server:
    """An API on a port of loopback, with the sessions and tokens of whoever asks."""

    def __init__(self, port, password):
        self.port = port
        self._password = password
        self._known = {}

    def credentials(self, user):
        """Return with what *user* logs in."""
        return {"username": user, "password": self._password(user), "eauth": "file"}

    def session(self, user):
        """Return the id of a session of *user*, begun once."""
        return self._made(user, "/login", lambda body: body["return"][0]["token"])

    def token(self, user):
        """Return a token of *user* for chunks, made once."""
        return self._made(user, "/token", lambda body: body[0]["token"])

    def _made(self, user, path, found):
        if (path, user) not in self._known:
            told = {"Content-Type": "application/json"}
            status, _, body = self.send("POST", path, told, json.dumps(self.credentials(user)).encode())
            if status != 200:
                return NO_TOKEN
            self._known[path, user] = found(json.loads(body))
        return self._known[path, user]

    def open(self, method, path, headers, body):
        """Send a request and return its answer, unread, with the connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        return connection, connection.getresponse()

    def send(self, method, path, headers, body):
        """Send a request and return status, headers and body."""
        connection, answer = self.open(method, path, headers, body)
        try:
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()


class Conversation:
    """The requests of one case, of which each may say what those before it were told."""

    def __init__(self, server):
        self._server = server
        self._told = []
        self._stream = None

    def run(self, asks):
        """Send all *asks* and return what is kept of their answers."""
        try:
            return [self._one(ask) for ask in asks]
        finally:
            if self._stream is not None:
                self._stream[0].close()

    def _one(self, ask):
        if ask.get("event"):
            return self._event(re.compile(self._filled(ask["event"])))
        headers = {name: self._filled(value) for name, value in ask.get("headers", {}).items()}
        body = ask.get("body")
        body = self._filled(body).encode("utf-8", "surrogateescape") if body is not None else None
        request = ask["method"], self._filled(ask["path"]), headers, body
        if ask.get("stream"):
            return self._open_stream(*request)
        deadline = time.monotonic() + WAIT_S
        while True:
            status, told, answer = self._server.send(*request)
            read = self._read(told.get_content_type() if "Content-Type" in told else "", answer)
            if "until" not in ask or _at(read, self._filled(ask["until"])) or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        self._told.append(read)
        if "only" in ask:
            read = _at(read, self._filled(ask["only"]))
        return {"status": status, **_headers(told, request[1], headers, status), "body": kept(read)}

    def _open_stream(self, method, path, headers, body):
        connection, answer = self._server.open(method, path, headers, body)
        told = {"status": answer.status, **_headers(answer.headers, path, headers, answer.status)}
        self._told.append(None)
        if answer.status != 200:
            told["body"] = kept(self._read(answer.headers.get_content_type(), answer.read()))
            connection.close()
            return told
        self._stream = connection, answer
        return {**told, "body": answer.readline().decode()}

    def _event(self, tag):
        """Return the first event of that tag, and in which lines it came."""
        lines = []
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            line = self._stream[1].readline().decode().rstrip("\n")
            if line:
                lines.append(line)
                continue
            data = [line[6:] for line in lines if line.startswith("data: ")]
            event = json.loads(data[0]) if data else {"tag": ""}
            if tag.fullmatch(event["tag"]):
                self._told.append(event)
                return {"fields": [line.partition(":")[0] for line in lines], "body": kept(event)}
            lines = []
        return {"fields": [], "body": None}

    def _read(self, kind, body):
        """Return what a body holds."""
        if not body:
            return None
        if kind == "application/x-tar":
            return sorted(tarfile.open(fileobj=io.BytesIO(body)).getnames())
        text = body.decode("utf-8", "replace")
        if kind == "application/json":
            return json.loads(text)
        if kind.endswith("yaml"):
            return yaml.safe_load(text)
        if kind == "text/html" and "<p>" in text:
            return {"message": " ".join(PARAGRAPH.search(text)[1].split())}
        return text

    def _filled(self, text):
        return FILLED.sub(lambda found: self._named(found[1]), text)

    def _named(self, name):
        kind, _, of = name.partition(":")
        if kind in ("session", "token"):
            return getattr(self._server, kind)(of)
        if kind == "password":
            return self._server.credentials(of)["password"]
        return str(_at(self._told[int(kind)], of))


def _at(value, path):
    """Return what is at *path* in *value*; None where there is nothing."""
    for name in path.split("."):
        try:
            value = value[int(name) if isinstance(value, list) else name]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return value


def _headers(told, path, asked, status):
    """Return what is kept of an answer's headers."""
    found = {name: kept(told[name]) for name in HEADERS if name in told}
    if "Content-Type" in found:
        found["Content-Type"] = told.get_content_type()
    if status == 405 and "Allow" in told:
        found["Allow"] = sorted(one.strip() for one in told["Allow"].split(","))
    if "X-Auth-Token" in told:
        found["X-Auth-Token"] = kept(told["X-Auth-Token"])
    if "Set-Cookie" in told and path in ("/login", "/logout"):
        found["Set-Cookie"] = told["Set-Cookie"].partition("=")[0]
    if "Origin" in asked:
        found |= {name: told[name] for name in told if name.lower().startswith("access-control")}
    return {"headers": found} if found else {}


def kept(value):
    """Return what is kept of a value: no times, ids, tokens, fingerprints, and of grains a few."""
    if isinstance(value, dict):
        if "kernel" in value and "osrelease" in value:
            return {"GRAINS": {k: value[k] for k in ("id", "kernel", "role") if k in value}}
        if "Host" in value and "Accept" in value:
            return {"HEADERS": {k: v for k, v in value.items() if k in ("Content-Type", "Content-Length", "X-Own")}}
        if "minions" in value and "local" in value:
            value = {**value, "local": "FILES"}
        value = {k: v for k, v in value.items() if k not in OF_RESOURCES}
        return {kept(k): "TIME" if k in TIMES and isinstance(v, (int, float)) else kept(v) for k, v in value.items()}
    if isinstance(value, list):
        return [kept(one) for one in value]
    if not isinstance(value, str):
        return value
    if "Traceback (most recent call last)" in value:
        value = f"{value.partition('Traceback')[0]}Traceback … {value.strip().splitlines()[-1]}"
    if value.lstrip().startswith("Passed invalid arguments"):
        value = value.strip().partition("\n")[0]
    value = value.replace("saltern-run", "salt-run")
    for pattern, name in ((TOKEN, "TOKEN"), (JID, "JID"), (FINGER, "FINGER"), (STAMP, "STAMP"), (START, "START")):
        value = pattern.sub(name, value)
    return value
