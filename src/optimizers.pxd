# cython: cdivision=True
"""Update rules on a stretch of the flat parameter vector: g = scale * gradient + l2 * w, all in one pass."""

from libc.math cimport pow

from real cimport REAL_BITS, magnitude, real, square_root


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
    Loshchilov and Hutter, 2019.)
    """
    cdef real smallest = smallest_normal()
    cdef real g, second
    cdef Py_ssize_t i
    for i in range(n):
        g = scale * gradient[i] + l2 * w[i]
        m[i] = beta_1 * m[i] + rest_1 * g
        second = beta_2 * v[i] + rest_2 * (g * g)
        second = <real>0 if second < smallest else second
        v[i] = second
        w[i] = keep * w[i] - rate * m[i] / (square_root(second) + epsilon)


cdef inline void adamax(real* w, const real* gradient, real* m, real* u, Py_ssize_t n, real scale, real l2, real rate,
                        real beta_1, real rest_1, real beta_2, real epsilon, real keep) noexcept nogil:
    """m <- beta_1 m + rest_1 g, u <- max(beta_2 u, |g| + epsilon), w <- keep w - rate m / u, rest = 1 - beta

    (Kingma and Ba, 2015, with the bias correction in rate and epsilon where PyTorch has it; keep is that of `adam`.)
    """
    cdef real g, faded, size
    cdef Py_ssize_t i
    for i in range(n):
        g = scale * gradient[i] + l2 * w[i]
        m[i] = beta_1 * m[i] + rest_1 * g
        faded = beta_2 * u[i]
        size = magnitude(g) + epsilon
        size = size if size > faded else faded
        u[i] = size
        w[i] = keep * w[i] - rate * m[i] / size


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
    cdef real g, second
    cdef Py_ssize_t i
    for i in range(n):
        g = scale * gradient[i] + l2 * w[i]
        m[i] = beta_1 * m[i] + rest_1 * g
        second = beta_2 * v[i] + rest_2 * (g * g)
        second = <real>0 if second < smallest else second
        v[i] = second
        w[i] = keep * w[i] - (gradient_rate * g + momentum_rate * m[i]) / (square_root(second) + epsilon)


cdef inline void rmsprop(real* w, const real* gradient, real* v, real* mean, real* velocity, Py_ssize_t n, real scale, real l2,
                         real rate, real rho, real rest, real epsilon, real momentum, real keep) noexcept nogil:
    """v <- rho v + rest g^2, s = g / (sqrt v + epsilon), w <- keep w - rate s, rest = 1 - rho

    (Hinton, 2012, in PyTorch's form.) Unless `mean` is NULL, mean <- rho mean + rest g, and v - mean^2 takes the place of v
    in s; unless `velocity` is NULL, velocity <- momentum velocity + s takes that of s in w.
    """
    cdef real smallest = smallest_normal()
    cdef real g, second, step
    cdef Py_ssize_t i
    for i in range(n):
        g = scale * gradient[i] + l2 * w[i]
        second = rho * v[i] + rest * (g * g)
        second = <real>0 if second < smallest else second
        v[i] = second
        if mean != NULL:
            mean[i] = rho * mean[i] + rest * g
            second = second - mean[i] * mean[i]
            second = <real>0 if second < smallest else second   # rounding may leave less than 0
        step = g / (square_root(second) + epsilon)
        if velocity != NULL:
            step = momentum * velocity[i] + step
            velocity[i] = step
        w[i] = keep * w[i] - rate * step
