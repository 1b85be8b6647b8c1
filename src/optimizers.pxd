# cython: cdivision=True
"""Update rules on a stretch of the flat parameter vector: g = scale * gradient + l2 * w, all in one pass."""

from real cimport REAL_BITS, real, square_root


cdef enum Optimizer:    # the numbers of optimizers.py
    SGD, ADAM, RPROP


cdef inline void sgd(real* w, const real* gradient, Py_ssize_t n, real scale, real l2, real alpha) noexcept nogil:
    """w <- w - alpha g"""
    cdef Py_ssize_t i
    for i in range(n):
        w[i] -= alpha * (scale * gradient[i] + l2 * w[i])


cdef inline void sgd_momentum(real* w, const real* gradient, real* v, Py_ssize_t n, real scale, real l2, real alpha,
                              real momentum, bint nesterov) noexcept nogil:
    """v <- mu v - alpha g, w <- w + v; Nesterov: w <- w + mu v - alpha g with the new v (Sutskever et al., 2013)"""
    cdef Py_ssize_t i
    cdef real step
    if nesterov:
        for i in range(n):
            step = alpha * (scale * gradient[i] + l2 * w[i])
            v[i] = momentum * v[i] - step
            w[i] += momentum * v[i] - step
    else:
        for i in range(n):
            v[i] = momentum * v[i] - alpha * (scale * gradient[i] + l2 * w[i])
            w[i] += v[i]


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
    Loshchilov and Hutter, 2019.) A subnormal v counts as 0: the square root of one takes many times as long.
    """
    cdef real smallest = <real>1.1754943508222875e-38 if REAL_BITS == 32 else <real>2.2250738585072014e-308
    cdef real g, second
    cdef Py_ssize_t i
    for i in range(n):
        g = scale * gradient[i] + l2 * w[i]
        m[i] = beta_1 * m[i] + rest_1 * g
        second = beta_2 * v[i] + rest_2 * (g * g)
        second = <real>0 if second < smallest else second
        v[i] = second
        w[i] = keep * w[i] - rate * m[i] / (square_root(second) + epsilon)
