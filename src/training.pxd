# cython: cdivision=True
"""Gradients, steps and whole trainings, each by as many threads as have enough to do."""

from cython.parallel cimport parallel, threadid
from libc.math cimport isfinite
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from api cimport DONE, MAX_HYPER, NO_MEMORY, PYTHON_ERROR, UNFIT_DATA, model_t, rows_t, rule_t, run_t
from autotune cimport GRADIENTS, STEPS, Choice, begin, end
from batch cimport PARTIAL_BYTES, SHARE, finish_step, groups_of
from block cimport Block, block_samples, close_blocks, open_blocks
from codes cimport SOFTMAX
from dropout cimport no_dropout
from finite cimport are_fit
from network cimport cycles_of
from once cimport penalty_of, step_part
from optimizers cimport NO_RULE, begin_update, vectors_of_rule
from real cimport real
from sparse cimport Turned, add_gradient, bring_back, close_turned, open_copies, open_turned
from step cimport Step
from threads cimport (
    LEAST_CYCLES, LEAST_CYCLES_ONCE, MAX_THREADS, barrier_t, team_of, team_size, threads_in_team, watch_from_now,
)

cdef enum:
    TEAM_PARAMS = 4096      # from here on a block is work for a team
    COPY_STEPS = 16         # from here on copies of the parameters pay


cdef inline int open_step(Step* s, Block* blocks, const model_t* net, const rows_t* data, Py_ssize_t rows,
                          int* n_threads, const int* stop) noexcept nogil:
    """Prepares steps on batches of at most `rows` rows; returns the number of blocks, 0 if there is no memory

    The caller adds the update rule and the gradient.
    """
    cdef int n, i
    s.net, s.data, s.blocks, s.P = net, data[0], blocks, net.P
    s.dropout = no_dropout()
    s.update.code, s.grad, s.add = NO_RULE, NULL, False
    s.first, s.rows, s.load = 0, rows, True
    s.copies, s.fresh, s.l2 = NULL, 0, 0
    memset(&s.barrier, 0, sizeof(barrier_t))
    s.watch = watch_from_now(stop)
    s.groups = groups_of(rows, block_samples(net, rows), net.P)
    n_threads[0] = team_size(n_threads[0], cycles_of(net, rows, 3), LEAST_CYCLES)
    n = 1
    if s.groups > 1:
        n = n_threads[0] if n_threads[0] < s.groups else s.groups
    s.partial = <real*>malloc(s.groups * net.P * sizeof(real)) if s.groups > 1 else NULL
    if s.groups > 1 and s.partial == NULL or not open_blocks(blocks, n, net, rows, True):
        free(s.partial)
        return 0
    # Where a team may work on a block, the block's loss is added up from each panel's.
    for i in range(n):
        blocks[i].loss_vectors = 2 if net.P >= TEAM_PARAMS else blocks[i].loss_vectors
    return n


cdef inline void give_copies(Step* s, Py_ssize_t steps, int n_threads) noexcept nogil:
    """Each member of a team gets a copy of the parameters, if there are steps enough that it pays, and memory.

    A core that writes to cache lines of which another core has a copy, too, waits for each of them: that takes about ten times
    as long as to fetch lines that the other alone has. All members read W. Of what a member updates only the others have the
    lines, since it reads its own copy.
    """
    s.copy_reals = (s.P + SHARE - 1) // SHARE * SHARE
    if (n_threads > 1 and (s.groups > 1 or s.P >= TEAM_PARAMS) and s.net.turned == NULL and steps >= COPY_STEPS
            and n_threads * s.copy_reals * <Py_ssize_t>sizeof(real) <= PARTIAL_BYTES):
        s.copies = <real*>malloc(n_threads * s.copy_reals * sizeof(real))


cdef inline void close_step(Step* s, int blocks) noexcept nogil:
    close_blocks(s.blocks, blocks)
    free(s.partial)
    free(s.copies)


