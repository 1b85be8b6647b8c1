# cython: cdivision=True
"""The sizes that a build goes by, and where things stand in a block of panels; see panels.pxd for these."""

from real cimport LANES, real

cdef extern from "geometry.h" nogil:
    enum: TILE_ROWS, SHORT_TILE_ROWS, MAX_TILE_ROWS
    enum: PIECE_ROWS, CACHED_BYTES
    enum: TILE_VECTORS
    enum: MAX_PANEL, STACK_VECTORS
    enum: FEW_ROWS
    const int PANEL


cdef inline Py_ssize_t vectors_of(Py_ssize_t n) noexcept nogil:
    """How many vectors hold n numbers."""
    return (n + LANES - 1) // LANES


cdef inline int panel_width(Py_ssize_t panel, Py_ssize_t vectors) noexcept nogil:
    """Numbers in a row of that panel of an array of so many vectors: an odd last vector is a panel of its own."""
    return PANEL if TILE_VECTORS * panel + 1 < vectors else LANES


cdef inline Py_ssize_t vector_at(Py_ssize_t vector, Py_ssize_t n) noexcept nogil:
    """Where the first row of that vector begins in panels of n rows; its other rows follow `panel_width` apart."""
    return vector // TILE_VECTORS * n * PANEL + vector % TILE_VECTORS * LANES
