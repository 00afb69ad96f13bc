"""What holds for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long an example takes says something of the machine's other work only.
settings.register_profile("saltern", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("saltern")
