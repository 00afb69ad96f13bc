"""Drivers of ``RenderSource``: ``http`` asks a render API, ``memory`` holds points for tests."""
