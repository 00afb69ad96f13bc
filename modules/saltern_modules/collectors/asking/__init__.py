"""Asking what may not answer, a server or a device, so that it costs its own numbers alone."""
