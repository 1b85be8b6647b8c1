# cython: cdivision=True
"""One batch: its gradient over all blocks, by one thread or by a team, and the optimizer's step.

A batch of many blocks is cut into groups, each with a gradient of its own; threads take group after group, and the groups
are added up in their order. In a batch of few blocks and many parameters a team works on each block together: samples
are shared out for the layers, rows of dW for the gradient, stretches of the parameters for the update.
"""

from libc.math cimport isfinite, pow, sqrt
from libc.stdint cimport int64_t

from network cimport Block, Data, Network, block_gradient
from optimizers cimport ADAM, RPROP, adam, penalise, rprop, sgd, sgd_momentum, sum_of_squares
from real cimport LANES, magnitude, real
from threads cimport Team, Watch, is_raised, look_for_signals, share, take, team_of, wait

cdef enum:
    NO_OPTIMIZER = -1
    MAX_GROUPS = 32
    GROUP_BYTES = 65536         # of a gradient: a group has a block for each, or adding groups up would be felt
    PARTIAL_BYTES = 67108864    # of the gradients of all groups
    STRETCH = 1024              # of parameters: stays in the first-level cache while groups are added up


cdef struct Step:
    const Network* net
    Data data
    Block* blocks                   # one; where there are groups, one for each thread
    Py_ssize_t P
    Py_ssize_t first, rows          # of the batch
    int groups
    bint load                       # else the block holds the batch already
    real* partial                   # (groups, P) where there are groups
    real* grad                      # (P,), or NULL for the loss alone
    bint add                        # to what grad holds
    int next_group
    double[MAX_GROUPS] loss_sums
    double[MAX_GROUPS] weight_sums
    double loss_sum, weight_sum     # of the batch
    int optimizer                   # NO_OPTIMIZER leaves the parameters alone
    real* params
    real* state                     # (k, P)
    const double* hyper
    double l2, l1
    double clip_norm                # of the whole gradient; infinite: it is left as it is
    double scale                    # times the gradient's sum: 1 / sum of the weights, or less where the norm was too great
    int64_t number                  # of the step: 1, 2, ...
    Watch watch


cdef inline int groups_of(Py_ssize_t rows, Py_ssize_t samples, Py_ssize_t P) noexcept nogil:
    """How many gradients a batch of `rows` rows is summed up in, with blocks of `samples`."""
    cdef Py_ssize_t bytes = P * <Py_ssize_t>sizeof(real)
    cdef Py_ssize_t groups = (rows + samples - 1) // samples // (bytes // GROUP_BYTES + 1)
    groups = groups if groups < MAX_GROUPS else MAX_GROUPS
    return <int>groups if groups > 1 and groups * bytes <= PARTIAL_BYTES else 1


