"""Football in play: copies of a market, flags at several levels, scores in keys, prices that are objects."""
