# cython: cdivision=True
"""A block of samples through all layers and back, and the loop over blocks that makes a batch.

Depth first: a block goes through every layer and back before the next one starts, so that its activations stay in cache and
the memory needed is that of one block, whatever m is.
"""

from libc.string cimport memcpy, memset

from activations cimport needs_z
from api cimport layer_t, model_t, rows_t
from block cimport Block, load_block, units_of
from codes cimport LOG_LOSS, SOFTMAX
from dense cimport is_wide, lanes_pay
from dropout cimport Dropout
from few_rows cimport few_backward, few_forward, load_few
from from_rows cimport first_layer_from_rows, rows_as_they_lie
from geometry cimport FEW_ROWS, PANEL, TILE_ROWS, TILE_VECTORS, vectors_of
from once cimport (
    activate, bias_gradient, drop, drop_back, elementwise_loss, gradient_lanes, layer_backward, layer_forward, layer_gradient,
    load_rows, multiply_by_derivative, rows_gradient, softmax, sparse_forward, sparse_gradient, store_rows, to_features,
)
from panels cimport first_that_counts, sum_of_weights
from real cimport LANES, real
from threads cimport LEAST_CYCLES, MAX_THREADS, Span, Team, share, take_span, team_of, wait


cdef enum:
    SPAN_UNITS = TILE_ROWS  # the least that a member of a team takes: a strip of the products
    LARGE_BYTES = 524288    # of W: from here on half of a second-level cache of 1 MB or more
    SPAN_COLUMNS = 24       # the same in `dense.backward`: half of its pieces of W


cdef inline bint by_units(Py_ssize_t n_out, Py_ssize_t n_in, Py_ssize_t units, Py_ssize_t unit, Py_ssize_t vectors,
                          Team team) noexcept nogil:
    """Whether a team shares out units instead of samples: W is wide, there are at least four spans for each member, and
    either W is so large that each number is better read by one member, or the member with the most vectors of samples would
    have a tenth more than its share.

    Otherwise samples are better: no waits in between, and what a member reads of A and dZ it has written itself.
    """
    cdef Py_ssize_t panels = (vectors + TILE_VECTORS - 1) // TILE_VECTORS
    cdef Py_ssize_t most = (panels + team.size - 1) // team.size * TILE_VECTORS
    return (team.size > 1 and is_wide(n_out, n_in) and units >= 4 * unit * team.size
            and (n_in * n_out * <Py_ssize_t>sizeof(real) >= LARGE_BYTES or 10 * most * team.size > 11 * vectors))


cdef inline void through_layers(const model_t* net, const Block* block, const Dropout* dropout, Py_ssize_t first,
                                Py_ssize_t rows, Py_ssize_t skip, Py_ssize_t own_rows, Team team) noexcept nogil:
    """A[l] (n_l, m) = g[l](W[l] A[l-1] + b[l]) for the hidden layers, and Z[L] in the place of A[L], m = rows

    A member of a team has `own_rows` samples after `skip`, up to the end of a panel; for Z of a wide layer spans of its
    units instead, so that each number of W is read by one member. Z[1] of sparse rows, or of rows as they lie, is there
    already. Z is kept where g' needs it. Units are dropped unless `dropout` is NULL, for which `first` is the number of the
    block's first sample in the batch.
    """
    cdef const layer_t* layer
    cdef const real* W
    cdef const real* b
    cdef Py_ssize_t own_vectors = vectors_of(own_rows), l, n_in, n_out, reals
    cdef real* A
    cdef Span span
    for l in range(1, net.layers + 1):
        layer = net.layer + l - 1
        n_in, n_out = layer.n_in, layer.n_out
        W, b = <const real*>net.params + layer.W, <const real*>net.params + layer.b
        A = block.A[l] + skip * n_out
        if l == 1 and (net.turned != NULL or block.X != NULL):
            pass
        elif by_units(n_out, n_in, n_out, SPAN_UNITS, vectors_of(rows), team):
            wait(team)
            span.member = 0
            while take_span(&span, block.forward_tickets + l * MAX_THREADS, n_out, SPAN_UNITS, team):
                layer_forward(W, b, span.first, span.last, n_out, n_in, block.A[l - 1], rows, block.A[l])
            wait(team)
        else:
            layer_forward(W, b, 0, n_out, n_out, n_in, block.A[l - 1] + skip * n_in, own_rows, A)
        if l < net.layers:
            reals = own_vectors * LANES * n_out
            if block.kept != NULL and block.kept[l] != block.A[l]:
                memcpy(block.kept[l] + skip * n_out, A, reals * sizeof(real))
            activate(layer.activation, net.leak, A, reals)
            if dropout != NULL:
                drop(dropout, l, first + skip, n_out, own_vectors, A)


