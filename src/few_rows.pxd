# cython: cdivision=True
"""A batch of a few rows through the network and back, row by row: lanes are a layer's inputs or units, not samples.

A block of panels computes all its lanes, however few of them hold a sample. Here A[l] and dA are (rows, n_l), row-major, in the
memory of the block's panels. Only the loss, which is a small part of the work, is computed in panels.
"""

from libc.string cimport memcpy, memset

from activations cimport needs_z
from api cimport layer_t, model_t, rows_t
from block cimport Block, smooth_labels
from once cimport activate, multiply_by_derivative
from panels cimport row_of
from real cimport LANES, broadcast, load, multiply_add, real, store, vec
from row cimport row_forward

cdef enum:
    STRIP_ROWS = 4          # of `product`
    STRIP_VECTORS = 4


cdef inline void product_tile(const int rows, const int vectors, const real* D, Py_ssize_t row_step, Py_ssize_t step,
                              Py_ssize_t p, const real* B, Py_ssize_t n, Py_ssize_t at, real* C) noexcept nogil:
    """`rows` rows of `product`, `vectors` vectors from column `at` on; the last one ends where the row does at the latest."""
    cdef vec[STRIP_ROWS][STRIP_VECTORS] sums
    cdef vec[STRIP_VECTORS] b
    cdef Py_ssize_t last = min(at + (vectors - 1) * LANES, n - LANES), _q
    cdef int i, v
    for i in range(rows):
        for v in range(vectors):
            sums[i][v] = broadcast(0)
    for _q in range(p):
        for v in range(vectors - 1):
            b[v] = load(B + at + v * LANES)
        b[vectors - 1] = load(B + last)
        for i in range(rows):
            for v in range(vectors):
                sums[i][v] += D[i * row_step] * b[v]
        D += step
        B += n
    for i in range(rows):
        for v in range(vectors - 1):
            store(C + at + v * LANES, sums[i][v])
        store(C + last, sums[i][vectors - 1])
        C += n


cdef inline void product_strip(const int rows, const real* D, Py_ssize_t row_step, Py_ssize_t step, Py_ssize_t p, const real* B,
                               Py_ssize_t n, real* C) noexcept nogil:
    """`rows` rows of `product`, n >= LANES"""
    cdef Py_ssize_t at = 0
    while n - at > 3 * LANES:
        product_tile(rows, 4, D, row_step, step, p, B, n, at, C)
        at += 4 * LANES
    if n - at > 2 * LANES:
        product_tile(rows, 3, D, row_step, step, p, B, n, at, C)
    elif n - at > LANES:
        product_tile(rows, 2, D, row_step, step, p, B, n, at, C)
    elif n > at:
        product_tile(rows, 1, D, row_step, step, p, B, n, at, C)


cdef inline void product(const real* D, Py_ssize_t row_step, Py_ssize_t step, Py_ssize_t rows, Py_ssize_t p, const real* B,
                         Py_ssize_t n, real* C) noexcept nogil:
    """C (rows, n) = D (rows, p) B (p, n), with D[i, q] at i row_step + q step"""
    cdef Py_ssize_t i = 0, k, q
    cdef real sum
    if n < LANES:
        for i in range(rows):
            for k in range(n):
                sum = 0
                for q in range(p):
                    sum = multiply_add(D[i * row_step + q * step], B[q * n + k], sum)
                C[i * n + k] = sum
        return
    while i + STRIP_ROWS <= rows:
        product_strip(STRIP_ROWS, D + i * row_step, row_step, step, p, B, n, C + i * n)
        i += STRIP_ROWS
    while i < rows:
        product_strip(1, D + i * row_step, row_step, step, p, B, n, C + i * n)
        i += 1


