"""Charts: what a panel asks for and how it looks, and the range of time of a page."""
