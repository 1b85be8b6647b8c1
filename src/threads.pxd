# cython: cdivision=True
"""Who does what in a team of threads, and Ctrl-C. What is computed never depends on how many threads there are."""

from cython.parallel cimport parallel, threadid

from api cimport part_t
from real cimport seconds_now

cdef extern from "Python.h":
    # Without `except`: the error stays set until the team is done, and the entry point raises it then.
    int PyErr_CheckSignals() noexcept

cdef extern from "threads.h" nogil:
    int threads_allowed()
    int threads_in_team()
    ctypedef struct barrier_t:
        pass
    void wait_for_all(barrier_t* barrier, int size)
    int next_ticket(int* counter)
    void hand_out(void* to, const void* source, size_t bytes)
    bint is_raised(const int* flag)
    void raise_flag(int* flag)


cdef enum:
    MAX_THREADS = 64
    # The least work for each thread: entering a parallel region and leaving it costs some 5,000 cycles, but a single call may
    # have to wake the other threads first.
    LEAST_CYCLES = 50_000
    LEAST_CYCLES_ONCE = 300_000


cdef struct Team:
    int member              # 0 ... size - 1
    int size
    barrier_t* barrier      # NULL for members that do not wait for each other


cdef inline void in_team(part_t part, void* shared, int n_threads) noexcept nogil:
    """part(shared, member) by each member of a team: for work that is no loop of the kernels'."""
    if n_threads == 1:      # a process that has been forked must not begin a team
        part(shared, 0)
    else:
        with parallel(num_threads=n_threads):
            part(shared, threadid())


cdef inline Team team_of(int member, int size) noexcept nogil:
    cdef Team team
    team.member, team.size, team.barrier = member, size, NULL
    return team


cdef inline void wait(Team team) noexcept nogil:
    """Waits until every member has come here."""
    if team.size > 1:
        wait_for_all(team.barrier, team.size)


cdef inline Py_ssize_t share(Py_ssize_t n, Py_ssize_t unit, Team team, int member) noexcept nogil:
    """Where the share of `member` begins, of n things that are shared out in units; it ends where the next one begins."""
    cdef Py_ssize_t at = (n + unit - 1) // unit * member // team.size * unit
    return at if at < n else n


cdef struct Span:
    Py_ssize_t first, last  # rows
    int member              # whose share they are of, counted from the member that takes them; 0 before the first span


cdef inline bint take_span(Span* span, int* tickets, Py_ssize_t n, Py_ssize_t unit, Team team) noexcept nogil:
    """Takes the next span of the n rows, by counters that the team shares, one for each member; False if none are left.

    A member takes spans of its own share, each time half of what is left of it, then what the others have not taken of
    theirs: no member waits long for the others, even if one core is slower, and most rows are the same member's in every step,
    whose caches hold them. A team of one takes all rows at once.
    """
    cdef Py_ssize_t left, size, end
    cdef int number, owner
    if team.size == 1:
        span.first, span.last = 0, n
        span.member += 1
        return span.member == 1
    while span.member < team.size:
        owner = (team.member + span.member) % team.size
        span.first, end = share(n, unit, team, owner), share(n, unit, team, owner + 1)
        left, number = (end - span.first + unit - 1) // unit, next_ticket(tickets + owner)
        while left > 0:
            size = (left + 1) // 2
            span.last = span.first + size * unit
            if number == 0:
                span.last = span.last if span.last < end else end
                return True
            span.first, left, number = span.last, left - size, number - 1
        span.member += 1
    return False


cdef inline int team_size(int allowed, double cycles, double least) noexcept nogil:
    """As many threads as have `least` cycles of work, at least one."""
    cdef double most = cycles / least
    allowed = 1 if allowed < 1 else allowed if allowed < MAX_THREADS else MAX_THREADS
    if most >= allowed:
        return allowed
    return <int>most if most > 1 else 1


cdef struct Watch:
    # Reading the clock costs as much as a small layer, so it is read only after this much work.
    double work
    double deadline
    int stop
    const int* shared       # a flag of several calls, whoever raises it; or NULL


cdef inline Watch watch_from_now(const int* shared) noexcept nogil:
    cdef Watch watch
    watch.work, watch.deadline, watch.stop, watch.shared = 0, seconds_now() + 0.05, 0, shared
    return watch


cdef inline bint signalled() noexcept with gil:
    return PyErr_CheckSignals() != 0


cdef inline void look_for_signals(Watch* watch, double work) noexcept nogil:
    """Let Python see a Ctrl-C, at most 20 times a second, and raise the flag if it makes an error of it, or if the shared
    flag is up.

    Only for the thread that entered the team from Python.
    """
    cdef double now
    if watch.shared != NULL and is_raised(watch.shared):
        raise_flag(&watch.stop)
    watch.work += work
    if watch.work < 1e6:
        return
    watch.work = 0
    now = seconds_now()
    # The clock may be set back: a deadline that is far ahead is no deadline.
    if watch.deadline - 0.05 <= now < watch.deadline:
        return
    watch.deadline = now + 0.05
    if not watch.stop and signalled():
        raise_flag(&watch.stop)