cdef inline void take_step(Step* s, int n_threads, int kind) noexcept nogil:
    """A step by as many threads as have enough to do in it, or by one where that is faster"""
    cdef double cycles = 0
    cdef Choice choice
    cdef int size = 1
    if n_threads > 1 and (s.groups > 1 or s.P >= TEAM_PARAMS):
        cycles = cycles_of(s.net, s.rows, 3 if s.grad != NULL else 1)
        size = team_size(n_threads, cycles, LEAST_CYCLES if kind == STEPS else LEAST_CYCLES_ONCE)
        size = s.groups if 1 < s.groups < size else size
    choice = begin(kind, size, cycles)
    s.next_group = 0
    if choice.size == 1:
        step_part(s, 0, 1)
    else:
        with parallel(num_threads=choice.size):
            step_part(s, threadid(), threads_in_team())
    end(choice)


cdef inline int gradient(const model_t* given, const rows_t* data, void* grad, int n_threads, int training,
                         const int* stop, double* sums) noexcept nogil:
    """grad (P,) += d sum_i w_i L(a_i, y_i) / d params, unless it is NULL; sums <- sum_i w_i L(a_i, y_i), sum_i w_i

    training: one call of many, for which less work is enough for threads.
    """
    cdef Block[MAX_THREADS] blocks
    cdef Step s
    cdef Turned turned
    cdef const model_t* net = given
    cdef real* sum = <real*>grad
    cdef int n
    if data.starts != NULL:
        if not open_turned(&turned, given, data, grad != NULL):
            return NO_MEMORY
        net, sum = &turned.net, turned.grad
    n = open_step(&s, blocks, net, data, data.taken, &n_threads, stop)
    if n > 0:
        s.grad, s.add = sum, True
        take_step(&s, n_threads, STEPS if training else GRADIENTS)
        close_step(&s, n)
    if net.turned != NULL:
        if n > 0 and grad != NULL:
            add_gradient(&turned, <real*>grad)
        close_turned(&turned)
    if n == 0:
        return NO_MEMORY
    sums[0], sums[1] = s.loss_sum, s.weight_sum
    return PYTHON_ERROR if s.watch.stop else DONE


cdef inline int cost_and_grad(const model_t* net, const rows_t* data, void* grad, int n_threads, double* J) noexcept nogil:
    """J and its gradient (P,) of rows without weights; UNFIT_DATA where X and Y are not fit for the loss, or for softmax, whose
    Y is not checked here"""
    cdef Block[MAX_THREADS] blocks
    cdef Step s
    cdef real* g = <real*>grad
    cdef real weight
    cdef Py_ssize_t i
    cdef int n
    if net.layer[net.layers - 1].activation == SOFTMAX:
        return UNFIT_DATA
    n = open_step(&s, blocks, net, data, data.taken, &n_threads, NULL)
    if n == 0:
        return NO_MEMORY
    s.grad = g
    take_step(&s, n_threads, GRADIENTS)
    close_step(&s, n)
    if s.watch.stop:
        return PYTHON_ERROR
    if not are_fit(net, data, s.loss_sum, g):
        return UNFIT_DATA
    J[0] = s.loss_sum / s.weight_sum
    weight = s.weight_sum
    for i in range(net.P):
        g[i] /= weight
    return DONE


cdef inline void take_rule(Step* s, const rule_t* rule, double* hyper) noexcept nogil:
    """The optimizer's step is part of the step from now on, by the numbers in hyper (MAX_HYPER,), copied from the rule."""
    cdef int i
    for i in range(MAX_HYPER):
        hyper[i] = rule.hyper[i]
    s.update.code, s.update.hyper, s.update.state, s.update.P = rule.code, hyper, <real*>rule.state, s.net.P
    s.update.number, s.update.mu_product, s.update.mu_factors = rule.step[0] + 1, 1, 0
    s.params, s.l2, s.l1, s.clip_norm, s.rounded = <real*>s.net.params, rule.l2, rule.l1, rule.clip_norm, False


