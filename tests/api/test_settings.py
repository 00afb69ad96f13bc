"""The options of the API: each checked, none silently wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from saltern.errors import ConfigError
from saltern_api.settings import api_settings, is_loopback, within
from support.api import settings_of


def test_by_default() -> None:
    settings = settings_of()
    assert (settings.host, settings.port, settings.tls) == ("127.0.0.1", 8000, False)
    assert settings.max_request_body_size == 1 << 20
    assert api_settings({}).clients == frozenset()


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ({"prot": 80}, "'prot' is not an option: did you mean 'port'?"),
        ({"clients": []}, "'clients' is not an option"),
        ({"port": "80"}, "port must be a whole number, not '80'"),
        ({"port": True}, "port must be a whole number, not 'True'"),
        ({"port": 70000}, "port must be between 0 and 65,535, not 70,000"),
        ({"thread_pool": 0}, "thread_pool must be between 1"),
        ({"disable_ssl": "yes"}, "disable_ssl must be true or false"),
        ({"host": 5}, "host must be text"),
        ({"host": "0.0.0.0"}, "passwords and tokens would cross the network unencrypted on 0.0.0.0"),
        ({"host": "::"}, "passwords and tokens would cross"),
        ({"host": "10.0.0.1"}, "passwords and tokens would cross"),
        ({"ssl_crt": "/a"}, "ssl_crt is set without ssl_key"),
        ({"ssl_key": "/a"}, "ssl_key is set without ssl_crt"),
        ({"ssl_crt": "a", "ssl_key": "/b"}, "ssl_crt must be an absolute path"),
        ({"static": "x"}, "static must be an absolute path"),
        ({"webhook_url": "hook"}, "webhook_url must be a path that begins with /"),
        ({"webhook_url": "/{x}"}, "webhook_url must be a path that begins with /"),
        ({"authorized_ips": ["10.0.0.0/33"]}, "authorized_ips must be addresses or networks"),
        ({"authorized_ips": 5}, "authorized_ips must be a text or a list of texts"),
        ({"api_acl": ["fred"]}, "api_acl must be {users: {name: [addresses]}}"),
        ({"api_acl": {"users": {"fred": ["x"]}}}, "api_acl: fred must be addresses"),
        ({"hosts": [1]}, "hosts must be a text or a list of texts"),
        ({"cors_origin": ""}, "cors_origin must be a text or a list of texts"),
    ],
)
def test_what_is_wrong_is_said(rest: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        settings_of(rest)
    assert told in str(raised.value)
    assert str(raised.value).startswith("the configuration: rest_cherrypy: ")


def test_clients() -> None:
    with pytest.raises(ConfigError, match="'locl' is not a client: did you mean 'local'"):
        settings_of({}, ("locl",))
    assert settings_of({}, ("ssh", "local")).clients == {"ssh", "local"}


def test_off_loopback_with_a_certificate_or_on_purpose() -> None:
    assert settings_of({"host": "0.0.0.0", "disable_ssl": True}).host == "0.0.0.0"
    assert settings_of({"host": "0.0.0.0", "ssl_crt": "/a", "ssl_key": "/b"}).tls
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        assert is_loopback(host)
    for host in ("0.0.0.0", "::", "localhost.example.org", "10.0.0.1", ""):
        assert not is_loopback(host)


def test_lists_and_texts() -> None:
    settings = settings_of(
        {"cors_origin": "https://a", "authorized_ips": ["10.1.2.3", "fd00::/8"], "static_path": "/s/", "app": None}
    )
    assert settings.cors_origin == ("https://a",)
    assert settings.static_path == "/s"
    networks = settings.authorized_ips
    assert networks is not None
    for address, is_in in (("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("fd00::1", True), ("10.1.2.4", False)):
        assert within(address, networks) is is_in
    assert not within("", networks)
    assert not within("x", networks)


def test_the_masters_sample_names_options_that_there_are(tmp_path: Path) -> None:
    from saltern.config import client_config

    (tmp_path / "master").write_text("rest_cherrypy: {port: 0}\nnetapi_enable_clients: [local]\n")
    settings = api_settings(client_config(tmp_path))
    assert settings.port == 0
    (tmp_path / "master").write_text("rest_cherrypy: {prt: 0}\n")
    with pytest.raises(ConfigError, match=r"master: rest_cherrypy: 'prt' is not an option"):
        api_settings(client_config(tmp_path))
