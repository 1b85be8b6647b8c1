# cython: cdivision=True
"""A block of samples through all layers and back, and the loop over blocks that makes a batch.

Depth first: a block goes through every layer and back before the next one starts, so that its activations stay in cache and
the memory needed is that of one block, whatever m is.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from activations cimport SOFTMAX
from dense cimport PIECE_COLUMNS, is_wide, lanes_pay
from dropout cimport Dropout
from losses cimport LOG_LOSS
from once cimport (
    activate, bias_gradient, drop, drop_back, elementwise_loss, gradient_lanes, layer_backward, layer_forward, layer_gradient,
    multiply_by_derivative, softmax,
)
from panels cimport (
    clear_sample, load_classes, load_rows, load_weights, smooth_targets, store_rows, sum_of_weights, to_features, vectors_of,
)
from real cimport LANES, real
from threads cimport Span, Team, share, take_span, team_of, wait


cdef enum:
    SPAN_UNITS = 6          # the least that a member of a team takes: a strip of the products


cdef struct Network:
    Py_ssize_t layers               # L
    const Py_ssize_t* sizes         # n_0 ... n_L
    const int* activations          # of layers 1 ... L
    real leak
    int loss
    real loss_parameter             # delta of huber, quantile of pinball, greatest log_loss that is told
    const real* params              # W[1], b[1], W[2], b[2], ...


cdef struct Data:
    Py_ssize_t m
    const real* X                   # (m, n_0)
    const real* Y                   # (m, n_L), or NULL and
    const int64_t* classes          # (m,)
    const real* weights             # (m,) or NULL
    const int64_t* order            # rows in the order of use, or NULL for 0, 1, 2, ...
    double smoothing                # of labels, 0 ... 1: the part of a target that goes to all classes alike
    Dropout dropout


cdef struct Block:
    char* memory
    Py_ssize_t samples              # that it has room for
    real** A                        # A[0] ... A[L], sample panels; when only predicting, they take turns in two buffers
    real* F_0                       # A[0] in feature panels
    real* F[2]                      # a hidden layer's A in feature panels, and the one's above it
    real* D[2]                      # dA, then dZ, of the layer at hand and of the one above it
    real* Y
    real* w
    double* losses                  # sums over `loss_vectors` vectors of samples each
    Py_ssize_t loss_vectors
    double weight_sum               # of the samples in it
    int* forward_turns              # [l], l = 0 ... L: how many spans of units a team has taken
    int* back_turns                 # of gradients, then of dA


cdef inline Py_ssize_t widest(const Network* net, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """The greatest n_l, first <= l <= last; 0 if there is none."""
    cdef Py_ssize_t l, n = 0
    for l in range(first, last + 1):
        n = net.sizes[l] if net.sizes[l] > n else n
    return n


cdef inline Py_ssize_t block_samples(const Network* net, Py_ssize_t m) noexcept nogil:
    """128 samples, or more of a narrow network: as many as fill an eighth of a second-level cache of 1 MB, at most 512."""
    cdef Py_ssize_t l, reals = 3 * widest(net, 1, net.layers)
    cdef Py_ssize_t samples
    for l in range(net.layers + 1):
        reals += net.sizes[l]
    samples = 131072 // (reals * <Py_ssize_t>sizeof(real))
    samples = 128 if samples < 128 else 512 if samples > 512 else samples - samples % (2 * LANES)
    return samples if samples < m else vectors_of(m) * LANES


cdef inline real* carve(char** memory, Py_ssize_t reals) noexcept nogil:
    """The next piece of the workspace, on a cache line of its own."""
    cdef real* piece = <real*>memory[0]
    memory[0] += (reals * <Py_ssize_t>sizeof(real) + 63) // 64 * 64
    return piece


cdef inline bint open_block(Block* block, const Network* net, Py_ssize_t m, bint training) noexcept nogil:
    """Allocate the workspace for blocks of at most m samples; False if there is no memory."""
    cdef Py_ssize_t s = block_samples(net, m), l, L = net.layers
    cdef Py_ssize_t hidden = widest(net, 1, L - 1), reals = 0, losses = vectors_of(s)
    cdef Py_ssize_t turns = 3 * (L + 1) * <Py_ssize_t>sizeof(int)
    cdef char* at
    block.samples = s
    if training:
        for l in range(L + 1):
            reals += s * net.sizes[l]
        reals += s * (vectors_of(net.sizes[0]) * LANES + 2 * vectors_of(hidden) * LANES + 2 * hidden + net.sizes[L] + 1)
    else:
        reals = s * (net.sizes[0] + 2 * widest(net, 1, L))
    block.memory = <char*>malloc(reals * sizeof(real) + (L + 1) * sizeof(void*) + losses * sizeof(double) + turns
                                 + 64 * (L + 13))
    if block.memory == NULL:
        return False
    at = block.memory + (64 - <size_t>block.memory % 64)
    block.A = <real**>carve(&at, ((L + 1) * sizeof(void*) + sizeof(real) - 1) // sizeof(real))
    if training:
        for l in range(L + 1):
            block.A[l] = carve(&at, s * net.sizes[l])
        block.F_0 = carve(&at, s * vectors_of(net.sizes[0]) * LANES)
        block.F[0] = carve(&at, s * vectors_of(hidden) * LANES)
        block.D[0] = carve(&at, s * hidden)
        block.D[1] = carve(&at, s * hidden)
        block.Y = carve(&at, s * net.sizes[L])
        block.w = carve(&at, s)
        block.losses = <double*>carve(&at, losses * (sizeof(double) // sizeof(real)))
        block.F[1] = carve(&at, s * vectors_of(hidden) * LANES)
        block.forward_turns = <int*>at
        block.back_turns = block.forward_turns + L + 1
        memset(at, 0, turns)
    else:
        block.A[0] = carve(&at, s * net.sizes[0])
        for l in range(1, L + 1):
            block.A[l] = block.A[l - 2] if l > 2 else carve(&at, s * widest(net, 1, L))
    block.loss_vectors = losses
    return True


cdef inline void close_block(Block* block) noexcept nogil:
    free(block.memory)


cdef inline bint by_units(Py_ssize_t n_out, Py_ssize_t n_in, Py_ssize_t units, Py_ssize_t unit, Team team) noexcept nogil:
    """Whether a team shares out units instead of samples: W is large, and there are at least four spans for each member."""
    return team.size > 1 and is_wide(n_out, n_in) and units >= 4 * unit * team.size


cdef inline void through_layers(const Network* net, const Block* block, const Dropout* dropout, Py_ssize_t first,
                                Py_ssize_t rows, Py_ssize_t skip, Py_ssize_t own_vectors, Team team) noexcept nogil:
    """A[l] (n_l, m) = g[l](W[l] A[l-1] + b[l]) for the hidden layers, and Z[L] in the place of A[L], m = rows

    A member of a team has `own_vectors` vectors of samples after `skip`, whole panels; for Z of a wide layer spans of its
    units instead, so that each number of W is read by one member. Units are dropped unless `dropout` is NULL, for which
    `first` is the number of the block's first sample in the batch.
    """
    cdef const real* W = net.params
    cdef Py_ssize_t l, n_in, n_out
    cdef real* A
    cdef Span span
    for l in range(1, net.layers + 1):
        n_in, n_out = net.sizes[l - 1], net.sizes[l]
        A = block.A[l] + skip * n_out
        if by_units(n_out, n_in, n_out, SPAN_UNITS, team):
            wait(team)
            span.first = span.last = 0
            while take_span(&span, block.forward_turns + l, n_out, SPAN_UNITS, team):
                layer_forward(W, W + n_out * n_in, span.first, span.last, n_out, n_in, block.A[l - 1], vectors_of(rows),
                              block.A[l])
            wait(team)
        else:
            layer_forward(W, W + n_out * n_in, 0, n_out, n_out, n_in, block.A[l - 1] + skip * n_in, own_vectors, A)
        if l < net.layers:
            activate(net.activations[l - 1], net.leak, A, own_vectors * LANES * n_out)
            if dropout != NULL:
                drop(dropout, l, first + skip, n_out, own_vectors, A)
        W += n_out * n_in + n_out


cdef inline void predict(const Network* net, const Block* block, const real* X, Py_ssize_t rows, real* out) noexcept nogil:
    """out (rows, n_L) = A[L] of X (rows, n_0), no more rows than the block holds"""
    cdef Py_ssize_t n = net.sizes[net.layers]
    cdef int output = net.activations[net.layers - 1]
    cdef real* A = block.A[net.layers]
    load_rows(X, rows, net.sizes[0], NULL, 0, rows, block.A[0], NULL, 0, 0)
    through_layers(net, block, NULL, 0, rows, 0, vectors_of(rows), team_of(0, 1))
    if output == SOFTMAX:
        softmax(0, A, NULL, NULL, n, vectors_of(rows))
    else:
        activate(output, net.leak, A, vectors_of(rows) * LANES * n)
    store_rows(A, n, rows, out)


cdef inline double output_loss(const Network* net, const Block* block, Py_ssize_t skip, Py_ssize_t vectors) noexcept nogil:
    """Z[L] in A[L] <- dZ[L]; returns the sum of w L(a, y), both for `vectors` vectors after `skip` samples."""
    cdef Py_ssize_t n = net.sizes[net.layers]
    cdef int output = net.activations[net.layers - 1]
    cdef real* Z = block.A[net.layers] + skip * n
    cdef real* Y = block.Y + skip * n
    cdef real* w = block.w + skip
    if net.loss == LOG_LOSS and output == SOFTMAX:
        return softmax(net.loss_parameter, Z, Y, w, n, vectors)
    return elementwise_loss(net.loss, net.loss_parameter, output, net.leak, Z, Y, w, n, vectors)


cdef inline void output_losses(const Network* net, const Block* block, Py_ssize_t skip, Py_ssize_t vectors) noexcept nogil:
    """`output_loss` in parts of `loss_vectors` each, the same ones whoever has them, into `losses`."""
    cdef Py_ssize_t first = skip // LANES, last = first + vectors, n
    while first < last:
        n = block.loss_vectors if block.loss_vectors < last - first else last - first
        block.losses[first // block.loss_vectors] = output_loss(net, block, first * LANES, n)
        first += n


cdef inline void back_through_layers(const Network* net, const Block* block, const Dropout* dropout, Py_ssize_t number,
                                     Py_ssize_t rows, Py_ssize_t skip, Py_ssize_t own_vectors, real* grad, bint add,
                                     Team team) noexcept nogil:
    """grad = [grad +] dW[l], db[l] of every layer, from dZ[L] in A[L]:

    dW[l] = dZ[l] A[l-1]^T, db[l] = sum dZ[l], dZ[l-1] = W[l]^T dZ[l] * g'[l-1](Z[l-1])

    A member of a team has `own_vectors` vectors of samples after `skip` for dZ, and for dW[l] spans of its rows; for dA of a
    wide layer spans of units. D and F come in pairs, so that what others still read is not written. The block's first
    sample is the batch's sample `number`, which matters to dropout alone.
    """
    cdef Py_ssize_t vectors = vectors_of(rows), l, n_in, n_out, offset = 0
    cdef const real* dZ = block.A[net.layers]
    cdef const real* F
    cdef real* dA
    cdef bint lanes
    cdef Span span
    for l in range(1, net.layers + 1):
        offset += net.sizes[l] * (net.sizes[l - 1] + 1)
    l = net.layers
    while l > 0:
        n_in, n_out = net.sizes[l - 1], net.sizes[l]
        offset -= n_out * (n_in + 1)
        lanes = lanes_pay(n_out, n_in, rows, l == 1)
        F = block.F_0 if l == 1 else block.F[l % 2 if team.size > 1 else 0]
        if l > 1 and not lanes:
            to_features(block.A[l - 1] + skip * n_in, n_in, own_vectors, <real*>F, vectors * LANES, skip)
        wait(team)
        if lanes and team.member == 0:
            gradient_lanes(dZ, n_out, block.A[l - 1], n_in, vectors, add, grad + offset)
        span.first = span.last = 0
        while take_span(&span, block.back_turns + l, n_out, SPAN_UNITS, team):
            if not lanes:
                layer_gradient(dZ, span.first, span.last, n_out, F, n_in, rows, add, grad + offset)
            bias_gradient(dZ, span.first, span.last, n_out, vectors, add, grad + offset + n_out * n_in)
        if l > 1:
            dA = block.D[l % 2] + skip * n_in
            if by_units(n_out, n_in, n_in, PIECE_COLUMNS, team):
                span.first = span.last = 0
                while take_span(&span, block.back_turns + net.layers + l, n_in, PIECE_COLUMNS, team):
                    layer_backward(net.params + offset, n_out, span.first, span.last, n_in, dZ, vectors, block.D[l % 2])
                wait(team)
            else:
                layer_backward(net.params + offset, n_out, 0, n_in, n_in, dZ + skip * n_out, own_vectors, dA)
            if dropout != NULL:
                drop_back(dropout, l - 1, number + skip, n_in, own_vectors, net.activations[l - 2], net.leak,
                          block.A[l - 1] + skip * n_in, dA)
            else:
                multiply_by_derivative(net.activations[l - 2], net.leak, block.A[l - 1] + skip * n_in, dA,
                                       own_vectors * LANES * n_in)
            dZ = block.D[l % 2]
        l -= 1


cdef inline void load_block(const Network* net, const Block* block, const Data* data, Py_ssize_t first, Py_ssize_t rows,
                            bint features, Py_ssize_t samples, Py_ssize_t skip) noexcept nogil:
    """X, Y and w of `rows` rows from `first` on become the samples after the first `skip` of a block of `samples`.

    Samples of weight 0 and lanes past the last one have zeros for X and Y: what overflows there would be no number, 0 times
    infinity, in the sums.
    """
    cdef Py_ssize_t n = net.sizes[net.layers], s
    load_rows(data.X, data.m, net.sizes[0], data.order, first, rows, block.A[0] + skip * net.sizes[0],
              block.F_0 if features else NULL, samples, skip)
    if data.classes != NULL:
        load_classes(data.classes, n, data.order, first, rows, block.Y + skip * n)
    else:
        load_rows(data.Y, data.m, n, data.order, first, rows, block.Y + skip * n, NULL, 0, 0)
    if data.smoothing > 0:      # an output of its own is a label of two classes
        smooth_targets(block.Y + skip * n, vectors_of(rows) * LANES * n, 1 - data.smoothing,
                       data.smoothing / (n if net.activations[net.layers - 1] == SOFTMAX else 2))
    load_weights(data.weights, data.order, first, rows, block.w + skip)
    for s in range(0 if data.weights != NULL else rows, vectors_of(rows) * LANES):
        if block.w[skip + s] == <real>0:
            clear_sample(block.A[0] + skip * net.sizes[0], net.sizes[0], vectors_of(rows), s)
            clear_sample(block.Y + skip * n, n, vectors_of(rows), s)


cdef inline double block_gradient(const Network* net, Block* block, const Data* data, Py_ssize_t first, Py_ssize_t rows,
                                  bint load, real* grad, bint add, Team team) noexcept nogil:
    """grad (P,) = [grad +] the gradient of sum_i w_i L(a_i, y_i) over `rows` rows from `first` on; returns that sum to
    member 0, for whom `weight_sum` holds sum_i w_i. The team has yet to wait for each other when this returns.

    grad NULL: only the sum. Without `load` the block has the rows already.
    """
    cdef Py_ssize_t vectors = vectors_of(rows), part, skip = 0, own_rows = rows
    cdef bint features = grad != NULL and not lanes_pay(net.sizes[1], net.sizes[0], rows, True)
    cdef double loss = 0
    cdef const Dropout* dropout = &data.dropout if data.dropout.rates != NULL else NULL
    cdef Py_ssize_t number = first - data.dropout.batch
    if team.size > 1:
        skip = share(vectors * LANES, 2 * LANES, team, team.member)
        own_rows = share(vectors * LANES, 2 * LANES, team, team.member + 1) - skip
        own_rows = own_rows if skip + own_rows < rows else rows - skip
    # Nobody takes a turn of the way back before all have come as far as this, or of the way forward after `output_losses`.
    if team.size > 1 and team.member == 0:
        memset(block.back_turns, 0, 2 * (net.layers + 1) * sizeof(int))
    if load and own_rows > 0:
        load_block(net, block, data, first + skip, own_rows, features, vectors * LANES, skip)
    if load and team.member == 0:
        block.weight_sum = sum_of_weights(data.weights, data.order, first, rows)
    through_layers(net, block, dropout, number, rows, skip, vectors_of(own_rows), team)
    output_losses(net, block, skip, vectors_of(own_rows))
    if team.size > 1 and team.member == 0:
        memset(block.forward_turns, 0, (net.layers + 1) * sizeof(int))
    if grad != NULL:
        back_through_layers(net, block, dropout, number, rows, skip, vectors_of(own_rows), grad, add, team)
    else:
        wait(team)
    if team.member == 0:
        for part in range((vectors + block.loss_vectors - 1) // block.loss_vectors):
            loss += block.losses[part]
    return loss


cdef inline double cycles_of(const Network* net, Py_ssize_t P, Py_ssize_t rows, int products) noexcept nogil:
    """A rough estimate of the work on `rows` samples: multiply-adds, and some 24 operations for an activation."""
    cdef Py_ssize_t l, units = 0
    for l in range(1, net.layers + 1):
        units += net.sizes[l]
    return <double>rows * <double>(products * P + 48 * units) / (2 * LANES)
