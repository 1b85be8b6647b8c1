"""Which builds of the kernels this CPU can run. Compiled without flags of its own: it must run before that is known."""

cdef extern from *:
    """
    #if defined(__x86_64__) || defined(_M_X64)
    static int x86_64_level(void) {
        __builtin_cpu_init();
        if (!(__builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt")))
            return 1;
        if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi")
              && __builtin_cpu_supports("bmi2")))
            return 2;
        if (!(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
              && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq")
              && __builtin_cpu_supports("avx512vl")))
            return 3;
        return 4;
    }
    #else
    static int x86_64_level(void) { return 0; }
    #endif
    """
    int x86_64_level()


def supported():
    """Names of the builds that this CPU can run, the best one first; an ImportError if there are none."""
    level = x86_64_level()
    if level == 1:
        raise ImportError("shallownet_c needs at least an x86-64-v2 CPU (SSE4.2, SSSE3, POPCNT)")
    return tuple(f"v{n}" for n in range(level, 1, -1)) if level else ("generic",)
