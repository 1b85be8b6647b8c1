"""Doors: networks as other libraries and languages have them, and back."""
