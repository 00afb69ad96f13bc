"""What the console keeps of its own: views, dashboards, templates, preferences, settings of plugins."""
