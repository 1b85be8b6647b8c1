# cython: cdivision=True
"""Networks of one shape in batches of a few rows, trained together: lanes are networks, one in each.

Where one network has a number there is a vector here, of that number of each network: parameters, gradient and state are
(P, LANES), and A[l], dZ and dA are (rows, n_l, LANES). Each network has its own rows, in its own order. Sums are made in the
order in which few_rows.pxd and row.pxd make them, so that each network gets the bits that it gets alone.
"""

from libc.math cimport isfinite
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from activations cimport needs_z
from api cimport DONE, MAX_HYPER, NO_MEMORY, PYTHON_ERROR, UNFIT_DATA, fit_t, layer_t, model_t, rows_t, rule_t, run_t
from batch cimport finish_step
from block cimport Block, carve, close_block, open_block, smooth_labels
from few_rows cimport add_row
from lane_sums cimport forward
from network cimport are_few, loss_of
from once cimport activate, multiply_by_derivative
from optimizers cimport begin_update, vectors_of_rule
from panels cimport row_of
from real cimport LANES, MAX_LANES, broadcast, load, real, store, vec
from step cimport Step
from threads cimport is_raised, look_for_signals, team_of, watch_from_now
from training cimport take_rule

cdef enum:
    STRIP = 4               # numbers of a row of `product` at a time
    MOST_PARAMS = 48        # for each lane: in larger networks the update, which gains nothing, takes most of the time


cdef struct Lane:
    # Where a network's rows are, in the order of the epoch at hand.
    const real* X
    const real* Y
    const int64_t* classes
    const int64_t* order


cdef struct Lanes:
    const fit_t* fits               # (n,)
    Py_ssize_t n                    # lanes past the last network repeat the first
    const model_t* net              # the first network
    Block block                     # whose samples are (rows, LANES)
    char* memory
    model_t wide                    # as one network, for the update: LANES n_l units in layer l
    rule_t rule
    Lane[MAX_LANES] lane


cdef inline int how_many_together(const model_t* net, Py_ssize_t rows) noexcept nogil:
    """How many networks like this one can be trained together in batches of at most `rows` rows; 1 if that does not pay"""
    return <int>LANES if net.P <= MOST_PARAMS * LANES and are_few(net, rows, NULL) else 1


cdef inline bint go_together(const fit_t* fits, Py_ssize_t n, const run_t* run) noexcept nogil:
    """Whether these fits differ in their parameters, their rows and the order of them alone, and are of a kind that is here"""
    cdef const model_t* net = fits[0].net
    cdef const rows_t* data = fits[0].data
    cdef const rule_t* rule = fits[0].rule
    cdef const model_t* other
    cdef Py_ssize_t i, l
    if (not 0 < n <= LANES or run.dropout != NULL or run.objective_scale > 0 or run.rounded or rule.l1 > 0
            or isfinite(rule.clip_norm) or rule.vectors < vectors_of_rule(rule.code, rule.hyper)
            or how_many_together(net, run.batch_size if run.batch_size < data.taken else data.taken) < n):
        return False
    for i in range(n):
        other = fits[i].net
        if (other.layers != net.layers or other.P != net.P or fits[i].data.taken != data.taken
                or (fits[i].data.classes == NULL) != (data.classes == NULL)
                or fits[i].data.starts != NULL or fits[i].data.weights != NULL or fits[i].rule.vectors != rule.vectors
                or fits[i].rule.step[0] != rule.step[0]):
            return False
        for l in range(net.layers):
            if (other.layer[l].n_in != net.layer[l].n_in or other.layer[l].n_out != net.layer[l].n_out
                    or other.layer[l].activation != net.layer[l].activation):
                return False
    return True


cdef inline void interleave(const real* a, Py_ssize_t n, int lane, real* vectors) noexcept nogil:
    """vectors (n, LANES): one lane <- a (n,)"""
    cdef Py_ssize_t i
    for i in range(n):
        vectors[i * LANES + lane] = a[i]


cdef inline void bring_back(const real* vectors, Py_ssize_t n, int lane, real* a) noexcept nogil:
    """a (n,) <- one lane of vectors (n, LANES)"""
    cdef Py_ssize_t i
    for i in range(n):
        a[i] = vectors[i * LANES + lane]


