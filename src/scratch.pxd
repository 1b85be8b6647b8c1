"""Memory for one sample: on the stack, so that any number of threads may call a network, and from malloc only for wide layers."""

from libc.stdlib cimport free, malloc

from geometry cimport STACK_VECTORS
from real cimport LANES, real, vec


cdef struct Scratch:
    vec[STACK_VECTORS] here
    real* at
    void* elsewhere     # NULL, or what is to be freed


cdef inline bint open_scratch(Scratch* s, Py_ssize_t n) noexcept nogil:
    """Room for n reals at s.at; False if there is no memory"""
    s.at, s.elsewhere = <real*>s.here, NULL
    if n > STACK_VECTORS * LANES:
        s.elsewhere = malloc(n * sizeof(real))
        s.at = <real*>s.elsewhere
    return s.at != NULL


cdef inline void close_scratch(Scratch* s) noexcept nogil:
    free(s.elsewhere)
