# cython: cdivision=True
"""g(z) and g'(z) of the activations whose a = g(z) does not tell enough of g'(z), which follows from z itself (needs_z).

Each of SILU, GELU, GELU_TANH, MISH, SOFTPLUS, ELU and SELU errs by at most 3 units in the last place where it is well
conditioned, |z g'(z) / g(z)| <= 1, elsewhere by at most 3/2 eps |z g'(z)| or 3 units, whichever is more; and so does its
derivative, with g' and g'' for g and g', except that of GELU_TANH on CPUs without fused multiply-add: there one in a million
arguments between -1.3 and -1 is wrong by 3 to 4 units. Results near 0 may besides be wrong by 2,000 times the smallest
subnormal number.
SIN and its derivative err by at most 3 units in the last place and eps^2 |z|.
"""

from libc.math cimport cos as libm_cos, sin as libm_sin

from codes cimport ELU, GELU, GELU_TANH, MISH, SELU, SILU, SIN, SOFTPLUS
from elementary cimport (
    cosine, exp_parts, expm1_negative, high_part, log1p_of_fraction, mills_less_quarter, sine, sine_limit,
)
from real cimport REAL_BITS, bits, magnitude, real, with_sign_of


cdef enum:
    CHUNK = 256   # reals, a whole number of vectors on every CPU: two or three arrays of them stay in the first-level cache


cdef inline real selu_positive() noexcept nogil:
    """lambda: SELU is lambda z for z > 0 and lambda alpha (e^z - 1) elsewhere."""
    return <real>1.0507009873554804934


cdef inline real selu_negative() noexcept nogil:
    """lambda alpha"""
    return <real>1.7580993408473768599


cdef inline real density_high() noexcept nogil:
    """1 / sqrt(2 pi) to half as many digits as a real has, as in high_part"""
    return <real>0.39892578125 if REAL_BITS == 32 else <real>0.39894227683544158935546875


cdef inline real density_low() noexcept nogil:
    """1 / sqrt(2 pi) - density_high()"""
    return <real>0.00001649915143267793995 if REAL_BITS == 32 else <real>3.565991088584477309934e-9


# GELU_TANH is z / (1 + e^-v), v = 2 sqrt(2/pi) (z + 0.044715 z^3).

cdef inline real inner_high() noexcept nogil:
    """2 sqrt(2/pi) to half as many digits as a real has, as in high_part"""
    return <real>1.595703125 if REAL_BITS == 32 else <real>1.595769107341766357421875


cdef inline real inner_low() noexcept nogil:
    """2 sqrt(2/pi) - inner_high()"""
    return <real>0.00006599660573071175978 if REAL_BITS == 32 else <real>1.426396435433790923974e-8


cdef inline real inner_cubic() noexcept nogil:
    """0.044715 times 2 sqrt(2/pi)"""
    return <real>0.071354816272600248776


cdef struct Exponentials:
    real[CHUNK] size      # |z|, but no more than it takes for e size^2 to be 0
    real[CHUNK] e         # e^-size, for GELU e^(-size^2 / 2), for GELU_TANH e^-v(size)
    real[CHUNK] q         # e = (1 + q) scale before it is rounded
    real[CHUNK] scale


cdef inline void exponentials(int activation, const real* z, Py_ssize_t n, Exponentials* E) noexcept nogil:
    """E of z (n,)

    The exponents of GELU and GELU_TANH come in two parts: what rounding takes from an exponent x is x times as much of e.
    """
    cdef real[CHUNK] low
    cdef real most = <real>110 if REAL_BITS == 32 else <real>754
    cdef real x, high, rest
    cdef Py_ssize_t i
    if activation == GELU:
        most = <real>14.6 if REAL_BITS == 32 else <real>38.75
    elif activation == GELU_TANH:
        most = <real>11 if REAL_BITS == 32 else <real>22
    for i in range(n):
        x = magnitude(z[i])
        x = most if x > most else x
        E.size[i] = x
        E.e[i] = -x
        low[i] = <real>0
    if activation == GELU:
        for i in range(n):
            x = E.size[i]
            high = high_part(x)
            E.e[i] = <real>-0.5 * (high * high)
            low[i] = <real>0.5 * ((x - high) * (x + high))
    elif activation == GELU_TANH:
        for i in range(n):
            x = E.size[i]
            high = high_part(x)
            rest = inner_high() * (x - high) + x * (inner_low() + inner_cubic() * (x * x))
            high = inner_high() * high
            x = high + rest
            E.e[i] = -x
            low[i] = (high - x) + rest
    for i in range(n):
        x = exp_parts(E.e[i], low[i], &high, &rest)
        high = high * rest
        E.q[i] = x
        E.scale[i] = high
        E.e[i] = (x + <real>1) * high


