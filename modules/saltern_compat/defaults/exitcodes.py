"""``salt.defaults.exitcodes``: what programs of Salt's end with; the upper ones are those of sysexits(3)."""

from __future__ import annotations

EX_OK = 0
EX_GENERIC = 1
EX_STATE_COMPILER_ERROR = 1
EX_STATE_FAILURE = 2
EX_PILLAR_FAILURE = 5
EX_AGGREGATE = 20
EX_USAGE = 64
EX_NOUSER = 67
EX_UNAVAILABLE = 69
EX_SOFTWARE = 70
EX_CANTCREAT = 73
EX_TEMPFAIL = 75
EX_NOPERM = 77
SALT_KEEPALIVE = 99
SALT_BUILD_FAIL = 101
