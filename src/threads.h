/* A team of OpenMP threads, or of one where the compiler has no OpenMP. */
#ifndef SHALLOWNET_C_THREADS_H
#define SHALLOWNET_C_THREADS_H

#ifdef _OPENMP
#include <omp.h>
static inline int threads_allowed(void) { return omp_get_max_threads(); }
static inline int threads_in_team(void) { return omp_get_num_threads(); }
static inline void wait_for_all(void) {
    _Pragma("omp barrier")
}
#else
static inline int threads_allowed(void) { return 1; }
static inline int threads_in_team(void) { return 1; }
static inline void wait_for_all(void) {}
#endif

/* The next number of a counter that a team shares. */
static inline int next_ticket(int *counter) { return __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED); }

/* A flag that one thread raises while others look at it. */
static inline int is_raised(const int *flag) { return __atomic_load_n(flag, __ATOMIC_RELAXED); }
static inline void raise_flag(int *flag) { __atomic_store_n(flag, 1, __ATOMIC_RELAXED); }

#endif
