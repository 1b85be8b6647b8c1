# cython: cdivision=True
"""Loss and dZ of the output layer, from Z: exact and finite however far the output saturates.

Each function but the last takes a block in sample panels, Z and Y (V, n, 2 LANES), w the samples' weights, overwrites Z with dZ
and returns the sum of w L(a, y); `lanes` is that of `sum_of_lanes`.
"""

from libc.math cimport NAN

from activations cimport needs_z
from codes cimport (
    ABSOLUTE_ERROR, EXP, HUBER, IDENTITY, LOG_COSH, LOG_LOSS, PINBALL, POISSON, SQUARED_ERROR, TANH,
)
from elementary cimport exp, exp_negative, ln_2_high, ln_2_low, log1p_nonnegative, log1p_of_fraction
from geometry cimport PANEL, TILE_VECTORS, panel_width, vector_at
from once cimport activate, multiply_by_derivative
from real cimport LANES, MAX_LANES, REAL_BITS, broadcast, load, magnitude, real, store, vec, where_not_zero, with_sign_of


cdef enum:
    CHUNK = 64    # reals, a whole number of vectors on every CPU


cdef inline double sum_of_lanes(const real* total, real* lanes) noexcept nogil:
    """Their sum; the sum of each lane goes into `lanes` (LANES,), unless that is NULL."""
    cdef double sum = 0
    cdef int i
    for i in range(LANES):
        sum += <double>total[i]
    if lanes != NULL:
        for i in range(LANES):
            lanes[i] = total[i]
    return sum


cdef inline vec add_up(Py_ssize_t n, Py_ssize_t samples, const real* losses, const real* w, vec total) noexcept nogil:
    """total + w losses, lane by lane, of n numbers, whole vectors, which are rows of `samples`; where w is 0, total"""
    cdef Py_ssize_t at = 0, s
    while at < n:
        s = 0
        while s < samples:
            total += where_not_zero(load(w + s), load(w + s) * load(losses + at + s))
            s += LANES
        at += samples
    return total


cdef inline void weigh(Py_ssize_t n, Py_ssize_t samples, const real* d, const real* w, real* z) noexcept nogil:
    """z <- w d of n numbers, whole vectors, which are rows of `samples`; 0 where w is, whatever d"""
    cdef Py_ssize_t at = 0, s
    while at < n:
        s = 0
        while s < samples:
            store(z + at + s, where_not_zero(load(w + s), load(w + s) * load(d + at + s)))
            s += LANES
        at += samples


cdef inline real cosh_minus_1(real x) noexcept nogil:
    """cosh x - 1 for |x| <= 0.7: x^2 / 2 (1 + 2 x^2 / 4! + 2 x^4 / 6! + ... + 2 x^14 / 16!); the next term is below 2^-59"""
    cdef real z = x * x
    cdef real R = z * <real>9.5589546647747705949e-14 + <real>2.2941491195459449428e-11
    R = R * z + <real>4.1753513975736197958e-9
    R = R * z + <real>5.5114638447971781305e-7
    R = R * z + <real>4.9603174603174603175e-5
    R = R * z + <real>2.7777777777777777778e-3
    R = R * z + <real>8.3333333333333333333e-2
    return <real>0.5 * z * (R * z + <real>1)


cdef inline void log_cosh(Py_ssize_t n, const real* d, real* losses) noexcept nogil:
    """losses (n,) <- log cosh d = log(1 + (cosh d - 1)) near 0, |d| - log 2 + log(1 + e^(-2 |d|)) elsewhere

    Either logarithm is that of 1 + a fraction, and neither sum cancels.
    """
    cdef real near = <real>0.7
    cdef real x
    cdef Py_ssize_t i
    for i in range(n):
        losses[i] = exp_negative(<real>-2 * magnitude(d[i]))
    for i in range(n):
        x = cosh_minus_1(d[i])
        losses[i] = x if magnitude(d[i]) < near else losses[i]
    for i in range(n):
        losses[i] = log1p_of_fraction(losses[i])
    for i in range(n):
        x = (magnitude(d[i]) - ln_2_high()) + (losses[i] - ln_2_low())
        losses[i] = losses[i] if magnitude(d[i]) < near else x