cdef inline bint open_lanes(Lanes* g, const fit_t* fits, Py_ssize_t n, Py_ssize_t rows, real** grad) noexcept nogil:
    """Everything but the orders, and room for the gradient; False if there is no memory."""
    cdef const model_t* net = fits[0].net
    cdef Py_ssize_t P = net.P, vectors = fits[0].rule.vectors, l
    cdef const fit_t* fit
    cdef layer_t* layer
    cdef real* state
    cdef char* at
    cdef int lane
    if not open_block(&g.block, net, rows * LANES, True):
        return False
    g.memory = <char*>malloc((2 + vectors) * P * LANES * sizeof(real) + net.layers * sizeof(layer_t) + 64 * 4)
    if g.memory == NULL:
        close_block(&g.block)
        return False
    at = g.memory + (64 - <size_t>g.memory % 64)
    g.fits, g.n, g.net = fits, n, net
    g.wide, g.rule = net[0], fits[0].rule[0]
    g.wide.params, grad[0], state = carve(&at, P * LANES), carve(&at, P * LANES), carve(&at, vectors * P * LANES)
    layer = <layer_t*>at
    for l in range(net.layers):
        layer[l] = net.layer[l]
        layer[l].n_out, layer[l].W, layer[l].b = LANES * layer[l].n_out, LANES * layer[l].W, LANES * layer[l].b
    g.wide.layer, g.wide.P, g.rule.state = layer, LANES * P, state
    store(g.block.w, broadcast(1))
    for lane in range(LANES):
        fit = fits + (lane if lane < n else 0)
        interleave(<const real*>fit.net.params, P, lane, <real*>g.wide.params)
        interleave(<const real*>fit.rule.state, vectors * P, lane, state)
        g.lane[lane].X, g.lane[lane].Y, g.lane[lane].classes = <const real*>fit.data.X, <const real*>fit.data.Y, fit.data.classes
    return True


cdef inline void close_lanes(Lanes* g) noexcept nogil:
    """The networks have their parameters and their state again."""
    cdef int lane
    for lane in range(<int>g.n):
        bring_back(<const real*>g.wide.params, g.net.P, lane, <real*>g.fits[lane].net.params)
        bring_back(<const real*>g.rule.state, g.rule.vectors * g.net.P, lane, <real*>g.fits[lane].rule.state)
    free(g.memory)
    close_block(&g.block)


cdef inline void load_batch(const Lanes* g, Py_ssize_t first, Py_ssize_t rows) noexcept nogil:
    """X in A[0] (rows, n_0, LANES), and Y (rows, n_L, LANES)"""
    cdef Py_ssize_t n_0 = g.net.layer[0].n_in, n = g.net.layer[g.net.layers - 1].n_out, s, k, row
    cdef const rows_t* data = g.fits[0].data
    cdef const real* x
    cdef real* a = g.block.A[0]
    cdef real* y = g.block.Y
    cdef int lane
    if data.classes != NULL:
        memset(y, 0, rows * n * LANES * sizeof(real))
    for s in range(rows):
        for lane in range(LANES):
            row = row_of(g.lane[lane].order, first, rows, s)
            x = g.lane[lane].X + row * n_0
            for k in range(n_0):
                a[k * LANES + lane] = x[k]
            if data.classes != NULL:
                y[g.lane[lane].classes[row] * LANES + lane] = 1
            else:
                for k in range(n):
                    y[k * LANES + lane] = g.lane[lane].Y[row * n + k]
        a += n_0 * LANES
        y += n * LANES
    if data.smoothing > 0:
        smooth_labels(g.net, data.smoothing, g.block.Y, rows * n * LANES)


cdef inline void product_strip(const int width, const real* D, Py_ssize_t step, Py_ssize_t p, const real* B, Py_ssize_t n,
                               real* C) noexcept nogil:
    """`width` numbers of a row of `product`"""
    cdef vec[STRIP] sums
    cdef Py_ssize_t _q
    cdef vec d
    cdef int i
    for i in range(width):
        sums[i] = broadcast(0)
    for _q in range(p):
        d = load(D)
        for i in range(width):
            sums[i] += d * load(B + i * LANES)
        D += step * LANES
        B += n * LANES
    for i in range(width):
        store(C + i * LANES, sums[i])


cdef inline void product(const real* D, Py_ssize_t row_step, Py_ssize_t step, Py_ssize_t rows, Py_ssize_t p, const real* B,
                         Py_ssize_t n, real* C) noexcept nogil:
    """C (rows, n) = D (rows, p) B (p, n) in each lane, as in few_rows.pxd, with D[i, q] at i row_step + q step"""
    cdef Py_ssize_t i, k
    for i in range(rows):
        k = 0
        while k + STRIP <= n:
            product_strip(STRIP, D + i * row_step * LANES, step, p, B + k * LANES, n, C + k * LANES)
            k += STRIP
        while k < n:
            product_strip(1, D + i * row_step * LANES, step, p, B + k * LANES, n, C + k * LANES)
            k += 1
        C += n * LANES


