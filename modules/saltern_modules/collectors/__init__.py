"""The collectors of ``stats.collect``: one capability a file, with a row in ``catalogue``.

Beside them is what they are run by (``catalogue``, ``options``, ``sampler``, ``explained``) and what each is written
with (``base``, ``source``, ``numbers``, ``segment``). What several share to read by is in ``reading``, and to ask what
may hang in ``asking``.
"""
