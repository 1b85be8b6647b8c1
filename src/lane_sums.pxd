# cython: cdivision=True
"""A layer forward in lanes that are networks: sums over its inputs in the order in which row.pxd makes them."""

from real cimport BLOCK, LANES, MAX_LANES, broadcast, load, real, store, vec
from row cimport rows_at_once


cdef inline void add_products(vec* r, const real* w, const real* x) noexcept nogil:
    """r[i] += w_i x_i for LANES inputs"""
    cdef int i
    for i in range(LANES):
        r[i] += load(w + i * LANES) * load(x + i * LANES)


cdef inline void add_last_products(vec* r, const real* w, const real* x, Py_ssize_t n) noexcept nogil:
    """r[i] += w_i x_i for the last n of LANES inputs"""
    cdef int i
    for i in range(LANES):
        if i >= LANES - n:
            r[i] += load(w + i * LANES) * load(x + i * LANES)


cdef inline vec sum_of_block(const vec* r) noexcept nogil:
    """r[0] + ... + r[BLOCK - 1], in the order of `vec_sum` in real.pxd"""
    if BLOCK > 2:
        return (r[0] + r[2]) + (r[1] + r[3])
    return r[0] + r[1]


cdef inline vec sum_of(const vec* r) noexcept nogil:
    """r[0] + ... + r[LANES - 1], in the order of `vec_sum` in real.pxd"""
    cdef vec[MAX_LANES] s
    cdef int i
    for i in range(LANES // BLOCK):
        s[i] = sum_of_block(r + BLOCK * i)
    if LANES > 2 * BLOCK:
        return (s[0] + s[1]) + (s[2] + s[3])
    return s[0] + s[1] if LANES > BLOCK else s[0]


cdef inline vec unit_of_many(const real* w, Py_ssize_t n_in, const real* x) noexcept nogil:
    """W[j] x as `row_products` in row.pxd has it, in a vector's lanes of inputs"""
    cdef vec[MAX_LANES] r
    cdef Py_ssize_t k = 0
    cdef int i
    for i in range(LANES):
        r[i] = broadcast(0)
    while k + LANES <= n_in:
        add_products(r, w + k * LANES, x + k * LANES)
        k += LANES
    add_last_products(r, w + (n_in - LANES) * LANES, x + (n_in - LANES) * LANES, n_in - k)
    return sum_of(r)


cdef inline vec unit_alone(const real* w, Py_ssize_t n_in, const real* x) noexcept nogil:
    """W[j] x as `row_product` in row.pxd has it, in two sums"""
    cdef vec[MAX_LANES] even, odd
    cdef Py_ssize_t k = 0
    cdef int i
    for i in range(LANES):
        even[i] = broadcast(0)
        odd[i] = broadcast(0)
    while k + 2 * LANES <= n_in:
        add_products(even, w + k * LANES, x + k * LANES)
        add_products(odd, w + (k + LANES) * LANES, x + (k + LANES) * LANES)
        k += 2 * LANES
    if k + LANES <= n_in:
        add_products(even, w + k * LANES, x + k * LANES)
    add_last_products(odd, w + (n_in - LANES) * LANES, x + (n_in - LANES) * LANES, n_in % LANES)
    for i in range(LANES):
        even[i] += odd[i]
    return sum_of(even)


cdef inline vec unit_of_some(const real* w, Py_ssize_t n_in, const real* x) noexcept nogil:
    """W[j] x as `small_products` in row.pxd has it, in a block's lanes of inputs"""
    cdef vec[4] r
    cdef Py_ssize_t k = 0, last = n_in - BLOCK
    cdef int i
    for i in range(BLOCK):
        r[i] = broadcast(0)
    while k + BLOCK <= n_in:
        for i in range(BLOCK):
            r[i] += load(w + (k + i) * LANES) * load(x + (k + i) * LANES)
        k += BLOCK
    for i in range(BLOCK):
        if i >= BLOCK - (n_in - k):
            r[i] += load(w + (last + i) * LANES) * load(x + (last + i) * LANES)
    return sum_of_block(r)


cdef inline vec unit_of_few(const real* w, vec b, Py_ssize_t n_in, const real* x) noexcept nogil:
    """b + W[j] x as `few_inputs` in row.pxd has it, one input after the other"""
    cdef Py_ssize_t k
    for k in range(n_in):
        b += load(w + k * LANES) * load(x + k * LANES)
    return b


cdef inline vec unit(const real* w, vec b, Py_ssize_t n_in, const real* x, bint alone) noexcept nogil:
    """b + W[j] x; `alone`: W[j] is past the rows that `many_inputs` takes several at a time"""
    if n_in < BLOCK:
        return unit_of_few(w, b, n_in, x)
    if n_in < LANES:
        return b + unit_of_some(w, n_in, x)
    return b + (unit_alone(w, n_in, x) if alone else unit_of_many(w, n_in, x))


cdef inline void forward(const real* W, const real* b, Py_ssize_t n_out, Py_ssize_t n_in, const real* A, Py_ssize_t rows,
                         real* Z) noexcept nogil:
    """Z (rows, n_out) = A (rows, n_in) W^T + b, W (n_out, n_in), in each lane"""
    cdef Py_ssize_t many = rows_at_once(n_out), j, s
    for j in range(n_out):
        for s in range(rows):
            store(Z + (s * n_out + j) * LANES,
                  unit(W + j * n_in * LANES, load(b + j * LANES), n_in, A + s * n_in * LANES, j >= many))
