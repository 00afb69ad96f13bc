"""The collectors of ``stats.collect``: one capability a file, each registering itself.

A file added to this folder is a collector more; nothing else has to be edited. See ``base`` for how to
write one, and ``sampler`` for how they are run.
"""
