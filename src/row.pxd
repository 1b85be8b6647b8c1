# cython: cdivision=True
"""One sample through the network: matrix times vector, lanes along the inputs, W read once as it lies."""

from api cimport DONE, NO_MEMORY, layer_t, model_t
from codes cimport SOFTMAX
from elementary cimport exp_negative
from once cimport activate
from real cimport (
    BLOCK, LANES, MAX_LANES, broadcast, last_lanes, load, multiply_add, real, small_broadcast, small_last_lanes, small_load,
    small_store, small_vec, small_zip_high, small_zip_low, store, sum_each, vec, vec_sum,
)
from scratch cimport Scratch, close_scratch, open_scratch


cdef inline void add_products(const int rows, vec* r, const real* W, Py_ssize_t n_in, Py_ssize_t whole,
                              const real* x) noexcept nogil:
    """Lanes of r[i] (rows) <- those of W[i] x over the first `whole` inputs, whole vectors"""
    cdef vec x_k
    cdef Py_ssize_t k = 0
    cdef int i
    for i in range(rows):
        r[i] = broadcast(0)
    while k < whole:
        x_k = load(x + k)
        for i in range(rows):
            r[i] += load(W + i * n_in + k) * x_k
        k += LANES


cdef inline void add_row_products(const int rows, vec* r, const real* W, Py_ssize_t n_in, Py_ssize_t rest, const real* x,
                                  vec x_last) noexcept nogil:
    """`add_products` over all inputs: the `rest` that fill no vector are the last lanes of one that ends with the row."""
    cdef int i
    add_products(rows, r, W, n_in, n_in - rest, x)
    if rest > 0:
        for i in range(rows):
            r[i] += last_lanes(load(W + i * n_in + n_in - LANES), rest) * x_last


cdef inline vec row_products(const int rows, const real* W, Py_ssize_t n_in, Py_ssize_t rest, const real* x,
                             vec x_last) noexcept nogil:
    """Lane i = W[i] x, for `rows` rows of W, at most LANES; 0 in the other lanes"""
    cdef vec[MAX_LANES] r
    cdef int i
    if rows == 16:    # in two halves, whose addresses fit into registers
        add_row_products(8, r, W, n_in, rest, x, x_last)
        add_row_products(8, r + 8, W + 8 * n_in, n_in, rest, x, x_last)
    else:
        for i in range(rows, LANES):
            r[i] = broadcast(0)
        add_row_products(rows, r, W, n_in, rest, x, x_last)
    return sum_each(r)


cdef inline real row_product(const real* w, Py_ssize_t n_in, Py_ssize_t rest, const real* x, vec x_last) noexcept nogil:
    """w x for one row w of W"""
    cdef vec even = broadcast(0), odd = broadcast(0)
    cdef Py_ssize_t k = 0
    while k + 2 * LANES <= n_in:
        even += load(w + k) * load(x + k)
        odd += load(w + k + LANES) * load(x + k + LANES)
        k += 2 * LANES
    if k + LANES <= n_in:
        even += load(w + k) * load(x + k)
    if rest > 0:
        odd += last_lanes(load(w + n_in - LANES), rest) * x_last
    return vec_sum(even + odd)


cdef inline Py_ssize_t rows_at_once(Py_ssize_t n_out) noexcept nogil:
    """How many rows of W `many_inputs` takes several at a time"""
    return n_out - n_out % (4 if LANES > 4 else LANES)


cdef inline void many_inputs(const real* W, const real* b, Py_ssize_t n_out, Py_ssize_t n_in, const real* x,
                             real* z) noexcept nogil:
    """`row_forward` where rows of W have at least a vector"""
    cdef Py_ssize_t rest = n_in % LANES, many = rows_at_once(n_out), j = 0, i
    cdef real[MAX_LANES] lane
    cdef vec x_last = last_lanes(load(x + n_in - LANES), rest)
    while j + LANES <= many:
        store(z + j, load(b + j) + row_products(LANES, W + j * n_in, n_in, rest, x, x_last))
        j += LANES
    while LANES > 4 and j < many:
        store(lane, row_products(4, W + j * n_in, n_in, rest, x, x_last))
        for i in range(4):
            z[j + i] = b[j + i] + lane[i]
        j += 4
    while j < n_out:
        z[j] = b[j] + row_product(W + j * n_in, n_in, rest, x, x_last)
        j += 1


cdef inline small_vec small_sum_each(small_vec* r) noexcept nogil:
    """Lane i = sum of the lanes of r[i], for BLOCK vectors; r is overwritten."""
    if BLOCK > 2:
        r[0] = small_zip_low(r[0], r[2]) + small_zip_high(r[0], r[2])
        r[1] = small_zip_low(r[1], r[3]) + small_zip_high(r[1], r[3])
    return small_zip_low(r[0], r[1]) + small_zip_high(r[0], r[1])