cdef inline void load_few(const model_t* net, const Block* block, const rows_t* data, Py_ssize_t first,
                          Py_ssize_t rows, Py_ssize_t counted) noexcept nogil:
    """X (rows, n_0) in A[0], Y and w as one vector of samples, zeros in the lanes past the last

    Samples of weight 0 have X of row `counted`, as in `load_block`.
    """
    cdef Py_ssize_t n_0 = net.layer[0].n_in, n = net.layer[net.layers - 1].n_out, row, s, j
    cdef const real* x
    memset(block.Y, 0, n * LANES * sizeof(real))
    store(block.w, broadcast(0))
    for s in range(rows):
        row = row_of(data.order, first, rows, s)
        block.w[s] = (<const real*>data.weights)[row] if data.weights != NULL else 1
        x = <const real*>data.X + (row if block.w[s] != <real>0 else row_of(data.order, counted, 1, 0)) * n_0
        memcpy(block.A[0] + s * n_0, x, n_0 * sizeof(real))
        if data.classes != NULL:
            block.Y[data.classes[row] * LANES + s] = 1
        else:
            for j in range(n):
                block.Y[j * LANES + s] = (<const real*>data.Y)[row * n + j]
    if data.smoothing > 0:
        smooth_labels(net, data.smoothing, block.Y, LANES * n)


cdef inline void few_forward(const model_t* net, const Block* block, Py_ssize_t rows) noexcept nogil:
    """A[1] ... A[L-1], and Z[L] as a panel in A[L]"""
    cdef const layer_t* layer = net.layer
    cdef Py_ssize_t l, s, j, n = net.layer[net.layers - 1].n_out
    cdef real* Z
    cdef real* panel = block.A[net.layers]
    for l in range(1, net.layers + 1):
        Z = block.A[l] if l < net.layers else block.few
        for s in range(rows):
            row_forward(<const real*>net.params + layer.W, <const real*>net.params + layer.b, layer.n_out, layer.n_in,
                        block.A[l - 1] + s * layer.n_in, Z + s * layer.n_out)
        if l < net.layers:
            if needs_z(layer.activation):
                memcpy(block.kept[l], Z, rows * layer.n_out * sizeof(real))
            activate(layer.activation, net.leak, Z, rows * layer.n_out)
        layer += 1
    for j in range(n):
        store(panel + j * LANES, broadcast(0))
        for s in range(rows):
            panel[j * LANES + s] = block.few[s * n + j]


cdef inline void add_row(const real* a, Py_ssize_t n, bint add, real* sum) noexcept nogil:
    """sum (n,) = [sum +] a"""
    cdef Py_ssize_t i
    if add:
        for i in range(n):
            sum[i] += a[i]
    else:
        memcpy(sum, a, n * sizeof(real))


cdef inline void few_backward(const model_t* net, const Block* block, Py_ssize_t rows, real* grad, bint add) noexcept nogil:
    """grad = [grad +] dW[l], db[l] of every layer, from dZ[L] as a panel in A[L]"""
    cdef const layer_t* layer
    cdef Py_ssize_t l = net.layers, n = net.layer[l - 1].n_out, n_in, j, s
    cdef real* dZ = block.few
    cdef real* sums
    cdef real* W
    for j in range(n):
        for s in range(rows):
            dZ[s * n + j] = block.A[l][j * LANES + s]
    while l > 0:
        layer = net.layer + l - 1
        n, n_in, W = layer.n_out, layer.n_in, grad + layer.W
        for s in range(rows):
            add_row(dZ + s * n, n, add or s > 0, grad + layer.b)
        if add:
            sums = block.F_0 if l == 1 else block.F[0]
            for j in range(n):
                product(dZ + j, 1, n, 1, rows, block.A[l - 1], n_in, sums)
                add_row(sums, n_in, True, W + j * n_in)
        else:
            product(dZ, 1, n, n, rows, block.A[l - 1], n_in, W)
        if l > 1:
            product(dZ, n, 1, rows, n, <const real*>net.params + layer.W, n_in, block.D[l % 2])
            dZ = block.D[l % 2]
            multiply_by_derivative(net.layer[l - 2].activation, net.leak, block.kept[l - 1], dZ, rows * n_in)
        l -= 1
