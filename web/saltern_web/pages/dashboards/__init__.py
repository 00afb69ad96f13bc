"""Dashboards: panels that someone put together, for himself or for all."""
