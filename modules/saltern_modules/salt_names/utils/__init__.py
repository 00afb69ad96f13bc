"""The parts of ``salt.utils`` that custom modules use most."""
