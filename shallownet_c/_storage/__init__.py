"""Files of networks and of fits."""
