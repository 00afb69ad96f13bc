"""The entrance for agents: the two encrypted ports, and the gate that both have."""

from __future__ import annotations

import asyncio
import contextlib
import resource

import zmq

from saltern.config import MasterOptions
from saltern.pki import KeyPair
from saltern_master.entrances.channel.gate import Gate
from saltern_master.entrances.channel.hub import PUBLISH, RET, Hub
from saltern_master.entrances.channel.port import Limits, Port

WANTED_DESCRIPTORS = 65536


class Ports:
    """Opened with ``open``, whose result says where they listen; ended with ``close``."""

    def __init__(self, options: MasterOptions, keys: KeyPair, hub: Hub) -> None:
        self._options = options
        self._keys = keys
        self._hub = hub
        self._ports: list[Port] = []
        self._ending = contextlib.ExitStack()

    def open(self) -> dict[str, str]:
        """Listen, and return ``{"ret": "host:port", "publish": …}``. Raises ``ChannelError``."""
        _raise_descriptor_limit()
        options, hub = self._options, self._hub
        loop = asyncio.get_running_loop()
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        context.set(zmq.MAX_SOCKETS, WANTED_DESCRIPTORS)
        self._ending.callback(context.destroy, linger=0)
        limits = Limits(options["max_message_bytes"], options["heartbeat_interval"], options["heartbeat_timeout"])
        gate = Gate(context, hub.admit)
        self._ending.callback(gate.close)
        ret = Port(context, RET, self._keys, limits, hub.on_ret_message, hub.on_gone)
        self._ending.callback(ret.close)
        publish = Port(context, PUBLISH, self._keys, limits, hub.on_publish_message, hub.on_gone)
        self._ending.callback(publish.close)
        self._ports = [ret, publish]
        gate.start(loop)
        endpoints = {
            RET: ret.bind(options["interface"], options["ret_port"]),
            PUBLISH: publish.bind(options["interface"], options["publish_port"]),
        }
        ret.start(loop)
        publish.start(loop)
        return endpoints

    def metrics(self) -> dict[str, float]:
        """Return the counter."""
        return {"send_refused": sum(port.send_refused for port in self._ports)}

    def close(self) -> None:
        """Close everything; agents see their connections end."""
        self._ending.close()


def _raise_descriptor_limit() -> None:
    """Two connections an agent need descriptors: take as many as the system gives."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, WANTED_DESCRIPTORS)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
