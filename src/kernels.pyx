# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled entry points of one build: typed memoryviews in, shapes already checked by the Python layer."""

from cpython.exc cimport PyErr_CheckSignals
from cpython.pycapsule cimport PyCapsule_New
from libc.math cimport pow, sqrt
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from activations cimport SOFTMAX, activate, multiply_by_derivative
from dense cimport backward, bias_gradient, forward as layer_forward, forward_rows, gradient, packed_size, rows_pay
from losses cimport softmax
from network cimport (
    Block, Data, Network, block_gradient, close_block, open_block, predict,
)
from optimizers cimport ADAM, adam, sgd, sgd_momentum
from panels cimport clear_past, load_rows, store_rows, vectors_of
from real cimport LANES, VECTOR_BYTES, real, seconds_now
from row cimport row_predict

itemsize = sizeof(real)
lanes = LANES
vector_bytes = VECTOR_BYTES


cdef inline Network network_of(const Py_ssize_t[::1] sizes, const int[::1] activations, double leak, int loss,
                               const real[::1] params) noexcept:
    cdef Network net
    net.layers = activations.shape[0]
    net.sizes = &sizes[0]
    net.activations = &activations[0]
    net.leak = leak
    net.loss = loss
    net.params = &params[0]
    return net


cdef inline Data data_of(const real[:, ::1] X, const real[:, ::1] Y, const int64_t[::1] classes,
                         const real[::1] weights) noexcept:
    cdef Data data
    data.X = &X[0, 0]
    data.Y = &Y[0, 0] if Y is not None else NULL
    data.classes = &classes[0] if classes is not None else NULL
    data.weights = &weights[0] if weights is not None else NULL
    data.order = NULL
    return data


cdef struct Watch:
    # Reading the clock costs as much as a small layer, so it is read only after this much work.
    double work
    double deadline


cdef int look_for_signals(Watch* watch, double work) except -1 nogil:
    """Take the GIL at most 20 times a second to let Python see a Ctrl-C."""
    cdef double now
    watch.work += work
    if watch.work < 1e6:
        return 0
    watch.work = 0
    now = seconds_now()
    # The clock may be set back: a deadline that is far ahead is no deadline.
    if watch.deadline - 0.05 <= now < watch.deadline:
        return 0
    watch.deadline = now + 0.05
    with gil:
        PyErr_CheckSignals()
    return 0


cdef int batch_gradient(const Network* net, Block* block, const Data* data, Py_ssize_t first, Py_ssize_t rows, double work,
                        real* grad, double* loss_sum, double* weight_sum, Watch* watch) except -1 nogil:
    """grad (P,) += the gradient of the loss sum over `rows` rows from `first` on; loss_sum and weight_sum are added to."""
    cdef Py_ssize_t last = first + rows, n
    while first < last:
        n = block.samples if block.samples < last - first else last - first
        loss_sum[0] += block_gradient(net, block, data, first, n, grad, weight_sum)
        look_for_signals(watch, work * n)
        first += n
    return 0


def forward(const Py_ssize_t[::1] sizes, const int[::1] activations, double leak, const real[::1] params,
            const real[:, ::1] X, real[:, ::1] out):
    """out (m, n_L) = A[L] of X (m, n_0)"""
    cdef Network net = network_of(sizes, activations, leak, 0, params)
    cdef Block block
    cdef Py_ssize_t m = X.shape[0]
    if m == 0:
        return
    if not open_block(&block, &net, m, False):
        raise MemoryError("no memory for the workspace of a prediction")
    with nogil:
        predict(&net, &block, &X[0, 0], m, &out[0, 0])
    close_block(&block)


def accumulate_grad(const Py_ssize_t[::1] sizes, const int[::1] activations, double leak, int loss, const real[::1] params,
                    const real[:, ::1] X, const real[:, ::1] Y, const int64_t[::1] classes, const real[::1] weights,
                    real[::1] grad):
    """grad (P,) += d sum_i w_i L(a_i, y_i) / d params, unless it is None; returns (sum_i w_i L(a_i, y_i), sum_i w_i)."""
    cdef Network net = network_of(sizes, activations, leak, loss, params)
    cdef Data data = data_of(X, Y, classes, weights)
    cdef Block block
    cdef Watch watch
    cdef double loss_sum = 0, weight_sum = 0
    cdef real* to = &grad[0] if grad is not None else NULL
    cdef Py_ssize_t m = X.shape[0]
    watch.work, watch.deadline = 0, seconds_now() + 0.05
    if not open_block(&block, &net, m, True):
        raise MemoryError("no memory for the workspace of a gradient")
    try:
        with nogil:
            batch_gradient(&net, &block, &data, 0, m, <double>params.shape[0], to, &loss_sum, &weight_sum, &watch)
    finally:
        close_block(&block)
    return loss_sum, weight_sum


