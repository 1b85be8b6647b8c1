# cython: cdivision=True
"""The state of a step, and what a step does to gradient and parameters once the samples' part in it is done."""

from libc.math cimport sqrt

from api cimport layer_t, model_t, rows_t
from block cimport Block
from dropout cimport Dropout
from optimizers cimport Update, penalise, sum_of_squares
from real cimport magnitude, real
from threads cimport Watch, barrier_t

cdef enum:
    MAX_GROUPS = 32
    CHUNK = 1024              # of parameters: stays in the first-level cache while groups are added up


cdef struct Step:
    const model_t* net
    rows_t data
    Dropout dropout                 # its rates NULL: no unit is dropped
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
    Update update
    real* params
    real* copies                    # of the parameters, one for each member of a team; or NULL
    Py_ssize_t copy_reals           # from one to the next
    int fresh                       # size of the team whose members hold what they updated in the last step; 0: copies are old
    double l2, l1
    double clip_norm                # of the whole gradient; infinite: it is left as it is
    bint rounded                    # to float, after the update
    barrier_t barrier
    Watch watch


cdef inline void add_up(const Step* s, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """grad = [grad +] the sum of the groups' gradients, in their order, for parameters first ... last"""
    cdef Py_ssize_t i, at = first, end
    cdef const real* partial
    cdef int group
    while at < last:
        end = at + CHUNK if at + CHUNK < last else last
        for group in range(s.groups):
            partial = s.partial + group * s.P
            if group > 0 or s.add:
                for i in range(at, end):
                    s.grad[i] += partial[i]
            else:
                for i in range(at, end):
                    s.grad[i] = partial[i]
        at = end


cdef inline void round_off(real* params, Py_ssize_t n) noexcept nogil:
    """Numbers of double <- the nearest that a float has"""
    cdef Py_ssize_t i
    for i in range(n):
        params[i] = <real><float>params[i]


cdef inline double penalty_of(const Step* s) noexcept nogil:
    """l2 / 2 sum w^2 + l1 sum |w|"""
    cdef const layer_t* layer = s.net.layer
    cdef const real* w
    cdef Py_ssize_t l, i, n
    cdef double squares = 0, sizes = 0
    for l in range(s.net.layers):
        w, n = s.params + layer[l].W, layer[l].n_out * layer[l].n_in
        squares += sum_of_squares(w, n)
        if s.l1 > 0:
            for i in range(n):
                sizes += <double>magnitude(w[i])
    return s.l2 / 2 * squares + s.l1 * sizes


cdef inline void regularise(Step* s) noexcept nogil:
    """Puts the penalties' gradient into grad, which `finish_step` does itself for l2 alone, and the limit of its norm into
    scale."""
    cdef const layer_t* layer = s.net.layer
    cdef Py_ssize_t l
    cdef double total = 0, norm
    for l in range(s.net.layers):
        total += penalise(s.grad + layer[l].W, s.params + layer[l].W, layer[l].n_out * layer[l].n_in, s.l2, s.l1)
        total += penalise(s.grad + layer[l].b, s.params + layer[l].b, layer[l].n_out, 0, 0)
    norm = s.update.scale * sqrt(total)
    if norm > s.clip_norm:
        s.update.scale *= s.clip_norm / norm
