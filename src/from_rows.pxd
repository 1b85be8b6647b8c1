# cython: cdivision=True
"""The first layer on rows of X as they lie in memory: Z[1] is brought into panels instead of X, which is wider.

Every number is made by the same operations in the same order as in panels, so that the bits are the same.
"""

from api cimport model_t, rows_t
from block cimport Block
from codes cimport IDENTITY
from dense cimport lanes_pay, pack_rows, rows_pay
from geometry cimport PANEL, panel_width, vectors_of
from once cimport forward_rows, load_rows
from real cimport LANES, broadcast, last_lanes, load, real, store, vec

cdef enum:
    STRIP_ROWS = 4          # of `rows_gradient`: with three vectors and their factor as many sums as 16 registers hold
    STRIP_VECTORS = 3


cdef inline const real* rows_as_they_lie(const model_t* net, const Block* block, const rows_t* data, Py_ssize_t first,
                                         Py_ssize_t rows) noexcept nogil:
    """Where `rows` rows from `first` on begin, if the first layer is to take them as they lie, otherwise NULL

    It pays where less is transposed, W[1] included, and only if the block is not used again.
    """
    cdef Py_ssize_t n_in = net.layer[0].n_in, n_out = net.layer[0].n_out
    if (block.stays or data.X == NULL or data.order != NULL or data.weights != NULL or n_in < LANES or 2 * n_out > n_in
            or 4 * n_out > rows or not rows_pay(n_out, n_in) or lanes_pay(n_out, n_in, rows, True)):
        return NULL
    return <const real*>data.X + first * n_in


cdef inline void first_layer_from_rows(const model_t* net, const Block* block, Py_ssize_t rows) noexcept nogil:
    """Z[1] in A[1] of `rows` rows X; W[1] is packed in F_0, and rows of Z[1] are in A[0] at first, which nothing else needs."""
    cdef Py_ssize_t n_in = net.layer[0].n_in, n_out = net.layer[0].n_out
    cdef const real* params = <const real*>net.params
    pack_rows(params + net.layer[0].W, params + net.layer[0].b, n_out, n_in, block.F_0)
    forward_rows(block.F_0, n_out, n_in, block.X, rows, IDENTITY, 0, block.A[0])
    load_rows(block.A[0], rows, n_out, NULL, 0, rows, block.A[1], NULL, 0, 0)


cdef inline void add_samples(const int rows, const int vectors, const real* dZ, Py_ssize_t step, Py_ssize_t samples,
                             const real* X, Py_ssize_t n_in, Py_ssize_t last, vec[STRIP_VECTORS]* c) noexcept nogil:
    """c (rows, vectors) += dZ (rows, samples), rows `step` apart, X (samples, n_in), of which the last vector begins at `last`"""
    cdef vec[STRIP_VECTORS] x
    cdef Py_ssize_t s
    cdef int i, v
    for s in range(samples):
        for v in range(vectors - 1):
            x[v] = load(X + v * LANES)
        x[vectors - 1] = load(X + last)
        for i in range(rows * vectors):
            c[i // vectors][i % vectors] += dZ[i // vectors * step + s] * x[i % vectors]
        X += n_in


cdef inline void gradient_tile(const int rows, const int vectors, const real* dZ, Py_ssize_t n_out, Py_ssize_t row,
                               Py_ssize_t samples, const real* X, Py_ssize_t n_in, Py_ssize_t at, bint add,
                               real* dW) noexcept nogil:
    """`rows` rows of `rows_gradient` from `row` on, `vectors` vectors from column `at` on

    A last vector that would pass the end of the row ends there; what it shares with the one before is there already.
    """
    cdef vec[STRIP_ROWS][STRIP_VECTORS] c
    cdef Py_ssize_t last = min((vectors - 1) * LANES, n_in - LANES - at), left = samples
    cdef Py_ssize_t new = LANES - ((vectors - 1) * LANES - last)
    cdef const real* z = dZ + row * PANEL
    cdef const real* x = X + at
    cdef int i, v
    for i in range(rows * vectors):
        c[i // vectors][i % vectors] = broadcast(0)
    while left >= PANEL:
        add_samples(rows, vectors, z, PANEL, PANEL, x, n_in, last, c)
        z += n_out * PANEL
        x += n_in * PANEL
        left -= PANEL
    if left > 0:    # a lone last vector of samples is a panel of its own
        if left > LANES:
            add_samples(rows, vectors, z, PANEL, left, x, n_in, last, c)
        else:
            add_samples(rows, vectors, z - row * LANES, LANES, left, x, n_in, last, c)
    dW += row * n_in + at
    # No loop over c is nested in another, as in `tile`. The last vector of each row is stored after the one it overlaps.
    if add:
        for i in range(rows * vectors):
            v = i % vectors
            if v < vectors - 1:
                c[i // vectors][v] += load(dW + i // vectors * n_in + v * LANES)
    for i in range(rows * vectors):
        v = i % vectors
        if v < vectors - 1:
            store(dW + i // vectors * n_in + v * LANES, c[i // vectors][v])
    if add:
        for i in range(rows):
            c[i][vectors - 1] = load(dW + i * n_in + last) + last_lanes(c[i][vectors - 1], new)
    for i in range(rows):
        store(dW + i * n_in + last, c[i][vectors - 1])


cdef inline void gradient_strip(const int rows, const real* dZ, Py_ssize_t n_out, Py_ssize_t row, Py_ssize_t samples,
                                const real* X, Py_ssize_t n_in, bint add, real* dW) noexcept nogil:
    cdef Py_ssize_t at = 0, left = vectors_of(n_in)
    while left > 4 or left == 3:
        gradient_tile(rows, 3, dZ, n_out, row, samples, X, n_in, at, add, dW)
        at += 3 * LANES
        left -= 3
    while left >= 2:
        gradient_tile(rows, 2, dZ, n_out, row, samples, X, n_in, at, add, dW)
        at += 2 * LANES
        left -= 2
    if left == 1:
        gradient_tile(rows, 1, dZ, n_out, row, samples, X, n_in, at, add, dW)


cdef inline void rows_gradient(const real* dZ, Py_ssize_t n_out, Py_ssize_t samples, const real* X, Py_ssize_t n_in, bint add,
                               real* dW) noexcept nogil:
    """dW (n_out, n_in) = [dW +] dZ (n_out, m) X (m, n_in), dZ in sample panels, n_in >= LANES"""
    cdef Py_ssize_t row = 0
    while row + STRIP_ROWS <= n_out:
        gradient_strip(STRIP_ROWS, dZ, n_out, row, samples, X, n_in, add, dW)
        row += STRIP_ROWS
    while row < n_out:
        gradient_strip(1, dZ, n_out, row, samples, X, n_in, add, dW)
        row += 1
