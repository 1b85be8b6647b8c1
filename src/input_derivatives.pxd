# cython: cdivision=True
"""Derivatives with respect to the inputs, of a network's outputs and of each sample's loss, by one thread or by a team.

For one sample, with G[l] = diag(g'(z[l])), or diag(a) - a a^T of a softmax output,

    J = da / dx = G[L] W[L] G[L-1] W[L-1] ... G[1] W[1]    (n_L, n_0)

A row of J, or V^T J, is made from the left, as in back propagation; a column of J, or J U, from the right, beside the
outputs. The first factor of either is a row or a column of W, so that a row of J takes the products of layers 1 ... L-1, and a
column those of layers 2 ... L. J is made by whichever takes fewer in all.
"""

from cython.parallel cimport parallel, threadid
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from activations cimport needs_z
from api cimport DONE, NO_MEMORY, PYTHON_ERROR, derivatives_t, layer_t, model_t
from autotune cimport DERIVATIVES, Choice, begin, end
from block cimport Block, block_samples, close_blocks, load_block, open_blocks
from codes cimport EXP, SOFTMAX
from geometry cimport PANEL, TILE_VECTORS, panel_width, vector_at, vectors_of
from network cimport cycles_of, output_loss, through_layers
from once cimport (
    activate, input_derivatives_part as once_part, layer_backward, layer_forward, load_rows, multiply_by_derivative, softmax,
    softmax_derivative, store_rows,
)
from panels cimport first_that_counts
from real cimport LANES, broadcast, load, real, store, vec
from threads cimport (
    LEAST_CYCLES_ONCE, MAX_THREADS, Span, Team, Watch, is_raised, look_for_signals, take_span, team_of, team_size,
    threads_in_team, watch_from_now,
)

cdef enum:
    CACHED_BYTES = 131072   # the part of J that shares a second-level cache with a block, where columns of J are gathered
    MOST_BYTES = 67108864   # the most that J of a panel of samples may take there


cdef struct Derivation:
    const model_t* net
    const derivatives_t* call
    Block* blocks               # one for each thread
    Py_ssize_t rows             # of a block
    bint by_columns             # whether J is made column by column
    Py_ssize_t passes           # how many rows or columns of J are made, one after the other; 1 for all but J
    real* space                 # of a thread Z[L] of the first output (rows,), and J (n_L n_0, rows) if by columns
    Py_ssize_t reals            # how many a thread has there
    int[MAX_THREADS] tickets    # how many spans of rows the team has taken of each member's share
    Watch watch


cdef inline void fill(real* a, Py_ssize_t n, real value) noexcept nogil:
    """a (n,) <- value"""
    cdef Py_ssize_t i
    for i in range(n):
        a[i] = value


cdef inline void activate_output(const model_t* net, const Block* block, Py_ssize_t vectors) noexcept nogil:
    """A[L] <- g[L](Z[L]), which stands in A[L], unless the slope needs Z"""
    cdef Py_ssize_t n = net.layer[net.layers - 1].n_out
    cdef int output = net.layer[net.layers - 1].activation
    if output == SOFTMAX:
        softmax(0, block.A[net.layers], NULL, NULL, n, vectors, NULL)
    elif not needs_z(output):
        activate(output, net.leak, block.A[net.layers], vectors * LANES * n)


cdef inline void prepare_slopes(const model_t* net, const Block* block, Py_ssize_t vectors) noexcept nogil:
    """A[l] <- g'[l](Z[l]) of the hidden layers that need z, once for all passes"""
    cdef Py_ssize_t l, reals
    for l in range(1, net.layers):
        if block.kept[l] != block.A[l]:
            reals = vectors * LANES * net.layer[l - 1].n_out
            fill(block.A[l], reals, 1)
            multiply_by_derivative(net.layer[l - 1].activation, net.leak, block.kept[l], block.A[l], reals)


cdef inline void multiply_by_slope(const model_t* net, const Block* block, Py_ssize_t l, Py_ssize_t vectors,
                                   real* d) noexcept nogil:
    """d (n_l, m) <- G[l] d, after `prepare_slopes` for a hidden layer and `activate_output` for the last"""
    cdef Py_ssize_t n = net.layer[l - 1].n_out
    cdef int activation = net.layer[l - 1].activation
    if l < net.layers and block.kept[l] != block.A[l]:
        activation = EXP        # what is kept of that is the slope itself
    if activation == SOFTMAX:
        softmax_derivative(block.A[l], n, vectors, d)
    else:
        multiply_by_derivative(activation, net.leak, block.A[l], d, vectors * LANES * n)


