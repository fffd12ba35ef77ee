"""The football markets of the catalogue that a plain scrape leaves out (extra `catalogue`)."""
