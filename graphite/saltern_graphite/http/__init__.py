"""The HTTP API that Grafana and Graphite's other clients speak."""
