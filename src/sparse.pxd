# cython: cdivision=True
"""Sparse rows through the first layer: its products, and copies of W[1] that lie transposed.

The nonzeros of a row choose columns of W[1]. In a copy (n_0, n_1) these are rows: Z[1] of a sample is a sum of some of them,
which is kept in registers, and the sample's dZ[1] is added to the same rows of dW[1]. Update rules take each parameter by
itself, so that a whole training runs on copies of the parameters and of the rule's state, which are brought back at its end.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from api cimport layer_t, model_t, rows_t, rule_t
from geometry cimport vectors_of
from once cimport transpose_matrix
from panels cimport row_of
from real cimport LANES, MAX_LANES, broadcast, load, real, store, transpose, vec
from threads cimport Team, share

cdef enum:
    STRIP = 8           # vectors of units whose sums are in registers
    TILE = 64           # rows and columns that are transposed at a time: a tile stays in the first-level cache
    SELDOM = 4          # a matrix is transposed as a whole if more than one of so many columns is in use


cdef struct Turned:
    # A network for sparse rows, whose W[1] lies transposed in memory of its own.
    model_t net
    const model_t* given
    char* memory
    real* grad              # (P,) with dW[1] as (n_0, n_1), zeros at first
    int32_t* used           # the numbers of the columns that are in use, ...
    Py_ssize_t columns      # ... so many; where `used` is NULL, all of them are


cdef inline void sum_strip(const int vectors, const real* W, Py_ssize_t step, Py_ssize_t last, const real* x, const int32_t* k,
                           Py_ssize_t nonzeros, const real* b, real* z) noexcept nogil:
    """z = b + sum_i x_i W[k_i] for so many vectors of units, the last of which begins at unit `last`"""
    cdef vec[STRIP] sums
    cdef vec x_i
    cdef const real* w
    cdef Py_ssize_t i
    cdef int v
    for v in range(vectors):
        sums[v] = load(b + (v * LANES if v < vectors - 1 else last))
    for i in range(nonzeros):
        x_i, w = broadcast(x[i]), W + k[i] * step
        for v in range(vectors):
            sums[v] += x_i * load(w + (v * LANES if v < vectors - 1 else last))
    for v in range(vectors):
        store(z + (v * LANES if v < vectors - 1 else last), sums[v])


cdef inline void sum_row(const real* W, Py_ssize_t step, const real* b, Py_ssize_t n, const real* x, const int32_t* k,
                         Py_ssize_t nonzeros, real* z) noexcept nogil:
    """z (n,) = b + sum_i x_i W[k_i] of W (., n), whose rows are `step` apart

    The last vector of units overlaps the one before. Where n is less than a vector, what follows a row of W is read, too.
    """
    cdef real[MAX_LANES] lane
    cdef Py_ssize_t at = 0, left, last, j
    cdef int vectors
    if n < LANES:
        store(lane, broadcast(0))
        for j in range(n):
            lane[j] = b[j]
        sum_strip(1, W, step, 0, x, k, nonzeros, lane, lane)
        for j in range(n):
            z[j] = lane[j]
        return
    while at < n:
        left = n - at
        vectors = <int>((left + LANES - 1) // LANES) if left < STRIP * LANES else STRIP
        last = left - LANES if left < vectors * LANES else (vectors - 1) * LANES
        if vectors == 8:
            sum_strip(8, W + at, step, last, x, k, nonzeros, b + at, z + at)
        elif vectors == 7:
            sum_strip(7, W + at, step, last, x, k, nonzeros, b + at, z + at)
        elif vectors == 6:
            sum_strip(6, W + at, step, last, x, k, nonzeros, b + at, z + at)
        elif vectors == 5:
            sum_strip(5, W + at, step, last, x, k, nonzeros, b + at, z + at)
        elif vectors == 4:
            sum_strip(4, W + at, step, last, x, k, nonzeros, b + at, z + at)
        elif vectors == 3:
            sum_strip(3, W + at, step, last, x, k, nonzeros, b + at, z + at)
        elif vectors == 2:
            sum_strip(2, W + at, step, last, x, k, nonzeros, b + at, z + at)
        else:
            sum_strip(1, W + at, step, last, x, k, nonzeros, b + at, z + at)
        at += vectors * LANES


cdef inline void forward(const real* W, Py_ssize_t step, const real* b, Py_ssize_t n, const rows_t* data, Py_ssize_t first,
                         Py_ssize_t rows, Py_ssize_t counted, const real* w, Py_ssize_t samples, real* Z) noexcept nogil:
    """Z (samples, n) = b + X W of the rows first ... first + rows in `data.order`, W (n_0, n), whose rows are `step` apart

    Samples without a weight (w NULL: all have one) and those past the last row have Z of row `counted`.
    """
    cdef const real* x = <const real*>data.values
    cdef Py_ssize_t s, row, at
    for s in range(samples):
        row = row_of(data.order, first + s if s < rows and (w == NULL or w[s] != <real>0) else counted, 1, 0)
        at = data.starts[row]
        sum_row(W, step, b, n, x + at, data.columns + at, data.starts[row + 1] - at, Z + s * n)


cdef inline void add_strip(const int vectors, const real* d, Py_ssize_t n, const real* x, const int32_t* k,
                           Py_ssize_t nonzeros, real* dW) noexcept nogil:
    """dW[k_i] += x_i d for so many vectors of units"""
    cdef vec[STRIP] d_v
    cdef vec x_i
    cdef real* w
    cdef Py_ssize_t i
    cdef int v
    for v in range(vectors):
        d_v[v] = load(d + v * LANES)
    for i in range(nonzeros):
        x_i, w = broadcast(x[i]), dW + k[i] * n
        for v in range(vectors):
            store(w + v * LANES, load(w + v * LANES) + x_i * d_v[v])


cdef inline void gradient(const real* dZ, Py_ssize_t low, Py_ssize_t high, Py_ssize_t n, const rows_t* data, Py_ssize_t first,
                          Py_ssize_t rows, const real* w, real* dW) noexcept nogil:
    """Units low ... high of dW (n_0, n) += X^T dZ of the rows first ... first + rows in `data.order`, dZ (rows, n)"""
    cdef const real* x
    cdef const real* d
    cdef const int32_t* k
    cdef Py_ssize_t s, row, nonzeros, at, i, j
    cdef Py_ssize_t whole = high - (high - low) % LANES
    cdef real x_i
    cdef real* dW_k
    for s in range(rows):
        if w[s] == <real>0:
            continue
        row, d = row_of(data.order, first, rows, s), dZ + s * n
        at = data.starts[row]
        x, k, nonzeros = <const real*>data.values + at, data.columns + at, data.starts[row + 1] - at
        at = low
        while at + 8 * LANES <= whole:
            add_strip(8, d + at, n, x, k, nonzeros, dW + at)
            at += 8 * LANES
        if at + 4 * LANES <= whole:
            add_strip(4, d + at, n, x, k, nonzeros, dW + at)
            at += 4 * LANES
        if at + 2 * LANES <= whole:
            add_strip(2, d + at, n, x, k, nonzeros, dW + at)
            at += 2 * LANES
        if at + LANES <= whole:
            add_strip(1, d + at, n, x, k, nonzeros, dW + at)
        if whole < high:
            for i in range(nonzeros):
                x_i, dW_k = x[i], dW + k[i] * n
                for j in range(whole, high):
                    dW_k[j] += x_i * d[j]


cdef inline void turn_block(const real* a, Py_ssize_t columns, real* t, Py_ssize_t step, bint add) noexcept nogil:
    """t (LANES, LANES) = [t +] a^T, parts of matrices whose rows are `step` and `columns` apart"""
    cdef vec[MAX_LANES] r
    cdef int i
    for i in range(LANES):
        r[i] = load(a + i * columns)
    transpose(r)
    for i in range(LANES):
        store(t + i * step, load(t + i * step) + r[i] if add else r[i])


cdef inline void turn(const real* a, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t first, Py_ssize_t last, bint add, real* t,
                      Py_ssize_t step) noexcept nogil:
    """Rows first ... last of t (columns, rows), which are `step` apart, = [t +] those of a^T, a (rows, columns)"""
    cdef Py_ssize_t row, column = first, row_end, column_end, i, j, k, l
    while column < last:
        column_end = column + TILE if column + TILE < last else last
        row = 0
        while row < rows:
            row_end = row + TILE if row + TILE < rows else rows
            i = row
            while i < row_end:
                j = column
                if i + LANES <= row_end:
                    while j + LANES <= column_end:
                        turn_block(a + i * columns + j, columns, t + j * step + i, step, add)
                        j += LANES
                for l in range(j, column_end):
                    for k in range(i, i + LANES if i + LANES < row_end else row_end):
                        t[l * step + k] = (t[l * step + k] if add else <real>0) + a[k * columns + l]
                i += LANES
            row = row_end
        column = column_end


cdef inline bint find_used(Turned* turned, const rows_t* data) noexcept nogil:
    """Notes which columns the rows of a pass use, if these are few; False if there is no memory"""
    cdef Py_ssize_t n_0 = turned.given.layer[0].n_in, nonzeros = data.starts[data.m], s, i, row
    cdef Py_ssize_t most = n_0 // SELDOM if n_0 // SELDOM < nonzeros else nonzeros
    cdef unsigned char* seen
    cdef bint has_memory
    cdef int32_t k
    if nonzeros >= n_0 and data.order == NULL:  # as a rule, rows that are not few use most columns
        return True
    seen = <unsigned char*>calloc(n_0 // 8 + 1, 1)
    turned.used = <int32_t*>malloc((most + 1) * sizeof(int32_t))
    has_memory = seen != NULL and turned.used != NULL
    for s in range(data.taken if has_memory else 0):
        row = row_of(data.order, 0, data.taken, s)
        for i in range(data.starts[row], data.starts[row + 1]):
            k = data.columns[i]
            if seen[k >> 3] >> (k & 7) & 1:
                continue
            if turned.columns == most:
                free(seen)
                free(turned.used)
                turned.used = NULL
                return True
            seen[k >> 3] |= 1 << (k & 7)
            turned.used[turned.columns] = k
            turned.columns += 1
    free(seen)
    return has_memory


cdef inline void close_turned(Turned* turned) noexcept nogil:
    free(turned.memory)
    free(turned.used)


cdef inline real* open_memory(Turned* turned, const model_t* net, const rows_t* data, Py_ssize_t reals) noexcept nogil:
    """So many numbers for the network, from the beginning of a cache line on, and what `sum_row` reads past them; NULL if
    there is no memory"""
    turned.given, turned.net, turned.grad, turned.used, turned.columns = net, net[0], NULL, NULL, 0
    turned.net.nonzeros = <double>data.starts[data.m] / <double>data.m
    turned.memory = <char*>malloc((reals + LANES) * sizeof(real) + 64)
    return <real*>(turned.memory + (64 - <size_t>turned.memory % 64)) if turned.memory != NULL else NULL


cdef inline bint open_turned(Turned* turned, const model_t* net, const rows_t* data, bint with_grad) noexcept nogil:
    """The network with those columns of W[1] turned that the rows of a pass use; False if there is no memory"""
    cdef Py_ssize_t n = net.layer[0].n_out, n_0 = net.layer[0].n_in, b = net.layer[0].b, first = 0, last, i, j
    # Vectors that begin with a cache line are read in less time; short rows are left as they are.
    cdef Py_ssize_t step = vectors_of(n) * LANES if n >= LANES else n
    cdef const real* W = <const real*>net.params + net.layer[0].W
    cdef real* t = open_memory(turned, net, data, n_0 * step + (net.P if with_grad else 0))
    cdef const int32_t* k
    if t == NULL or not find_used(turned, data):
        close_turned(turned)
        return False
    turned.net.turned, turned.net.turned_step, k = t, step, turned.used
    if with_grad:
        turned.grad = t + n_0 * step
        memset(turned.grad + b, 0, (net.P - b) * sizeof(real))
    if k == NULL:
        transpose_matrix(W, n, n_0, 0, n_0, False, t, step)
        if with_grad:
            memset(turned.grad, 0, b * sizeof(real))
        return True
    while first < turned.columns:
        last = first + TILE if first + TILE < turned.columns else turned.columns
        for j in range(n):
            for i in range(first, last):
                t[k[i] * step + j] = W[j * n_0 + k[i]]
        for i in range(first, last if with_grad else first):
            memset(turned.grad + k[i] * n, 0, n * sizeof(real))
        first = last
    return True


cdef inline void add_gradient(const Turned* turned, real* grad) noexcept nogil:
    """grad (P,) += that of the turned network"""
    cdef const layer_t* layer = turned.given.layer
    cdef Py_ssize_t n = layer.n_out, n_0 = layer.n_in, first = 0, last, i, j
    cdef const int32_t* k = turned.used
    cdef real* dW = grad + layer.W
    for i in range(layer.b, turned.given.P):
        grad[i] += turned.grad[i]
    if k == NULL:
        transpose_matrix(turned.grad, n_0, n, 0, n, True, dW, n_0)
        return
    while first < turned.columns:
        last = first + TILE if first + TILE < turned.columns else turned.columns
        for j in range(n):
            for i in range(first, last):
                dW[j * n_0 + k[i]] += turned.grad[k[i] * n + j]
        first = last


cdef inline void turn_vector(const model_t* net, const real* given, real* turned) noexcept nogil:
    """turned <- given, vectors like the parameters, W[1] of the first transposed"""
    cdef Py_ssize_t n = net.layer[0].n_out, n_0 = net.layer[0].n_in, b = net.layer[0].b
    transpose_matrix(given, n, n_0, 0, n_0, False, turned, n)
    memcpy(turned + b, given + b, (net.P - b) * sizeof(real))


cdef inline void turn_back(const model_t* net, const real* turned, real* given) noexcept nogil:
    """given <- turned"""
    cdef Py_ssize_t n = net.layer[0].n_out, n_0 = net.layer[0].n_in, b = net.layer[0].b
    transpose_matrix(turned, n_0, n, 0, n, False, given, n_0)
    memcpy(given + b, turned + b, (net.P - b) * sizeof(real))


cdef inline bint open_copies(Turned* turned, const model_t* net, const rows_t* data, rule_t* rule) noexcept nogil:
    """A network with turned copies of its parameters, and `rule` with such a copy of its state; False if there is no memory"""
    cdef real* params = open_memory(turned, net, data, (1 + rule.vectors) * net.P)
    cdef Py_ssize_t i
    if params == NULL:
        return False
    turned.net.params, turned.net.turned, turned.net.turned_step = params, params, net.layer[0].n_out
    turn_vector(net, <const real*>net.params, params)
    for i in range(rule.vectors):
        turn_vector(net, <const real*>rule.state + i * net.P, params + (1 + i) * net.P)
    rule.state = params + net.P
    return True


cdef inline void bring_back(const Turned* turned, const rule_t* rule) noexcept nogil:
    """The parameters, and the state of the rule <- what has become of their copies"""
    cdef const model_t* net = turned.given
    cdef const real* params = <const real*>turned.net.params
    cdef Py_ssize_t i
    turn_back(net, params, <real*>net.params)
    for i in range(rule.vectors):
        turn_back(net, params + (1 + i) * net.P, <real*>rule.state + i * net.P)


cdef inline void clear_share(const model_t* net, real* grad, Team team) noexcept nogil:
    """A member's share of dW[1] (n_0, n_1) <- 0"""
    cdef Py_ssize_t n = net.layer[0].n_out * net.layer[0].n_in
    cdef Py_ssize_t first = share(n, LANES, team, team.member), last = share(n, LANES, team, team.member + 1)
    memset(grad + net.layer[0].W + first, 0, (last - first) * sizeof(real))