cdef void update(const Network* net, real* params, const real* grad, real* state, Py_ssize_t P, double weight_sum, double l2,
                 int optimizer, const double* hyper, int64_t step) noexcept nogil:
    """One step of the optimizer, step = 1, 2, ..., on grad / weight_sum + l2 W / weight_sum (no penalty on b)."""
    cdef Py_ssize_t l, part, n, at = 0
    cdef double scale = 1 / weight_sum, penalty, root = 0, rate = 0
    if optimizer == ADAM:
        root = sqrt(1 - pow(hyper[2], <double>step))
        rate = hyper[0] * root / (1 - pow(hyper[1], <double>step))
    for l in range(1, net.layers + 1):
        for part in range(2):
            n = net.sizes[l] * (net.sizes[l - 1] if part == 0 else 1)
            penalty = l2 * scale if part == 0 else 0
            if optimizer == ADAM:
                adam(params + at, grad + at, state + at, state + P + at, n, scale, penalty, rate, hyper[1], 1 - hyper[1],
                     hyper[2], 1 - hyper[2], hyper[3] * root, 1 - hyper[0] * hyper[4])
            elif hyper[1] == 0:
                sgd(params + at, grad + at, n, scale, penalty, hyper[0])
            else:
                sgd_momentum(params + at, grad + at, state + at, n, scale, penalty, hyper[0], hyper[1], hyper[2] != 0)
            at += n


cdef int train_epochs(const Network* net, Block* block, Data* data, const int64_t* order, Py_ssize_t m, Py_ssize_t epochs,
                      Py_ssize_t batch_size, double l2, int optimizer, const double* hyper, real* params, real* grad,
                      Py_ssize_t P, real* state, int64_t* step, double* cost) except -1 nogil:
    cdef Py_ssize_t epoch, first, rows
    cdef double loss_sum, weight_sum, batch_weight
    cdef Watch watch
    watch.work, watch.deadline = 0, seconds_now() + 0.05
    for epoch in range(epochs):
        data.order = order + epoch * m if order != NULL else NULL
        loss_sum = weight_sum = 0
        first = 0
        while first < m:
            rows = batch_size if batch_size < m - first else m - first
            batch_weight = 0
            memset(grad, 0, P * sizeof(real))
            batch_gradient(net, block, data, first, rows, <double>P, grad, &loss_sum, &batch_weight, &watch)
            if batch_weight > 0:
                step[0] += 1
                update(net, params, grad, state, P, batch_weight, l2, optimizer, hyper, step[0])
            weight_sum += batch_weight
            first += rows
        cost[epoch] = loss_sum / weight_sum
    return 0


def train(const Py_ssize_t[::1] sizes, const int[::1] activations, double leak, int loss, real[::1] params,
          const real[:, ::1] X, const real[:, ::1] Y, const int64_t[::1] classes, const real[::1] weights,
          const int64_t[:, ::1] order, Py_ssize_t n_epochs, Py_ssize_t batch_size, double l2, int optimizer,
          const double[::1] hyper, real[:, ::1] state, int64_t[::1] step, double[::1] cost):
    """n_epochs passes of minibatch descent, in place on params (P,), state (k, P) and step (1,); cost (n_epochs,) is filled.

    Minimises sum_i w_i L(a_i, y_i) / sum_i w_i + l2 / 2 |W|^2 / sum_i w_i of each batch; a batch whose weights are all 0 is
    skipped. The GIL is taken only to look for signals. An interrupt leaves the parameters of the last finished step.
    """
    cdef Network net = network_of(sizes, activations, leak, loss, params)
    cdef Data data = data_of(X, Y, classes, weights)
    cdef Block block
    cdef Py_ssize_t m = X.shape[0], P = params.shape[0]
    cdef const int64_t* rows = &order[0, 0] if order is not None else NULL
    cdef real* moments = &state[0, 0] if state.shape[0] > 0 else NULL
    cdef real* grad = <real*>malloc(P * sizeof(real))
    if grad == NULL or not open_block(&block, &net, batch_size if batch_size < m else m, True):
        free(grad)
        raise MemoryError("no memory for the workspace of a training run")
    block.only = rows == NULL and batch_size >= m and block.samples >= m
    try:
        with nogil:
            train_epochs(&net, &block, &data, rows, m, n_epochs, batch_size, l2, optimizer, &hyper[0], &params[0], grad, P,
                         moments, &step[0], &cost[0])
    finally:
        close_block(&block)
        free(grad)


