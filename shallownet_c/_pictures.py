"""Networks and histories as HTML with a small drawing in SVG, which notebooks show; no library is needed."""


def shown_units(n: int, most: int) -> list[int]:
    """The units of a layer that a drawing has, by their numbers: all n, or as many from both ends as `most` lets in."""
    return list(range(n)) if n <= most else [*range((most + 1) // 2), *range(n - most // 2, n)]
