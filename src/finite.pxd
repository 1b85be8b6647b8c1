# cython: cdivision=True
"""Whether arrays hold numbers that the kernels can work with."""

from libc.math cimport isfinite

from api cimport model_t, rows_t
from codes cimport FROM_ZERO, UP_TO_ONE
from real cimport LANES, broadcast, load, real, vec, vec_sum


cdef inline bint all_finite(const real* x, Py_ssize_t n) noexcept nogil:
    """Whether all n numbers are finite: 0 x is 0 for those and NaN for others, and a sum with a NaN is NaN."""
    cdef vec[8] sums    # each waits for the one before
    cdef real rest = 0
    cdef Py_ssize_t i = 0
    cdef int k
    for k in range(8):
        sums[k] = broadcast(0)
    while i + 8 * LANES <= n:
        for k in range(8):
            sums[k] += <real>0 * load(x + i + k * LANES)
        i += 8 * LANES
    while i + LANES <= n:
        sums[0] += <real>0 * load(x + i)
        i += LANES
    while i < n:
        rest += <real>0 * x[i]
        i += 1
    for k in range(1, 8):
        sums[0] += sums[k]
    return vec_sum(sums[0]) + rest == <real>0


cdef inline Py_ssize_t first_nonfinite(const void* a, Py_ssize_t m, Py_ssize_t n) noexcept nogil:
    """The first row of a (m, n) that holds a NaN or an infinity, -1 if there is none"""
    cdef const real* x = <const real*>a
    cdef Py_ssize_t i = 0
    if m * n == 0 or all_finite(x, m * n):
        return -1
    while x[i] - x[i] == <real>0:
        i += 1
    return i // n


cdef inline bint are_fit(const model_t* net, const rows_t* rows, double loss, const real* grad) noexcept nogil:
    """Whether X (m, n_0) and Y (m, n_L) are finite, and Y in the range that the loss takes; they gave that loss and grad (P,)

    A y that is not finite, or is an infinity beyond the range, leaves no finite loss. An x is a factor of a term of dW[1] in
    each row, and whatever the other factor is, 0 included, no sum with that term is finite. So X and Y need be read only if
    the loss or the first row of dW[1] is not finite.
    """
    cdef Py_ssize_t n_0 = net.layer[0].n_in, n = net.layer[net.layers - 1].n_out, i
    cdef const real* y = <const real*>rows.Y
    cdef bint from_zero = FROM_ZERO >> net.loss & 1, up_to_one = UP_TO_ONE >> net.loss & 1
    cdef int bad = 0
    if from_zero or up_to_one:
        for i in range(rows.m * n):
            bad |= (from_zero and y[i] < <real>0) | (up_to_one and y[i] > <real>1)
    if bad:
        return False
    if isfinite(loss) and all_finite(grad, n_0):
        return True
    return all_finite(<const real*>rows.X, rows.m * n_0) and all_finite(y, rows.m * n)
