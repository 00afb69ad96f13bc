"""Events: what happened when, for annotations on charts."""