cdef inline vec elementwise_chunk(Py_ssize_t n, Py_ssize_t samples, int loss, real parameter, int activation, real leak,
                                  real* z, const real* y, const real* w, vec total) noexcept nogil:
    """total + w l(a), lane by lane, and l'(a) g'(z); with d = a - y and the loss's parameter p,

    squared error l = d^2 / 2, absolute error l = |d|, Huber l = d^2 / 2 where |d| <= p and p (|d| - p / 2) elsewhere,
    pinball l = -p d where d < 0 and (1 - p) d elsewhere, Poisson l = e^a - y a for a logarithmic rate a, log cosh
    l = log cosh d. In a kink l' = 0. A loss that is not known is NaN.
    """
    cdef real[CHUNK] d, losses, copy
    cdef const real* kept = z
    cdef real e, size
    cdef Py_ssize_t i
    # With the rate itself for output, e^z - y z is the same loss and dZ = a - y.
    activation = IDENTITY if loss == POISSON and activation == EXP else activation
    if needs_z(activation):
        for i in range(n):
            copy[i] = z[i]
        kept = copy
    if activation != IDENTITY:
        activate(activation, leak, z, n)
    for i in range(n):
        d[i] = z[i] - y[i]
    if loss == SQUARED_ERROR:
        for i in range(n):
            losses[i] = <real>0.5 * (d[i] * d[i])
    elif loss == ABSOLUTE_ERROR:
        for i in range(n):
            losses[i] = magnitude(d[i])
            d[i] = d[i] if d[i] == <real>0 else with_sign_of(<real>1, d[i])
    elif loss == HUBER:
        for i in range(n):
            size = magnitude(d[i])
            e = parameter if size > parameter else size
            losses[i] = e * (size - <real>0.5 * e)
            d[i] = with_sign_of(e, d[i])
    elif loss == PINBALL:
        for i in range(n):
            e = (<real>1 - parameter) if d[i] > <real>0 else -parameter
            losses[i] = e * d[i]
            d[i] = d[i] if d[i] == <real>0 else e
    elif loss == POISSON:
        for i in range(n):
            e = exp(z[i])
            losses[i] = e - y[i] * z[i]
            d[i] = e - y[i]
    elif loss == LOG_COSH:
        log_cosh(n, d, losses)
        activate(TANH, 0, d, n)
    else:
        for i in range(n):
            losses[i] = d[i] = NAN
    if activation != IDENTITY:
        multiply_by_derivative(activation, leak, kept, d, n)
    weigh(n, samples, d, w, z)
    return add_up(n, samples, losses, w, total)


cdef inline vec log_loss_chunk(Py_ssize_t n, Py_ssize_t samples, real most, real* z, const real* y, const real* w,
                               vec total) noexcept nogil:
    """total + w l, lane by lane, and dZ, with l = -[y log a + (1 - y) log(1 - a)] of a sigmoid, a - y; with e = e^-|z|,

    -log a = max(-z, 0) + log(1 + e) and -log(1 - a) = max(z, 0) + log(1 + e). A loss above `most` counts as that.
    """
    cdef real[CHUNK] e, losses
    cdef real x
    cdef Py_ssize_t i
    for i in range(n):
        e[i] = exp_negative(-magnitude(z[i]))
    for i in range(n):
        losses[i] = log1p_of_fraction(e[i])
    # One condition a loop: GCC makes branches of two.
    for i in range(n):
        # y or 1 - y times |z|, never their difference from z: a label of 0 or 1 then gives an exact 0
        x = y[i]
        losses[i] += magnitude(z[i]) * (x if z[i] < <real>0 else <real>1 - x)
    for i in range(n):
        x = e[i]
        e[i] = (x if z[i] < <real>0 else <real>1) / (<real>1 + x) - y[i]
    for i in range(n):
        losses[i] = most if losses[i] > most else losses[i]
    weigh(n, samples, e, w, z)
    return add_up(n, samples, losses, w, total)


