# cython: cdivision=True
"""The workspace of a block of samples: its panels on the way through all layers and back."""

from libc.stdlib cimport free, malloc
from libc.string cimport memset

from activations cimport needs_z
from api cimport layer_t, model_t, rows_t
from codes cimport SOFTMAX
from dropout cimport Dropout
from geometry cimport FEW_ROWS, PANEL, vectors_of
from once cimport load_rows, smooth_targets
from panels cimport load_classes, load_weights, put_sample, row_of
from real cimport LANES, real
from threads cimport MAX_THREADS


cdef struct Block:
    char* memory
    Py_ssize_t samples              # how many it has room for
    bint stays                      # its rows serve more than one step
    const real* X                   # its rows in the caller's array, if the first layer takes them there; or NULL
    real** A                        # A[0] ... A[L], sample panels; when only predicting, they alternate between two buffers
    real** kept                     # [l], 0 < l < L: what g'[l] is computed from: A[l], or a copy of Z[l] where it needs that
    real* F_0                       # A[0] in feature panels; for sparse rows Z[1], then dZ[1], row by row
    real* F[2]                      # a hidden layer's A in feature panels, and the one's above it
    real* D[2]                      # dA, then dZ, of the layer at hand and of the one above it
    real* Y
    real* w
    real* few                       # (FEW_ROWS, n_L): Z[L], then dZ[L], of a few rows (few_rows.pxd)
    double* losses                  # sums over `loss_vectors` vectors of samples each
    Py_ssize_t loss_vectors
    double weight_sum               # the sum of the samples' weights
    # (L + 1, MAX_THREADS) and twice that: how many spans of units a team has taken of each member's share
    int* forward_tickets            # on the way forward
    int* back_tickets               # on the way back, of gradients, then of dA


cdef inline Py_ssize_t widest_hidden(const model_t* net) noexcept nogil:
    """The greatest n_l of the hidden layers; 0 if there is none"""
    cdef Py_ssize_t l, n = 0
    for l in range(net.layers - 1):
        n = net.layer[l].n_out if net.layer[l].n_out > n else n
    return n


cdef inline Py_ssize_t units_of(const model_t* net) noexcept nogil:
    """n_1 + ... + n_L"""
    cdef Py_ssize_t l, n = 0
    for l in range(net.layers):
        n += net.layer[l].n_out
    return n


cdef inline Py_ssize_t inputs_of(const model_t* net) noexcept nogil:
    """n_0, as far as a block has room for X: sparse rows stay where they are"""
    return 0 if net.turned != NULL else net.layer[0].n_in


cdef inline Py_ssize_t block_samples(const model_t* net, Py_ssize_t m) noexcept nogil:
    """128 samples, or more of a narrow network: as many as fill an eighth of a second-level cache of 1 MB, at most 512."""
    cdef Py_ssize_t reals = inputs_of(net) + units_of(net) + 3 * net.widest
    cdef Py_ssize_t samples = 131072 // (reals * <Py_ssize_t>sizeof(real))
    samples = 128 if samples < 128 else 512 if samples > 512 else samples - samples % PANEL
    return samples if samples < m else vectors_of(m) * LANES


cdef inline real* carve(char** memory, Py_ssize_t reals) noexcept nogil:
    """The next piece of the workspace, on a cache line of its own."""
    cdef real* piece = <real*>memory[0]
    memory[0] += (reals * <Py_ssize_t>sizeof(real) + 63) // 64 * 64
    return piece


