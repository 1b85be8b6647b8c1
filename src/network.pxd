# cython: cdivision=True
"""A block of samples through all layers and back, and the loop over blocks that makes a batch.

Depth first: a block goes through every layer and back before the next one starts, so that its activations stay in cache and
the memory needed is that of one block, whatever m is.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from activations cimport IDENTITY, SOFTMAX, activate, multiply_by_derivative
from dense cimport backward, bias_gradient, forward, gradient, gradient_lanes, lanes_pay
from losses cimport LOG_LOSS, log_loss_sigmoid, softmax, squared_error
from panels cimport load_classes, load_rows, load_weights, store_rows, to_features, vectors_of
from real cimport LANES, real


cdef struct Network:
    Py_ssize_t layers               # L
    const Py_ssize_t* sizes         # n_0 ... n_L
    const int* activations          # of layers 1 ... L
    real leak
    int loss
    const real* params              # W[1], b[1], W[2], b[2], ...


cdef struct Data:
    const real* X                   # (m, n_0)
    const real* Y                   # (m, n_L), or NULL and
    const int64_t* classes          # (m,)
    const real* weights             # (m,) or NULL
    const int64_t* order            # rows in the order of use, or NULL for 0, 1, 2, ...


cdef struct Block:
    char* memory
    Py_ssize_t samples              # that it has room for
    real** A                        # A[0] ... A[L], sample panels; when only predicting, they take turns in two buffers
    real* F_0                       # A[0] in feature panels
    real* F                         # a hidden layer's A in feature panels
    real* D[2]                      # dA, then dZ, of the layer at hand and of the one above it
    real* Y
    real* w
    double weight_sum               # of the samples in it
    bint only                       # all of the data is this block: it is loaded once
    bint loaded


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
    cdef Py_ssize_t hidden = widest(net, 1, L - 1), reals = 0
    cdef char* at
    block.samples = s
    if training:
        for l in range(L + 1):
            reals += s * net.sizes[l]
        reals += s * (vectors_of(net.sizes[0]) * LANES + vectors_of(hidden) * LANES + 2 * hidden + net.sizes[L] + 1)
    else:
        reals = s * (net.sizes[0] + 2 * widest(net, 1, L))
    block.memory = <char*>malloc(reals * sizeof(real) + (L + 1) * sizeof(void*) + 64 * (L + 10))
    if block.memory == NULL:
        return False
    at = block.memory + (64 - <size_t>block.memory % 64)
    block.A = <real**>carve(&at, ((L + 1) * sizeof(void*) + sizeof(real) - 1) // sizeof(real))
    if training:
        for l in range(L + 1):
            block.A[l] = carve(&at, s * net.sizes[l])
        block.F_0 = carve(&at, s * vectors_of(net.sizes[0]) * LANES)
        block.F = carve(&at, s * vectors_of(hidden) * LANES)
        block.D[0] = carve(&at, s * hidden)
        block.D[1] = carve(&at, s * hidden)
        block.Y = carve(&at, s * net.sizes[L])
        block.w = carve(&at, s)
    else:
        block.A[0] = carve(&at, s * net.sizes[0])
        for l in range(1, L + 1):
            block.A[l] = block.A[l - 2] if l > 2 else carve(&at, s * widest(net, 1, L))
    block.only = False
    block.loaded = False
    return True


cdef inline void close_block(Block* block) noexcept nogil:
    free(block.memory)


cdef inline void through_layers(const Network* net, Block* block, Py_ssize_t vectors) noexcept nogil:
    """A[l] (n_l, m) = g[l](W[l] A[l-1] + b[l]) for the hidden layers, and Z[L] in the place of A[L]"""
    cdef const real* W = net.params
    cdef Py_ssize_t l, n_in, n_out
    for l in range(1, net.layers + 1):
        n_in, n_out = net.sizes[l - 1], net.sizes[l]
        forward(W, W + n_out * n_in, n_out, n_in, block.A[l - 1], vectors, block.A[l])
        if l < net.layers:
            activate(net.activations[l - 1], net.leak, block.A[l], vectors * LANES * n_out)
        W += n_out * n_in + n_out


cdef inline void predict(const Network* net, Block* block, const real* X, Py_ssize_t m, real* out) noexcept nogil:
    """out (m, n_L) = A[L] of X (m, n_0)"""
    cdef Py_ssize_t first = 0, rows, n = net.sizes[net.layers]
    cdef int output = net.activations[net.layers - 1]
    cdef real* A = block.A[net.layers]
    while first < m:
        rows = block.samples if block.samples < m - first else m - first
        load_rows(X, net.sizes[0], NULL, first, rows, block.A[0], NULL)
        through_layers(net, block, vectors_of(rows))
        if output == SOFTMAX:
            softmax(A, NULL, NULL, n, vectors_of(rows))
        else:
            activate(output, net.leak, A, vectors_of(rows) * LANES * n)
        store_rows(A, n, rows, out + first * n)
        first += rows


cdef inline double output_loss(const Network* net, Block* block, Py_ssize_t vectors) noexcept nogil:
    """Z[L] in A[L] <- dZ[L]; returns the block's sum of w L(a, y)."""
    cdef Py_ssize_t n = net.sizes[net.layers]
    cdef int output = net.activations[net.layers - 1]
    cdef real* Z = block.A[net.layers]
    if net.loss != LOG_LOSS:
        return squared_error(output, net.leak, Z, block.Y, block.w, n, vectors)
    if output == SOFTMAX:
        return softmax(Z, block.Y, block.w, n, vectors)
    return log_loss_sigmoid(Z, block.Y, block.w, n, vectors)