cdef inline void pull_back(const model_t* net, const Block* block, Py_ssize_t l, const real* dZ,
                           Py_ssize_t vectors) noexcept nogil:
    """A[0] <- W[1]^T G[1] ... W[l-1]^T G[l-1] W[l]^T dZ, dZ (n_l, m); a dZ of layer l < L may stand in D[(l + 1) % 2]"""
    cdef const layer_t* layer
    cdef real* dA
    while l > 0:
        layer = net.layer + l - 1
        dA = block.D[l % 2] if l > 1 else block.A[0]
        layer_backward(<const real*>net.params + layer.W, layer.n_out, 0, layer.n_in, layer.n_in, dZ, vectors * LANES, dA)
        l -= 1
        if l > 0:
            multiply_by_slope(net, block, l, vectors, dA)
        dZ = dA


cdef inline void push_forward(const model_t* net, const Block* block, Py_ssize_t l, const real* dA,
                              Py_ssize_t vectors) noexcept nogil:
    """Y <- G[L] W[L] ... G[l+1] W[l+1] dA, dA (n_l, m), which may stand in D[l % 2]"""
    cdef const layer_t* layer
    cdef real* dZ
    while l < net.layers:
        layer = net.layer + l
        l += 1
        dZ = block.D[l % 2] if l < net.layers else block.Y
        layer_forward(<const real*>net.params + layer.W, NULL, 0, layer.n_out, layer.n_out, layer.n_in, dA,
                      vectors * LANES, dZ)
        multiply_by_slope(net, block, l, vectors, dZ)
        dA = dZ


