# cython: cdivision=True
"""One batch: its gradient over all blocks, by one thread or by a team, and the optimizer's step.

A batch of many blocks is cut into groups, each with a gradient of its own; threads take group after group, and the groups
are added up in their order. In a batch of few blocks and many parameters a team works on each block together: samples
are shared out for the layers, rows of dW for the gradient, chunks of the parameters for the update.
"""

from libc.math cimport isfinite
from libc.string cimport memcpy

from api cimport layer_t, model_t
from block cimport Block
from dropout cimport Dropout
from geometry cimport PANEL, TILE_ROWS
from network cimport block_gradient
from once cimport add_up, apply_rule, regularise
from optimizers cimport NO_RULE, begin_update
from real cimport real
from sparse cimport clear_share
from step cimport CHUNK, MAX_GROUPS, Step, round_off
from threads cimport Team, hand_out, is_raised, look_for_signals, next_ticket, share, team_of, wait

cdef enum:
    GROUP_BYTES = 65536         # a group has a block for each of these in the gradient, or adding groups up would take time
    PARTIAL_BYTES = 67108864    # the most that the gradients of all groups may take
    SHARE = 64                  # of parameters: whole vectors, so that the same ones are left over for any team


cdef inline int groups_of(Py_ssize_t rows, Py_ssize_t samples, Py_ssize_t P) noexcept nogil:
    """How many gradients a batch of `rows` rows is summed up in, with blocks of `samples`."""
    cdef Py_ssize_t bytes = P * <Py_ssize_t>sizeof(real)
    cdef Py_ssize_t groups = (rows + samples - 1) // samples // (bytes // GROUP_BYTES + 1)
    groups = groups if groups < MAX_GROUPS else MAX_GROUPS
    return <int>groups if groups > 1 and groups * bytes <= PARTIAL_BYTES else 1


cdef inline void one_group(Step* s, const model_t* net, int group, Block* block, real* grad, bint add, Team team,
                           bint looks) noexcept nogil:
    """grad = [grad +] the gradient of the group's loss sum; member 0 writes the sums of the loss and of the weights.

    Groups and blocks are whole panels except for the last.
    """
    cdef Py_ssize_t at = share(s.rows, PANEL, team_of(0, s.groups), group), first = s.first + at
    cdef Py_ssize_t rows = share(s.rows, PANEL, team_of(0, s.groups), group + 1) - at
    cdef Py_ssize_t blocks = (rows + block.samples - 1) // block.samples, i, n
    cdef double loss_sum = 0, weight_sum = 0
    cdef const Dropout* dropout = &s.dropout if s.dropout.rates != NULL else NULL
    if s.net.turned != NULL and grad != NULL and not add:
        clear_share(s.net, grad, team)      # the members wait for each other before they add to it
    for i in range(blocks):
        at = share(rows, PANEL, team_of(0, <int>blocks), <int>i)
        n = share(rows, PANEL, team_of(0, <int>blocks), <int>i + 1) - at
        loss_sum += block_gradient(net, block, &s.data, first + at, n, dropout, s.load, grad, add or i > 0, team)
        if team.member == 0:
            weight_sum += block.weight_sum
            s.loss_sums[group], s.weight_sums[group] = loss_sum, weight_sum
        if looks:
            look_for_signals(&s.watch, <double>s.P * n)
        # A team sees the flag as it is between this wait and the next, in the next block: the same for all.
        wait(team)
        if is_raised(&s.watch.stop):
            return


cdef inline Py_ssize_t share_of(const Step* s, Py_ssize_t part, Team team, int member) noexcept nogil:
    """Where the share of `member` begins of a part of the parameters, W[1], b[1], W[2], ...; it ends where the next one begins.

    Of W they are the rows whose gradient the member takes first, rounded: vectors are the same for any team, from the first
    parameter on or, where W and b differ in their penalty, from the part's.
    """
    cdef const layer_t* layer = s.net.layer + part // 2
    cdef Py_ssize_t at = layer.b if part % 2 else layer.W, n = layer.n_out, from_here = at if s.l2 != 0 else 0
    cdef Py_ssize_t end = at + (n if part % 2 else n * layer.n_in)
    if part % 2:
        at += share(n, SHARE, team, member)
    else:
        at += share(n, TILE_ROWS, team, member) * layer.n_in
    at = from_here + (at - from_here + SHARE - 1) // SHARE * SHARE
    end = end if s.l2 != 0 else s.P     # without such a difference a share may go on in the part after it
    return at if at < end else end


