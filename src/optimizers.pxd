# cython: cdivision=True
"""Update rules on a chunk of the flat parameter vector: g = scale * gradient + l2 * w, all in one pass.

What a rule has written to its state it does not read again: the compiler would load it from memory, and a CPU is late to hand
on a vector that crosses a cache line. Adam with AVX-512 and m at no multiple of 32 bytes took three times as long.
"""

from libc.math cimport pow, sqrt
from libc.stdint cimport int64_t

from codes cimport ADAM, ADAMAX, NADAM, RMSPROP, RPROP, SGD
from real cimport REAL_BITS, magnitude, real, square_root

cdef enum:
    NO_RULE = -1


cdef struct Update:
    # What all members of a team do to their parameters in one step.
    int code                        # NO_RULE leaves the parameters alone
    const double* hyper
    real* state                     # (k, P)
    Py_ssize_t P
    double scale                    # times the gradient's sum: 1 / sum of the weights, or less where the norm was too great
    int64_t number                  # of the step: 1, 2, ...
    double rate, root               # as the bias corrections of that step have them, for the rules that have any
    double mu_product               # of NAdam's mu_1, mu_2, ..., of which there are
    int64_t mu_factors


cdef inline real smallest_normal() noexcept nogil:
    """The square root of a smaller number takes many times as long: a smaller v counts as 0."""
    return <real>1.1754943508222875e-38 if REAL_BITS == 32 else <real>2.2250738585072014e-308


cdef inline void sgd(real* w, const real* gradient, Py_ssize_t n, real scale, real l2, real alpha) noexcept nogil:
    """w <- w - alpha g"""
    cdef Py_ssize_t i
    for i in range(n):
        w[i] -= alpha * (scale * gradient[i] + l2 * w[i])


cdef inline void sgd_momentum(real* w, const real* gradient, real* v, Py_ssize_t n, real scale, real l2, real alpha,
                              real momentum, bint nesterov) noexcept nogil:
    """v <- mu v - alpha g, w <- w + v; Nesterov: w <- w + mu v - alpha g with the new v (Sutskever et al., 2013)"""
    cdef Py_ssize_t i
    cdef real step, velocity
    if nesterov:
        for i in range(n):
            step = alpha * (scale * gradient[i] + l2 * w[i])
            velocity = momentum * v[i] - step
            v[i] = velocity
            w[i] += momentum * velocity - step
    else:
        for i in range(n):
            velocity = momentum * v[i] - alpha * (scale * gradient[i] + l2 * w[i])
            v[i] = velocity
            w[i] += velocity


cdef inline void rprop(real* w, const real* gradient, real* last, real* size, Py_ssize_t n, real scale, real l2, bint first,
                       real alpha, real eta_minus, real eta_plus, real least, real most) noexcept nogil:
    """w <- w - sign(g) size, size <- size eta_plus where g has kept its sign, size eta_minus and g <- 0 where it has changed

    (Riedmiller and Braun, 1993, without going back, as PyTorch has it; within least ... most, alpha at first).
    """
    cdef Py_ssize_t i
    cdef real g, s
    for i in range(n):
        g = scale * gradient[i] + l2 * w[i]
        s = alpha if first else size[i]
        if (g > <real>0 and last[i] < <real>0) or (g < <real>0 and last[i] > <real>0):
            s = s * eta_minus if s * eta_minus > least else least
            g = <real>0
        elif (g > <real>0 and last[i] > <real>0) or (g < <real>0 and last[i] < <real>0):
            s = s * eta_plus if s * eta_plus < most else most
        size[i] = s
        last[i] = g
        w[i] -= s if g > <real>0 else -s if g < <real>0 else <real>0


cdef inline double sum_of_squares(const real* w, Py_ssize_t n) noexcept nogil:
    """In eight sums that take turns, which the compiler makes a vector of."""
    cdef double[8] total
    cdef double sum = 0
    cdef Py_ssize_t i = 0
    cdef int k
    for k in range(8):
        total[k] = 0
    while i + 8 <= n:
        for k in range(8):
            total[k] += <double>w[i + k] * <double>w[i + k]
        i += 8
    for k in range(8):
        sum += total[k]
    while i < n:
        sum += <double>w[i] * <double>w[i]
        i += 1
    return sum


cdef inline double penalise(real* gradient, const real* w, Py_ssize_t n, real l2, real l1) noexcept nogil:
    """gradient += l2 w + l1 sign(w); returns the sum of its squares"""
    cdef Py_ssize_t i
    cdef double total = 0
    for i in range(n):
        gradient[i] += l2 * w[i] + (l1 if w[i] > <real>0 else -l1 if w[i] < <real>0 else <real>0)
        total += <double>gradient[i] * <double>gradient[i]
    return total


