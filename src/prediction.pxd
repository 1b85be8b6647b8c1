# cython: cdivision=True
"""The network's outputs for many rows, by one thread or by a team."""

from cython.parallel cimport parallel, threadid

from libc.string cimport memset

from api cimport DONE, NO_MEMORY, PYTHON_ERROR, model_t, rows_t
from autotune cimport PREDICTIONS, Choice, begin, end
from block cimport Block, close_blocks, open_blocks
from geometry cimport PANEL
from network cimport cycles_of, predict
from once cimport predict_part as once_predict_part
from real cimport real
from sparse cimport Turned, close_turned, open_turned
from threads cimport (
    LEAST_CYCLES_ONCE, MAX_THREADS, Span, Team, Watch, is_raised, look_for_signals, take_span, team_size, threads_in_team,
    watch_from_now,
)


cdef struct Prediction:
    const model_t* net
    Block* blocks           # one for each thread
    const rows_t* data
    Py_ssize_t m, rows      # rows in all, and those of a block
    real* out
    int[MAX_THREADS] tickets    # how many spans of rows the team has taken of each member's share
    Watch watch


cdef inline void predict_part(Prediction* p, Team team) noexcept nogil:
    """Predicts spans of rows that no member has taken yet, block by block; at the end half a block, so that all end together"""
    cdef Py_ssize_t n_out = p.net.layer[p.net.layers - 1].n_out
    cdef Py_ssize_t unit = (p.rows // 2 + PANEL - 1) // PANEL * PANEL, rows
    cdef Span span
    span.member = 0
    while take_span(&span, p.tickets, p.m, unit, team):
        while span.first < span.last and not is_raised(&p.watch.stop):
            rows = p.rows if p.rows < span.last - span.first else span.last - span.first
            predict(p.net, &p.blocks[team.member], p.data, span.first, rows, p.out + span.first * n_out)
            if team.member == 0:
                look_for_signals(&p.watch, cycles_of(p.net, rows, 1))
            span.first += rows


cdef inline int predict_rows(const model_t* given, const rows_t* data, void* out, int n_threads) noexcept nogil:
    """out (m, n_L) = A[L] of X (m, n_0)"""
    cdef const model_t* net = given
    cdef Py_ssize_t m = data.m
    cdef Turned turned
    cdef Block[MAX_THREADS] blocks
    cdef Prediction p
    cdef double cycles
    cdef Choice choice
    cdef int size
    if m == 0:
        return DONE
    if data.starts != NULL:
        if not open_turned(&turned, given, data, False):
            return NO_MEMORY
        net = &turned.net
    cycles = cycles_of(net, m, 1)
    choice = begin(PREDICTIONS, team_size(n_threads, cycles, LEAST_CYCLES_ONCE), cycles)
    size = choice.size
    if not open_blocks(blocks, size, net, (m + size - 1) // size, False):
        if net.turned != NULL:
            close_turned(&turned)
        return NO_MEMORY
    p.net, p.blocks, p.data, p.m, p.out = net, blocks, data, m, <real*>out
    p.rows, p.watch = blocks[0].samples, watch_from_now(NULL)
    memset(p.tickets, 0, sizeof(p.tickets))
    if size == 1:
        once_predict_part(&p, 0, 1)
    else:
        with parallel(num_threads=size):
            once_predict_part(&p, threadid(), threads_in_team())
    close_blocks(blocks, size)
    if net.turned != NULL:
        close_turned(&turned)
    end(choice)
    return PYTHON_ERROR if p.watch.stop else DONE
