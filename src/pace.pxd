# cython: cdivision=True
"""Whether a team or one thread does a piece of work: whichever was faster when both were last tried.

Where other programs keep the cores busy, a team waits for a member that has none, for longer than a short piece takes. So
pieces of the same work are timed by the team and alone, in turns.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memset

from real cimport seconds_now

cdef enum:
    PACES = 64              # as many as the six bits of the hash tell apart
    LONG_CYCLES = 30_000_000    # work of more hardly feels it when a member of the team has to wait for a core
    TRIAL_TIMES = 3         # or as many as take TRIAL_MICROSECONDS
    TRIAL_MICROSECONDS = 1_000
    TRIAL_PAUSE = 32        # times as long as a trial took, at least
    LONGEST_TEAM = 1        # seconds of pause: a core that is gone costs more than one that would be free
    LONGEST_ALONE = 8


cdef enum:      # kinds of work
    STEPS, GRADIENTS, PREDICTIONS, LAYERS, LAYERS_BACK


cdef struct Pace:
    # Notes on one piece of work. Doubles, and zeros at first.
    double cycles           # by `cycles_of`; with the two below it tells which work
    double kind
    double size             # of the team that it would be work for
    double alone            # in use, or tried now
    double started          # the first time starts or wakes the threads, and does not count
    double times            # of this trial, or since the last
    double seconds          # that they took
    double trial            # of what was not in use before
    double before           # seconds each time of what was in use before the trial
    double pause            # between trials
    double due              # when the next may begin


cdef struct Paced:
    # One time that work is done.
    Pace* pace              # NULL: one thread does it anyway, or it is so long that nobody asks
    int size                # of the team that does it
    double began


cdef inline Paced begin(Pace* paces, int kind, int size, double cycles) noexcept nogil:
    """How many threads do work that is enough for a team of `size`; `paces` holds the notes of earlier times.

    Other work takes the place of what has the same hash. Python's threads may write at once: what they lose is a trial.
    """
    cdef Paced paced
    cdef Pace* pace
    paced.pace, paced.size, paced.began = NULL, size, 0
    if size == 1 or cycles >= LONG_CYCLES:
        return paced
    pace = paces + ((<uint64_t>cycles * 8 + <uint64_t>kind) * 0x9E3779B97F4A7C15ULL >> 58)
    if pace.cycles != cycles or pace.kind != kind or pace.size != size:
        memset(pace, 0, sizeof(Pace))
        pace.cycles, pace.kind, pace.size = cycles, kind, size
    paced.pace, paced.size, paced.began = pace, 1 if pace.alone else size, seconds_now()
    return paced


cdef inline void end(Paced paced) noexcept nogil:
    """Note how long it took, and go over to what is faster or has to be tried."""
    cdef Pace* pace = paced.pace
    cdef double now, enough = 1e-6 * TRIAL_MICROSECONDS
    if pace == NULL:
        return
    now = seconds_now()
    if not pace.started:
        pace.started = 1
        return
    pace.times += 1
    pace.seconds += now - paced.began
    if pace.times < TRIAL_TIMES and pace.seconds < enough:
        return
    # The clock may be set back: a trial that is due far ahead is due.
    if not pace.trial and now < pace.due <= now + pace.pause:
        return
    if not pace.trial:
        pace.before = pace.seconds / pace.times
        pace.alone = 1 - pace.alone
    else:
        if pace.seconds > pace.before * pace.times:
            pace.alone = 1 - pace.alone
            pace.pause *= 2     # the same answer as last time: the next may wait
        else:
            pace.pause = 0
        pace.pause = min(max(pace.pause, TRIAL_PAUSE * pace.seconds), LONGEST_ALONE if pace.alone else LONGEST_TEAM)
        pace.due = now + pace.pause
    pace.trial = 1 - pace.trial
    pace.started = pace.times = pace.seconds = 0
