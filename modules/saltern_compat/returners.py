"""``salt.returners``: what a returner is configured with."""

from saltern_modules._returner_options import get_returner_options

__all__ = ["get_returner_options"]