cdef inline void batch_gradient(const Lanes* g, Py_ssize_t rows, real* grad, double* losses) noexcept nogil:
    """grad (P, LANES) and losses (LANES,) <- those of each network's batch in the block, summed up over its rows"""
    cdef const Block* block = &g.block
    cdef const layer_t* layer
    cdef const real* params = <const real*>g.wide.params
    cdef Py_ssize_t L = g.net.layers, n = g.net.layer[L - 1].n_out, n_in, l, s
    cdef real[MAX_LANES] total
    cdef real* dZ = block.A[L]
    cdef int lane
    for l in range(1, L + 1):
        layer = g.net.layer + l - 1
        forward(params + layer.W * LANES, params + layer.b * LANES, layer.n_out, layer.n_in, block.A[l - 1], rows, block.A[l])
        if l < L:
            if needs_z(layer.activation):
                memcpy(block.kept[l], block.A[l], rows * layer.n_out * LANES * sizeof(real))
            activate(layer.activation, g.net.leak, block.A[l], rows * layer.n_out * LANES)
    for lane in range(LANES):
        losses[lane] = 0
    for s in range(rows):
        loss_of(g.net, dZ + s * n * LANES, block.Y + s * n * LANES, block.w, 1, total)
        for lane in range(LANES):
            losses[lane] += <double>total[lane]
    for l in range(L, 0, -1):
        layer = g.net.layer + l - 1
        n, n_in = layer.n_out, layer.n_in
        for s in range(rows):
            add_row(dZ + s * n * LANES, n * LANES, s > 0, grad + layer.b * LANES)
        product(dZ, 1, n, n, rows, block.A[l - 1], n_in, grad + layer.W * LANES)
        if l > 1:
            product(dZ, n, 1, rows, n, params + layer.W * LANES, n_in, block.D[l % 2])
            dZ = block.D[l % 2]
            multiply_by_derivative(g.net.layer[l - 2].activation, g.net.leak, block.kept[l - 1], dZ, rows * n_in * LANES)


cdef inline void epochs_of_all(Lanes* g, Step* s, const run_t* run, double* hyper) noexcept nogil:
    """All epochs, or those up to a Ctrl-C; each network's step counts what was done. A cost that is not finite ends nothing."""
    cdef Py_ssize_t epoch, first, rows, m = g.fits[0].data.taken
    cdef const rows_t* data
    cdef double[MAX_LANES] losses, sums
    cdef int lane
    for epoch in range(run.epochs):
        hyper[0] = run.rates[epoch]
        for lane in range(LANES):
            data = g.fits[lane if lane < g.n else 0].data
            g.lane[lane].order = data.order + epoch * data.stride if data.order != NULL else NULL
            sums[lane] = 0
        first = 0
        while first < m:
            rows = run.batch_size if run.batch_size < m - first else m - first
            load_batch(g, first, rows)
            batch_gradient(g, rows, s.grad, losses)
            s.update.number, s.update.scale = g.rule.step[0] + 1, 1 / <double>rows
            begin_update(&s.update)
            finish_step(s, True, NULL, team_of(0, 1))
            for lane in range(LANES):
                sums[lane] += losses[lane]
            for lane in range(<int>g.n):
                g.fits[lane].rule.step[0] += 1
            first += rows
            look_for_signals(&s.watch, <double>s.P * rows)
            if is_raised(&s.watch.stop):
                return
        for lane in range(<int>g.n):
            g.fits[lane].cost[epoch] = sums[lane] / m


cdef inline int train_together(const fit_t* fits, Py_ssize_t n, const run_t* run) noexcept nogil:
    """`train` of training.pxd for n networks at once; UNFIT_DATA, and nothing is done, unless they `go_together`

    A network whose loss is no longer finite goes on: its costs tell.
    """
    cdef Py_ssize_t m = fits[0].data.taken
    cdef double[MAX_HYPER] hyper
    cdef real* grad = NULL
    cdef Lanes g
    cdef Step s
    if not go_together(fits, n, run):
        return UNFIT_DATA
    if not open_lanes(&g, fits, n, run.batch_size if run.batch_size < m else m, &grad):
        return NO_MEMORY
    s.net, s.P, s.groups, s.grad, s.watch = &g.wide, g.wide.P, 1, grad, watch_from_now(run.stop)
    take_rule(&s, &g.rule, hyper)
    epochs_of_all(&g, &s, run, hyper)
    close_lanes(&g)
    return PYTHON_ERROR if s.watch.stop else DONE
