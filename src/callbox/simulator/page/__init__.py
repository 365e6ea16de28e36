"""The page with the phones: its files, its live feed, and who may ask for them."""
