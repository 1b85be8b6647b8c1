/* The element type and the SIMD vector of one build: the only C of the project.
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
#define LANE_COUNT_IS(n) (VECTOR_BYTES * 8 == (n) * REAL_BITS)

typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
typedef bits bits_vec __attribute__((vector_size(VECTOR_BYTES)));
/* How a vec lies in an array of reals: no alignment promised, and the array's elements are real. */
typedef real vec_in_memory __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));

static inline __attribute__((always_inline)) vec load(const real *p) { return *(const vec_in_memory *)p; }
static inline __attribute__((always_inline)) void store(real *p, vec v) { *(vec_in_memory *)p = v; }
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

#ifdef __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (bits_vec){__VA_ARGS__})
#endif

/* zip_low(a, b) = a0 b0 a1 b1 ... from the lower halves, zip_high the same from the upper halves. */
#if LANE_COUNT_IS(2)
#define LOG2_LANES 1
#define LANE_NUMBERS 0, 1
#define ZIP_LOW 0, 2
#define ZIP_HIGH 1, 3
#elif LANE_COUNT_IS(4)
#define LOG2_LANES 2
#define LANE_NUMBERS 0, 1, 2, 3
#define ZIP_LOW 0, 4, 1, 5
#define ZIP_HIGH 2, 6, 3, 7
#elif LANE_COUNT_IS(8)
#define LOG2_LANES 3
#define LANE_NUMBERS 0, 1, 2, 3, 4, 5, 6, 7
#define ZIP_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define ZIP_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define LOG2_LANES 4
#define LANE_NUMBERS 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define ZIP_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define ZIP_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#endif
static inline __attribute__((always_inline)) vec zip_low(vec a, vec b) { return SHUFFLE(a, b, ZIP_LOW); }
static inline __attribute__((always_inline)) vec zip_high(vec a, vec b) { return SHUFFLE(a, b, ZIP_HIGH); }

/* The first n lanes of v, 0 in the others, whatever they held. */
static inline __attribute__((always_inline)) vec first_lanes(vec v, long n) {
    const bits_vec number = {LANE_NUMBERS}, none = {0};
    return (vec)((bits_vec)v & (bits_vec)(number < none + (bits)n));
}

/* Seconds of a clock that is cheap to read; only differences are used. */
static inline double seconds_now(void) {
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