cdef inline void first_layer(const model_t* net, const Block* block, const rows_t* data, Py_ssize_t first, Py_ssize_t rows,
                             Py_ssize_t counted, const real* w, Py_ssize_t skip) noexcept nogil:
    """Z[1] in A[1] of `rows` sparse rows from `first` on, which are the samples after the first `skip` of a block"""
    cdef Py_ssize_t n = net.layer[0].n_out, samples = vectors_of(rows) * LANES
    cdef real* Z = block.F_0 + skip * n
    sparse_forward(<const real*>net.turned, net.turned_step, <const real*>net.params + net.layer[0].b, n, data, first, rows,
                   counted, w, samples, Z)
    load_rows(Z, samples, n, NULL, 0, samples, block.A[1] + skip * n, NULL, 0, 0)


cdef inline void predict(const model_t* net, const Block* block, const rows_t* data, Py_ssize_t first, Py_ssize_t rows,
                         real* out) noexcept nogil:
    """out (rows, n_L) = A[L] of `rows` rows from `first` on, no more than the block holds"""
    cdef Py_ssize_t n = net.layer[net.layers - 1].n_out
    cdef int output = net.layer[net.layers - 1].activation
    cdef real* A = block.A[net.layers]
    if net.turned != NULL:
        first_layer(net, block, data, first, rows, first, NULL, 0)
    else:
        load_rows(<const real*>data.X, data.m, net.layer[0].n_in, NULL, first, rows, block.A[0], NULL, 0, 0)
    through_layers(net, block, NULL, 0, rows, 0, rows, team_of(0, 1))
    if output == SOFTMAX:
        softmax(0, A, NULL, NULL, n, vectors_of(rows), NULL)
    else:
        activate(output, net.leak, A, vectors_of(rows) * LANES * n)
    store_rows(A, n, rows, out, n)


cdef inline double loss_of(const model_t* net, real* Z, const real* Y, const real* w, Py_ssize_t vectors,
                           real* lanes) noexcept nogil:
    """Z[L] <- dZ[L]; returns the sum of w L(a, y), that of each lane in `lanes` (LANES,) unless that is NULL"""
    cdef Py_ssize_t n = net.layer[net.layers - 1].n_out
    cdef int output = net.layer[net.layers - 1].activation
    if net.loss == LOG_LOSS and output == SOFTMAX:
        return softmax(net.loss_parameter, Z, Y, w, n, vectors, lanes)
    return elementwise_loss(net.loss, net.loss_parameter, output, net.leak, Z, Y, w, n, vectors, lanes)


cdef inline double output_loss(const model_t* net, const Block* block, Py_ssize_t skip, Py_ssize_t vectors) noexcept nogil:
    """Z[L] in A[L] <- dZ[L]; returns the sum of w L(a, y), both for `vectors` vectors after `skip` samples."""
    cdef Py_ssize_t n = net.layer[net.layers - 1].n_out
    return loss_of(net, block.A[net.layers] + skip * n, block.Y + skip * n, block.w + skip, vectors, NULL)


