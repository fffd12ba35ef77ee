"""`marketmap evidence`: what the odds say about mappings."""