cdef inline double elementwise_loss(int loss, real parameter, int activation, real leak, real* Z, const real* Y,
                                    const real* w, Py_ssize_t n, Py_ssize_t vectors, real* lanes) noexcept nogil:
    """L = sum_j l(a_j, y_j), dZ_j = l'(a_j) g'(z_j), where each l is a function of one output; log loss is a sigmoid's

    Taken in chunks of rows that lie together, each the samples of an output, and each chunk stage by stage: one vector's whole
    way is too long for the CPU to have several of them under way.
    """
    cdef vec total = broadcast(0)
    cdef real[MAX_LANES] lane
    cdef Py_ssize_t s = 0, m = vectors * LANES, longest = CHUNK if n == 1 else PANEL, samples, left, reals
    while s < m:
        samples = longest if longest < m - s else m - s
        left = n * samples
        while left > 0:
            reals = CHUNK // samples * samples
            reals = reals if reals < left else left
            if loss == LOG_LOSS:
                total = log_loss_chunk(reals, samples, parameter, Z, Y, w + s, total)
            else:
                total = elementwise_chunk(reals, samples, loss, parameter, activation, leak, Z, Y, w + s, total)
            Z += reals
            Y += reals
            left -= reals
        s += samples
    store(lane, total)
    return sum_of_lanes(lane, lanes)


cdef inline double softmax(real most, real* Z, const real* Y, const real* w, Py_ssize_t n,
                           Py_ssize_t vectors, real* lanes) noexcept nogil:
    """a_j = e^z_j / sum_k e^z_k in place where Y is NULL (and the sum returned is 0); otherwise
    L = -sum_j y_j log a_j, dZ_j = a_j - y_j (sum_j y_j = 1). An L above `most` counts as that.

    log sum_k e^(z_k - max) = log(1 + the terms besides the greatest): exact where one output has all the probability.
    """
    cdef real[MAX_LANES] total, greatest, at, others, expected, scale
    cdef Py_ssize_t v, j
    cdef int i, width
    cdef real e, term
    cdef real* z
    cdef const real* y = NULL
    for i in range(LANES):
        total[i] = 0
    for v in range(vectors):
        width = panel_width(v // TILE_VECTORS, vectors)
        z = Z + vector_at(v, n)
        for i in range(LANES):
            greatest[i] = z[i]
            at[i] = 0
            expected[i] = 0
        for j in range(1, n):
            for i in range(LANES):
                at[i] = <real>j if z[j * width + i] > greatest[i] else at[i]
                greatest[i] = z[j * width + i] if z[j * width + i] > greatest[i] else greatest[i]
        for i in range(LANES):
            others[i] = greatest[i] - greatest[i]   # 0; of an overflow no number, and so is each output then
        if Y != NULL:
            y = Y + vector_at(v, n)
            for j in range(n):
                for i in range(LANES):
                    expected[i] += y[j * width + i] * (greatest[i] - z[j * width + i])
        for j in range(n):
            for i in range(LANES):
                e = exp_negative(z[j * width + i] - greatest[i])
                others[i] += <real>0 if at[i] == <real>j else e
                z[j * width + i] = e
        for i in range(LANES):
            scale[i] = <real>1 / (<real>1 + others[i])
        if Y == NULL:
            for j in range(n):
                for i in range(LANES):
                    z[j * width + i] *= scale[i]
            continue
        for i in range(LANES):
            term = log1p_nonnegative(others[i]) + expected[i]
            term = w[v * LANES + i] * (most if term > most else term)
            total[i] += <real>0 if w[v * LANES + i] == <real>0 else term
        for j in range(n):
            for i in range(LANES):
                e = w[v * LANES + i] * (z[j * width + i] * scale[i] - y[j * width + i])
                z[j * width + i] = <real>0 if w[v * LANES + i] == <real>0 else e
    return sum_of_lanes(total, lanes)


cdef inline void softmax_derivative(const real* A, Py_ssize_t n, Py_ssize_t vectors, real* d) noexcept nogil:
    """d (n, m) <- (diag(a) - a a^T) d, d_j = a_j (d_j - sum_k a_k d_k), a = A (n, m)"""
    cdef Py_ssize_t v, j, at
    cdef int width
    cdef vec mean
    for v in range(vectors):
        width, at = panel_width(v // TILE_VECTORS, vectors), vector_at(v, n)
        mean = broadcast(0)
        for j in range(n):
            mean += load(A + at + j * width) * load(d + at + j * width)
        for j in range(n):
            store(d + at + j * width, load(A + at + j * width) * (load(d + at + j * width) - mean))
