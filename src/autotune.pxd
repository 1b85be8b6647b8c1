# cython: cdivision=True
"""Whether a team or one thread does a piece of work: whichever was faster when both were last tried.

Where other programs keep the cores busy, a team waits for a member without a core, for longer than a short piece of work
takes. So the same work is timed with the team and with one thread alternately.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memset

from real cimport seconds_now

cdef extern from "autotune.h" nogil:
    ctypedef struct record_t:
        double cycles, kind, size, alone, started, times, seconds, trial, before, pause, due
    enum: RECORDS
    record_t[RECORDS] records
    const char* record_fields

cdef enum:
    LONG_CYCLES = 30_000_000    # longer work takes hardly longer when a member of the team has to wait for a core
    TRIAL_TIMES = 3         # or as many as take TRIAL_MICROSECONDS
    TRIAL_MICROSECONDS = 1_000
    TRIAL_PAUSE = 32        # times as long as a trial took, at least
    LONGEST_TEAM = 1        # seconds of pause: a core that is gone costs more than one that would be free
    LONGEST_ALONE = 8


cdef enum:      # kinds of work
    STEPS, GRADIENTS, PREDICTIONS, LAYERS, LAYERS_BACK, DERIVATIVES


cdef struct Choice:
    # How a piece of work is done this time.
    record_t* record              # NULL: the work is for one thread, or so long that it is not timed
    int size                # of the team that does the work
    double began


cdef inline Choice begin(int kind, int size, double cycles) noexcept nogil:
    """How many threads do work that is enough for a team of `size`; `records` has what is known of earlier times.

    Other work takes the place of what has the same hash. Several threads of Python may write at once, and the worst that they
    do to each other is to spoil a trial.
    """
    cdef Choice choice
    cdef record_t* record
    choice.record, choice.size, choice.began = NULL, size, 0
    if size == 1 or cycles >= LONG_CYCLES:
        return choice
    record = records + ((<uint64_t>cycles * 8 + <uint64_t>kind) * 0x9E3779B97F4A7C15ULL >> 58)
    if record.cycles != cycles or record.kind != kind or record.size != size:
        memset(record, 0, sizeof(record_t))
        record.cycles, record.kind, record.size = cycles, kind, size
    choice.record, choice.size, choice.began = record, 1 if record.alone else size, seconds_now()
    return choice


cdef inline void end(Choice choice) noexcept nogil:
    """Record how long the work took, and change to what is faster or has to be tried."""
    cdef record_t* record = choice.record
    cdef double now, enough = 1e-6 * TRIAL_MICROSECONDS
    if record == NULL:
        return
    now = seconds_now()
    if not record.started:
        record.started = 1
        return
    record.times += 1
    record.seconds += now - choice.began
    if record.times < TRIAL_TIMES and record.seconds < enough:
        return
    # The clock may be set back: a trial that is due far ahead is due.
    if not record.trial and now < record.due <= now + record.pause:
        return
    if not record.trial:
        record.before = record.seconds / record.times
        record.alone = 1 - record.alone
    else:
        if record.seconds > record.before * record.times:
            record.alone = 1 - record.alone
            record.pause *= 2     # the same answer as last time: the next may wait
        else:
            record.pause = 0
        record.pause = min(max(record.pause, TRIAL_PAUSE * record.seconds), LONGEST_ALONE if record.alone else LONGEST_TEAM)
        record.due = now + record.pause
    record.trial = 1 - record.trial
    record.started = record.times = record.seconds = 0
