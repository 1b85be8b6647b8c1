# cython: cdivision=True
"""One layer on a block of samples: forward, backward, gradient. A, Z and d... are panels (panels.pxd); W is row-major."""

from panels cimport panel_width, vectors_of
from real cimport LANES, broadcast, load, real, store, sum_each, vec, vec_sum
from tile cimport Product, multiply


cdef inline void forward(const real* W, const real* b, Py_ssize_t n_out, Py_ssize_t n_in, const real* A, Py_ssize_t vectors,
                         real* Z) noexcept nogil:
    """Z (n_out, m) = W (n_out, n_in) A (n_in, m) + b (n_out, 1), samples in panels"""
    cdef Product p
    p.rows, p.columns = n_out, vectors * LANES
    p.a, p.a_row, p.a_column = W, n_in, 1
    p.segments, p.segment, p.a_segment = 0, 0, 0
    p.tail, p.a_row_tail = n_in, n_in
    p.b, p.b_panel = A, n_in * 2 * LANES
    p.bias, p.accumulate = b, False
    p.c, p.c_row, p.c_row_last, p.c_panel = Z, 2 * LANES, LANES, n_out * 2 * LANES
    multiply(&p)


cdef inline void backward(const real* W, Py_ssize_t n_out, Py_ssize_t n_in, const real* dZ, Py_ssize_t vectors,
                          real* dA) noexcept nogil:
    """dA (n_in, m) = W^T (n_in, n_out) dZ (n_out, m), samples in panels"""
    cdef Product p
    p.rows, p.columns = n_in, vectors * LANES
    p.a, p.a_row, p.a_column = W, 1, n_in
    p.segments, p.segment, p.a_segment = 0, 0, 0
    p.tail, p.a_row_tail = n_out, 1
    p.b, p.b_panel = dZ, n_out * 2 * LANES
    p.bias, p.accumulate = NULL, False
    p.c, p.c_row, p.c_row_last, p.c_panel = dA, 2 * LANES, LANES, n_in * 2 * LANES
    multiply(&p)


cdef inline void gradient(const real* dZ, Py_ssize_t n_out, const real* F, Py_ssize_t n_in, Py_ssize_t samples,
                          real* dW) noexcept nogil:
    """dW (n_out, n_in) += dZ (n_out, m) A^T (m, n_in), A^T in feature panels F, m = samples"""
    cdef Product p
    cdef Py_ssize_t vectors = vectors_of(samples)
    p.rows, p.columns = n_out, n_in
    p.a, p.a_row, p.a_column = dZ, 2 * LANES, 1
    p.segments, p.segment, p.a_segment = samples // (2 * LANES), 2 * LANES, n_out * 2 * LANES
    p.tail, p.a_row_tail = samples % (2 * LANES), panel_width((vectors - 1) // 2, vectors)
    p.b, p.b_panel = F, vectors * LANES * 2 * LANES
    p.bias, p.accumulate = NULL, True
    p.c, p.c_row, p.c_row_last, p.c_panel = dW, n_in, n_in, 2 * LANES
    multiply(&p)


cdef inline vec row_lanes(const real* dZ, Py_ssize_t n, Py_ssize_t j, Py_ssize_t vectors) noexcept nogil:
    """The sum of row j of dZ (n, m), lane by lane."""
    cdef vec total = broadcast(0)
    cdef Py_ssize_t p
    for p in range(vectors // 2):
        total += load(dZ + (p * n + j) * 2 * LANES) + load(dZ + (p * n + j) * 2 * LANES + LANES)
    if vectors % 2:
        total += load(dZ + (vectors // 2) * n * 2 * LANES + j * LANES)
    return total


cdef inline void bias_gradient(const real* dZ, Py_ssize_t n, Py_ssize_t vectors, real* db) noexcept nogil:
    """db (n,) += sum over samples of dZ (n, m); the lanes past the last sample hold zeros"""
    cdef vec[16] r
    cdef Py_ssize_t j = 0
    cdef int i
    while j + LANES <= n:
        for i in range(LANES):
            r[i] = row_lanes(dZ, n, j + i, vectors)
        store(db + j, load(db + j) + sum_each(r))
        j += LANES
    while j < n:
        db[j] += vec_sum(row_lanes(dZ, n, j, vectors))
        j += 1
