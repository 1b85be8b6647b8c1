# cython: cdivision=True
"""Inverted dropout (Srivastava et al., 2014): a unit of a sample is 0 with probability p, otherwise 1 / (1 - p) times itself.

Which units are dropped follows from a hash of a counter, (seed, step, layer, sample of the batch, unit). It depends neither
on the number of threads nor on blocks nor on the CPU, and nothing has to be kept for the way back.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from activations cimport needs_z
from geometry cimport MAX_PANEL, PANEL, TILE_VECTORS, panel_width, vector_at
from once cimport multiply_by_derivative
from real cimport LANES, real


cdef enum:
    UNITS = 8   # how many `drop_back` takes at a time


cdef struct Dropout:
    const double* rates     # (L - 1,), of the hidden layers; NULL: none is dropped
    uint64_t seed
    int64_t step
    Py_ssize_t batch        # the batch's first row


cdef inline Dropout no_dropout() noexcept nogil:
    cdef Dropout none
    none.rates, none.seed, none.step, none.batch = NULL, 0, 0, 0
    return none


cdef inline uint32_t mixed(uint32_t x) noexcept nogil:
    """A permutation of 32-bit numbers that leaves no bit alone (Wellons' lowbias32)."""
    x ^= x >> 16
    x *= <uint32_t>0x7FEB352D
    x ^= x >> 15
    x *= <uint32_t>0x846CA68B
    return x ^ (x >> 16)


cdef inline uint64_t mixed_wide(uint64_t x) noexcept nogil:
    """The same of 64 bits (the last steps of splitmix64)."""
    x = (x ^ (x >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <uint64_t>0x94D049BB133111EB
    return x ^ (x >> 31)


cdef struct Draw:
    # The draws of one layer in one step: a number below `least` drops the unit.
    uint32_t key_1, key_2, least


cdef inline Draw draw_of(const Dropout* dropout, Py_ssize_t layer) noexcept nogil:
    cdef Draw draw
    cdef uint64_t key = mixed_wide(dropout.seed + mixed_wide(<uint64_t>dropout.step * <uint64_t>1048576 + <uint64_t>layer))
    draw.key_1, draw.key_2 = <uint32_t>key, <uint32_t>(key >> 32)
    draw.least = <uint32_t>(dropout.rates[layer - 1] * 4294967296.0)
    return draw


cdef inline void keep_lanes(Draw draw, Py_ssize_t sample, Py_ssize_t n, Py_ssize_t j, real scale, real* x) noexcept nogil:
    """x (LANES,) of unit j for samples from `sample` on <- scale x, or 0 where the unit is dropped"""
    cdef int i
    cdef uint32_t number
    for i in range(LANES):
        number = <uint32_t>(sample + i) * <uint32_t>n + <uint32_t>j
        x[i] = <real>0 if mixed(mixed(number ^ draw.key_1) ^ draw.key_2) < draw.least else scale * x[i]


cdef inline void drop(const Dropout* dropout, Py_ssize_t layer, Py_ssize_t first, Py_ssize_t n, Py_ssize_t vectors,
                      real* A) noexcept nogil:
    """A <- A keep / (1 - p), sample panels of layer `layer` from sample `first` of the batch on"""
    cdef Draw draw = draw_of(dropout, layer)
    cdef real scale = <real>(1 / (1 - dropout.rates[layer - 1]))
    cdef Py_ssize_t v, j
    cdef int width
    cdef real* a
    for v in range(vectors if draw.least > 0 else 0):
        width = panel_width(v // TILE_VECTORS, vectors)
        a = A + vector_at(v, n)
        for j in range(n):
            keep_lanes(draw, first + v * LANES, n, j, scale, a + j * width)


cdef inline void drop_back(const Dropout* dropout, Py_ssize_t layer, Py_ssize_t first, Py_ssize_t n, Py_ssize_t vectors,
                           int activation, real leak, const real* kept, real* dA) noexcept nogil:
    """dA <- dA keep / (1 - p) g'(z), from z, or from A that has been through `drop`: a = A (1 - p) wherever that counts"""
    cdef Draw draw = draw_of(dropout, layer)
    cdef real rest = <real>(1 - dropout.rates[layer - 1])
    cdef real undone = <real>1 if needs_z(activation) else rest
    cdef real[UNITS * MAX_PANEL] a
    cdef Py_ssize_t panel, sample, j, at, units
    cdef int i, width
    for panel in range((vectors + TILE_VECTORS - 1) // TILE_VECTORS):
        width = panel_width(panel, vectors)
        sample = first + panel * PANEL
        j = 0
        while j < n:
            units = UNITS if UNITS < n - j else n - j
            at = panel * n * PANEL + j * width
            for i in range(units * width):
                a[i] = kept[at + i] * undone
            for i in range(units):
                keep_lanes(draw, sample, n, j + i, <real>1 / rest, dA + at + i * width)
                if width > LANES:
                    keep_lanes(draw, sample + LANES, n, j + i, <real>1 / rest, dA + at + i * width + LANES)
            multiply_by_derivative(activation, leak, a, dA + at, units * width)
            j += units