cdef inline void adam(real* w, const real* gradient, real* m, real* v, Py_ssize_t n, real scale, real l2, real rate,
                      real beta_1, real rest_1, real beta_2, real rest_2, real epsilon, real keep) noexcept nogil:
    """m <- beta_1 m + rest_1 g, v <- beta_2 v + rest_2 g^2, w <- keep w - rate m / (sqrt v + epsilon), rest = 1 - beta

    (Kingma and Ba, 2015, with the bias corrections in rate and epsilon; keep = 1 - alpha weight_decay is AdamW's,
    Loshchilov and Hutter, 2019.)
    """
    cdef real smallest = smallest_normal()
    cdef real g, first, second
    cdef Py_ssize_t i
    for i in range(n):
        g = scale * gradient[i] + l2 * w[i]
        first = beta_1 * m[i] + rest_1 * g
        m[i] = first
        second = beta_2 * v[i] + rest_2 * (g * g)
        second = <real>0 if second < smallest else second
        v[i] = second
        w[i] = keep * w[i] - rate * first / (square_root(second) + epsilon)


cdef inline void adamax(real* w, const real* gradient, real* m, real* u, Py_ssize_t n, real scale, real l2, real rate,
                        real beta_1, real rest_1, real beta_2, real epsilon, real keep) noexcept nogil:
    """m <- beta_1 m + rest_1 g, u <- max(beta_2 u, |g| + epsilon), w <- keep w - rate m / u, rest = 1 - beta

    (Kingma and Ba, 2015, with the bias correction in rate and epsilon where PyTorch has it; keep is that of `adam`.)
    """
    cdef real g, first, faded, size
    cdef Py_ssize_t i
    for i in range(n):
        g = scale * gradient[i] + l2 * w[i]
        first = beta_1 * m[i] + rest_1 * g
        m[i] = first
        faded = beta_2 * u[i]
        size = magnitude(g) + epsilon
        size = size if size > faded else faded
        u[i] = size
        w[i] = keep * w[i] - rate * first / size


cdef inline double nadam_momentum(double beta_1, double decay, double t) noexcept nogil:
    """mu_t = beta_1 (1 - 0.96^(decay t) / 2)"""
    return beta_1 * (1 - 0.5 * pow(0.96, decay * t))


cdef inline void nadam(real* w, const real* gradient, real* m, real* v, Py_ssize_t n, real scale, real l2, real gradient_rate,
                       real momentum_rate, real beta_1, real rest_1, real beta_2, real rest_2, real epsilon,
                       real keep) noexcept nogil:
    """m and v as in `adam`, w <- keep w - (gradient_rate g + momentum_rate m) / (sqrt v + epsilon)

    (Dozat, 2016, with the products of the mu_t and the bias correction of v in the rates and epsilon.)
    """
    cdef real smallest = smallest_normal()
    cdef real g, first, second
    cdef Py_ssize_t i
    for i in range(n):
        g = scale * gradient[i] + l2 * w[i]
        first = beta_1 * m[i] + rest_1 * g
        m[i] = first
        second = beta_2 * v[i] + rest_2 * (g * g)
        second = <real>0 if second < smallest else second
        v[i] = second
        w[i] = keep * w[i] - (gradient_rate * g + momentum_rate * first) / (square_root(second) + epsilon)


cdef inline void rmsprop(real* w, const real* gradient, real* v, real* mean, real* velocity, Py_ssize_t n, real scale, real l2,
                         real rate, real rho, real rest, real epsilon, real momentum, real keep) noexcept nogil:
    """v <- rho v + rest g^2, s = g / (sqrt v + epsilon), w <- keep w - rate s, rest = 1 - rho

    (Hinton, 2012, in PyTorch's form.) Unless `mean` is NULL, mean <- rho mean + rest g, and v - mean^2 takes the place of v
    in s; unless `velocity` is NULL, velocity <- momentum velocity + s takes that of s in w.
    """
    cdef real smallest = smallest_normal()
    cdef real g, first, second, step
    cdef Py_ssize_t i
    for i in range(n):
        g = scale * gradient[i] + l2 * w[i]
        second = rho * v[i] + rest * (g * g)
        second = <real>0 if second < smallest else second
        v[i] = second
        if mean != NULL:
            first = rho * mean[i] + rest * g
            mean[i] = first
            second = second - first * first
            second = <real>0 if second < smallest else second   # rounding may leave less than 0
        step = g / (square_root(second) + epsilon)
        if velocity != NULL:
            step = momentum * velocity[i] + step
            velocity[i] = step
        w[i] = keep * w[i] - rate * step


