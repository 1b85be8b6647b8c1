# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled entry points of one build: typed memoryviews in, shapes already checked by the Python layer."""

from cpython.pycapsule cimport PyCapsule_New
from cython.parallel cimport parallel, threadid
from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc

from activations cimport SOFTMAX
from batch cimport finish_step, groups_of, take_part
from dense cimport pack_rows, packed_size, rows_pay
from dropout cimport no_dropout
from losses cimport LOG_LOSS, POISSON
from optimizers cimport NADAM
from network cimport (
    Block, Data, Network, block_samples, close_block, cycles_of, load_block, open_block, output_loss, predict,
)
from once cimport (
    activate, bias_gradient, forward_rows, layer_backward, layer_forward, layer_gradient, multiply_by_derivative, penalty_of,
    softmax,
)
from pace cimport GRADIENTS, LAYERS, LAYERS_BACK, PACES, PREDICTIONS, STEPS, Pace, Paced, begin, end
from panels cimport clear_past, load_rows, store_rows, vectors_of
from real cimport LANES, VECTOR_BYTES, broadcast, load, real, vec, vec_sum
from row cimport row_predict
from step cimport NO_OPTIMIZER, Step, count_momenta
from threads cimport (
    LEAST_CYCLES, LEAST_CYCLES_ONCE, MAX_THREADS, Span, Team, Watch, is_raised, look_for_signals, share, take_span,
    team_of, team_size, threads_allowed, threads_in_team, wait, watch_from_now,
)

itemsize = sizeof(real)
lanes = LANES
vector_bytes = VECTOR_BYTES

cdef enum:
    TEAM_PARAMS = 4096      # from here on a block is work for a team
    SPAN_ROWS = 48          # of a layer by itself, the least that a member of a team takes: whole strips of six or four