cdef inline void back_through_layers(const Network* net, Block* block, Py_ssize_t rows, real* grad) noexcept nogil:
    """grad += dW[l], db[l] of every layer, from dZ[L] in A[L]:

    dW[l] = dZ[l] A[l-1]^T, db[l] = sum dZ[l], dZ[l-1] = W[l]^T dZ[l] * g'[l-1](Z[l-1])
    """
    cdef Py_ssize_t vectors = vectors_of(rows), l = net.layers, n_in, n_out, offset = 0
    cdef const real* dZ = block.A[l]
    cdef real* dA
    for l in range(1, net.layers + 1):
        offset += net.sizes[l] * (net.sizes[l - 1] + 1)
    l = net.layers
    while l > 0:
        n_in, n_out = net.sizes[l - 1], net.sizes[l]
        offset -= n_out * (n_in + 1)
        if lanes_pay(n_out, n_in, rows, l == 1):
            gradient_lanes(dZ, n_out, block.A[l - 1], n_in, vectors, grad + offset)
        elif l == 1:
            gradient(dZ, n_out, block.F_0, n_in, rows, grad + offset)
        else:
            to_features(block.A[l - 1], n_in, vectors, block.F)
            gradient(dZ, n_out, block.F, n_in, rows, grad + offset)
        bias_gradient(dZ, n_out, vectors, grad + offset + n_out * n_in)
        if l > 1:
            dA = block.D[l % 2]
            backward(net.params + offset, n_out, n_in, dZ, vectors, dA)
            multiply_by_derivative(net.activations[l - 2], net.leak, block.A[l - 1], dA, vectors * LANES * n_in)
            dZ = dA
        l -= 1


cdef inline double block_gradient(const Network* net, Block* block, const Data* data, Py_ssize_t first, Py_ssize_t rows,
                                  real* grad, double* weight_sum) noexcept nogil:
    """grad (P,) += the gradient of sum_i w_i L(a_i, y_i) over `rows` rows from `first` on; returns that sum.

    grad NULL: only the sum. weight_sum is increased by sum_i w_i.
    """
    cdef Py_ssize_t n = net.sizes[net.layers]
    cdef bint features = grad != NULL and not lanes_pay(net.sizes[1], net.sizes[0], rows, True)
    cdef double loss
    if not block.loaded:
        load_rows(data.X, net.sizes[0], data.order, first, rows, block.A[0], block.F_0 if features else NULL)
        if data.classes != NULL:
            load_classes(data.classes, n, data.order, first, rows, block.Y)
        else:
            load_rows(data.Y, n, data.order, first, rows, block.Y, NULL)
        block.weight_sum = load_weights(data.weights, data.order, first, rows, block.w)
        block.loaded = block.only
    weight_sum[0] += block.weight_sum
    through_layers(net, block, vectors_of(rows))
    loss = output_loss(net, block, vectors_of(rows))
    if grad != NULL:
        back_through_layers(net, block, rows, grad)
    return loss