cdef inline small_vec small_products(const int rows, const real* W, Py_ssize_t n_in, Py_ssize_t rest, const real* x,
                                     small_vec x_last) noexcept nogil:
    """Lane i = W[i] x, for `rows` rows of W, at most BLOCK; whatever is in the other lanes"""
    cdef small_vec[4] r
    cdef small_vec x_k
    cdef Py_ssize_t k = 0
    cdef int i
    for i in range(rows):
        r[i] = small_broadcast(0)   # of a sum of two products the compiler may fuse either
    while k + BLOCK <= n_in:
        x_k = small_load(x + k)
        for i in range(rows):
            r[i] += small_load(W + i * n_in + k) * x_k
        k += BLOCK
    if rest > 0:
        for i in range(rows):
            r[i] += small_last_lanes(small_load(W + i * n_in + n_in - BLOCK), rest) * x_last
    for i in range(rows, BLOCK):
        r[i] = r[0]
    return small_sum_each(r)


cdef inline void some_inputs(const real* W, const real* b, Py_ssize_t n_out, Py_ssize_t n_in, const real* x,
                             real* z) noexcept nogil:
    """`row_forward` where rows of W are shorter than a vector, but not than a block"""
    cdef Py_ssize_t rest = n_in % BLOCK, j = 0
    cdef real[4] lane
    cdef small_vec x_last = small_last_lanes(small_load(x + n_in - BLOCK), rest)
    while j + BLOCK <= n_out:
        small_store(z + j, small_load(b + j) + small_products(BLOCK, W + j * n_in, n_in, rest, x, x_last))
        j += BLOCK
    while j < n_out:
        small_store(lane, small_products(1, W + j * n_in, n_in, rest, x, x_last))
        z[j] = b[j] + lane[0]
        j += 1


cdef inline void few_inputs(const int n_in, const real* W, const real* b, Py_ssize_t n_out, const real* x,
                            real* z) noexcept nogil:
    """`row_forward` where rows of W are shorter than a block"""
    cdef real[4] x_k
    cdef real sum
    cdef Py_ssize_t j
    cdef int k
    for k in range(n_in):
        x_k[k] = x[k]
    for j in range(n_out):
        sum = b[j]
        for k in range(n_in):
            sum = multiply_add(W[j * n_in + k], x_k[k], sum)
        z[j] = sum


cdef inline void row_forward(const real* W, const real* b, Py_ssize_t n_out, Py_ssize_t n_in, const real* x,
                             real* z) noexcept nogil:
    """z (n_out,) = W (n_out, n_in) x + b"""
    if n_in >= LANES:
        many_inputs(W, b, n_out, n_in, x, z)
    elif n_in >= BLOCK:
        some_inputs(W, b, n_out, n_in, x, z)
    elif n_in == 3:
        few_inputs(3, W, b, n_out, x, z)
    elif n_in == 2:
        few_inputs(2, W, b, n_out, x, z)
    else:
        few_inputs(1, W, b, n_out, x, z)


cdef inline void row_softmax(real* z, Py_ssize_t n) noexcept nogil:
    """z (n,) <- e^z_j / sum_k e^z_k"""
    cdef Py_ssize_t j
    cdef real greatest = z[0], total = 0
    for j in range(1, n):
        greatest = z[j] if z[j] > greatest else greatest
    for j in range(n):
        z[j] = exp_negative(z[j] - greatest)
    for j in range(n):
        total += z[j]
    for j in range(n):
        z[j] = z[j] / total


cdef inline int row(const model_t* net, const void* x, void* out) noexcept nogil:
    """out (n_L,) = A[L] of x (n_0,), which may be the same array"""
    cdef Scratch scratch
    cdef const layer_t* layer = net.layer
    cdef const real* a = <const real*>x
    cdef real* z
    cdef Py_ssize_t l, n = net.widest
    if not open_scratch(&scratch, 2 * n):
        return NO_MEMORY
    for l in range(net.layers):
        z = scratch.at + (l % 2) * n
        row_forward(<const real*>net.params + layer.W, <const real*>net.params + layer.b, layer.n_out, layer.n_in, a, z)
        if layer.activation == SOFTMAX:
            row_softmax(z, layer.n_out)
        else:
            activate(layer.activation, net.leak, z, layer.n_out)
        a = z
        layer += 1
    for l in range(net.layer[net.layers - 1].n_out):
        (<real*>out)[l] = a[l]
    close_scratch(&scratch)
    return DONE
