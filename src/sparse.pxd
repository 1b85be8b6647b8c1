# cython: cdivision=True
"""Sparse rows through the first layer: its products, and copies of the parameters in which W[1] lies transposed.

The nonzeros of a row choose columns of W[1]. In a copy (n_0, n_1) those are rows: Z[1] of a sample is a sum of some of them, kept
in registers, and dW[1] adds the sample's dZ[1] to some of its own. Update rules take each parameter by itself, so that a
whole training runs on such copies, the state of its rule included, and they are brought back at its end.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from api cimport model_t, rows_t
from once cimport transpose_matrix
from panels cimport row_of
from real cimport LANES, MAX_LANES, broadcast, load, real, store, transpose, vec
from threads cimport Team, share

cdef enum:
    STRIP = 8           # vectors of units whose sums are in registers
    TILE = 64           # rows and columns that are transposed at a time: a tile stays in the first-level cache
    SELDOM = 4          # a matrix is transposed as a whole if more than one of so many columns is in use


cdef struct Turned:
    # A network whose W[1] lies transposed, (n_0, n_1), in memory of its own.
    model_t net
    const model_t* given
    real* memory            # its parameters, and more vectors like them
    int32_t* used           # the numbers of the columns that are in use, ...
    Py_ssize_t columns      # ... so many; where `used` is NULL, all of them


cdef inline void sum_strip(const int vectors, const real* W, Py_ssize_t n, Py_ssize_t last, const real* x, const int32_t* k,
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
        x_i, w = broadcast(x[i]), W + k[i] * n
        for v in range(vectors):
            sums[v] += x_i * load(w + (v * LANES if v < vectors - 1 else last))
    for v in range(vectors):
        store(z + (v * LANES if v < vectors - 1 else last), sums[v])


cdef inline void sum_row(const real* W, const real* b, Py_ssize_t n, const real* x, const int32_t* k, Py_ssize_t nonzeros,
                         real* z) noexcept nogil:
    """z (n,) = b + sum_i x_i W[k_i] of W (., n)

    The last vector of units overlaps the one before, or where n is less than a vector, what follows W and b in memory.
    """
    cdef real[MAX_LANES] lane
    cdef Py_ssize_t at = 0, left, last, j
    cdef int vectors
    if n < LANES:
        sum_strip(1, W, n, 0, x, k, nonzeros, b, lane)
        for j in range(n):
            z[j] = lane[j]
        return
    while at < n:
        left = n - at
        vectors = <int>((left + LANES - 1) // LANES) if left < STRIP * LANES else STRIP
        last = left - LANES if left < vectors * LANES else (vectors - 1) * LANES
        if vectors == 8:
            sum_strip(8, W + at, n, last, x, k, nonzeros, b + at, z + at)
        elif vectors == 7:
            sum_strip(7, W + at, n, last, x, k, nonzeros, b + at, z + at)
        elif vectors == 6:
            sum_strip(6, W + at, n, last, x, k, nonzeros, b + at, z + at)
        elif vectors == 5:
            sum_strip(5, W + at, n, last, x, k, nonzeros, b + at, z + at)
        elif vectors == 4:
            sum_strip(4, W + at, n, last, x, k, nonzeros, b + at, z + at)
        elif vectors == 3:
            sum_strip(3, W + at, n, last, x, k, nonzeros, b + at, z + at)
        elif vectors == 2:
            sum_strip(2, W + at, n, last, x, k, nonzeros, b + at, z + at)
        else:
            sum_strip(1, W + at, n, last, x, k, nonzeros, b + at, z + at)
        at += vectors * LANES


cdef inline void forward(const real* W, const real* b, Py_ssize_t n, const rows_t* data, Py_ssize_t first, Py_ssize_t rows,
                         const real* w, Py_ssize_t samples, real* Z) noexcept nogil:
    """Z (samples, n) = b + X W of the rows first ... first + rows in `data.order`, W (n_0, n)

    Samples without a weight (w NULL: all have one) and those past the last row count as rows of zeros.
    """
    cdef const real* x = <const real*>data.values
    cdef Py_ssize_t s, row, at
    for s in range(samples):
        if s < rows and (w == NULL or w[s] != <real>0):
            row = row_of(data.order, first, rows, s)
            at = data.starts[row]
            sum_row(W, b, n, x + at, data.columns + at, data.starts[row + 1] - at, Z + s * n)
        else:
            sum_row(W, b, n, NULL, NULL, 0, Z + s * n)


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


cdef inline void turn_block(const real* a, Py_ssize_t columns, real* t, Py_ssize_t rows, bint add) noexcept nogil:
    """t (LANES, LANES) = [t +] a^T, parts of matrices whose rows are `rows` and `columns` long"""
    cdef vec[MAX_LANES] r
    cdef int i
    for i in range(LANES):
        r[i] = load(a + i * columns)
    transpose(r)
    for i in range(LANES):
        store(t + i * rows, load(t + i * rows) + r[i] if add else r[i])


cdef inline void turn(const real* a, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t first, Py_ssize_t last, bint add,
                      real* t) noexcept nogil:
    """Rows first ... last of t (columns, rows) = [t +] those of a^T, a (rows, columns)"""
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
                        turn_block(a + i * columns + j, columns, t + j * rows + i, rows, add)
                        j += LANES
                for l in range(j, column_end):
                    for k in range(i, i + LANES if i + LANES < row_end else row_end):
                        t[l * rows + k] = (t[l * rows + k] if add else <real>0) + a[k * columns + l]
                i += LANES
            row = row_end
        column = column_end


cdef inline void bring_columns(const Turned* turned, const real* W, real* t) noexcept nogil:
    """t (n_0, n_1) <- W (n_1, n_0)^T as far as its columns are in use"""
    cdef Py_ssize_t n = turned.given.layer[0].n_out, n_0 = turned.given.layer[0].n_in, first = 0, last, i, j
    cdef const int32_t* k = turned.used
    if k == NULL:
        transpose_matrix(W, n, n_0, 0, n_0, False, t)
        return
    while first < turned.columns:
        last = first + TILE if first + TILE < turned.columns else turned.columns
        for j in range(n):
            for i in range(first, last):
                t[k[i] * n + j] = W[j * n_0 + k[i]]
        first = last


cdef inline void add_columns(const Turned* turned, const real* t, real* W) noexcept nogil:
    """W (n_1, n_0) += t (n_0, n_1)^T as far as its columns are in use"""
    cdef Py_ssize_t n = turned.given.layer[0].n_out, n_0 = turned.given.layer[0].n_in, first = 0, last, i, j
    cdef const int32_t* k = turned.used
    if k == NULL:
        transpose_matrix(t, n_0, n, 0, n, True, W)
        return
    while first < turned.columns:
        last = first + TILE if first + TILE < turned.columns else turned.columns
        for j in range(n):
            for i in range(first, last):
                W[j * n_0 + k[i]] += t[k[i] * n + j]
        first = last


cdef inline void turn_vector(const model_t* net, const real* given, real* turned, bint back) noexcept nogil:
    """turned <- given, vectors like the parameters, W[1] of the first transposed; `back`: given <- turned"""
    cdef Py_ssize_t n = net.layer[0].n_out, n_0 = net.layer[0].n_in, W = net.layer[0].W, b = net.layer[0].b
    if back:
        transpose_matrix(turned + W, n_0, n, 0, n, False, <real*>given + W)
        memcpy(<real*>given + b, turned + b, (net.P - b) * sizeof(real))
    else:
        transpose_matrix(given + W, n, n_0, 0, n_0, False, turned + W)
        memcpy(turned + b, given + b, (net.P - b) * sizeof(real))


cdef inline bint find_used(Turned* turned, const rows_t* data) noexcept nogil:
    """Notes which columns the rows of a pass use, if these are few; False if there is no memory"""
    cdef Py_ssize_t n_0 = turned.given.layer[0].n_in, s, i, row, columns = 0
    cdef char* seen
    if data.starts[data.m] >= n_0 and data.order == NULL:   # as a rule, rows that are not few use most columns
        return True
    seen = <char*>calloc(n_0, 1)
    if seen == NULL:
        return False
    for s in range(data.taken):
        row = row_of(data.order, 0, data.taken, s)
        for i in range(data.starts[row], data.starts[row + 1]):
            columns += seen[data.columns[i]] == 0
            seen[data.columns[i]] = 1
    if columns * SELDOM < n_0:
        turned.used = <int32_t*>malloc((columns + 1) * sizeof(int32_t))
        if turned.used == NULL:
            free(seen)
            return False
        for i in range(n_0):
            if seen[i]:
                turned.used[turned.columns] = <int32_t>i
                turned.columns += 1
    free(seen)
    return True


cdef inline void close_turned(Turned* turned) noexcept nogil:
    free(turned.memory)
    free(turned.used)


cdef inline bint open_turned(Turned* turned, const model_t* net, const rows_t* data, Py_ssize_t more, bint all_columns) noexcept nogil:
    """A copy of the network for sparse rows, and memory for `more` vectors like its parameters; False if there is none.

    Unless `all_columns`, only those that the rows of a pass use are there.
    """
    cdef Py_ssize_t b = net.layer[0].b
    cdef real* params
    turned.given, turned.net, turned.used, turned.columns = net, net[0], NULL, 0
    # Where a layer is narrower than a vector, what follows it is read, too.
    turned.memory = <real*>malloc(((1 + more) * net.P + LANES) * sizeof(real))
    if turned.memory == NULL or not all_columns and not find_used(turned, data):
        close_turned(turned)
        return False
    params = turned.memory
    bring_columns(turned, <const real*>net.params + net.layer[0].W, params + net.layer[0].W)
    memcpy(params + b, <const real*>net.params + b, (net.P - b) * sizeof(real))
    turned.net.params, turned.net.turned = params, True
    turned.net.nonzeros = <double>data.starts[data.m] / <double>data.m
    return True


cdef inline void clear_gradient(const Turned* turned, real* grad) noexcept nogil:
    """grad, a vector like the turned parameters, <- 0, as far as it is in use"""
    cdef Py_ssize_t n = turned.given.layer[0].n_out, b = turned.given.layer[0].b, i
    if turned.used == NULL:
        memset(grad, 0, turned.given.P * sizeof(real))
        return
    for i in range(turned.columns):
        memset(grad + turned.used[i] * n, 0, n * sizeof(real))
    memset(grad + b, 0, (turned.given.P - b) * sizeof(real))


cdef inline void add_gradient(const Turned* turned, const real* from_turned, real* grad) noexcept nogil:
    """grad (P,) += a gradient of the turned network"""
    cdef Py_ssize_t b = turned.given.layer[0].b, i
    add_columns(turned, from_turned + turned.given.layer[0].W, grad + turned.given.layer[0].W)
    for i in range(b, turned.given.P):
        grad[i] += from_turned[i]


cdef inline void clear_share(const model_t* net, real* grad, Team team) noexcept nogil:
    """A member's share of dW[1] (n_0, n_1) <- 0"""
    cdef Py_ssize_t n = net.layer[0].n_out * net.layer[0].n_in
    cdef Py_ssize_t first = share(n, LANES, team, team.member), last = share(n, LANES, team, team.member + 1)
    memset(grad + net.layer[0].W + first, 0, (last - first) * sizeof(real))
