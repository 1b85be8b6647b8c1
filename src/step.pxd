# cython: cdivision=True
"""The state of a step, and what a step does to gradient and parameters once the samples' part in it is done."""

from libc.math cimport pow, sqrt
from libc.stdint cimport int64_t

from api cimport layer_t, model_t, rows_t
from block cimport Block
from codes cimport ADAM, ADAMAX, NADAM, RMSPROP, RPROP, SGD
from dropout cimport Dropout
from optimizers cimport (
    adam, adamax, nadam, nadam_momentum, penalise, rmsprop, rprop, sgd, sgd_momentum,
    sum_of_squares,
)
from real cimport magnitude, real
from threads cimport Watch

cdef enum:
    NO_OPTIMIZER = -1
    MAX_GROUPS = 32
    STRETCH = 1024              # of parameters: stays in the first-level cache while groups are added up


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
    int optimizer                   # NO_OPTIMIZER leaves the parameters alone
    real* params
    real* state                     # (k, P)
    const double* hyper
    double l2, l1
    double clip_norm                # of the whole gradient; infinite: it is left as it is
    double scale                    # times the gradient's sum: 1 / sum of the weights, or less where the norm was too great
    int64_t number                  # of the step: 1, 2, ...
    double mu_product               # of NAdam's mu_1, mu_2, ..., of which there are
    int64_t mu_factors
    Watch watch


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
    norm = s.scale * sqrt(total)
    if norm > s.clip_norm:
        s.scale *= s.clip_norm / norm


cdef inline void count_momenta(Step* s) noexcept nogil:
    """mu_product <- mu_1 ... mu_number of NAdam, or so many factors that those left out follow from their number.

    A step multiplies by its own mu alone. The first step of a call, which has mu_factors = 0, multiplies all of them in the
    same order, and so gets the same bits. It takes some 2,800 factors at most: from decay t = 900 on mu_t is beta_1 to the last
    bit, and with a decay below 1/3 the product is less than rounding takes from 1 long before that.
    """
    while s.mu_factors < s.number and s.mu_factors * s.hyper[4] < 900 and s.mu_product > 5.5e-17:
        s.mu_factors += 1
        s.mu_product *= nadam_momentum(s.hyper[1], s.hyper[4], <double>s.mu_factors)


cdef inline int vectors_of_rule(int optimizer, const double* hyper) noexcept nogil:
    """How many rows of the state `descend` uses"""
    if optimizer == SGD:
        return hyper[1] != 0
    if optimizer == RMSPROP:
        return 1 + (hyper[3] != 0) + (hyper[4] != 0)
    return 2 if optimizer == ADAM or optimizer == RPROP or optimizer == ADAMAX or optimizer == NADAM else 0


cdef inline void descend(const Step* s, Py_ssize_t first, Py_ssize_t n, double penalty, double rate,
                         double root) noexcept nogil:
    """A step of the optimizer on n parameters from `first` on, whose gradient is scale grad + penalty W."""
    cdef const double* hyper = s.hyper
    cdef real* w = s.params + first
    cdef const real* grad = s.grad + first
    cdef real* state = s.state + first if s.state != NULL else NULL
    cdef double mu, next_mu, product
    if s.optimizer == SGD:
        if hyper[1] == 0:
            sgd(w, grad, n, s.scale, penalty, hyper[0])
        else:
            sgd_momentum(w, grad, state, n, s.scale, penalty, hyper[0], hyper[1], hyper[2] != 0)
    elif s.optimizer == ADAM:
        adam(w, grad, state, state + s.P, n, s.scale, penalty, rate, hyper[1], 1 - hyper[1], hyper[2], 1 - hyper[2],
             hyper[3] * root if hyper[5] == 0 else hyper[3], 1 - hyper[0] * hyper[4])
    elif s.optimizer == RPROP:
        rprop(w, grad, state, state + s.P, n, s.scale, penalty, s.number == 1, hyper[0], hyper[1], hyper[2], hyper[3],
              hyper[4])
    elif s.optimizer == ADAMAX:
        adamax(w, grad, state, state + s.P, n, s.scale, penalty, rate, hyper[1], 1 - hyper[1], hyper[2], hyper[3],
               1 - hyper[0] * hyper[4])
    elif s.optimizer == NADAM:
        mu = nadam_momentum(hyper[1], hyper[4], <double>s.number)
        next_mu = nadam_momentum(hyper[1], hyper[4], <double>(s.number + 1))
        product = s.mu_product * pow(hyper[1], <double>(s.number - s.mu_factors))
        nadam(w, grad, state, state + s.P, n, s.scale, penalty, hyper[0] * root * (1 - mu) / (1 - product),
              hyper[0] * root * next_mu / (1 - product * next_mu), hyper[1], 1 - hyper[1], hyper[2], 1 - hyper[2],
              hyper[3] * root, 1 - hyper[0] * hyper[5])
    elif s.optimizer == RMSPROP:
        rmsprop(w, grad, state, state + s.P if hyper[4] != 0 else NULL,
                state + (2 if hyper[4] != 0 else 1) * s.P if hyper[3] != 0 else NULL, n, s.scale, penalty, hyper[0], hyper[1],
                1 - hyper[1], hyper[2], hyper[3], 1 - hyper[0] * hyper[5])
