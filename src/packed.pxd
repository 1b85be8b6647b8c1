# cython: cdivision=True
"""One sample through a network whose parameters do not change: they are kept in the order in which they are read.

The lanes are units of a layer, so that each input is broadcast and multiplied with a column of W, without sums of lanes, masks
or tails: units are filled up to whole vectors. Of a few units that would leave most lanes of a vector empty, as a single output
would, the rows of W are kept, in whole vectors, and the lanes are inputs.
"""

from libc.string cimport memcpy, memset

from api cimport DONE, NO_MEMORY, layer_t, model_t
from codes cimport SOFTMAX
from elementary cimport exp_negative
from geometry cimport vectors_of
from once cimport activate
from real cimport LANES, MAX_LANES, broadcast, first_lanes, load, real, store, sum_each, vec, vec_sum
from row cimport add_products
from scratch cimport Scratch, close_scratch, open_scratch

cdef enum:
    TILE = 8    # vectors of units that are summed up at a time


cdef inline Py_ssize_t up_to_vectors(Py_ssize_t n) noexcept nogil:
    """n, or the next greater number that is one of whole vectors"""
    return vectors_of(n) * LANES


cdef inline Py_ssize_t units_by_rows(Py_ssize_t n_out, Py_ssize_t n_in) noexcept nogil:
    """How many units of a layer, the last n_out % LANES or none, are products of rows of W

    Rows take fewer vectors than columns do, but then their lanes are to be summed.
    """
    cdef Py_ssize_t rest = n_out % LANES
    cdef Py_ssize_t sums = 6 if rest == 1 else 3 * LANES // 2    # in products of vectors
    return rest if rest * vectors_of(n_in) + sums < n_in else 0


cdef inline Py_ssize_t pack_layer(const real* W, const real* b, Py_ssize_t n_out, Py_ssize_t n_in, real* to) noexcept nogil:
    """b (units,), then W^T (n_in, units), tile after tile; at last, of units by rows, b (LANES,), then W (units, whole vectors)

    What is filled up is 0. Returns the number of reals; `to` may be NULL.
    """
    cdef Py_ssize_t by_rows = units_by_rows(n_out, n_in), stride = up_to_vectors(n_in), j = 0, i, k, width
    cdef Py_ssize_t units = up_to_vectors(n_out - by_rows)
    cdef Py_ssize_t size = units * (n_in + 1) + (LANES + by_rows * stride if by_rows > 0 else 0)
    if to == NULL:
        return size
    memset(to, 0, size * sizeof(real))
    while j < units:
        width = min(units - j, TILE * LANES)
        for i in range(min(width, n_out - j)):
            to[i] = b[j + i]
            for k in range(n_in):
                to[(k + 1) * width + i] = W[(j + i) * n_in + k]
        to += (n_in + 1) * width
        j += width
    for i in range(by_rows):
        to[i] = b[j + i]
        memcpy(to + LANES + i * stride, W + (j + i) * n_in, n_in * sizeof(real))
    return size


cdef inline Py_ssize_t pack(const model_t* net, void* packed) noexcept nogil:
    """The layers' parameters as `packed_row` reads them, one after the other; returns their number. `packed` may be NULL."""
    cdef const real* params = <const real*>net.params
    cdef const layer_t* layer
    cdef Py_ssize_t l, size = 0
    for l in range(net.layers):
        layer = net.layer + l
        size += pack_layer(params + layer.W, params + layer.b, layer.n_out, layer.n_in,
                           NULL if packed == NULL else <real*>packed + size)
    return size


cdef inline const real* tile_forward(const int vectors, const int chains, const real* packed, Py_ssize_t n_in, const real* x,
                                     real* z) noexcept nogil:
    """z (units,) = W x + b for as many vectors of units, as sums over every chains-th input; returns the end of what was read"""
    cdef vec[TILE] sums
    cdef const real* W = packed + vectors * LANES
    cdef vec x_k
    cdef Py_ssize_t k = 0
    cdef int i, c
    for i in range(vectors):
        sums[i] = load(packed + i * LANES)
    for i in range(vectors, chains * vectors):
        sums[i] = broadcast(0)
    while k + chains <= n_in:
        for c in range(chains):
            x_k = broadcast(x[k + c])
            for i in range(vectors):
                sums[c * vectors + i] += load(W + (c * vectors + i) * LANES) * x_k
        W += chains * vectors * LANES
        k += chains
    while k < n_in:
        x_k = broadcast(x[k])
        for i in range(vectors):
            sums[i] += load(W + i * LANES) * x_k
        W += vectors * LANES
        k += 1
    if chains == 4:
        for i in range(2 * vectors):
            sums[i] += sums[2 * vectors + i]
    if chains > 1:
        for i in range(vectors):
            sums[i] += sums[vectors + i]
    for i in range(vectors):
        store(z + i * LANES, sums[i])
    return W


