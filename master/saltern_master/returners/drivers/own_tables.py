"""Our tables beside Salt's in the database of a returner::

saltern_positions(reader, journal, segment, at_byte, events_run, events, written)   how far each reader is
saltern_sizes(reader, minute, bytes)   what a reader stored of the jobs of a minute, where there is a bound of bytes
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, MetaData, String, Table

MINUTE = 12
"""Of a jid's digits."""

_OURS = MetaData()
POSITIONS = Table(
    "saltern_positions",
    _OURS,
    Column("reader", String(128), primary_key=True),
    Column("journal", String(64), primary_key=True),
    Column("segment", BigInteger, nullable=False),
    Column("at_byte", BigInteger, nullable=False),
    Column("events_run", String(64), nullable=False, server_default=""),
    Column("events", BigInteger, nullable=False, server_default="0"),
    Column("written", Double, nullable=False),
    mysql_engine="InnoDB",
)
SIZES = Table(
    "saltern_sizes",
    _OURS,
    Column("reader", String(128), primary_key=True),
    Column("minute", String(MINUTE), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    mysql_engine="InnoDB",
)
