# cython: cdivision=True
"""g(z) and g'(z), the latter from a = g(z) alone; scalar code over cache-hot arrays, which the compiler vectorises.

exp and tanh reduce their argument, x = k ln 2 + r with |r| <= ln 2 / 2, and take e^r - 1 = r + r^2 q(r) with q a minimax
polynomial (Remez; relative error below 2^-55 in double, 2^-26 in float). k is rounded, and 2^k made, by adding a constant
whose last bit is worth 1: no conversions, no branches.
"""

from real cimport EXPONENT_BIAS, MANTISSA_BITS, REAL_BITS, bits, bits_to_real, magnitude, real, real_to_bits, with_sign_of


cdef enum Activation:   # the numbers of _kernels.ACTIVATIONS
    IDENTITY, SIGMOID, TANH, RELU, LEAKY_RELU, SOFTMAX, EXP


cdef inline real round_constant() noexcept nogil:
    """1.5 2^mantissa: adding it leaves the rounded integer in the last bits."""
    return <real>12582912.0 if REAL_BITS == 32 else <real>6755399441055744.0


cdef inline real power_of_two(real shifted) noexcept nogil:
    """2^k for shifted = k + round_constant()."""
    return bits_to_real((real_to_bits(shifted) + EXPONENT_BIAS) << MANTISSA_BITS)


cdef inline real reduced(real x, real k) noexcept nogil:
    """x - k ln 2, ln 2 in two parts of which the first times k is exact."""
    if REAL_BITS == 32:
        return (x - k * <real>0.693359375) + k * <real>2.12194440054690582767e-4
    return (x - k * <real>6.93147180369123816490e-01) - k * <real>1.90821492927058770002e-10


cdef inline real expm1_reduced(real r) noexcept nogil:
    """e^r - 1 for |r| <= ln 2 / 2."""
    cdef real q
    if REAL_BITS == 32:
        q = <real>0.00019914296707002770319
        q = q * r + <real>0.0013941102181322611093
        q = q * r + <real>0.0083332728408335339134
        q = q * r + <real>0.041666353540256401109
        q = q * r + <real>0.16666666817860782356
        q = q * r + <real>0.50000000466641071611
    else:
        q = <real>2.5114592479711947798e-8
        q = q * r + <real>2.7626450912293995656e-7
        q = q * r + <real>2.7557227610573865839e-6
        q = q * r + <real>0.000024801504147111497174
        q = q * r + <real>0.00019841269903371417545
        q = q * r + <real>0.0013888888932614266923
        q = q * r + <real>0.0083333333333144573189
        q = q * r + <real>0.041666666666572952553
        q = q * r + <real>0.16666666666666686167
        q = q * r + <real>0.50000000000000056002
    return r + r * r * q


cdef inline real exp_negative(real x) noexcept nogil:
    """e^x for x <= 0 (for greater ones see exp); subnormal results are right too, since 2^k comes in two factors."""
    cdef real lowest = <real>-104.0 if REAL_BITS == 32 else <real>-746.0
    cdef real shifted, k, half, p
    x = lowest if x < lowest else x   # this way round a NaN stays one
    shifted = x * <real>1.4426950408889634074 + round_constant()
    k = shifted - round_constant()
    p = expm1_reduced(reduced(x, k)) + <real>1
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


cdef inline real tanh(real z) noexcept nogil:
    """E / (E + 2), E = e^2|z| - 1, with the sign of z"""
    cdef real saturated = <real>20 if REAL_BITS == 32 else <real>40
    cdef real y = <real>2 * magnitude(z)
    cdef real shifted, k, power, E
    y = saturated if y > saturated else y
    shifted = y * <real>1.4426950408889634074 + round_constant()
    k = shifted - round_constant()
    power = power_of_two(shifted)
    E = power * expm1_reduced(reduced(y, k)) + (power - <real>1)
    return with_sign_of(E / (E + <real>2), z)


cdef inline void activate(int activation, real leak, real* z, Py_ssize_t n) noexcept nogil:
    """z (n,) <- g(z); softmax is no function of one element: losses.pxd has it."""
    cdef Py_ssize_t i
    if activation == SIGMOID:
        for i in range(n):
            z[i] = sigmoid(z[i])
    elif activation == TANH:
        for i in range(n):
            z[i] = tanh(z[i])
    elif activation == RELU:
        for i in range(n):
            z[i] = <real>0 if z[i] < <real>0 else z[i]
    elif activation == LEAKY_RELU:
        for i in range(n):
            z[i] = leak * z[i] if z[i] < <real>0 else z[i]
    elif activation == EXP:
        for i in range(n):
            z[i] = exp(z[i])


cdef inline void multiply_by_derivative(int activation, real leak, const real* a, real* d, Py_ssize_t n) noexcept nogil:
    """d (n,) <- d g'(z), from a = g(z); at z = 0 the derivative of ReLU is 0 and of leaky ReLU the leak"""
    cdef Py_ssize_t i
    cdef real x
    if activation == SIGMOID:
        for i in range(n):
            d[i] = d[i] * (a[i] * (<real>1 - a[i]))
    elif activation == TANH:
        for i in range(n):
            d[i] = d[i] * (<real>1 - a[i] * a[i])
    elif activation == RELU:
        for i in range(n):
            x = d[i]    # read in any case: GCC vectorises no load that depends on a condition
            d[i] = x if a[i] > <real>0 else <real>0
    elif activation == LEAKY_RELU:
        for i in range(n):
            x = d[i]
            d[i] = x if a[i] > <real>0 else leak * x
    elif activation == EXP:
        for i in range(n):
            d[i] = d[i] * a[i]
