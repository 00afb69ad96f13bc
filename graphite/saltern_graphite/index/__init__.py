"""Every metric's name, in memory: found by pattern, listed in order, read from the tree of files at start."""

from saltern_graphite.index.matches import BRANCH, LEAF, Ends, Matches, Node
from saltern_graphite.index.progress import Progress
from saltern_graphite.index.tree import Index

__all__ = ["BRANCH", "LEAF", "Ends", "Index", "Matches", "Node", "Progress"]
