"""Writers of the three books' own forms."""
