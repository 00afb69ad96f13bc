"""Columns of numbers on a grid, and how many become one."""
