"""Every metric's name, in memory: found by pattern, listed in order, read from the tree of files at start."""

from saltern_graphite.index.match import BRANCH, LEAF, Ends, Matches, Names, Node
from saltern_graphite.index.progress import Progress
from saltern_graphite.index.tree import Index

__all__ = ["BRANCH", "LEAF", "Ends", "Index", "Matches", "Names", "Node", "Progress"]