cdef inline Py_ssize_t cut(Py_ssize_t n, Py_ssize_t parts, Py_ssize_t part) noexcept nogil:
    """Where part `part` of n samples begins: parts are about equal, and whole panels but for the last.

    Rounding up keeps each within n / parts where that is a whole number of panels: a block never overflows.
    """
    return n if part == parts else (n * part // parts + 2 * LANES - 1) // (2 * LANES) * (2 * LANES)


cdef inline void one_group(Step* s, int group, Block* block, real* grad, bint add, Team team, bint looks) noexcept nogil:
    """grad = [grad +] the gradient of the group's loss sum; member 0 writes the sums of the loss and of the weights."""
    cdef Py_ssize_t first = s.first + cut(s.rows, s.groups, group), rows = s.first + cut(s.rows, s.groups, group + 1) - first
    cdef Py_ssize_t blocks = (rows + block.samples - 1) // block.samples, i, at, n
    cdef double loss_sum = 0, weight_sum = 0
    for i in range(blocks):
        at = cut(rows, blocks, i)
        n = cut(rows, blocks, i + 1) - at
        loss_sum += block_gradient(s.net, block, &s.data, first + at, n, s.load, grad, add or i > 0, team)
        if team.member == 0:
            weight_sum += block.weight_sum
            s.loss_sums[group], s.weight_sums[group] = loss_sum, weight_sum
        if looks:
            look_for_signals(&s.watch, <double>s.P * n)
        # A team sees the flag as it is between this wait and the next, in the next block: the same for all.
        wait(team)
        if is_raised(&s.watch.stop):
            return


cdef inline void add_up(const Step* s, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """grad = [grad +] the sum of the groups' gradients, in their order, for parameters first ... last"""
    cdef Py_ssize_t i, at = first, end
    cdef const real* partial
    cdef int group
    while at < last:
        end = at + STRETCH if at + STRETCH < last else last
        for group in range(s.groups):
            partial = s.partial + group * s.P
            if group > 0 or s.add:
                for i in range(at, end):
                    s.grad[i] += partial[i]
            else:
                for i in range(at, end):
                    s.grad[i] = partial[i]
        at = end


cdef inline double penalty_of(const Step* s) noexcept nogil:
    """l2 / 2 sum w^2 + l1 sum |w|"""
    cdef const Network* net = s.net
    cdef const real* w = s.params
    cdef Py_ssize_t l, i, n
    cdef double squares = 0, sizes = 0
    for l in range(1, net.layers + 1):
        n = net.sizes[l] * net.sizes[l - 1]
        squares += sum_of_squares(w, n)
        if s.l1 > 0:
            for i in range(n):
                sizes += <double>magnitude(w[i])
        w += n + net.sizes[l]
    return s.l2 / 2 * squares + s.l1 * sizes


cdef inline void regularise(Step* s) noexcept nogil:
    """Puts the penalties' gradient into grad, which `update` does itself for l2 alone, and the limit of its norm into scale."""
    cdef const Network* net = s.net
    cdef Py_ssize_t l, n, at = 0
    cdef double total = 0, norm
    for l in range(1, net.layers + 1):
        n = net.sizes[l] * net.sizes[l - 1]
        total += penalise(s.grad + at, s.params + at, n, s.l2, s.l1)
        at += n
        total += penalise(s.grad + at, s.params + at, net.sizes[l], 0, 0)
        at += net.sizes[l]
    norm = s.scale * sqrt(total)
    if norm > s.clip_norm:
        s.scale *= s.clip_norm / norm


cdef inline void descend(const Step* s, Py_ssize_t first, Py_ssize_t n, double penalty, double rate,
                         double root) noexcept nogil:
    """A step of the optimizer on n parameters from `first` on, whose gradient is scale grad + penalty W."""
    cdef const double* hyper = s.hyper
    cdef real* w = s.params + first
    cdef const real* grad = s.grad + first
    cdef real* state = s.state + first if s.state != NULL else NULL
    if s.optimizer == ADAM:
        adam(w, grad, state, state + s.P, n, s.scale, penalty, rate, hyper[1], 1 - hyper[1], hyper[2], 1 - hyper[2],
             hyper[3] * root if hyper[5] == 0 else hyper[3], 1 - hyper[0] * hyper[4])
    elif s.optimizer == RPROP:
        rprop(w, grad, state, state + s.P, n, s.scale, penalty, s.number == 1, hyper[0], hyper[1], hyper[2], hyper[3],
              hyper[4])
    elif hyper[1] == 0:
        sgd(w, grad, n, s.scale, penalty, hyper[0])
    else:
        sgd_momentum(w, grad, state, n, s.scale, penalty, hyper[0], hyper[1], hyper[2] != 0)


cdef inline void update(const Step* s, Py_ssize_t first, Py_ssize_t last, bint regularised) noexcept nogil:
    """Parameters first ... last after a step of the optimizer on scale (grad + l2 W) (no penalty on b)."""
    cdef const Network* net = s.net
    cdef Py_ssize_t at = 0, low, high
    cdef Py_ssize_t part, parts = 2 * net.layers if s.l2 != 0 and not regularised else 1    # W[1], b[1], W[2], ...
    cdef double root = 0, rate = 0
    if s.optimizer == ADAM:
        root = sqrt(1 - pow(s.hyper[2], <double>s.number))
        rate = s.hyper[0] * root / (1 - pow(s.hyper[1], <double>s.number))
    for part in range(parts):
        low = at if at > first else first
        if parts == 1:
            at = s.P
        else:
            at += net.sizes[part // 2 + 1] * (net.sizes[part // 2] if part % 2 == 0 else 1)
        high = at if at < last else last
        if low < high:
            descend(s, low, high - low, s.l2 * s.scale if parts > 1 and part % 2 == 0 else 0, rate, root)


cdef inline void take_part(Step* s, Team team) noexcept nogil:
    """What one member of a team does in a step; one of one does it all."""
    cdef Py_ssize_t first = 0, last = s.P
    cdef double weight_sum = 0
    cdef bint regularised
    cdef int group
    if s.groups == 1:
        one_group(s, 0, &s.blocks[0], s.grad, s.add, team, team.member == 0)
    else:
        while not is_raised(&s.watch.stop):
            group = take(&s.next_group)
            if group >= s.groups:
                break
            one_group(s, group, &s.blocks[team.member], s.partial + group * s.P if s.grad != NULL else NULL, False,
                      team_of(0, 1), team.member == 0)
        wait(team)
    if is_raised(&s.watch.stop):
        return
    for group in range(s.groups):
        weight_sum += s.weight_sums[group]
    if team.member == 0:
        s.loss_sum = s.weight_sum = 0
        for group in range(s.groups):
            s.loss_sum += s.loss_sums[group]
        s.weight_sum = weight_sum
        s.scale = 1 / weight_sum if weight_sum > 0 else 0
    if team.size > 1:
        wait(team)
        first = share(s.P, STRETCH // 16, team, team.member)
        last = share(s.P, STRETCH // 16, team, team.member + 1)
    if s.groups > 1 and s.grad != NULL:
        add_up(s, first, last)
    if s.optimizer != NO_OPTIMIZER and weight_sum > 0:
        regularised = s.l1 > 0 or isfinite(s.clip_norm)
        if regularised:
            wait(team)
            if team.member == 0:
                regularise(s)
            wait(team)
        update(s, first, last, regularised)
