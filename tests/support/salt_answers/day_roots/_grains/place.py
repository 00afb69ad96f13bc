"""A grain of the operator's own."""


def place():
    return {"rack": {"row": 4, "slots": ["a", "b"]}}