cdef inline void output_losses(const model_t* net, const Block* block, Py_ssize_t skip, Py_ssize_t vectors) noexcept nogil:
    """`output_loss` in parts of `loss_vectors` each, the same parts for any team, into `losses`."""
    cdef Py_ssize_t first = skip // LANES, last = first + vectors, n
    while first < last:
        n = block.loss_vectors if block.loss_vectors < last - first else last - first
        block.losses[first // block.loss_vectors] = output_loss(net, block, first * LANES, n)
        first += n


cdef inline void back_through_layers(const model_t* net, const Block* block, const Dropout* dropout, Py_ssize_t number,
                                     const rows_t* data, Py_ssize_t first, Py_ssize_t rows, Py_ssize_t skip,
                                     Py_ssize_t own_rows, real* grad, bint add, Team team) noexcept nogil:
    """grad = [grad +] dW[l], db[l] of every layer, from dZ[L] in A[L]; dW[1] of sparse rows, from `first` on, in any case +

    dW[l] = dZ[l] A[l-1]^T, db[l] = sum dZ[l], dZ[l-1] = W[l]^T dZ[l] * g'[l-1](Z[l-1])

    A member of a team has `own_rows` samples after `skip` for dZ, and for dW[l] spans of its rows; for dA of a
    wide layer spans of units. D and F come in pairs, so that what others still read is not written. The block's first
    sample is the batch's sample `number`, which matters to dropout alone.
    """
    cdef Py_ssize_t vectors = vectors_of(rows), own_vectors = vectors_of(own_rows), l = net.layers, n_in, n_out
    cdef const layer_t* layer
    cdef int below      # the activation of the layer below
    cdef const real* W
    cdef const real* dZ = block.A[net.layers]
    cdef const real* F
    cdef real* dA
    cdef real* dW
    cdef real* kept
    cdef bint lanes, sparse
    cdef Span span
    while l > 0:
        layer = net.layer + l - 1
        n_in, n_out = layer.n_in, layer.n_out
        W, dW = <const real*>net.params + layer.W, grad + layer.W
        sparse = l == 1 and net.turned != NULL
        lanes = not sparse and lanes_pay(n_out, n_in, rows, l == 1)
        F = block.F_0 if l == 1 else block.F[l % 2 if team.size > 1 else 0]
        if l > 1 and not lanes:
            to_features(block.A[l - 1] + skip * n_in, n_in, own_vectors, <real*>F, vectors * LANES, skip)
        if sparse and own_rows > 0:
            store_rows(dZ + skip * n_out, n_out, own_rows, block.F_0 + skip * n_out, n_out)
        wait(team)
        if lanes and team.member == 0:
            gradient_lanes(dZ, n_out, block.A[l - 1], n_in, vectors, add, dW)
        span.member = 0
        while take_span(&span, block.back_tickets + l * MAX_THREADS, n_out, PANEL if sparse else SPAN_UNITS, team):
            if sparse:
                sparse_gradient(block.F_0, span.first, span.last, n_out, data, first, rows, block.w, dW)
            elif l == 1 and block.X != NULL:    # and the team is one of one
                rows_gradient(dZ, n_out, rows, block.X, n_in, add, dW)
            elif not lanes:
                layer_gradient(dZ, span.first, span.last, n_out, F, n_in, rows, add, dW)
            bias_gradient(dZ, span.first, span.last, n_out, vectors, add, grad + layer.b)
        if l > 1:
            below, kept = net.layer[l - 2].activation, block.kept[l - 1] + skip * n_in
            dA = block.D[l % 2] + skip * n_in
            if by_units(n_out, n_in, n_in, SPAN_COLUMNS, vectors, team):
                span.member = 0
                while take_span(&span, block.back_tickets + (net.layers + l) * MAX_THREADS, n_in, SPAN_COLUMNS, team):
                    layer_backward(W, n_out, span.first, span.last, n_in, dZ, rows, block.D[l % 2])
                wait(team)
            else:
                layer_backward(W, n_out, 0, n_in, n_in, dZ + skip * n_out, own_rows, dA)
            if dropout != NULL:
                drop_back(dropout, l - 1, number + skip, n_in, own_vectors, below, net.leak, kept, dA)
            else:
                multiply_by_derivative(below, net.leak, kept, dA, own_vectors * LANES * n_in)
            dZ = block.D[l % 2]
        l -= 1


cdef inline bint are_few(const model_t* net, Py_ssize_t rows, const Dropout* dropout) noexcept nogil:
    """Whether a batch goes through the network row by row: so few rows, and no work for a team, of the kinds that
    few_rows.pxd has"""
    return (rows <= FEW_ROWS and dropout == NULL and net.turned == NULL
            and cycles_of(net, rows, 3) < 2 * LEAST_CYCLES)


cdef inline double few_gradient(const model_t* net, Block* block, const rows_t* data, Py_ssize_t first, Py_ssize_t rows,
                                Py_ssize_t counted, bint load, real* grad, bint add) noexcept nogil:
    """`block_gradient` where `are_few`"""
    cdef double loss
    if load:
        load_few(net, block, data, first, rows, counted)
        block.weight_sum = sum_of_weights(<const real*>data.weights, data.order, first, rows)
    few_forward(net, block, rows)
    loss = output_loss(net, block, 0, 1)
    if grad != NULL:
        few_backward(net, block, rows, grad, add)
    return loss


cdef inline double block_gradient(const model_t* net, Block* block, const rows_t* data, Py_ssize_t first, Py_ssize_t rows,
                                  const Dropout* dropout, bint load, real* grad, bint add, Team team) noexcept nogil:
    """grad (P,) = [grad +] the gradient of sum_i w_i L(a_i, y_i) over `rows` rows from `first` on; returns that sum to
    member 0, for whom `weight_sum` holds sum_i w_i. The team has yet to wait for each other when this returns.

    grad NULL: only the sum. dropout NULL: no unit is dropped. Without `load` the block has the rows already.
    """
    cdef Py_ssize_t vectors = vectors_of(rows), part, skip = 0, own_rows = rows
    cdef bint features = grad != NULL and net.turned == NULL and not lanes_pay(net.layer[0].n_out, net.layer[0].n_in, rows, True)
    cdef double loss = 0
    cdef Py_ssize_t number = first - dropout.batch if dropout != NULL else first
    cdef Py_ssize_t counted = first_that_counts(<const real*>data.weights, data.order, first, rows)
    if counted < 0:
        if team.member == 0:
            block.weight_sum = 0
            if grad != NULL and not add:
                memset(grad, 0, net.P * sizeof(real))
        return 0
    if are_few(net, rows, dropout):
        return few_gradient(net, block, data, first, rows, counted, load, grad, add)
    if team.size > 1:
        skip = share(vectors * LANES, PANEL, team, team.member)
        own_rows = share(vectors * LANES, PANEL, team, team.member + 1) - skip
        own_rows = own_rows if skip + own_rows < rows else rows - skip
    # No member takes a ticket of the way back before all have come as far as this, or one of the way forward after
    # `output_losses`.
    if team.size > 1 and team.member == 0:
        memset(block.back_tickets, 0, 2 * (net.layers + 1) * MAX_THREADS * sizeof(int))
    if team.size == 1:
        block.X = rows_as_they_lie(net, block, data, first, rows)
    if load and own_rows > 0:
        load_block(net, block, data, first + skip, own_rows, counted, features, vectors * LANES, skip)
    if load and team.member == 0:
        block.weight_sum = sum_of_weights(<const real*>data.weights, data.order, first, rows)
    if net.turned != NULL and own_rows > 0:
        first_layer(net, block, data, first + skip, own_rows, counted, block.w + skip, skip)
    if team.size == 1 and block.X != NULL:
        first_layer_from_rows(net, block, rows)
    through_layers(net, block, dropout, number, rows, skip, own_rows, team)
    output_losses(net, block, skip, vectors_of(own_rows))
    if team.size > 1 and team.member == 0:
        memset(block.forward_tickets, 0, (net.layers + 1) * MAX_THREADS * sizeof(int))
    if grad != NULL:
        back_through_layers(net, block, dropout, number, data, first, rows, skip, own_rows, grad, add, team)
    else:
        wait(team)
    if team.size == 1:
        block.X = NULL      # the next step may be a team's
    if team.member == 0:
        for part in range((vectors + block.loss_vectors - 1) // block.loss_vectors):
            loss += block.losses[part]
    return loss


cdef inline double cycles_of(const model_t* net, Py_ssize_t rows, int products) noexcept nogil:
    """A rough estimate of the work on `rows` samples: multiply-adds, and some 24 operations for an activation; for sparse
    rows as many for each parameter, all of which are copied or updated."""
    cdef const layer_t* layer = net.layer
    cdef double multiply_adds = <double>net.P, once = 0
    if net.turned != NULL:
        multiply_adds += layer.n_out * (net.nonzeros - <double>layer.n_in)
        once = 48 * <double>net.P
    return (<double>rows * (products * multiply_adds + 48 * <double>units_of(net)) + once) / (2 * LANES)