cdef inline real times_e(real x, const Exponentials* E, Py_ssize_t i) noexcept nogil:
    """x e, more exact than by the rounded e"""
    return with_sign_of((x + x * E.q[i]) * E.scale[i], x)


cdef inline void activate_vectors(int activation, real* z, Py_ssize_t n) noexcept nogil:
    """z (n,) <- g(z) for those that need z, n <= CHUNK, whole vectors

    A result is a number with few digits, where the function is near it, and what is missing: of its roundings little remains.
    With e of `exponentials`, MISH, z tanh(log(1 + e^z)), is e z (e + 2) / (e^2 + 2 e + 2) for z < 0, and the fraction
    3/4 + (1 - e - 3/2 e^2) / 2 / (e^2 + 2 e + 2); for z > 0 it is z (1 - 2 e^2 / (2 e^2 + 2 e + 1)).
    """
    cdef Exponentials E
    cdef real[CHUNK] result, other
    cdef real positive = <real>1, negative = <real>1, x, y
    cdef bits far = 0
    cdef Py_ssize_t i
    if activation == ELU or activation == SELU:
        if activation == SELU:
            positive, negative = selu_positive(), selu_negative()
        for i in range(n):
            result[i] = expm1_negative(-magnitude(z[i]))
        for i in range(n):
            x = z[i]
            z[i] = negative * result[i] if x < <real>0 else positive * x
        return
    if activation == SIN:
        for i in range(n):
            other[i] = z[i]
        for i in range(n):
            far |= <bits>0 if magnitude(other[i]) <= sine_limit() else <bits>1
        for i in range(n):
            z[i] = sine(other[i])
        if far:
            for i in range(n):
                if not magnitude(other[i]) <= sine_limit():
                    z[i] = <real>libm_sin(<double>other[i])
        return
    exponentials(activation, z, n, &E)
    if activation == SOFTPLUS:
        for i in range(n):
            result[i] = log1p_of_fraction(E.e[i])
        for i in range(n):
            x = z[i]
            z[i] = result[i] + (x if x > <real>0 else <real>0)
        return
    if activation == GELU:
        for i in range(n):
            result[i] = E.size[i] * (<real>0.25 + mills_less_quarter(E.size[i]))
        for i in range(n):
            x = -times_e(result[i], &E, i)
            y = z[i] - result[i] * E.e[i]
            z[i] = x if z[i] < <real>0 else y
    elif activation == MISH:
        for i in range(n):
            y = E.e[i] * E.e[i]
            x = <real>2 + (<real>2 * E.e[i] + y)
            y = <real>1 + (<real>2 * E.e[i] + <real>2 * y)
            other[i] = x if z[i] < <real>0 else y
        for i in range(n):
            y = E.e[i] * E.e[i]
            x = <real>0.5 - (<real>0.5 * E.e[i] + <real>0.75 * y)
            y = <real>2 * y
            result[i] = (x if z[i] < <real>0 else y) / other[i]
        for i in range(n):
            x = -times_e(E.size[i] * (<real>0.75 + result[i]), &E, i)
            y = z[i] - E.size[i] * result[i]
            z[i] = x if z[i] < <real>0 else y
    elif activation == SILU or activation == GELU_TANH:
        for i in range(n):
            x = -times_e(E.size[i], &E, i)
            y = z[i]
            z[i] = (x if y < <real>0 else y) / (<real>1 + E.e[i])