cdef inline void count_momenta(Update* u) noexcept nogil:
    """mu_product <- mu_1 ... mu_number of NAdam, or so many factors that those left out follow from their number.

    A step multiplies by its own mu alone. The first step of a call, which has mu_factors = 0, multiplies all of them in the
    same order, and so gets the same bits. It takes some 2,800 factors at most: from decay t = 900 on mu_t is beta_1 to the last
    bit, and with a decay below 1/3 the product is less than rounding takes from 1 long before that.
    """
    while u.mu_factors < u.number and u.mu_factors * u.hyper[4] < 900 and u.mu_product > 5.5e-17:
        u.mu_factors += 1
        u.mu_product *= nadam_momentum(u.hyper[1], u.hyper[4], <double>u.mu_factors)


cdef inline int vectors_of_rule(int code, const double* hyper) noexcept nogil:
    """How many rows of the state `apply_rule` uses"""
    if code == SGD:
        return hyper[1] != 0
    if code == RMSPROP:
        return 1 + (hyper[3] != 0) + (hyper[4] != 0)
    return 2 if code == ADAM or code == RPROP or code == ADAMAX or code == NADAM else 0


cdef inline void begin_update(Update* u) noexcept nogil:
    """What follows from the step's number alone, for one member to find out"""
    if u.code == ADAM:
        u.root = sqrt(1 - pow(u.hyper[2], <double>u.number))
        u.rate = u.hyper[0] * u.root / (1 - pow(u.hyper[1], <double>u.number))
    elif u.code == ADAMAX:
        u.rate = u.hyper[0] / (1 - pow(u.hyper[1], <double>u.number))
    elif u.code == NADAM:
        u.root = sqrt(1 - pow(u.hyper[2], <double>u.number))
        count_momenta(u)


cdef inline void apply_rule(const Update* u, real* params, const real* gradient, Py_ssize_t first, Py_ssize_t n,
                            double penalty) noexcept nogil:
    """A step on n parameters from `first` on, with the gradient scale gradient + penalty W"""
    cdef const double* hyper = u.hyper
    cdef real* w = params + first
    cdef const real* grad = gradient + first
    cdef real* state = u.state + first if u.state != NULL else NULL
    cdef double mu, next_mu, product
    if u.code == SGD:
        if hyper[1] == 0:
            sgd(w, grad, n, u.scale, penalty, hyper[0])
        else:
            sgd_momentum(w, grad, state, n, u.scale, penalty, hyper[0], hyper[1], hyper[2] != 0)
    elif u.code == ADAM:
        adam(w, grad, state, state + u.P, n, u.scale, penalty, u.rate, hyper[1], 1 - hyper[1], hyper[2], 1 - hyper[2],
             hyper[3] * u.root if hyper[5] == 0 else hyper[3], 1 - hyper[0] * hyper[4])
    elif u.code == RPROP:
        rprop(w, grad, state, state + u.P, n, u.scale, penalty, u.number == 1, hyper[0], hyper[1], hyper[2], hyper[3],
              hyper[4])
    elif u.code == ADAMAX:
        adamax(w, grad, state, state + u.P, n, u.scale, penalty, u.rate, hyper[1], 1 - hyper[1], hyper[2], hyper[3],
               1 - hyper[0] * hyper[4])
    elif u.code == NADAM:
        mu = nadam_momentum(hyper[1], hyper[4], <double>u.number)
        next_mu = nadam_momentum(hyper[1], hyper[4], <double>(u.number + 1))
        product = u.mu_product * pow(hyper[1], <double>(u.number - u.mu_factors))
        nadam(w, grad, state, state + u.P, n, u.scale, penalty, hyper[0] * u.root * (1 - mu) / (1 - product),
              hyper[0] * u.root * next_mu / (1 - product * next_mu), hyper[1], 1 - hyper[1], hyper[2], 1 - hyper[2],
              hyper[3] * u.root, 1 - hyper[0] * hyper[5])
    elif u.code == RMSPROP:
        rmsprop(w, grad, state, state + u.P if hyper[4] != 0 else NULL,
                state + (2 if hyper[4] != 0 else 1) * u.P if hyper[3] != 0 else NULL, n, u.scale, penalty, hyper[0], hyper[1],
                1 - hyper[1], hyper[2], hyper[3], 1 - hyper[0] * hyper[5])
