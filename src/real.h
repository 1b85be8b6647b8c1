/* The element type and the SIMD vector of one build.
 *
 * REAL_BITS (32 or 64) is set by meson.build; the width of a vector follows from the instruction set that the
 * compiler was told to use, so it can never be wider than the machine's registers. */
#ifndef SHALLOWNET_C_REAL_H
#define SHALLOWNET_C_REAL_H

#include <stdint.h>
#include <string.h>
#include <time.h>

/* `cdef inline` is an order here, not a hint: the register tiles exist only once their sizes are literals. */
#undef CYTHON_INLINE
#define CYTHON_INLINE inline __attribute__((always_inline))

#if REAL_BITS == 32
typedef float real;
typedef uint32_t bits;
#elif REAL_BITS == 64
typedef double real;
typedef uint64_t bits;
#else
#error "REAL_BITS must be 32 or 64"
#endif

#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
#define LANES (VECTOR_BYTES / (REAL_BITS / 8))
enum { MAX_LANES = 16 };
#define LANE_COUNT_IS(n) (VECTOR_BYTES * 8 == (n) * REAL_BITS)

typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
typedef bits bits_vec __attribute__((vector_size(VECTOR_BYTES)));
/* Half a vector: cores whose units are 256 bits wide take half as long for it. */
typedef real half_vec __attribute__((vector_size(VECTOR_BYTES / 2)));
typedef real half_vec_in_memory __attribute__((vector_size(VECTOR_BYTES / 2), aligned(sizeof(real)), may_alias));
/* How a vec lies in an array of reals: no alignment promised, and the array's elements are real. */
typedef real vec_in_memory __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));

static inline __attribute__((always_inline)) vec load(const real *p) { return *(const vec_in_memory *)p; }
static inline __attribute__((always_inline)) void store(real *p, vec v) { *(vec_in_memory *)p = v; }
static inline __attribute__((always_inline)) void prefetch(const real *p) { __builtin_prefetch(p); }
static inline __attribute__((always_inline)) half_vec load_half(const real *p) { return *(const half_vec_in_memory *)p; }
static inline __attribute__((always_inline)) void store_half(real *p, half_vec v) { *(half_vec_in_memory *)p = v; }
static inline __attribute__((always_inline)) half_vec broadcast_half(real x) { return x - (half_vec){0}; }
static inline __attribute__((always_inline)) vec broadcast(real x) { return x - (vec){0}; }

static inline __attribute__((always_inline)) bits real_to_bits(real x) { bits b; memcpy(&b, &x, sizeof b); return b; }
static inline __attribute__((always_inline)) real bits_to_real(bits b) { real x; memcpy(&x, &b, sizeof x); return x; }

#if REAL_BITS == 32
#define magnitude __builtin_fabsf
#define with_sign_of __builtin_copysignf
#define square_root __builtin_sqrtf
#define MANTISSA_BITS 23
#define EXPONENT_BIAS 127u
#else
#define magnitude __builtin_fabs
#define with_sign_of __builtin_copysign
#define square_root __builtin_sqrt
#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1023ull
#endif

/* a b + c, rounded once where vectors have an instruction for that: as a sum of numbers, the compiler may take the
 * products of a loop in vectors and add them one by one. */
#if !defined(__FMA__) && !defined(__ARM_FEATURE_FMA)
#define multiply_add(a, b, c) ((a) * (b) + (c))
#elif REAL_BITS == 32
#define multiply_add __builtin_fmaf
#else
#define multiply_add __builtin_fma
#endif

#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (bits_vec){__VA_ARGS__})
#endif

#if LANE_COUNT_IS(2)
#define LOG2_LANES 1
#define EACH_LANE(f, n) f(0, n), f(1, n)
#elif LANE_COUNT_IS(4)
#define LOG2_LANES 2
#define EACH_LANE(f, n) f(0, n), f(1, n), f(2, n), f(3, n)
#elif LANE_COUNT_IS(8)
#define LOG2_LANES 3
#define EACH_LANE(f, n) f(0, n), f(1, n), f(2, n), f(3, n), f(4, n), f(5, n), f(6, n), f(7, n)
#else
#define LOG2_LANES 4
#define EACH_LANE(f, n) f(0, n), f(1, n), f(2, n), f(3, n), f(4, n), f(5, n), f(6, n), f(7, n), \
    f(8, n), f(9, n), f(10, n), f(11, n), f(12, n), f(13, n), f(14, n), f(15, n)
#endif

/* Lanes come in blocks of 16 bytes: instructions that move them within each block are the cheap ones, one for a zip. */
#define BLOCK (16 / (REAL_BITS / 8))
#define LOG2_BLOCK (REAL_BITS == 32 ? 2 : 1)