cdef inline void slope_vectors(int activation, const real* z, Py_ssize_t n, real* slope) noexcept nogil:
    """slope (n,) <- g'(z) for those that need z, n <= CHUNK, whole vectors; at z = 0 that of SELU is the left one

    A result is made of a number with few digits, as in `activate_vectors`. With y = |z| and e of `exponentials`:

    SILU, GELU_TANH: z / (1 + e^-v) has the slope e R for z < 0, 1 - e R for z > 0, R = (1 - h + e) / (1 + e)^2, where
    h = y v'(y), in SILU y. R = 1/2 + (1/2 - h - e^2 / 2) / (1 + e)^2 = 1 - h + e (1 - (1 - h) (2 + e)) / (1 + e)^2.

    MISH: e R for z < 0, R = (4 (1 - y) + e (6 - 4 y + e (4 + e))) / D with D = (e^2 + 2 e + 2)^2, which is
    1/2 + (2 - 4 y + e (2 - 4 y - e^2 (1 + e / 2))) / D
    = 1 - y + e (4 y - 2 + e (8 y - 4 + e (4 y - 3 + e (y - 1)))) / D;
    1 - e^2 (2 - 4 y + e (4 - 4 y + 4 e)) / (2 e^2 + 2 e + 1)^2 for z > 0.

    GELU: s = Phi(-y) - y phi(y) for z < 0, 1 - s for z > 0.
    """
    cdef Exponentials E
    cdef real[CHUNK] other, low
    cdef real positive = <real>1, negative = <real>1, x, y, e, high
    cdef bits far = 0
    cdef Py_ssize_t i
    if activation == SIN:
        for i in range(n):
            far |= <bits>0 if magnitude(z[i]) <= sine_limit() else <bits>1
        for i in range(n):
            slope[i] = cosine(z[i])
        if far:
            for i in range(n):
                if not magnitude(z[i]) <= sine_limit():
                    slope[i] = <real>libm_cos(<double>z[i])
        return
    exponentials(activation, z, n, &E)
    if activation == ELU or activation == SELU:
        if activation == SELU:
            positive, negative = selu_positive(), selu_negative()
        for i in range(n):
            x = negative * E.e[i]
            slope[i] = positive if z[i] > <real>0 else x
        return
    if activation == SOFTPLUS:
        for i in range(n):
            x = E.e[i]
            slope[i] = (x if z[i] < <real>0 else <real>1) / (<real>1 + x)
    elif activation == GELU:
        for i in range(n):
            x = E.size[i]
            high = high_part(x)
            y = density_high() * (x - high) + density_low() * x
            slope[i] = (<real>0.25 - density_high() * high) + (mills_less_quarter(x) - y)
        for i in range(n):
            x = times_e(slope[i], &E, i)
            y = <real>1 - slope[i] * E.e[i]
            slope[i] = x if z[i] < <real>0 else y
    elif activation == MISH:
        for i in range(n):
            e = E.e[i]
            y = <real>4 * E.size[i]
            x = e * ((y - <real>2) + e * ((<real>2 * y - <real>4) + e * ((y - <real>3) + e * (E.size[i] - <real>1))))
            y = (<real>2 - y) + e * ((<real>2 - y) - e * e * (<real>1 + <real>0.5 * e))
            other[i] = y if E.size[i] < <real>1 else x
        for i in range(n):
            e = E.e[i]
            y = <real>4 * E.size[i]
            y = -(e * e) * ((<real>2 - y) + e * ((<real>4 - y) + <real>4 * e))
            x = other[i]
            slope[i] = x if z[i] < <real>0 else y
        for i in range(n):
            e = E.e[i]
            x = (<real>4 + <real>8 * e) + e * e * (<real>8 + (<real>4 * e + e * e))
            y = (<real>1 + <real>4 * e) + e * e * (<real>8 + (<real>8 * e + <real>4 * e * e))
            slope[i] = slope[i] / (x if z[i] < <real>0 else y)
        for i in range(n):
            x = <real>1 - E.size[i]
            other[i] = <real>0.5 if E.size[i] < <real>1 else x
        for i in range(n):
            x = times_e(other[i] + slope[i], &E, i)
            y = <real>1 + slope[i]
            slope[i] = x if z[i] < <real>0 else y
    elif activation == SILU or activation == GELU_TANH:
        # h = E.size + low
        for i in range(n):
            low[i] = <real>0
        if activation == GELU_TANH:
            for i in range(n):
                x = E.size[i]
                high = high_part(x)
                E.size[i] = inner_high() * high
                low[i] = inner_high() * (x - high) + x * (inner_low() + <real>3 * inner_cubic() * (x * x))
        for i in range(n):
            e = E.e[i]
            x = e * (((<real>2 * E.size[i] - <real>1) + <real>2 * low[i]) - e * ((<real>1 - E.size[i]) - low[i]))
            y = (<real>0.5 - E.size[i]) - (low[i] + <real>0.5 * (e * e))
            slope[i] = y if E.size[i] < <real>1 else x
        for i in range(n):
            e = E.e[i]
            y = -e * (((<real>1 - E.size[i]) - low[i]) + e)
            x = slope[i]
            slope[i] = (x if z[i] < <real>0 else y) / (<real>1 + (<real>2 * e + e * e))
        for i in range(n):
            x = (<real>1 - E.size[i]) + (slope[i] - low[i])
            y = <real>0.5 + slope[i]
            other[i] = y if E.size[i] < <real>1 else x
        for i in range(n):
            x = times_e(other[i], &E, i)
            y = <real>1 + slope[i]
            slope[i] = x if z[i] < <real>0 else y