cdef inline void row_of_J(const model_t* net, const Block* block, Py_ssize_t j, const real* means,
                          Py_ssize_t vectors) noexcept nogil:
    """A[0] <- row j of J, (n_0, m), from slopes s (n_L, m) in Y and W = W[L]

    Row j of G[L] W[L] is s_j W_j, of a softmax output, where s = a, it is a_j (W_j - sum_i a_i W_i), the sums in
    `means` (n_[L-1], m).
    """
    cdef Py_ssize_t L = net.layers, n_in = net.layer[L - 1].n_in, n_out = net.layer[L - 1].n_out, v, k, at
    cdef const real* w = <const real*>net.params + net.layer[L - 1].W + j * n_in
    cdef real* dA = block.D[L % 2] if L > 1 else block.A[0]
    cdef vec slope
    cdef int width
    for v in range(vectors):
        width = panel_width(v // TILE_VECTORS, vectors)
        at = vector_at(v, n_in)
        slope = load(block.Y + vector_at(v, n_out) + j * width)
        if means == NULL:
            for k in range(n_in):
                store(dA + at + k * width, w[k] * slope)
        else:
            for k in range(n_in):
                store(dA + at + k * width, (w[k] - load(means + at + k * width)) * slope)
    if L > 1:
        multiply_by_slope(net, block, L - 1, vectors, dA)
        pull_back(net, block, L - 1, dA, vectors)


cdef inline void column_of_J(const model_t* net, const Block* block, Py_ssize_t k, Py_ssize_t vectors) noexcept nogil:
    """Y <- column k of J, (n_L, m), for L > 1"""
    cdef Py_ssize_t n_in = net.layer[0].n_in, n_out = net.layer[0].n_out, v, j
    cdef const real* w = <const real*>net.params + net.layer[0].W + k
    cdef real* dZ
    cdef int width
    for v in range(vectors):
        width = panel_width(v // TILE_VECTORS, vectors)
        dZ = block.D[1] + vector_at(v, n_out)
        for j in range(n_out):
            store(dZ + j * width, broadcast(w[j * n_in]))
    multiply_by_slope(net, block, 1, vectors, block.D[1])
    push_forward(net, block, 1, block.D[1], vectors)


cdef inline void place_column(const real* Y, Py_ssize_t n, Py_ssize_t k, Py_ssize_t n_0, Py_ssize_t vectors,
                              real* J) noexcept nogil:
    """Column k of J (n_L, n_0) of each sample <- Y (n_L, m); J, as (n_L n_0, m), and Y are sample panels"""
    cdef Py_ssize_t v, j
    cdef int width
    cdef const real* y
    cdef real* column
    for v in range(vectors):
        width = panel_width(v // TILE_VECTORS, vectors)
        y, column = Y + vector_at(v, n), J + vector_at(v, n * n_0) + k * width
        for j in range(n):
            store(column + j * n_0 * width, load(y + j * width))


cdef inline void jacobian(Derivation* p, const Block* block, real* J, Py_ssize_t rows, bint looks, real* out) noexcept nogil:
    """out (rows, n_L, n_0) = J, row by row, or column by column through the panels J (n_L n_0, m)"""
    cdef const model_t* net = p.net
    cdef Py_ssize_t L = net.layers, n_0 = net.layer[0].n_in, n_in = net.layer[L - 1].n_in, n = net.layer[L - 1].n_out
    cdef Py_ssize_t vectors = vectors_of(rows), i
    cdef const layer_t* layer = net.layer + L - 1
    cdef real* means = NULL
    if not p.by_columns and layer.activation == SOFTMAX:
        means = block.F[0] if L > 1 else block.F_0
        memcpy(block.Y, block.A[L], vectors * LANES * n * sizeof(real))
        layer_backward(<const real*>net.params + layer.W, n, 0, n_in, n_in, block.A[L], vectors * LANES, means)
    elif not p.by_columns:
        fill(block.Y, vectors * LANES * n, 1)
        multiply_by_slope(net, block, L, vectors, block.Y)
    for i in range(p.passes):
        if is_raised(&p.watch.stop):
            return
        if p.by_columns:
            column_of_J(net, block, i, vectors)
            place_column(block.Y, n, i, n_0, vectors, J)
        else:
            row_of_J(net, block, i, means, vectors)
            store_rows(block.A[0], n_0, rows, out + i * n_0, n * n_0)
        if looks:
            look_for_signals(&p.watch, cycles_of(net, rows, 1))
    if p.by_columns:
        store_rows(J, n * n_0, rows, out, n * n_0)


cdef inline void derive_block(Derivation* p, const Block* block, real* space, Py_ssize_t first, Py_ssize_t rows,
                              bint looks) noexcept nogil:
    """The derivatives of `rows` rows from `first` on. Where Z[L] of the first output is no number, and so any before it was
    none, all of them are NaN: a slope can be 0 all the same."""
    cdef const model_t* net = p.net
    cdef const derivatives_t* call = p.call
    cdef Py_ssize_t n_0 = net.layer[0].n_in, n = net.layer[net.layers - 1].n_out, vectors = vectors_of(rows), v, s
    cdef Py_ssize_t width = n if call.U != NULL else n_0, counted
    cdef bint of_loss = call.rows.Y != NULL or call.rows.classes != NULL
    cdef real* out = <real*>call.out
    if of_loss:
        counted = first_that_counts(<const real*>call.rows.weights, call.rows.order, first, rows)
        load_block(net, block, &call.rows, first, rows, counted, False, vectors * LANES, 0)
    else:
        load_rows(<const real*>call.rows.X, call.rows.m, n_0, NULL, first, rows, block.A[0], NULL, 0, 0)
    through_layers(net, block, NULL, 0, rows, 0, rows, team_of(0, 1))
    for v in range(vectors):
        store(space + v * LANES, load(block.A[net.layers] + vector_at(v, n)))
    prepare_slopes(net, block, vectors)
    if of_loss:
        output_loss(net, block, 0, vectors)
    else:
        activate_output(net, block, vectors)
    if of_loss:
        pull_back(net, block, net.layers, block.A[net.layers], vectors)
        store_rows(block.A[0], n_0, rows, out + first * n_0, n_0)
    elif call.V != NULL:
        load_rows(<const real*>call.V, call.rows.m, n, NULL, first, rows, block.Y, NULL, 0, 0)
        multiply_by_slope(net, block, net.layers, vectors, block.Y)
        pull_back(net, block, net.layers, block.Y, vectors)
        store_rows(block.A[0], n_0, rows, out + first * n_0, n_0)
    elif call.U != NULL:
        load_rows(<const real*>call.U, call.rows.m, n_0, NULL, first, rows, block.A[0], NULL, 0, 0)
        push_forward(net, block, 0, block.A[0], vectors)
        store_rows(block.Y, n, rows, out + first * n, n)
    else:
        width = n * n_0
        jacobian(p, block, space + p.rows, rows, looks, out + first * width)
    for s in range(rows):
        if space[s] != space[s]:
            fill(out + (first + s) * width, width, space[s])
    if looks:
        look_for_signals(&p.watch, cycles_of(net, rows, 2))


cdef inline void derivatives_part(Derivation* p, Team team) noexcept nogil:
    """The derivatives of spans of rows that no member has taken yet, block by block"""
    cdef Py_ssize_t unit = (p.rows // 2 + PANEL - 1) // PANEL * PANEL, rows
    cdef real* space = p.space + team.member * p.reals
    cdef Span span
    span.member = 0
    while take_span(&span, p.tickets, p.call.rows.m, unit, team):
        while span.first < span.last and not is_raised(&p.watch.stop):
            rows = p.rows if p.rows < span.last - span.first else span.last - span.first
            derive_block(p, &p.blocks[team.member], space, span.first, rows, team.member == 0)
            span.first += rows


cdef inline void plan(Derivation* p, Py_ssize_t samples) noexcept nogil:
    """How J is made, and in what blocks; `samples` is what a block could hold"""
    cdef const model_t* net = p.net
    cdef const layer_t* layer
    cdef Py_ssize_t n_0 = net.layer[0].n_in, n = net.layer[net.layers - 1].n_out, l
    cdef double by_rows = 0, by_columns = 0
    cdef double bytes = <double>n_0 * <double>n * sizeof(real) * PANEL     # of J of a panel of samples
    p.rows, p.passes, p.by_columns = samples, 1, False
    if p.call.rows.Y != NULL or p.call.rows.classes != NULL or p.call.V != NULL or p.call.U != NULL:
        return
    for l in range(net.layers):
        layer = net.layer + l
        by_rows += <double>n * <double>(layer.n_out * layer.n_in) if l < net.layers - 1 else 0
        by_columns += <double>n_0 * <double>(layer.n_out * layer.n_in) if l > 0 else 0
    p.by_columns = by_columns < by_rows and bytes <= MOST_BYTES
    p.passes = n_0 if p.by_columns else n
    if p.by_columns:
        l = PANEL * <Py_ssize_t>(CACHED_BYTES / bytes) if bytes < CACHED_BYTES else PANEL
        p.rows = l if l < samples else samples


cdef inline int derivatives(const model_t* net, const derivatives_t* call) noexcept nogil:
    """out (m, n_0) = sum_j V_j da_j / dx or dL(a, y) / dx, out (m, n_L) = sum_k U_k da / dx_k, or out (m, n_L, n_0) = da / dx,
    whichever V, the targets or U there are, in each row the sample's own"""
    cdef Block[MAX_THREADS] blocks
    cdef Derivation p
    cdef Py_ssize_t m = call.rows.m, most
    cdef double cycles
    cdef Choice choice
    cdef int size
    if m == 0:
        return DONE
    p.net, p.call, p.blocks, p.watch = net, call, blocks, watch_from_now(NULL)
    memset(p.tickets, 0, sizeof(p.tickets))
    plan(&p, block_samples(net, m))
    cycles = cycles_of(net, m, 1) * (1 + <double>p.passes)
    choice = begin(DERIVATIVES, team_size(call.n_threads, cycles, LEAST_CYCLES_ONCE), cycles)
    size = choice.size
    most = (m + size - 1) // size
    if not open_blocks(blocks, size, net, most if most < p.rows else p.rows, True):
        return NO_MEMORY
    p.rows = blocks[0].samples
    p.reals = p.rows * (1 + (net.layer[0].n_in * net.layer[net.layers - 1].n_out if p.by_columns else 0))
    p.space = <real*>malloc(size * p.reals * sizeof(real))
    if p.space == NULL:
        close_blocks(blocks, size)
        return NO_MEMORY
    if size == 1:
        once_part(&p, 0, 1)
    else:
        with parallel(num_threads=size):
            once_part(&p, threadid(), threads_in_team())
    free(p.space)
    close_blocks(blocks, size)
    end(choice)
    return PYTHON_ERROR if p.watch.stop else DONE
