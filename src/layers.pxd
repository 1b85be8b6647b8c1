# cython: cdivision=True
"""One layer by itself, forward and backward, and the derivative of an output layer's loss."""

from cython.parallel cimport parallel, threadid
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from api cimport DONE, NO_MEMORY, dense_t, layer_t, model_t, rows_t
from autotune cimport LAYERS, LAYERS_BACK, Choice, begin, end
from block cimport Block, close_block, close_blocks, load_block, open_block, open_blocks
from codes cimport SOFTMAX
from dense cimport pack_rows, packed_size, rows_pay
from geometry cimport PANEL, TILE_ROWS, vectors_of
from network cimport cycles_of, output_loss
from once cimport (
    activate, backward_part as once_backward_part, bias_gradient, forward_part as once_forward_part, forward_rows,
    layer_backward, layer_forward, layer_gradient, load_rows, multiply_by_derivative, softmax, store_rows,
)
from panels cimport clear_past
from real cimport LANES, real
from threads cimport (
    LEAST_CYCLES_ONCE, MAX_THREADS, Span, Team, barrier_t, share, take_span, team_size, threads_in_team, wait,
)

cdef enum:
    SPAN_ROWS = 48          # the least that a member of a team takes of a layer by itself: whole strips of six or four rows


cdef struct Layer:
    const dense_t* call
    Block* blocks
    real* packed            # (threads, packed_size), or NULL for blocks
    int[MAX_THREADS] tickets    # how many spans of rows the team has taken of each member's share
    barrier_t barrier


cdef inline model_t model_of(const dense_t* p, layer_t* layer) noexcept nogil:
    """The network of that layer alone; its shapes go into `layer`."""
    cdef model_t net
    layer.n_in, layer.n_out, layer.W, layer.b, layer.activation = p.n_in, p.n_out, 0, p.n_in * p.n_out, p.activation
    net.layers, net.layer, net.leak, net.loss, net.loss_parameter, net.params = 1, layer, p.leak, 0, 0, NULL
    net.P, net.widest, net.turned = p.n_in * p.n_out, p.n_out, NULL
    return net


cdef inline void forward_part(Layer* state, Team team) noexcept nogil:
    """A = g(X W^T + b): spans of rows that no member has taken yet as they lie, or a member's own panels of a block"""
    cdef const dense_t* p = state.call
    cdef const real* X = <const real*>p.X
    cdef const real* W = <const real*>p.W
    cdef const real* b = <const real*>p.b
    cdef real* out = <real*>p.A
    cdef Py_ssize_t first, last, rows, n_in = p.n_in, n_out = p.n_out
    cdef Block* block = &state.blocks[team.member]
    cdef real* packed
    cdef real* A
    cdef Span span
    if state.packed != NULL:
        packed = state.packed + team.member * packed_size(n_out, n_in)
        pack_rows(W, b, n_out, n_in, packed)
        span.member = 0
        while take_span(&span, state.tickets, p.m, SPAN_ROWS, team):
            forward_rows(packed, n_out, n_in, X + span.first * n_in, span.last - span.first, p.activation, p.leak,
                         out + span.first * n_out)
        return
    first, last = share(p.m, PANEL, team, team.member), share(p.m, PANEL, team, team.member + 1)
    A = block.A[1]
    while first < last:
        rows = block.samples if block.samples < last - first else last - first
        load_rows(X, p.m, n_in, NULL, first, rows, block.A[0], NULL, 0, 0)
        layer_forward(W, b, 0, n_out, n_out, n_in, block.A[0], rows, A)
        if p.activation == SOFTMAX:
            softmax(0, A, NULL, NULL, n_out, vectors_of(rows), NULL)
        else:
            activate(p.activation, p.leak, A, vectors_of(rows) * LANES * n_out)
        store_rows(A, n_out, rows, out + first * n_out, n_out)
        first += rows


