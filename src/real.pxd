# cython: cdivision=True
"""`real`, the element type of a build (float or double), and `vec`, its SIMD vector."""

cdef extern from "real.h" nogil:
    # Cython needs a rank only to pick conversions; the C compiler knows the type itself.
    ctypedef double real
    ctypedef double vec
    ctypedef double half_vec
    ctypedef unsigned long long bits
    ctypedef unsigned long long bits_vec
    const int REAL_BITS
    const int VECTOR_BYTES
    const int LANES
    enum: MAX_LANES
    const int LOG2_LANES
    vec load(const real* p)
    void store(real* p, vec v)
    void prefetch(const real* p)    # a hint: nothing is read, wherever p is
    vec broadcast(real x)
    half_vec load_half(const real* p)
    void store_half(real* p, half_vec v)
    half_vec broadcast_half(real x)
    const int BLOCK
    const int LOG2_BLOCK
    vec zip_low(vec a, vec b)
    vec zip_high(vec a, vec b)
    vec even(vec a, vec b)
    vec odd(vec a, vec b)
    vec even_pair(vec a, vec b)
    vec odd_pair(vec a, vec b)
    vec where_not_zero(vec w, vec v)    # v in the lanes where w is not 0, 0 in the others
    vec first_lanes(vec v, Py_ssize_t n)
    vec last_lanes(vec v, Py_ssize_t n)
    ctypedef double small_vec
    small_vec small_load(const real* p)
    void small_store(real* p, small_vec v)
    small_vec small_broadcast(real x)
    small_vec small_zip_low(small_vec a, small_vec b)
    small_vec small_zip_high(small_vec a, small_vec b)
    small_vec small_last_lanes(small_vec v, Py_ssize_t n)
    real magnitude(real x)
    real with_sign_of(real x, real sign)
    real square_root(real x)
    real multiply_add(real a, real b, real c)
    const int MANTISSA_BITS
    const bits EXPONENT_BIAS
    bits real_to_bits(real x)
    real bits_to_real(bits b)
    double seconds_now()


# The functions below are one butterfly: bit after bit of the lane number goes into the row number, first those within a block.
# Additions come in the same order in vec_sum and in sum_each: which of the two a sum is made by depends on the threads.

cdef inline real vec_sum(vec v) noexcept nogil:
    """Sum of the lanes of v."""
    cdef int _stage
    cdef real[MAX_LANES] lane
    for _stage in range(LOG2_BLOCK):
        v = zip_low(v, v) + zip_high(v, v)
    if LANES > BLOCK:
        v = even(v, v) + odd(v, v)
    if LANES > 2 * BLOCK:
        v = even_pair(v, v) + odd_pair(v, v)
    store(lane, v)
    return lane[0]


cdef inline vec sum_block(vec* r) noexcept nogil:
    """Lane i of each block of the result = sum of that block's lanes of r[i], for BLOCK vectors; r is overwritten."""
    if BLOCK > 2:
        r[0] = zip_low(r[0], r[2]) + zip_high(r[0], r[2])
        r[1] = zip_low(r[1], r[3]) + zip_high(r[1], r[3])
    return zip_low(r[0], r[1]) + zip_high(r[0], r[1])


cdef inline vec sum_each(vec* r) noexcept nogil:
    """Lane i of the result = sum of the lanes of r[i], for LANES vectors; r is overwritten."""
    cdef vec[MAX_LANES] s
    cdef int i
    for i in range(LANES // BLOCK):
        s[i] = sum_block(r + i * BLOCK)
    if LANES > BLOCK:
        s[0] = even(s[0], s[1]) + odd(s[0], s[1])
    if LANES > 2 * BLOCK:
        s[2] = even(s[2], s[3]) + odd(s[2], s[3])
        s[0] = even_pair(s[0], s[2]) + odd_pair(s[0], s[2])
    return s[0]


cdef inline void transpose(vec* r) noexcept nogil:
    """r[i] lane j <- r[j] lane i, for LANES vectors."""
    cdef vec[MAX_LANES] t
    cdef int _stage, i, k
    for _stage in range(LOG2_BLOCK):
        for k in range(LANES // BLOCK):
            for i in range(BLOCK // 2):
                t[k * BLOCK + 2 * i] = zip_low(r[k * BLOCK + i], r[k * BLOCK + i + BLOCK // 2])
                t[k * BLOCK + 2 * i + 1] = zip_high(r[k * BLOCK + i], r[k * BLOCK + i + BLOCK // 2])
        for i in range(LANES):
            r[i] = t[i]
    if LANES > BLOCK:
        for i in range(LANES):
            t[i] = even(r[i], r[i + BLOCK]) if i // BLOCK % 2 == 0 else odd(r[i - BLOCK], r[i])
        for i in range(LANES):
            r[i] = t[i]
    if LANES > 2 * BLOCK:
        for i in range(LANES):
            t[i] = even_pair(r[i], r[i + 2 * BLOCK]) if i // (2 * BLOCK) % 2 == 0 else odd_pair(r[i - 2 * BLOCK], r[i])
        for i in range(LANES):
            r[i] = t[i]
