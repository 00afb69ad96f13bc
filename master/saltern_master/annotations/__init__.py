"""Alerts, jobs and presence as events of a Graphite: annotations on its charts."""
