# cython: cdivision=True
"""One batch: its gradient over all blocks, by one thread or by a team, and the optimizer's step.

A batch of many blocks is cut into groups, each with a gradient of its own; threads take group after group, and the groups
are added up in their order. In a batch of few blocks and many parameters a team works on each block together: samples
are shared out for the layers, rows of dW for the gradient, chunks of the parameters for the update.
"""

from libc.math cimport isfinite

from api cimport model_t
from block cimport Block
from dropout cimport Dropout
from geometry cimport PANEL
from network cimport block_gradient
from once cimport add_up, apply_rule, regularise
from optimizers cimport NO_RULE, begin_update
from real cimport real
from sparse cimport clear_share
from step cimport MAX_GROUPS, Step, round_off
from threads cimport Team, is_raised, look_for_signals, next_ticket, share, team_of, wait

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


cdef inline Py_ssize_t cut(Py_ssize_t n, Py_ssize_t parts, Py_ssize_t part) noexcept nogil:
    """Where part `part` of n samples begins: parts are about equal, and whole panels except for the last.

    Rounding up keeps each within n / parts where that is a whole number of panels: a block never overflows.
    """
    return n if part == parts else (n * part // parts + PANEL - 1) // PANEL * PANEL


cdef inline void one_group(Step* s, int group, Block* block, real* grad, bint add, Team team, bint looks) noexcept nogil:
    """grad = [grad +] the gradient of the group's loss sum; member 0 writes the sums of the loss and of the weights."""
    cdef Py_ssize_t first = s.first + cut(s.rows, s.groups, group), rows = s.first + cut(s.rows, s.groups, group + 1) - first
    cdef Py_ssize_t blocks = (rows + block.samples - 1) // block.samples, i, at, n
    cdef double loss_sum = 0, weight_sum = 0
    cdef const Dropout* dropout = &s.dropout if s.dropout.rates != NULL else NULL
    if s.net.turned != NULL and grad != NULL and not add:
        clear_share(s.net, grad, team)      # the members wait for each other before they add to it
    for i in range(blocks):
        at = cut(rows, blocks, i)
        n = cut(rows, blocks, i + 1) - at
        loss_sum += block_gradient(s.net, block, &s.data, first + at, n, dropout, s.load, grad, add or i > 0, team)
        if team.member == 0:
            weight_sum += block.weight_sum
            s.loss_sums[group], s.weight_sums[group] = loss_sum, weight_sum
        if looks:
            look_for_signals(&s.watch, <double>s.P * n)
        # A team sees the flag as it is between this wait and the next, in the next block: the same for all.
        wait(team)
        if is_raised(&s.watch.stop):
            return


cdef inline void finish_step(Step* s, bint updates, Team team) noexcept nogil:
    """A member's share of what follows on the gradients of the groups: their sum, and with `updates` a step of the optimizer
    on scale (grad + l2 W) (no penalty on b).

    The share is one of each W[l] and b[l] where these differ in their penalty, otherwise one of all parameters.
    """
    cdef const model_t* net = s.net
    cdef bint regularised = updates and (s.l1 > 0 or isfinite(s.clip_norm))
    cdef Py_ssize_t part, parts = 2 * net.layers if s.l2 != 0 and not regularised else 1    # W[1], b[1], W[2], ...
    cdef Py_ssize_t at = 0, n = s.P, first = 0, last = 0
    for part in range(parts):
        if parts > 1:
            n = net.layer[part // 2].n_out * (net.layer[part // 2].n_in if part % 2 == 0 else 1)
        first, last = at + share(n, SHARE, team, team.member), at + share(n, SHARE, team, team.member + 1)
        if s.groups > 1 and s.grad != NULL and first < last:
            add_up(s, first, last)
        if updates and not regularised and first < last:
            apply_rule(&s.update, s.params, s.grad, first, last - first,
                       s.l2 * s.update.scale if parts > 1 and part % 2 == 0 else 0)
            if s.rounded:
                round_off(s.params + first, last - first)
        at += n
    if regularised:
        wait(team)
        if team.member == 0:
            regularise(s)
        wait(team)
        if first < last:
            apply_rule(&s.update, s.params, s.grad, first, last - first, 0)
            if s.rounded:
                round_off(s.params + first, last - first)


cdef inline void take_part(Step* s, Team team) noexcept nogil:
    """What one member of a team does in a step; one of one does it all."""
    # All members together have the only group, or each has groups by itself.
    cdef Team workers = team if s.groups == 1 else team_of(0, 1)
    cdef Block* block = &s.blocks[0 if s.groups == 1 else team.member]
    cdef double weight_sum = 0
    cdef int group = 0 if s.groups == 1 else next_ticket(&s.next_group)
    while group < s.groups and not (s.groups > 1 and is_raised(&s.watch.stop)):
        one_group(s, group, block, s.grad if s.groups == 1 or s.grad == NULL else s.partial + group * s.P,
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
    wait(team)
    finish_step(s, s.update.code != NO_RULE and weight_sum > 0, team)