cdef inline const real* units_forward(const real* packed, Py_ssize_t units, Py_ssize_t n_in, const real* x,
                                      real* z) noexcept nogil:
    """z (units,) = W x + b, whole vectors of units"""
    cdef Py_ssize_t vectors
    while units >= TILE * LANES:
        packed = tile_forward(TILE, 1, packed, n_in, x, z)
        z += TILE * LANES
        units -= TILE * LANES
    vectors = units // LANES
    if vectors == 1:
        return tile_forward(1, 4, packed, n_in, x, z)
    if vectors == 2:
        return tile_forward(2, 4, packed, n_in, x, z)
    if vectors == 3:
        return tile_forward(3, 2, packed, n_in, x, z)
    if vectors == 4:
        return tile_forward(4, 2, packed, n_in, x, z)
    if vectors == 5:
        return tile_forward(5, 1, packed, n_in, x, z)
    if vectors == 6:
        return tile_forward(6, 1, packed, n_in, x, z)
    if vectors == 7:
        return tile_forward(7, 1, packed, n_in, x, z)
    return packed


cdef inline vec row_product_lanes(const real* w, Py_ssize_t whole, const real* x) noexcept nogil:
    """Lanes whose sum is w x over the first `whole` inputs"""
    cdef vec[4] sums
    cdef Py_ssize_t k = 0
    cdef int i
    for i in range(4):
        sums[i] = broadcast(0)
    while k + 4 * LANES <= whole:
        for i in range(4):
            sums[i] += load(w + k + i * LANES) * load(x + k + i * LANES)
        k += 4 * LANES
    while k < whole:
        sums[0] += load(w + k) * load(x + k)
        k += LANES
    return (sums[0] + sums[1]) + (sums[2] + sums[3])


cdef inline const real* rows_forward(const real* packed, Py_ssize_t rows, Py_ssize_t n_in, const real* x, bint is_padded,
                                     real* z) noexcept nogil:
    """z (LANES,) = W x + b for so many rows; is_padded: a vector may be read where x ends. Returns the end of what was read."""
    cdef const real* W = packed + LANES
    cdef Py_ssize_t rest = n_in % LANES, stride = up_to_vectors(n_in), i
    cdef Py_ssize_t whole = n_in - rest
    cdef vec[MAX_LANES] r
    cdef real[MAX_LANES] lane
    cdef vec x_rest = broadcast(0)
    if rest > 0 and is_padded:
        x_rest = first_lanes(load(x + whole), rest)
    elif rest > 0:
        for i in range(LANES):
            lane[i] = x[whole + i] if i < rest else <real>0
        x_rest = load(lane)
    if rows == 1:
        r[0] = row_product_lanes(W, whole, x)
        if rest > 0:
            r[0] += load(W + whole) * x_rest
        store(z, load(packed) + first_lanes(broadcast(vec_sum(r[0])), 1))
        return W + stride
    i = 0
    while i + 4 <= rows:
        add_products(4, r + i, W + i * stride, stride, whole, x)
        i += 4
    while i < rows:
        add_products(1, r + i, W + i * stride, stride, whole, x)
        i += 1
    if rest > 0:
        for i in range(rows):
            r[i] += load(W + i * stride + whole) * x_rest
    for i in range(rows, LANES):
        r[i] = broadcast(0)
    store(z, load(packed) + sum_each(r))
    return W + rows * stride


cdef inline void softmax(real* z, Py_ssize_t n) noexcept nogil:
    """z (n,) <- e^z_j / sum_k e^z_k, in whole vectors"""
    cdef Py_ssize_t units = up_to_vectors(n), j
    cdef real greatest = z[0]
    cdef vec total = broadcast(0)
    for j in range(1, n):
        greatest = z[j] if z[j] > greatest else greatest
    for j in range(units):
        z[j] = exp_negative(z[j] - greatest)
    j = 0
    while j + LANES <= n:
        total += load(z + j)
        j += LANES
    if j < n:
        total += first_lanes(load(z + j), n - j)
    total = broadcast(vec_sum(total))
    j = 0
    while j < units:
        store(z + j, load(z + j) / total)
        j += LANES


cdef inline int packed_row(const model_t* net, const void* x, void* out) noexcept nogil:
    """out (n_L,) = A[L] of x (n_0,), which may be the same array; net.params is what `pack` has written."""
    cdef Scratch scratch
    cdef const layer_t* layer = net.layer
    cdef const real* packed = <const real*>net.params
    cdef const real* a = <const real*>x
    cdef real* z
    cdef Py_ssize_t l, by_rows, units, n = up_to_vectors(net.widest)
    if not open_scratch(&scratch, 2 * n):
        return NO_MEMORY
    for l in range(net.layers):
        z = scratch.at + (l % 2) * n
        by_rows = units_by_rows(layer.n_out, layer.n_in)
        units = up_to_vectors(layer.n_out - by_rows)
        if units > 0:
            packed = units_forward(packed, units, layer.n_in, a, z)
        if by_rows > 0:
            packed = rows_forward(packed, by_rows, layer.n_in, a, l > 0, z + units)
        if layer.activation == SOFTMAX:
            softmax(z, layer.n_out)
        else:
            activate(layer.activation, net.leak, z, up_to_vectors(layer.n_out))
        a = z
        layer += 1
    layer -= 1
    for l in range(layer.n_out):
        (<real*>out)[l] = a[l]
    close_scratch(&scratch)
    return DONE
