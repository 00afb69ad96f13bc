"""Functions that run on the master: ``saltern-run <module>.<function>``.

Each file builds the functions of one module over the parts of the master that they need. Every function's first
docstring line is what ``saltern-run -d`` shows.
"""
