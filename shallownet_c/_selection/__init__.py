"""Which networks are tried on which rows, and how they are compared."""
