"""`real`, the element type of a build (float or double), and `vec`, its SIMD vector."""

cdef extern from "real.h" nogil:
    # Cython needs a rank only to pick conversions; the C compiler knows the type itself.
    ctypedef double real
    ctypedef double vec
    ctypedef unsigned long long bits
    const int REAL_BITS
    ctypedef unsigned long long bits_vec
    const int VECTOR_BYTES
    const int LANES
    const int LOG2_LANES
    vec load(const real* p)
    void store(real* p, vec v)
    vec broadcast(real x)
    vec zip_low(vec a, vec b)
    vec zip_high(vec a, vec b)
    vec first_lanes(vec v, Py_ssize_t n)
    real magnitude(real x)
    real with_sign_of(real x, real sign)
    real square_root(real x)
    const int MANTISSA_BITS
    const bits EXPONENT_BIAS
    bits real_to_bits(real x)
    real bits_to_real(bits b)
    double seconds_now()


# The three below are one butterfly: a round of zips takes bit after bit of the lane number into the row number.

cdef inline real vec_sum(vec v) noexcept nogil:
    """Sum of the lanes of v."""
    cdef int _stage
    cdef real[16] lane
    for _stage in range(LOG2_LANES):
        v = zip_low(v, v) + zip_high(v, v)
    store(lane, v)
    return lane[0]


cdef inline void fold(vec* r, const int half) noexcept nogil:
    """One round of sum_each: r[i] and r[i + half] become the sums of their neighbouring lanes, side by side in r[i]."""
    cdef int i
    for i in range(half):
        r[i] = zip_low(r[i], r[i + half]) + zip_high(r[i], r[i + half])


cdef inline vec sum_each(vec* r) noexcept nogil:
    """Lane i of the result = sum of the lanes of r[i], for LANES vectors; r is overwritten."""
    if LANES > 8:
        fold(r, 8)    # literal sizes: GCC leaves a loop over the rounds in memory
    if LANES > 4:
        fold(r, 4)
    if LANES > 2:
        fold(r, 2)
    fold(r, 1)
    return r[0]


cdef inline void transpose(vec* r) noexcept nogil:
    """r[i] lane j <- r[j] lane i, for LANES vectors."""
    cdef vec[16] t
    cdef int _stage, i
    for _stage in range(LOG2_LANES):
        for i in range(LANES // 2):
            t[2 * i] = zip_low(r[i], r[i + LANES // 2])
            t[2 * i + 1] = zip_high(r[i], r[i + LANES // 2])
        for i in range(LANES):
            r[i] = t[i]