def first_nonfinite(const real[:, ::1] a):
    """Number of the first row that holds a NaN or an infinity, -1 if there is none"""
    cdef Py_ssize_t i, n = a.shape[0] * a.shape[1]
    cdef const real* x
    cdef int bad = 0
    if n == 0:
        return -1
    x = &a[0, 0]
    with nogil:
        for i in range(n):
            bad |= x[i] - x[i] != <real>0
        if bad:
            i = 0
            while x[i] - x[i] == <real>0:
                i += 1
    return i // a.shape[1] if bad else -1


def dense_forward(const real[:, ::1] X, const real[:, ::1] W, const real[::1] b, int activation, double leak,
                  real[:, ::1] out):
    """out (m, n_out) = g(X W^T + b)"""
    cdef Py_ssize_t[2] sizes = [W.shape[1], W.shape[0]]
    cdef Network net
    cdef Block block
    cdef Py_ssize_t m = X.shape[0], first = 0, rows
    cdef real* A
    if m == 0:
        return
    if activation != SOFTMAX and rows_pay(sizes[1], sizes[0]):
        A = <real*>malloc(packed_size(sizes[1], sizes[0]) * sizeof(real))
        if A == NULL:
            raise MemoryError("no memory for the workspace of a layer")
        with nogil:
            forward_rows(&W[0, 0], &b[0], sizes[1], sizes[0], &X[0, 0], m, activation, leak, A, &out[0, 0])
        free(A)
        return
    net.layers, net.sizes, net.activations, net.leak = 1, sizes, &activation, leak
    if not open_block(&block, &net, m, False):
        raise MemoryError("no memory for the workspace of a layer")
    with nogil:
        A = block.A[1]
        while first < m:
            rows = block.samples if block.samples < m - first else m - first
            load_rows(&X[0, 0], sizes[0], NULL, first, rows, block.A[0], NULL)
            layer_forward(&W[0, 0], &b[0], sizes[1], sizes[0], block.A[0], vectors_of(rows), A)
            if activation == SOFTMAX:
                softmax(A, NULL, NULL, sizes[1], vectors_of(rows))
            else:
                activate(activation, leak, A, vectors_of(rows) * LANES * sizes[1])
            store_rows(A, sizes[1], rows, &out[first, 0])
            first += rows
    close_block(&block)


def dense_backward(const real[:, ::1] dA, const real[:, ::1] A, const real[:, ::1] X, const real[:, ::1] W, int activation,
                   double leak, real[:, ::1] dW, real[::1] db, real[:, ::1] dX):
    """dZ = dA * g'(Z) from A; dW (n_out, n_in) += dZ^T X, db (n_out,) += sum dZ, dX (m, n_in) = dZ W unless it is None"""
    cdef Py_ssize_t[2] sizes = [W.shape[1], W.shape[0]]
    cdef Network net
    cdef Block block
    cdef Py_ssize_t m = X.shape[0], first = 0, rows, vectors
    cdef real* dZ
    if m == 0:
        return
    net.layers, net.sizes, net.activations, net.leak = 1, sizes, &activation, leak
    if not open_block(&block, &net, m, True):
        raise MemoryError("no memory for the workspace of a layer")
    with nogil:
        dZ = block.Y
        while first < m:
            rows = block.samples if block.samples < m - first else m - first
            vectors = vectors_of(rows)
            load_rows(&X[0, 0], sizes[0], NULL, first, rows, block.A[0], block.F_0)
            load_rows(&A[0, 0], sizes[1], NULL, first, rows, block.A[1], NULL)
            load_rows(&dA[0, 0], sizes[1], NULL, first, rows, dZ, NULL)
            clear_past(dZ, sizes[1], rows)
            multiply_by_derivative(activation, leak, block.A[1], dZ, vectors * LANES * sizes[1])
            gradient(dZ, sizes[1], block.F_0, sizes[0], rows, &dW[0, 0])
            bias_gradient(dZ, sizes[1], vectors, &db[0])
            if dX is not None:
                backward(&W[0, 0], sizes[1], sizes[0], dZ, vectors, block.A[0])
                store_rows(block.A[0], sizes[0], rows, &dX[first, 0])
            first += rows
    close_block(&block)


cdef void row_entry(Py_ssize_t layers, const Py_ssize_t* sizes, const int* activations, double leak, const void* params,
                    const void* x, void* out, void* scratch) noexcept nogil:
    """row_predict without the element type in its signature, for the class that is built once for all builds."""
    cdef Network net
    net.layers, net.sizes, net.activations, net.leak = layers, sizes, activations, leak
    net.params = <const real*>params
    row_predict(&net, <const real*>x, <real*>out, <real*>scratch)


row_function = PyCapsule_New(<void*>row_entry, "shallownet_c.row", NULL)