cdef inline void train_epochs(Step* s, const int64_t* order, const run_t* run, bint load_once, double* hyper, int64_t* step,
                              int n_threads) noexcept nogil:
    """All epochs, or those up to a Ctrl-C or a cost that is not finite; `step` counts the steps that were done"""
    cdef Py_ssize_t epoch, first, m = s.data.taken
    cdef double loss_sum, weight_sum, penalty = 0, objective
    s.blocks[0].stays = load_once
    for epoch in range(run.epochs):
        s.data.order = order + epoch * s.data.stride if order != NULL else NULL
        hyper[0] = run.rates[epoch]
        loss_sum = weight_sum = objective = 0
        first = 0
        while first < m:
            s.first, s.rows = first, run.batch_size if run.batch_size < m - first else m - first
            s.groups = groups_of(s.rows, s.blocks[0].samples, s.P)
            s.update.number = step[0] + 1
            s.load = not load_once or epoch == 0
            s.dropout.step, s.dropout.batch = s.update.number, first
            if run.objective_scale > 0:
                penalty = penalty_of(s)
            take_step(s, n_threads, STEPS)
            if s.watch.stop:
                return
            if s.weight_sum > 0:
                step[0] += 1
                objective += s.rows * (run.objective_scale * s.loss_sum + penalty) / s.weight_sum
            loss_sum += s.loss_sum
            weight_sum += s.weight_sum
            first += s.rows
            if not isfinite(loss_sum):
                break
        run.cost[epoch] = loss_sum / weight_sum if weight_sum > 0 else 0
        if run.objective_scale > 0 and isfinite(loss_sum):
            run.cost[epoch] = objective / m
        if not isfinite(loss_sum):
            return


cdef inline int train_rows(const model_t* net, const rows_t* data, const rule_t* rule, const run_t* run) noexcept nogil:
    """run.epochs passes of minibatch descent, in place on params (P,), state (k, P) and step (1,); cost (epochs,) is filled.

    Minimises (sum_i w_i L(a_i, y_i) + l2 / 2 |W|^2 + l1 sum |W|) / sum_i w_i of each batch, its gradient's norm cut to
    clip_norm; a batch whose weights are all 0 is skipped. With objective_scale > 0 the cost is the batches' own, that times
    J and the penalties, weighted by their rows. rates (epochs,) stand for hyper[0]; dropout (L - 1,) or NULL.
    An interrupt leaves the parameters of the last finished step; a loss that is not finite ends the training, and is the
    last epoch's cost.
    """
    cdef Block[MAX_THREADS] blocks
    cdef Step s
    cdef double[MAX_HYPER] hyper
    cdef Py_ssize_t most = run.batch_size if run.batch_size < data.taken else data.taken
    cdef int n_threads = run.n_threads, n
    cdef real* grad
    grad = <real*>malloc(net.P * sizeof(real))
    n = open_step(&s, blocks, net, data, most, &n_threads, run.stop) if grad != NULL else 0
    if n == 0:
        free(grad)
        return NO_MEMORY
    s.dropout.rates, s.dropout.seed = run.dropout, run.dropout_seed
    s.grad = grad
    take_rule(&s, rule, hyper)
    s.rounded = run.rounded
    give_copies(&s, run.epochs * ((data.taken + most - 1) // most), n_threads)
    train_epochs(&s, data.order, run, data.stride == 0 and most == data.taken and blocks[0].samples >= data.taken, hyper,
                 rule.step, n_threads)
    close_step(&s, n)
    free(grad)
    return PYTHON_ERROR if s.watch.stop else DONE


cdef inline int train(const model_t* net, const rows_t* data, const rule_t* rule, const run_t* run) noexcept nogil:
    """`train_rows`, for sparse rows on turned copies of the parameters and of the rule's state"""
    cdef Turned turned
    cdef rule_t of_turned
    cdef int code
    if rule.vectors < vectors_of_rule(rule.code, rule.hyper):
        return UNFIT_DATA
    if data.starts == NULL:
        return train_rows(net, data, rule, run)
    of_turned = rule[0]
    if not open_copies(&turned, net, data, &of_turned):
        return NO_MEMORY
    code = train_rows(&turned.net, data, &of_turned, run)
    bring_back(&turned, rule)
    close_turned(&turned)
    return code


cdef inline int one_step(const model_t* net, void* grad, double weight_sum, const rule_t* rule) noexcept nogil:
    """One step, as in `train`, on grad (P,), the gradient of sum_i w_i L(a_i, y_i), and weight_sum > 0; grad is used up."""
    cdef double[MAX_HYPER] hyper
    cdef Step s
    if rule.vectors < vectors_of_rule(rule.code, rule.hyper):
        return UNFIT_DATA
    s.net, s.P, s.groups, s.grad = net, net.P, 1, <real*>grad
    take_rule(&s, rule, hyper)
    s.update.scale = 1 / weight_sum
    begin_update(&s.update)
    finish_step(&s, True, NULL, team_of(0, 1))
    rule.step[0] += 1
    return DONE
