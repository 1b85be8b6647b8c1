# cython: cdivision=True
"""One sample through the network: matrix times vector, lanes along the inputs, W read once as it lies."""

from api cimport DONE, NO_MEMORY, layer_t, model_t
from codes cimport SOFTMAX
from elementary cimport exp_negative
from once cimport activate
from real cimport LANES, MAX_LANES, broadcast, first_lanes, load, multiply_add, real, store, sum_each, vec, vec_sum
from scratch cimport Scratch, close_scratch, open_scratch


cdef inline void add_products(const int rows, vec* r, const real* W, Py_ssize_t n_in, Py_ssize_t whole, const real* x,
                              Py_ssize_t rest, vec x_rest) noexcept nogil:
    """Lanes of r[i] (rows) <- those of W[i] x over its vectors: the whole ones, and one of the rest of the inputs, if any"""
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
    if rest > 0:
        for i in range(rows):
            r[i] += first_lanes(load(W + i * n_in + whole), rest) * x_rest


cdef inline vec row_products(const int rows, const real* W, Py_ssize_t n_in, Py_ssize_t whole, const real* x,
                             Py_ssize_t rest, vec x_rest) noexcept nogil:
    """Lane i = W[i] x, for `rows` rows of W, at most LANES; 0 in the other lanes"""
    cdef vec[MAX_LANES] r
    cdef int i
    if rows == 16:    # in two halves, whose addresses fit into registers
        add_products(8, r, W, n_in, whole, x, rest, x_rest)
        add_products(8, r + 8, W + 8 * n_in, n_in, whole, x, rest, x_rest)
    else:
        for i in range(rows, LANES):
            r[i] = broadcast(0)
        add_products(rows, r, W, n_in, whole, x, rest, x_rest)
    return sum_each(r)


cdef inline real row_product(const real* w, Py_ssize_t whole, const real* x) noexcept nogil:
    """Sum over the first `whole` inputs of w x, for one row w of W"""
    cdef vec even = broadcast(0), odd = broadcast(0)
    cdef Py_ssize_t k = 0
    while k + LANES < whole:
        even += load(w + k) * load(x + k)
        odd += load(w + k + LANES) * load(x + k + LANES)
        k += 2 * LANES
    if k < whole:
        even += load(w + k) * load(x + k)
    return vec_sum(even + odd)


cdef inline Py_ssize_t rows_at_once(Py_ssize_t n_out, Py_ssize_t n_in) noexcept nogil:
    """How many rows of W `row_forward` takes several at a time

    In so many a vector may read the rest of the inputs: what it reads beyond the row still belongs to W and b.
    """
    cdef Py_ssize_t rest = n_in % LANES
    cdef Py_ssize_t room = n_out * n_in + n_out - LANES - (n_in - rest)
    cdef Py_ssize_t safe = n_out if rest == 0 else min(n_out, room // n_in + 1) if room >= 0 else 0
    return safe - safe % (4 if LANES > 4 else LANES)


cdef inline void row_forward(const real* W, const real* b, Py_ssize_t n_out, Py_ssize_t n_in, const real* x,
                             real* z) noexcept nogil:
    """z (n_out,) = W (n_out, n_in) x + b; b follows W in memory"""
    cdef Py_ssize_t rest = n_in % LANES
    cdef Py_ssize_t whole = n_in - rest
    cdef Py_ssize_t many = rows_at_once(n_out, n_in), j = 0, k
    cdef real[MAX_LANES] lane
    cdef real tail
    cdef vec x_rest
    store(lane, broadcast(0))
    for k in range(rest):
        lane[k] = x[whole + k]
    x_rest = load(lane)
    while many - j >= LANES:
        store(z + j, load(b + j) + row_products(LANES, W + j * n_in, n_in, whole, x, rest, x_rest))
        j += LANES
    while LANES > 4 and j < many:
        store(lane, row_products(4, W + j * n_in, n_in, whole, x, rest, x_rest))
        for k in range(4):
            z[j + k] = b[j + k] + lane[k]
        j += 4
    while j < n_out:
        tail = b[j] + row_product(W + j * n_in, whole, x)
        for k in range(whole, n_in):
            tail = multiply_add(W[j * n_in + k], x[k], tail)
        z[j] = tail
        j += 1


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