cdef inline int dense_forward(const dense_t* p) noexcept nogil:
    """A (m, n_out) = g(X W^T + b)"""
    cdef Block[MAX_THREADS] blocks
    cdef layer_t layer
    cdef model_t net = model_of(p, &layer)
    cdef Layer state
    cdef double cycles
    cdef Choice choice
    cdef int size
    if p.m == 0:
        return DONE
    cycles = cycles_of(&net, p.m, 1)
    choice = begin(LAYERS, team_size(p.n_threads, cycles, LEAST_CYCLES_ONCE), cycles)
    size = choice.size
    state.call, state.blocks, state.packed = p, blocks, NULL
    memset(state.tickets, 0, sizeof(state.tickets))
    if p.activation != SOFTMAX and rows_pay(p.n_out, p.n_in):
        state.packed = <real*>malloc(size * packed_size(p.n_out, p.n_in) * sizeof(real))
        if state.packed == NULL:
            return NO_MEMORY
    elif not open_blocks(blocks, size, &net, (p.m + size - 1) // size + PANEL, False):
        return NO_MEMORY
    if size == 1:
        once_forward_part(&state, 0, 1)
    else:
        with parallel(num_threads=size):
            once_forward_part(&state, threadid(), threads_in_team())
    if state.packed == NULL:
        close_blocks(blocks, size)
    free(state.packed)
    end(choice)
    return DONE


cdef inline void backward_part(Layer* state, Team team) noexcept nogil:
    """A member's rows of dX and of dW, block after block"""
    cdef const dense_t* p = state.call
    cdef Block* block = &state.blocks[0]
    cdef Py_ssize_t first = 0, rows, samples, skip, own, vectors, n_in = p.n_in, n_out = p.n_out
    cdef Py_ssize_t low = share(n_out, TILE_ROWS, team, team.member), high = share(n_out, TILE_ROWS, team, team.member + 1)
    cdef real* A_0
    cdef real* dZ
    cdef real* kept
    team.barrier = &state.barrier
    while first < p.m:
        rows = block.samples if block.samples < p.m - first else p.m - first
        samples = vectors_of(rows) * LANES
        skip = share(samples, PANEL, team, team.member)
        own = share(samples, PANEL, team, team.member + 1) - skip
        own = own if skip + own < rows else rows - skip
        vectors = vectors_of(own)
        A_0, dZ, kept = block.A[0] + skip * n_in, block.Y + skip * n_out, block.A[1] + skip * n_out
        if own > 0:
            load_rows(<const real*>p.X, p.m, n_in, NULL, first + skip, own, A_0, block.F_0, samples, skip)
            load_rows(<const real*>p.kept, p.m, n_out, NULL, first + skip, own, kept, NULL, 0, 0)
            load_rows(<const real*>p.dA, p.m, n_out, NULL, first + skip, own, dZ, NULL, 0, 0)
            clear_past(dZ, n_out, own)
            multiply_by_derivative(p.activation, p.leak, kept, dZ, vectors * LANES * n_out)
        wait(team)
        layer_gradient(block.Y, low, high, n_out, block.F_0, n_in, rows, True, <real*>p.dW)
        bias_gradient(block.Y, low, high, n_out, vectors_of(rows), True, <real*>p.db)
        if p.dX != NULL and own > 0:
            layer_backward(<const real*>p.W, n_out, 0, n_in, n_in, dZ, own, A_0)
            store_rows(A_0, n_in, own, <real*>p.dX + (first + skip) * n_in, n_in)
        wait(team)
        first += rows


cdef inline int dense_backward(const dense_t* p) noexcept nogil:
    """dZ = dA * g'(Z) from what was kept of Z or A; dW (n_out, n_in) += dZ^T X, db (n_out,) += sum dZ, dX (m, n_in) = dZ W
    unless it is NULL"""
    cdef Block block
    cdef layer_t layer
    cdef model_t net = model_of(p, &layer)
    cdef Layer state
    cdef Choice choice
    cdef int size
    if p.m == 0:
        return DONE
    if not open_block(&block, &net, p.m, True):
        return NO_MEMORY
    state.call, state.blocks = p, &block
    memset(&state.barrier, 0, sizeof(barrier_t))
    size = team_size(p.n_threads, cycles_of(&net, block.samples, 2), LEAST_CYCLES_ONCE)
    choice = begin(LAYERS_BACK, size, cycles_of(&net, p.m, 2))
    if choice.size == 1:
        once_backward_part(&state, 0, 1)
    else:
        with parallel(num_threads=choice.size):
            once_backward_part(&state, threadid(), threads_in_team())
    close_block(&block)
    end(choice)
    return DONE


cdef inline int output_gradient(const model_t* net, const rows_t* rows, void* Z, double* loss_sum) noexcept nogil:
    """Z (m, n) <- dZ, the derivatives of sum_i w_i L(a_i, y_i) by Z, for a network of one layer; loss_sum <- that sum

    X has no effect, and may be NULL.
    """
    cdef Py_ssize_t first = 0, m = rows.m, n = net.layer[0].n_out, some
    cdef real* z = <real*>Z
    cdef Block block
    loss_sum[0] = 0
    if not open_block(&block, net, m, True):
        return NO_MEMORY
    while first < m:
        some = block.samples if block.samples < m - first else m - first
        load_block(net, &block, rows, first, some, -1, False, vectors_of(some) * LANES, 0)
        load_rows(z, m, n, NULL, first, some, block.A[1], NULL, 0, 0)
        loss_sum[0] += output_loss(net, &block, 0, vectors_of(some))
        store_rows(block.A[1], n, some, z + first * n, n)
        first += some
    close_block(&block)
    return DONE
