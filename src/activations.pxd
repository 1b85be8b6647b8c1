# cython: cdivision=True
"""g(z) and g'(z) of any activation, the latter from a = g(z) or, where a does not tell enough (needs_z), by from_z.pxd."""

from codes cimport EXP, LEAKY_RELU, NEEDS_Z, RELU, SIGMOID, TANH
from elementary cimport exp, exp_negative, tanh
from from_z cimport CHUNK
from once cimport activate_vectors, slope_vectors
from real cimport LANES, magnitude, real


cdef inline bint needs_z(int activation) noexcept nogil:
    """Whether multiply_by_derivative takes z, not a = g(z)."""
    return NEEDS_Z >> activation & 1


cdef inline real sigmoid(real z) noexcept nogil:
    """1 / (1 + e^-z)"""
    cdef real e = exp_negative(-magnitude(z))
    return (e if z < <real>0 else <real>1) / (<real>1 + e)


cdef inline const real* whole_vectors(const real* z, Py_ssize_t n, real* rest, Py_ssize_t* vectors) noexcept nogil:
    """The first vectors of z (n,), at most CHUNK numbers, and how many; of less than a vector `rest`, filled up with zeros"""
    cdef Py_ssize_t k
    vectors[0] = (n if n < CHUNK else CHUNK) // LANES
    if vectors[0] > 0:
        return z
    vectors[0] = 1
    for k in range(LANES):
        rest[k] = z[k] if k < n else <real>0
    return rest


cdef inline void activate(int activation, real leak, real* z, Py_ssize_t n) noexcept nogil:
    """z (n,) <- g(z); softmax is no function of one element: losses.pxd has it."""
    cdef real[16] rest
    cdef real* whole
    cdef Py_ssize_t vectors, i
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
    elif needs_z(activation):
        while n > 0:
            whole = <real*>whole_vectors(z, n, rest, &vectors)
            activate_vectors(activation, whole, vectors)
            if whole != z:
                for i in range(n):
                    z[i] = rest[i]
            z += vectors * LANES
            n -= vectors * LANES


cdef inline void multiply_by_derivative(int activation, real leak, const real* kept, real* d,
                                        Py_ssize_t n) noexcept nogil:
    """d (n,) <- d g'(z), from kept = z for those that need z, else from kept = a = g(z); at z = 0 the derivative of ReLU is 0
    and of leaky ReLU the leak"""
    cdef real[CHUNK] slope
    cdef real[16] rest
    cdef const real* whole
    cdef Py_ssize_t vectors, i
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
    elif needs_z(activation):
        while n > 0:
            whole = whole_vectors(kept, n, rest, &vectors)
            slope_vectors(activation, whole, vectors, slope)
            for i in range(vectors * LANES if vectors * LANES < n else n):
                d[i] = d[i] * slope[i]
            kept += vectors * LANES
            d += vectors * LANES
            n -= vectors * LANES