cdef inline bint open_block(Block* block, const model_t* net, Py_ssize_t m, bint training) noexcept nogil:
    """Allocate the workspace for blocks of at most m samples; False if there is no memory."""
    cdef Py_ssize_t s = block_samples(net, m), l, L = net.layers, n_0 = inputs_of(net), n_L = net.layer[net.layers - 1].n_out
    cdef Py_ssize_t row_reals = net.layer[0].n_out if net.turned != NULL else vectors_of(n_0) * LANES if training else 0
    cdef Py_ssize_t hidden = widest_hidden(net), reals = 0, losses = vectors_of(s)
    cdef Py_ssize_t tickets = 3 * (L + 1) * MAX_THREADS * <Py_ssize_t>sizeof(int), pieces = 2 * L + 14
    cdef char* at
    block.samples, block.stays, block.X = s, False, NULL
    if training:
        reals = n_0 + units_of(net) + 2 * vectors_of(hidden) * LANES + 2 * hidden + n_L + 1
        for l in range(1, L):
            if needs_z(net.layer[l - 1].activation):
                reals += net.layer[l - 1].n_out
    else:
        reals = n_0 + 2 * net.widest
    reals += row_reals
    block.memory = <char*>malloc((s * reals + FEW_ROWS * n_L) * sizeof(real) + 2 * (L + 1) * sizeof(void*)
                                 + losses * sizeof(double) + tickets + 64 * pieces)
    if block.memory == NULL:
        return False
    at = block.memory + (64 - <size_t>block.memory % 64)
    block.A = <real**>carve(&at, ((L + 1) * sizeof(void*) + sizeof(real) - 1) // sizeof(real))
    block.A[0] = carve(&at, s * n_0)
    if training:
        block.kept = <real**>carve(&at, ((L + 1) * sizeof(void*) + sizeof(real) - 1) // sizeof(real))
        for l in range(1, L + 1):
            block.A[l] = carve(&at, s * net.layer[l - 1].n_out)
            block.kept[l] = block.A[l]
            if l < L and needs_z(net.layer[l - 1].activation):
                block.kept[l] = carve(&at, s * net.layer[l - 1].n_out)
        block.F_0 = carve(&at, s * row_reals)
        block.F[0] = carve(&at, s * vectors_of(hidden) * LANES)
        block.D[0] = carve(&at, s * hidden)
        block.D[1] = carve(&at, s * hidden)
        block.Y = carve(&at, s * n_L)
        block.w = carve(&at, s)
        block.few = carve(&at, FEW_ROWS * n_L)
        block.losses = <double*>carve(&at, losses * (sizeof(double) // sizeof(real)))
        block.F[1] = carve(&at, s * vectors_of(hidden) * LANES)
        block.forward_tickets = <int*>at
        block.back_tickets = block.forward_tickets + (L + 1) * MAX_THREADS
        memset(at, 0, tickets)
    else:
        block.kept = NULL
        block.F_0 = carve(&at, s * row_reals)
        for l in range(1, L + 1):
            block.A[l] = block.A[l - 2] if l > 2 else carve(&at, s * net.widest)
    block.loss_vectors = losses
    return True


cdef inline void close_block(Block* block) noexcept nogil:
    free(block.memory)


cdef inline void close_blocks(Block* blocks, int n) noexcept nogil:
    cdef int i
    for i in range(n):
        close_block(&blocks[i])


cdef inline bint open_blocks(Block* blocks, int n, const model_t* net, Py_ssize_t m, bint training) noexcept nogil:
    """n blocks of at most m samples; False, and none, if there is no memory"""
    cdef int i
    for i in range(n):
        if not open_block(&blocks[i], net, m, training):
            close_blocks(blocks, i)
            return False
    return True


cdef inline void smooth_labels(const model_t* net, double smoothing, real* Y, Py_ssize_t n) noexcept nogil:
    """Y (n,) <- (1 - smoothing) Y + smoothing / classes; a sigmoid output is a label of two classes."""
    cdef const layer_t* layer = net.layer + net.layers - 1
    smooth_targets(Y, n, 1 - smoothing, smoothing / (layer.n_out if layer.activation == SOFTMAX else 2))


cdef inline void load_block(const model_t* net, const Block* block, const rows_t* data, Py_ssize_t first, Py_ssize_t rows,
                            Py_ssize_t counted, bint features, Py_ssize_t samples, Py_ssize_t skip) noexcept nogil:
    """X, Y and w of `rows` rows from `first` on become the samples after the first `skip` of a block of `samples`; X not where
    it is sparse, or taken as it lies.

    Where weights are given, samples without one, and lanes past the last, have X of row `counted`, which has one, or zeros if
    that is -1: what overflowed there alone would be no number, 0 times infinity, in the sums.
    """
    cdef Py_ssize_t n_0 = net.layer[0].n_in, n = net.layer[net.layers - 1].n_out, s
    cdef const real* x = NULL
    cdef bint loads_X = data.X != NULL and block.X == NULL
    if loads_X:
        load_rows(<const real*>data.X, data.m, n_0, data.order, first, rows, block.A[0] + skip * n_0,
                  block.F_0 if features else NULL, samples, skip)
    if data.classes != NULL:
        load_classes(data.classes, n, data.order, first, rows, block.Y + skip * n)
    else:
        load_rows(<const real*>data.Y, data.m, n, data.order, first, rows, block.Y + skip * n, NULL, 0, 0)
    if data.smoothing > 0:
        smooth_labels(net, data.smoothing, block.Y + skip * n, vectors_of(rows) * LANES * n)
    load_weights(<const real*>data.weights, data.order, first, rows, block.w + skip)
    if data.weights == NULL or not loads_X:
        return
    if counted >= 0:
        x = <const real*>data.X + row_of(data.order, counted, 1, 0) * n_0
    for s in range(vectors_of(rows) * LANES):
        if block.w[skip + s] == <real>0:
            put_sample(x, n_0, vectors_of(rows), s, block.A[0] + skip * n_0)
