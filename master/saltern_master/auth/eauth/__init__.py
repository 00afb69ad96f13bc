"""Who someone is that logs in: one file a driver, each named in ``external_auth``."""
