"""``salt.exceptions``: Salt's errors by Salt's names; those that our own functions raise are the same classes."""

from saltern_modules._salt_errors import *  # noqa: F403  # a module of Salt's, by its name