/* In each block zip_low(a, b) = a0 b0 a1 b1 ... from its lower half, zip_high the same from its upper half. */
#define ZIPPED(lane, from) ((lane) % 2 * LANES + (lane) / BLOCK * BLOCK + (lane) % BLOCK / 2 + (from))
static inline __attribute__((always_inline)) vec zip_low(vec a, vec b) { return SHUFFLE(a, b, EACH_LANE(ZIPPED, 0)); }
static inline __attribute__((always_inline)) vec zip_high(vec a, vec b) {
    return SHUFFLE(a, b, EACH_LANE(ZIPPED, BLOCK / 2));
}

/* Of each two blocks of a and of b, even(a, b) has the first ones, a's and b's, and odd(a, b) the second ones;
 * even_pair and odd_pair the same with two blocks for each one. */
#define EVEN(lane, n) (((lane) & (n) ? LANES + (lane) - (n) : (lane)) & (2 * LANES - 1))
#define ODD(lane, n) (((lane) & (n) ? LANES + (lane) : (lane) + (n)) & (2 * LANES - 1))
static inline __attribute__((always_inline)) vec even(vec a, vec b) { return SHUFFLE(a, b, EACH_LANE(EVEN, BLOCK)); }
static inline __attribute__((always_inline)) vec odd(vec a, vec b) { return SHUFFLE(a, b, EACH_LANE(ODD, BLOCK)); }
static inline __attribute__((always_inline)) vec even_pair(vec a, vec b) {
    return SHUFFLE(a, b, EACH_LANE(EVEN, 2 * BLOCK));
}
static inline __attribute__((always_inline)) vec odd_pair(vec a, vec b) { return SHUFFLE(a, b, EACH_LANE(ODD, 2 * BLOCK)); }

#define NUMBER(lane, n) (lane)
/* The first n lanes of v, 0 in the others, whatever they held. */
static inline __attribute__((always_inline)) vec where_not_zero(vec w, vec v) {
    return (vec)((bits_vec)v & (bits_vec)(w != (vec){0}));
}
static inline __attribute__((always_inline)) vec first_lanes(vec v, long n) {
    const bits_vec number = {EACH_LANE(NUMBER, 0)}, none = {0};
    return (vec)((bits_vec)v & (bits_vec)(number < none + (bits)n));
}

/* The last n lanes of v, 0 in the others. */
static inline __attribute__((always_inline)) vec last_lanes(vec v, long n) {
    const bits_vec number = {EACH_LANE(NUMBER, 0)}, none = {0};
    return (vec)((bits_vec)v & (bits_vec)(number >= none + (bits)(LANES - n)));
}

/* A vector of one block, for rows that are shorter than a vec; its functions are those of a vec. */
typedef real small_vec __attribute__((vector_size(16)));
typedef bits small_bits_vec __attribute__((vector_size(16)));
typedef real small_vec_in_memory __attribute__((vector_size(16), aligned(sizeof(real)), may_alias));
#if REAL_BITS == 32
#define EACH_SMALL_LANE(f, n) f(0, n), f(1, n), f(2, n), f(3, n)
#else
#define EACH_SMALL_LANE(f, n) f(0, n), f(1, n)
#endif
#ifdef __clang__
#define SMALL_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SMALL_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (small_bits_vec){__VA_ARGS__})
#endif
#define SMALL_ZIPPED(lane, from) ((lane) % 2 * BLOCK + (lane) / 2 + (from))

static inline __attribute__((always_inline)) small_vec small_load(const real *p) { return *(const small_vec_in_memory *)p; }
static inline __attribute__((always_inline)) void small_store(real *p, small_vec v) { *(small_vec_in_memory *)p = v; }
static inline __attribute__((always_inline)) small_vec small_broadcast(real x) { return x - (small_vec){0}; }
static inline __attribute__((always_inline)) small_vec small_zip_low(small_vec a, small_vec b) {
    return SMALL_SHUFFLE(a, b, EACH_SMALL_LANE(SMALL_ZIPPED, 0));
}
static inline __attribute__((always_inline)) small_vec small_zip_high(small_vec a, small_vec b) {
    return SMALL_SHUFFLE(a, b, EACH_SMALL_LANE(SMALL_ZIPPED, BLOCK / 2));
}
static inline __attribute__((always_inline)) small_vec small_last_lanes(small_vec v, long n) {
    const small_bits_vec number = {EACH_SMALL_LANE(NUMBER, 0)}, none = {0};
    return (small_vec)((small_bits_vec)v & (small_bits_vec)(number >= none + (bits)(BLOCK - n)));
}

/* Seconds of a clock that is cheap to read; only differences are used. */
static inline double seconds_now(void) {
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
