"""What the command `shallownet-c` does, and the tables it does that with."""
