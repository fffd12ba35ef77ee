"""Writers of the three bookmakers' own forms."""
