"""Saltern: watch and command a fleet over one encrypted channel.

The public Python API keeps the names that Salt's users know:

* ``saltern.config.master_config(path)``: the options of a master, checked.
* ``saltern.client.LocalClient(path)``: run functions on minions.
* ``saltern.wheel.Wheel(opts)``: manage keys.
* ``saltern.runner.RunnerClient(opts)``: run functions on the master.
* ``saltern.event.MasterEvent(sock_dir)``: follow the event bus.

Nothing is imported here: a program pays only for what it uses.
"""

from saltern.__about__ import __version__

__all__ = ["__version__"]
