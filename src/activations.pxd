# cython: cdivision=True
"""g(z) and g'(z), the latter from a = g(z) alone; scalar code over cache-hot arrays, which the compiler vectorises.

exp and tanh reduce their argument, x = k ln 2 + r with |r| <= ln 2 / 2, and take e^r - 1 = r + r^2 q(r) with q a minimax
polynomial (Remez; relative error below 2^-55 in double, 2^-26 in float). k is rounded, and 2^k made, by adding a constant
whose last bit is worth 1: no conversions, no branches. tanh, the one that takes most of a small network's time, is written
for vectors.
"""

from codes cimport EXP, LEAKY_RELU, NEEDS_Z, RELU, SIGMOID, TANH
from real cimport (
    EXPONENT_BIAS, LANES, MANTISSA_BITS, REAL_BITS, bits, bits_to_real, bits_vec, broadcast, load, magnitude, real,
    real_to_bits, store, vec,
)


cdef enum:
    TOGETHER = 4    # vectors of tanh_vectors


cdef inline real round_constant() noexcept nogil:
    """1.5 2^mantissa: adding it leaves the rounded integer in the last bits."""
    return <real>12582912.0 if REAL_BITS == 32 else <real>6755399441055744.0


cdef inline real power_of_two(real shifted) noexcept nogil:
    """2^k for shifted = k + round_constant()."""
    return bits_to_real((real_to_bits(shifted) + EXPONENT_BIAS) << MANTISSA_BITS)


cdef inline real ln_2_high() noexcept nogil:
    """ln 2 to so few bits that the product with a k is exact"""
    return <real>0.693359375 if REAL_BITS == 32 else <real>6.93147180369123816490e-01


cdef inline real ln_2_low() noexcept nogil:
    """ln 2 - ln_2_high()"""
    return <real>-2.12194440054690582767e-4 if REAL_BITS == 32 else <real>1.90821492927058770002e-10


cdef inline real term(const int i) noexcept nogil:
    """The coefficient of r^i in q"""
    if REAL_BITS == 32:
        return (<real>0.50000000466641071611 if i == 0 else <real>0.16666666817860782356 if i == 1
                else <real>0.041666353540256401109 if i == 2 else <real>0.0083332728408335339134 if i == 3
                else <real>0.0013941102181322611093 if i == 4 else <real>0.00019914296707002770319)
    return (<real>0.50000000000000056002 if i == 0 else <real>0.16666666666666686167 if i == 1
            else <real>0.041666666666572952553 if i == 2 else <real>0.0083333333333144573189 if i == 3
            else <real>0.0013888888932614266923 if i == 4 else <real>0.00019841269903371417545 if i == 5
            else <real>0.000024801504147111497174 if i == 6 else <real>2.7557227610573865839e-6 if i == 7
            else <real>2.7626450912293995656e-7 if i == 8 else <real>2.5114592479711947798e-8)


cdef inline real expm1_reduced(real r) noexcept nogil:
    """e^r - 1 for |r| <= ln 2 / 2."""
    cdef real q = term(5)
    if REAL_BITS == 64:
        q = term(9) * r + term(8)
        q = q * r + term(7)
        q = q * r + term(6)
        q = q * r + term(5)
    q = q * r + term(4)
    q = q * r + term(3)
    q = q * r + term(2)
    q = q * r + term(1)
    q = q * r + term(0)
    return r + r * r * q


cdef inline real exp_negative(real x) noexcept nogil:
    """e^x for x <= 0 (for greater ones see exp); subnormal results are right too, since 2^k comes in two factors."""
    cdef real lowest = <real>-104.0 if REAL_BITS == 32 else <real>-746.0
    cdef real shifted, k, half, p
    x = lowest if x < lowest else x   # this way round a NaN stays one
    shifted = x * <real>1.4426950408889634074 + round_constant()
    k = shifted - round_constant()
    p = expm1_reduced((x - k * ln_2_high()) - k * ln_2_low()) + <real>1
    shifted = k * <real>0.5 + round_constant()
    half = shifted - round_constant()
    return p * power_of_two(shifted) * power_of_two((k - half) + round_constant())


cdef inline real exp(real x) noexcept nogil:
    """e^x; infinite where no real can hold it"""
    cdef real highest = <real>89 if REAL_BITS == 32 else <real>710
    return exp_negative(highest if x > highest else x)


cdef inline real sigmoid(real z) noexcept nogil:
    """1 / (1 + e^-z)"""
    cdef real e = exp_negative(-magnitude(z))
    return (e if z < <real>0 else <real>1) / (<real>1 + e)


cdef inline void next_term(const int count, vec* q, const vec* r, real coefficient) noexcept nogil:
    """q <- q r + coefficient, `count` vectors"""
    cdef int i
    for i in range(count):
        q[i] = q[i] * r[i] + coefficient