cdef Pace[PACES] notes
paces = <double[:PACES, :sizeof(Pace) // sizeof(double)]><double*>notes

include "once.pxi"


cdef inline Network network_of(const Py_ssize_t[::1] sizes, const int[::1] activations, double leak, int loss,
                               double loss_parameter, const real[::1] params) noexcept:
    cdef Network net
    net.layers = activations.shape[0]
    net.sizes = &sizes[0]
    net.activations = &activations[0]
    net.leak = leak
    net.loss = loss
    net.loss_parameter = loss_parameter
    net.params = &params[0]
    return net


cdef inline Data data_of(const real[:, ::1] X, const real[:, ::1] Y, const int64_t[::1] classes,
                         const real[::1] weights) noexcept:
    cdef Data data
    data.X, data.m = &X[0, 0], X.shape[0]
    data.Y = &Y[0, 0] if Y is not None else NULL
    data.classes = &classes[0] if classes is not None else NULL
    data.weights = &weights[0] if weights is not None else NULL
    data.order = NULL
    data.smoothing = 0
    data.dropout = no_dropout()
    return data


cdef bint open_blocks(Block* blocks, int n, const Network* net, Py_ssize_t m, bint training) noexcept nogil:
    cdef int i
    for i in range(n):
        if not open_block(&blocks[i], net, m, training):
            close_blocks(blocks, i)
            return False
    return True


cdef void close_blocks(Block* blocks, int n) noexcept nogil:
    cdef int i
    for i in range(n):
        close_block(&blocks[i])


cdef int finish(const Watch* watch) except -1:
    """Raise what a signal's handler raised, if one did: the error is set already."""
    return -1 if watch.stop else 0


def max_threads():
    """The limit of OMP_NUM_THREADS and threadpoolctl; 1 in a build without OpenMP"""
    return threads_allowed()


cdef struct Prediction:
    const Network* net
    Block* blocks           # one for each thread
    const real* X
    Py_ssize_t m, rows      # of all, and of a block
    real* out
    int turn                # how many spans of rows the team has taken
    Watch watch


cdef void predict_part(Prediction* p, Team team) noexcept nogil:
    """Spans of rows that nobody has taken yet, block by block; half a block at the end, which all reach at about one time"""
    cdef Py_ssize_t unit = (p.rows // 2 + 2 * LANES - 1) // (2 * LANES) * 2 * LANES, rows
    cdef Span span
    span.first = span.last = 0
    while take_span(&span, &p.turn, p.m, unit, team):
        while span.first < span.last and not is_raised(&p.watch.stop):
            rows = p.rows if p.rows < span.last - span.first else span.last - span.first
            predict(p.net, &p.blocks[team.member], p.X + span.first * p.net.sizes[0], rows,
                    p.out + span.first * p.net.sizes[p.net.layers])
            if team.member == 0:
                look_for_signals(&p.watch, cycles_of(p.net, 0, rows, 1))
            span.first += rows


def forward(const Py_ssize_t[::1] sizes, const int[::1] activations, double leak, const real[::1] params,
            const real[:, ::1] X, real[:, ::1] out, int n_threads=1):
    """out (m, n_L) = A[L] of X (m, n_0)"""
    cdef Network net = network_of(sizes, activations, leak, 0, 0, params)
    cdef Block[MAX_THREADS] blocks
    cdef Prediction p
    cdef Py_ssize_t m = X.shape[0]
    cdef double cycles = cycles_of(&net, params.shape[0], m, 1)
    cdef Paced paced
    cdef int size
    if m == 0:
        return
    paced = begin(notes, PREDICTIONS, team_size(n_threads, cycles, LEAST_CYCLES_ONCE), cycles)
    size = paced.size
    if not open_blocks(blocks, size, &net, (m + size - 1) // size, False):
        raise MemoryError("no memory for the workspace of a prediction")
    p.net, p.blocks, p.X, p.m, p.out = &net, blocks, &X[0, 0], m, &out[0, 0]
    p.rows, p.turn, p.watch = blocks[0].samples, 0, watch_from_now()
    if size == 1:
        with nogil:
            predict_part(&p, team_of(0, 1))
    else:
        with nogil, parallel(num_threads=size):
            predict_part(&p, team_of(threadid(), threads_in_team()))
    close_blocks(blocks, size)
    end(paced)
    finish(&p.watch)


cdef void take_step(Step* s, int n_threads, int kind) noexcept nogil:
    """A step by as many threads as have enough to do in it, or by one where that is faster"""
    cdef double cycles = 0
    cdef Paced paced
    cdef int size = 1
    if n_threads > 1 and (s.groups > 1 or s.P >= TEAM_PARAMS):
        cycles = cycles_of(s.net, s.P, s.rows, 3 if s.grad != NULL else 1)
        size = team_size(n_threads, cycles, LEAST_CYCLES if kind == STEPS else LEAST_CYCLES_ONCE)
        size = s.groups if 1 < s.groups < size else size
    paced = begin(notes, kind, size, cycles)
    take_step_by(s, paced.size)
    end(paced)


cdef void part_of_step(Step* s, Team team) noexcept nogil:
    take_part(s, team)


cdef void take_step_by(Step* s, int size) noexcept nogil:
    """A step by a team of that size"""
    s.next_group = 0
    if size == 1:
        part_of_step(s, team_of(0, 1))
    else:
        with parallel(num_threads=size):
            part_of_step(s, team_of(threadid(), threads_in_team()))


cdef int open_step(Step* s, Block* blocks, const Network* net, Py_ssize_t P, Py_ssize_t rows, int* n_threads) noexcept nogil:
    """Everything that steps on batches of `rows` rows at most need; the number of blocks, 0 if there is no memory"""
    cdef int n, i
    s.net, s.blocks, s.P = net, blocks, P
    s.watch = watch_from_now()
    s.groups = groups_of(rows, block_samples(net, rows), P)
    n_threads[0] = team_size(n_threads[0], cycles_of(net, P, rows, 3), LEAST_CYCLES)
    n = 1
    if s.groups > 1:
        n = n_threads[0] if n_threads[0] < s.groups else s.groups
    s.partial = <real*>malloc(s.groups * P * sizeof(real)) if s.groups > 1 else NULL
    if s.groups > 1 and s.partial == NULL or not open_blocks(blocks, n, net, rows, True):
        free(s.partial)
        return 0
    # Where a team may work on a block, the block's loss is added up from each panel's.
    for i in range(n):
        blocks[i].loss_vectors = 2 if P >= TEAM_PARAMS else blocks[i].loss_vectors
    return n


cdef void close_step(Step* s, int blocks) noexcept nogil:
    close_blocks(s.blocks, blocks)
    free(s.partial)


def accumulate_grad(const Py_ssize_t[::1] sizes, const int[::1] activations, double leak, int loss, double loss_parameter,
                    const real[::1] params, const real[:, ::1] X, const real[:, ::1] Y, const int64_t[::1] classes,
                    const real[::1] weights, real[::1] grad, int n_threads=1, bint training=False):
    """grad (P,) += d sum_i w_i L(a_i, y_i) / d params, unless it is None; returns (sum_i w_i L(a_i, y_i), sum_i w_i).

    training: one call of many, for which less work is enough for threads.
    """
    cdef Network net = network_of(sizes, activations, leak, loss, loss_parameter, params)
    cdef Block[MAX_THREADS] blocks
    cdef Step s
    cdef int n = open_step(&s, blocks, &net, params.shape[0], X.shape[0], &n_threads)
    if n == 0:
        raise MemoryError("no memory for the workspace of a gradient")
    s.data = data_of(X, Y, classes, weights)
    s.first, s.rows, s.load, s.optimizer = 0, X.shape[0], True, NO_OPTIMIZER
    s.grad, s.add = &grad[0] if grad is not None else NULL, True
    with nogil:
        take_step(&s, n_threads, STEPS if training else GRADIENTS)
    close_step(&s, n)
    finish(&s.watch)
    return s.loss_sum, s.weight_sum


cdef void train_epochs(Step* s, const int64_t* order, Py_ssize_t m, Py_ssize_t epochs, Py_ssize_t batch_size, bint load_once,
                       double objective_scale, const double* rates, double* hyper, int64_t* step, double* cost,
                       int n_threads) noexcept nogil:
    """All epochs, or those up to a Ctrl-C or a cost that is not finite; `step` counts the steps that were done"""
    cdef Py_ssize_t epoch, first
    cdef double loss_sum, weight_sum, penalty = 0, objective
    for epoch in range(epochs):
        s.data.order = order + epoch * m if order != NULL else NULL
        hyper[0] = rates[epoch]
        loss_sum = weight_sum = objective = 0
        first = 0
        while first < m:
            s.first, s.rows = first, batch_size if batch_size < m - first else m - first
            s.groups = groups_of(s.rows, s.blocks[0].samples, s.P)
            s.number = step[0] + 1
            s.load = not load_once or epoch == 0
            s.data.dropout.step, s.data.dropout.batch = s.number, first
            if objective_scale > 0:
                penalty = penalty_of(s)
            take_step(s, n_threads, STEPS)
            if s.watch.stop:
                return
            if s.weight_sum > 0:
                step[0] += 1
                objective += s.rows * (objective_scale * s.loss_sum + penalty) / s.weight_sum
            loss_sum += s.loss_sum
            weight_sum += s.weight_sum
            first += s.rows
            if not isfinite(loss_sum):
                break
        cost[epoch] = loss_sum / weight_sum if weight_sum > 0 else 0
        if objective_scale > 0 and isfinite(loss_sum):
            cost[epoch] = objective / m
        if not isfinite(loss_sum):
            return


def train(const Py_ssize_t[::1] sizes, const int[::1] activations, double leak, int loss, double loss_parameter,
          real[::1] params, const real[:, ::1] X, const real[:, ::1] Y, const int64_t[::1] classes, const real[::1] weights,
          const int64_t[:, ::1] order, Py_ssize_t n_epochs, Py_ssize_t batch_size, double l2, double l1, double clip_norm,
          double objective_scale, const double[::1] dropout, uint64_t dropout_seed, int optimizer, const double[::1] rates,
          const double[::1] hyper, real[:, ::1] state, int64_t[::1] step, double[::1] cost, int n_threads=1):
    """n_epochs passes of minibatch descent, in place on params (P,), state (k, P) and step (1,); cost (n_epochs,) is filled.

    Minimises (sum_i w_i L(a_i, y_i) + l2 / 2 |W|^2 + l1 sum |W|) / sum_i w_i of each batch, its gradient's norm cut to
    clip_norm; a batch whose weights are all 0 is skipped. With objective_scale > 0 the cost is the batches' own, that times
    J and the penalties, weighted by their rows. rates (n_epochs,) stand for hyper[0]; dropout (L - 1,) or None.
    The GIL is taken only to look for signals. An interrupt leaves the parameters of the last finished step; a loss that is
    not finite ends the training, and is the last epoch's cost.
    """
    cdef Network net = network_of(sizes, activations, leak, loss, loss_parameter, params)
    cdef Block[MAX_THREADS] blocks
    cdef Step s
    cdef double[8] rules
    cdef Py_ssize_t m = X.shape[0], P = params.shape[0], i
    cdef Py_ssize_t most = batch_size if batch_size < m else m
    cdef const int64_t* rows = &order[0, 0] if order is not None else NULL
    cdef real* grad = <real*>malloc(P * sizeof(real))
    cdef int n = open_step(&s, blocks, &net, P, most, &n_threads) if grad != NULL else 0
    if n == 0:
        free(grad)
        raise MemoryError("no memory for the workspace of a training run")
    for i in range(hyper.shape[0]):
        rules[i] = hyper[i]
    s.data = data_of(X, Y, classes, weights)
    s.data.dropout.rates = &dropout[0] if dropout is not None else NULL
    s.data.dropout.seed = dropout_seed
    s.grad, s.add = grad, False
    s.optimizer, s.params, s.hyper, s.l2, s.l1, s.clip_norm = optimizer, &params[0], rules, l2, l1, clip_norm
    s.state = &state[0, 0] if state.shape[0] > 0 else NULL
    s.mu_product, s.mu_factors = 1, 0
    with nogil:
        train_epochs(&s, rows, m, n_epochs, batch_size, rows == NULL and most == m and blocks[0].samples >= m,
                     objective_scale, &rates[0], rules, &step[0], &cost[0], n_threads)
    close_step(&s, n)
    free(grad)
    finish(&s.watch)


def optimize(const Py_ssize_t[::1] sizes, const int[::1] activations, real[::1] params, real[::1] grad, double weight_sum,
             double l2, double l1, double clip_norm, int optimizer, const double[::1] hyper, real[:, ::1] state,
             int64_t[::1] step):
    """One step, as in `train`, on grad (P,), the gradient of sum_i w_i L(a_i, y_i), and weight_sum > 0; grad is used up."""
    cdef Network net = network_of(sizes, activations, 0, 0, 0, params)
    cdef Step s
    s.net, s.P, s.groups, s.grad, s.scale = &net, params.shape[0], 1, &grad[0], 1 / weight_sum
    s.optimizer, s.params, s.hyper = optimizer, &params[0], &hyper[0]
    s.l2, s.l1, s.clip_norm, s.number = l2, l1, clip_norm, step[0] + 1
    s.state = &state[0, 0] if state.shape[0] > 0 else NULL
    s.mu_product, s.mu_factors = 1, 0
    with nogil:
        if optimizer == NADAM:
            count_momenta(&s)
        finish_step(&s, True, team_of(0, 1))
    step[0] += 1


def output_gradient(int activation, double leak, int loss, double loss_parameter, real[:, ::1] Z, const real[:, ::1] Y,
                    const int64_t[::1] classes, const real[::1] weights):
    """Z (m, n) <- dZ, the derivatives of sum_i w_i L(a_i, y_i) by Z; returns that sum."""
    cdef Py_ssize_t[2] sizes = [Z.shape[1], Z.shape[1]]
    cdef Py_ssize_t first = 0, rows, m = Z.shape[0]
    cdef Data data = data_of(Z, Y, classes, weights)
    cdef Network net
    cdef Block block
    cdef double total = 0
    net.layers, net.sizes, net.activations, net.leak = 1, sizes, &activation, leak
    net.loss, net.loss_parameter = loss, loss_parameter
    if not open_block(&block, &net, m, True):
        raise MemoryError("no memory for the workspace of a layer")
    while first < m:
        rows = block.samples if block.samples < m - first else m - first
        load_block(&net, &block, &data, first, rows, False, vectors_of(rows) * LANES, 0)
        load_rows(&Z[0, 0], m, sizes[1], NULL, first, rows, block.A[1], NULL, 0, 0)
        total += output_loss(&net, &block, 0, vectors_of(rows))
        store_rows(block.A[1], sizes[1], rows, &Z[first, 0])
        first += rows
    close_block(&block)
    return total


cdef bint all_finite(const real* x, Py_ssize_t n) noexcept nogil:
    """0 x is 0, or else NaN, which no sum loses again."""
    cdef vec[8] sums    # each waits for the one before
    cdef real rest = 0
    cdef Py_ssize_t i = 0
    cdef int k
    for k in range(8):
        sums[k] = broadcast(0)
    while i + 8 * LANES <= n:
        for k in range(8):
            sums[k] += <real>0 * load(x + i + k * LANES)
        i += 8 * LANES
    while i + LANES <= n:
        sums[0] += <real>0 * load(x + i)
        i += LANES
    while i < n:
        rest += <real>0 * x[i]
        i += 1
    for k in range(1, 8):
        sums[0] += sums[k]
    return vec_sum(sums[0]) + rest == <real>0


def first_nonfinite(const real[:, ::1] a):
    """Number of the first row that holds a NaN or an infinity, -1 if there is none"""
    cdef Py_ssize_t i = 0, n = a.shape[0] * a.shape[1]
    cdef const real* x
    if n == 0:
        return -1
    x = &a[0, 0]
    with nogil:
        if all_finite(x, n):
            i = -1
        else:
            while x[i] - x[i] == <real>0:
                i += 1
    return i // a.shape[1] if i >= 0 else -1


cdef struct Layer:
    const real* W           # (n_out, n_in)
    const real* b
    Py_ssize_t n_out, n_in
    int activation
    real leak
    const real* X           # (m, n_in)
    Py_ssize_t m
    real* A                 # (m, n_out)
    real* dA                # (m, n_out)
    real* dW
    real* db
    real* dX                # (m, n_in) or NULL
    Block* blocks
    real* packed            # (threads, packed_size), or NULL for blocks
    int turn                # how many spans of rows the team has taken


cdef void forward_part(Layer* p, Team team) noexcept nogil:
    """A = g(X W^T + b): spans of rows that nobody has taken yet as they lie, or a member's own panels of a block"""
    cdef Py_ssize_t first, last, rows
    cdef Block* block = &p.blocks[team.member]
    cdef real* packed
    cdef real* A
    cdef Span span
    if p.packed != NULL:
        packed = p.packed + team.member * packed_size(p.n_out, p.n_in)
        pack_rows(p.W, p.b, p.n_out, p.n_in, packed)
        span.first = span.last = 0
        while take_span(&span, &p.turn, p.m, SPAN_ROWS, team):
            forward_rows(packed, p.n_out, p.n_in, p.X + span.first * p.n_in, span.last - span.first, p.activation, p.leak,
                         p.A + span.first * p.n_out)
        return
    first, last = share(p.m, 2 * LANES, team, team.member), share(p.m, 2 * LANES, team, team.member + 1)
    A = block.A[1]
    while first < last:
        rows = block.samples if block.samples < last - first else last - first
        load_rows(p.X, p.m, p.n_in, NULL, first, rows, block.A[0], NULL, 0, 0)
        layer_forward(p.W, p.b, 0, p.n_out, p.n_out, p.n_in, block.A[0], vectors_of(rows), A)
        if p.activation == SOFTMAX:
            softmax(0, A, NULL, NULL, p.n_out, vectors_of(rows))
        else:
            activate(p.activation, p.leak, A, vectors_of(rows) * LANES * p.n_out)
        store_rows(A, p.n_out, rows, p.A + first * p.n_out)
        first += rows


cdef bint layer_entry(const void* X, Py_ssize_t m, Py_ssize_t n_in, const void* W, Py_ssize_t n_out, const void* b,
                      int activation, double leak, void* A, int n_threads) noexcept nogil:
    """A (m, n_out) = g(X W^T + b); False if there is no memory. No element type in its signature: see layer.pyx."""
    cdef Py_ssize_t[2] sizes = [n_in, n_out]
    cdef Network net
    cdef Block[MAX_THREADS] blocks
    cdef Layer p
    cdef double cycles
    cdef Paced paced
    cdef int size
    if m == 0:
        return True
    net.layers, net.sizes, net.activations, net.leak = 1, sizes, &activation, leak
    cycles = cycles_of(&net, n_in * n_out, m, 1)
    paced = begin(notes, LAYERS, team_size(n_threads, cycles, LEAST_CYCLES_ONCE), cycles)
    size = paced.size
    p.X, p.W, p.b, p.A = <const real*>X, <const real*>W, <const real*>b, <real*>A
    p.m, p.n_in, p.n_out, p.activation, p.leak, p.blocks = m, n_in, n_out, activation, leak, blocks
    p.packed, p.turn = NULL, 0
    if activation != SOFTMAX and rows_pay(n_out, n_in):
        p.packed = <real*>malloc(size * packed_size(n_out, n_in) * sizeof(real))
        if p.packed == NULL:
            return False
    elif not open_blocks(blocks, size, &net, (m + size - 1) // size + 2 * LANES, False):
        return False
    if size == 1:
        forward_part(&p, team_of(0, 1))
    else:
        with parallel(num_threads=size):
            forward_part(&p, team_of(threadid(), threads_in_team()))
    if p.packed == NULL:
        close_blocks(blocks, size)
    free(p.packed)
    end(paced)
    return True


def dense_forward(const real[:, ::1] X, const real[:, ::1] W, const real[::1] b, int activation, double leak,
                  real[:, ::1] out, int n_threads=1):
    """out (m, n_out) = g(X W^T + b)"""
    cdef bint done = True
    if X.shape[0] > 0:
        with nogil:
            done = layer_entry(&X[0, 0], X.shape[0], X.shape[1], &W[0, 0], W.shape[0], &b[0], activation, leak, &out[0, 0],
                               n_threads)
    if not done:
        raise MemoryError("no memory for the workspace of a layer")


cdef void backward_part(Layer* p, Team team) noexcept nogil:
    """A member's rows of dX and of dW, block after block"""
    cdef Block* block = &p.blocks[0]
    cdef Py_ssize_t first = 0, rows, samples, skip, own, vectors
    cdef Py_ssize_t low = share(p.n_out, 6, team, team.member), high = share(p.n_out, 6, team, team.member + 1)
    cdef real* A_0
    cdef real* dZ
    while first < p.m:
        rows = block.samples if block.samples < p.m - first else p.m - first
        samples = vectors_of(rows) * LANES
        skip = share(samples, 2 * LANES, team, team.member)
        own = share(samples, 2 * LANES, team, team.member + 1) - skip
        own = own if skip + own < rows else rows - skip
        vectors = vectors_of(own)
        A_0, dZ = block.A[0] + skip * p.n_in, block.Y + skip * p.n_out
        if own > 0:
            load_rows(p.X, p.m, p.n_in, NULL, first + skip, own, A_0, block.F_0, samples, skip)
            load_rows(p.A, p.m, p.n_out, NULL, first + skip, own, block.A[1] + skip * p.n_out, NULL, 0, 0)
            load_rows(p.dA, p.m, p.n_out, NULL, first + skip, own, dZ, NULL, 0, 0)
            clear_past(dZ, p.n_out, own)
            multiply_by_derivative(p.activation, p.leak, block.A[1] + skip * p.n_out, dZ, vectors * LANES * p.n_out)
        wait(team)
        layer_gradient(block.Y, low, high, p.n_out, block.F_0, p.n_in, rows, True, p.dW)
        bias_gradient(block.Y, low, high, p.n_out, vectors_of(rows), True, p.db)
        if p.dX != NULL and own > 0:
            layer_backward(p.W, p.n_out, 0, p.n_in, p.n_in, dZ, vectors, A_0)
            store_rows(A_0, p.n_in, own, p.dX + (first + skip) * p.n_in)
        wait(team)
        first += rows


def dense_backward(const real[:, ::1] dA, const real[:, ::1] A, const real[:, ::1] X, const real[:, ::1] W, int activation,
                   double leak, real[:, ::1] dW, real[::1] db, real[:, ::1] dX, int n_threads=1):
    """dZ = dA * g'(Z) from A; dW (n_out, n_in) += dZ^T X, db (n_out,) += sum dZ, dX (m, n_in) = dZ W unless it is None"""
    cdef Py_ssize_t[2] sizes = [W.shape[1], W.shape[0]]
    cdef Network net
    cdef Block block
    cdef Layer p
    cdef Paced paced
    cdef int size
    if X.shape[0] == 0:
        return
    net.layers, net.sizes, net.activations, net.leak = 1, sizes, &activation, leak
    if not open_block(&block, &net, X.shape[0], True):
        raise MemoryError("no memory for the workspace of a layer")
    p.X, p.W, p.m, p.n_in, p.n_out, p.blocks = &X[0, 0], &W[0, 0], X.shape[0], sizes[0], sizes[1], &block
    p.A, p.dA, p.activation, p.leak = <real*>&A[0, 0], <real*>&dA[0, 0], activation, leak
    p.dW, p.db, p.dX = &dW[0, 0], &db[0], &dX[0, 0] if dX is not None else NULL
    size = team_size(n_threads, cycles_of(&net, sizes[0] * sizes[1], block.samples, 2), LEAST_CYCLES_ONCE)
    paced = begin(notes, LAYERS_BACK, size, cycles_of(&net, sizes[0] * sizes[1], p.m, 2))
    size = paced.size
    if size == 1:
        with nogil:
            backward_part(&p, team_of(0, 1))
    else:
        with nogil, parallel(num_threads=size):
            backward_part(&p, team_of(threadid(), threads_in_team()))
    close_block(&block)
    end(paced)


cdef void row_entry(Py_ssize_t layers, const Py_ssize_t* sizes, const int* activations, double leak, const void* params,
                    const void* x, void* out, void* scratch) noexcept nogil:
    """row_predict without the element type in its signature, for the class that is built once for all builds."""
    cdef Network net
    net.layers, net.sizes, net.activations, net.leak = layers, sizes, activations, leak
    net.params = <const real*>params
    row_predict(&net, <const real*>x, <real*>out, <real*>scratch)


cdef int gradient_entry(Py_ssize_t layers, const Py_ssize_t* sizes, const int* activations, double leak, int loss,
                        double loss_parameter, const void* params, Py_ssize_t P, const void* X, const void* Y,
                        Py_ssize_t m, void* grad, int n_threads, double* J) noexcept nogil:
    """J and its gradient (P,), 1 returned; 0 if X (m, n_0) or Y (m, n_L) is not fit for the loss; -1 with a Python error
    set, -2 if there is no memory. No element type in its signature: see mlp.pyx."""
    cdef Network net
    cdef Block[MAX_THREADS] blocks
    cdef Step s
    cdef const real* y = <const real*>Y
    cdef real* g = <real*>grad
    cdef real weight
    cdef Py_ssize_t i
    cdef int n, bad = 0
    net.layers, net.sizes, net.activations, net.leak = layers, sizes, activations, leak
    net.loss, net.loss_parameter = loss, loss_parameter
    net.params = <const real*>params
    if not all_finite(<const real*>X, m * sizes[0]) or not all_finite(y, m * sizes[layers]):
        return 0
    if loss == LOG_LOSS or loss == POISSON:
        for i in range(m * sizes[layers]):
            bad |= (y[i] < <real>0) | (loss == LOG_LOSS and y[i] > <real>1)
        if bad:
            return 0
    n = open_step(&s, blocks, &net, P, m, &n_threads)
    if n == 0:
        return -2
    s.data.X, s.data.Y, s.data.m = <const real*>X, y, m
    s.data.classes, s.data.weights, s.data.order, s.data.smoothing = NULL, NULL, NULL, 0
    s.data.dropout = no_dropout()
    s.first, s.rows, s.load, s.optimizer, s.grad, s.add = 0, m, True, NO_OPTIMIZER, g, False
    take_step(&s, n_threads, GRADIENTS)
    close_step(&s, n)
    if s.watch.stop:
        return -1
    J[0] = s.loss_sum / s.weight_sum
    weight = s.weight_sum
    for i in range(P):
        g[i] /= weight
    return 1


row_function = PyCapsule_New(<void*>row_entry, "shallownet_c.row", NULL)
gradient_function = PyCapsule_New(<void*>gradient_entry, "shallownet_c.gradient", NULL)
layer_function = PyCapsule_New(<void*>layer_entry, "shallownet_c.layer", NULL)
