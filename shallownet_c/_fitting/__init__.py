"""A fit: where its rows come from, the loop over epochs, and what watches it."""