cdef inline void tanh_vectors(const int count, real* z) noexcept nogil:
    """z (count vectors) <- E / (E + 2), E = e^2|z| - 1, with the sign of z

    Each operation on all vectors before the next one: those on one vector wait for each other, and vector after vector they
    would fill the CPU's queues, so that few were under way at a time.
    """
    cdef real saturated = <real>20 if REAL_BITS == 32 else <real>40
    cdef bits sign = <bits>1 << (REAL_BITS - 1)
    cdef real[TOGETHER * 16] y
    cdef vec[TOGETHER] k, power, r, q, E
    cdef real x
    cdef int i
    for i in range(count * LANES):
        x = <real>2 * magnitude(z[i])
        y[i] = saturated if x > saturated else x
    for i in range(count):
        power[i] = load(y + i * LANES) * <real>1.4426950408889634074 + round_constant()
    for i in range(count):
        k[i] = power[i] - round_constant()
        power[i] = <vec>((<bits_vec>power[i] + EXPONENT_BIAS) << MANTISSA_BITS)
    for i in range(count):
        r[i] = load(y + i * LANES) - k[i] * ln_2_high()
    for i in range(count):
        r[i] = r[i] - k[i] * ln_2_low()
    for i in range(count):
        q[i] = broadcast(term(5 if REAL_BITS == 32 else 9))
    if REAL_BITS == 64:
        next_term(count, q, r, term(8))
        next_term(count, q, r, term(7))
        next_term(count, q, r, term(6))
        next_term(count, q, r, term(5))
    next_term(count, q, r, term(4))
    next_term(count, q, r, term(3))
    next_term(count, q, r, term(2))
    next_term(count, q, r, term(1))
    next_term(count, q, r, term(0))
    for i in range(count):
        q[i] = r[i] + r[i] * r[i] * q[i]
    for i in range(count):
        E[i] = power[i] * q[i] + (power[i] - <real>1)
    for i in range(count):
        q[i] = E[i] + <real>2
    for i in range(count):
        E[i] = E[i] / q[i]
    for i in range(count):
        store(z + i * LANES, <vec>(<bits_vec>E[i] | (<bits_vec>load(z + i * LANES) & sign)))


cdef inline void tanh(real* z, Py_ssize_t n) noexcept nogil:
    """z (n,) <- tanh z"""
    cdef real[16] rest
    cdef Py_ssize_t i = 0, k
    while i + TOGETHER * LANES <= n:
        tanh_vectors(TOGETHER, z + i)
        i += TOGETHER * LANES
    while i + LANES <= n:
        tanh_vectors(1, z + i)
        i += LANES
    if i < n:
        for k in range(LANES):
            rest[k] = z[i + k] if i + k < n else <real>0
        tanh_vectors(1, rest)
        for k in range(n - i):
            z[i + k] = rest[k]


cdef inline bint needs_z(int activation) noexcept nogil:
    """Whether g' is computed from z, not from a."""
    return NEEDS_Z >> activation & 1


cdef inline void activate(int activation, real leak, real* z, Py_ssize_t n) noexcept nogil:
    """z (n,) <- g(z); softmax is no function of one element: losses.pxd has it."""
    cdef Py_ssize_t i
    if activation == SIGMOID:
        for i in range(n):
            z[i] = sigmoid(z[i])
    elif activation == TANH:
        tanh(z, n)
    elif activation == RELU:
        for i in range(n):
            z[i] = <real>0 if z[i] < <real>0 else z[i]
    elif activation == LEAKY_RELU:
        for i in range(n):
            z[i] = leak * z[i] if z[i] < <real>0 else z[i]
    elif activation == EXP:
        for i in range(n):
            z[i] = exp(z[i])


cdef inline void multiply_by_derivative(int activation, real leak, const real* kept, real* d, Py_ssize_t n) noexcept nogil:
    """d (n,) <- d g'(z), from a = g(z); at z = 0 the derivative of ReLU is 0 and of leaky ReLU the leak"""
    cdef Py_ssize_t i
    cdef real x
    if activation == SIGMOID:
        for i in range(n):
            d[i] = d[i] * (kept[i] * (<real>1 - kept[i]))
    elif activation == TANH:
        for i in range(n):
            d[i] = d[i] * (<real>1 - kept[i] * kept[i])
    elif activation == RELU:
        for i in range(n):
            x = d[i]    # read in any case: GCC vectorises no load that depends on a condition
            d[i] = x if kept[i] > <real>0 else <real>0
    elif activation == LEAKY_RELU:
        for i in range(n):
            x = d[i]
            d[i] = x if kept[i] > <real>0 else leak * x
    elif activation == EXP:
        for i in range(n):
            d[i] = d[i] * kept[i]
