"""The schema files that a new store begins with: comments alone, which say what holds and how to change it."""

from __future__ import annotations

import logging
import os

from saltern.files import make_folder, write_atomic
from saltern_graphite.rules.rollup import AGGREGATION_FILE, DEFAULT_METHOD, DEFAULT_X_FILES_FACTOR, METHODS
from saltern_graphite.rules.schemas import DEFAULT_RETENTIONS_TEXT, SCHEMAS_FILE

log = logging.getLogger(__name__)

_HOW = """\
# Sections are tried from the first to the last, and the first whose pattern (a Python regular expression) is found
# anywhere in the name counts. A changed file is read on SIGHUP and holds for new metrics; files that exist already
# are made over with saltern-graphite resize. saltern-graphite validate tells what is wrong here.
"""
SAMPLES = {
    SCHEMAS_FILE: f"""\
# How long the points of a new metric are kept, in Carbon's format.
{_HOW}#
# retentions: precision:how long, the finest first; each step divides the next. Units: s m h d w y.
# What no section fits, everything as long as this file says nothing, has {DEFAULT_RETENTIONS_TEXT}:
# every 15 s for two days, every minute for two weeks, every ten minutes for a year.
#
# [hosts]
# pattern = ^hosts\\.
# retentions = 15s:7d, 1m:60d, 10m:2y
#
# [all]
# pattern = .*
# retentions = {DEFAULT_RETENTIONS_TEXT}
""",
    AGGREGATION_FILE: f"""\
# How the points of a new metric are rolled up into its coarser archives, in Carbon's format.
{_HOW}#
# aggregationMethod: {" ".join(METHODS)}.
# xFilesFactor: the share of finer slots that must be known for a coarse one, 0 to 1.
# What no section fits, everything as long as this file says nothing, has {DEFAULT_METHOD} and \
{DEFAULT_X_FILES_FACTOR:g}.
#
# [counts]
# pattern = \\.count$
# aggregationMethod = sum
# xFilesFactor = 0
#
# [peaks]
# pattern = \\.max$
# aggregationMethod = max
""",
}
"""The text of each file by its name."""


def write_samples(conf: str) -> None:
    """Write those of :data:`SAMPLES` that the folder *conf* lacks; a file that is there stays as it is.

    Where that is not possible it is logged: a store needs none of them.
    """
    try:
        make_folder(conf, 0o755)
        for name, text in SAMPLES.items():
            path = os.path.join(conf, name)
            if not os.path.lexists(path):
                write_atomic(path, text.encode())
    except OSError as error:
        log.info("the sample schema files can't be written into %s: %s", conf, error.strerror)
