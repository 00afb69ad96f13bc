"""Tagged series: which there are, found by their tags as in Graphite 1.1."""
