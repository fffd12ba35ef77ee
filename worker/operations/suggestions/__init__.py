"""`marketmap suggestions`: what missed markets may be, by their odds."""
