"""The tables of the tag index.

::

    tags         id · tag                         every tag, "name" included
    pairs        id · tag · value · series        each value of a tag, and how many series have it
    series       id · path                        every series, in its canonical spelling
    series_tags  pair · series                    which series has which pairs, looked up from either side
    absent       path · since                     those without a file: what was entered by hand before there is one,
                                                  which is in series too, and what is out of it because its file is
                                                  gone, since then (epoch seconds): the name of a file is but a hash
"""

from __future__ import annotations

from saltern_graphite.database.kept import Layout

SCHEMA = """
CREATE TABLE IF NOT EXISTS tags (
    id INTEGER PRIMARY KEY,
    tag TEXT NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS pairs (
    id INTEGER PRIMARY KEY,
    tag INTEGER NOT NULL REFERENCES tags (id),
    value TEXT NOT NULL,
    series INTEGER NOT NULL DEFAULT 0,
    UNIQUE (tag, value)
);
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS series_tags (
    pair INTEGER NOT NULL REFERENCES pairs (id),
    series INTEGER NOT NULL REFERENCES series (id),
    PRIMARY KEY (pair, series)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS series_tags_by_series ON series_tags (series);
CREATE TABLE IF NOT EXISTS absent (
    path TEXT PRIMARY KEY,
    since INTEGER NOT NULL
) WITHOUT ROWID;
"""
LAYOUT = Layout(
    "the tag index",
    SCHEMA,
    {
        "tags": ("id", "tag"),
        "pairs": ("id", "tag", "value", "series"),
        "series": ("id", "path"),
        "series_tags": ("pair", "series"),
        "absent": ("path", "since"),
    },
)
