"""Asking what may not answer, a server or a device, so that it costs its own numbers alone.

``aside``: one call in a thread, which is left behind with a call that doesn't come back; ``walk`` and ``questions`` are
many calls in such a thread, the sampler's collectors and one collector's mounts. ``errand``: work that is slow but
ends, so that nothing is left behind: it goes on from one sample to the next.
"""