cdef inline void update(Step* s, real* copy, Py_ssize_t first, Py_ssize_t last, double penalty) noexcept nogil:
    """A step of the optimizer on parameters first ... last; in a member's copy they change first, and are handed out then."""
    cdef Py_ssize_t n = last - first if copy == NULL else CHUNK
    cdef real* params = s.params if copy == NULL else copy
    while first < last:
        n = n if n < last - first else last - first
        apply_rule(&s.update, params, s.grad, first, n, penalty)
        if s.rounded:
            round_off(params + first, n)
        if copy != NULL:
            hand_out(s.params + first, copy + first, n * sizeof(real))
        first += n


cdef inline void finish_step(Step* s, bint updates, real* copy, Team team) noexcept nogil:
    """A member's share of what follows on the gradients of the groups: their sum, and with `updates` a step of the optimizer
    on scale (grad + l2 W) (no penalty on b)."""
    cdef bint regularised = updates and (s.l1 > 0 or isfinite(s.clip_norm))
    cdef bint whole = team.size == 1 and s.l2 == 0      # W and b alike, and all of them
    cdef Py_ssize_t part, parts = 1 if whole else 2 * s.net.layers, first, last
    for part in range(parts):
        first = 0 if whole else share_of(s, part, team, team.member)
        last = s.P if whole else share_of(s, part, team, team.member + 1)
        if s.groups > 1 and s.grad != NULL and first < last:
            add_up(s, first, last)
        if updates and not regularised:
            update(s, copy, first, last, s.l2 * s.update.scale if part % 2 == 0 else 0)
    if not regularised:
        return
    wait(team)
    if team.member == 0:
        regularise(s)
    wait(team)
    for part in range(parts):
        update(s, copy, 0 if whole else share_of(s, part, team, team.member),
               s.P if whole else share_of(s, part, team, team.member + 1), 0)


cdef inline void refresh(const Step* s, real* copy, Team team) noexcept nogil:
    """Takes into a member's copy of the parameters what the other members have updated since, or all"""
    cdef Py_ssize_t part, first
    cdef int member
    if s.fresh != team.size:
        memcpy(copy, s.params, s.P * sizeof(real))
        return
    for part in range(2 * s.net.layers):
        for member in range(team.size):
            if member != team.member:
                first = share_of(s, part, team, member)
                memcpy(copy + first, s.params + first, (share_of(s, part, team, member + 1) - first) * sizeof(real))


cdef inline void take_part(Step* s, Team team) noexcept nogil:
    """What one member of a team does in a step; one of one does it all."""
    cdef model_t own = s.net[0]
    cdef real* copy = NULL
    cdef Team workers
    cdef Block* block = &s.blocks[0 if s.groups == 1 else team.member]
    cdef double weight_sum = 0
    cdef int group = 0 if s.groups == 1 else next_ticket(&s.next_group)
    team.barrier = &s.barrier
    # All members together have the only group, or each has groups by itself.
    workers = team if s.groups == 1 else team_of(0, 1)
    if team.size > 1 and s.copies != NULL:
        own.params = copy = s.copies + team.member * s.copy_reals
        refresh(s, copy, team)
    while group < s.groups and not (s.groups > 1 and is_raised(&s.watch.stop)):
        one_group(s, &own, group, block, s.grad if s.groups == 1 or s.grad == NULL else s.partial + group * s.P,
                  s.groups == 1 and s.add, workers, team.member == 0)
        group = s.groups if s.groups == 1 else next_ticket(&s.next_group)
    if s.groups > 1:
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
        s.update.scale = 1 / weight_sum if weight_sum > 0 else 0
        begin_update(&s.update)
        s.fresh = team.size if copy != NULL else 0      # of the team there is, which may be smaller than the one asked for
    wait(team)
    finish_step(s, s.update.code != NO_RULE and weight_sum > 0, copy, team)
