"""Where points come in: one driver a protocol, on the frame of :mod:`saltern_graphite.receivers.connection`."""
