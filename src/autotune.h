/* Records of work that a team or one thread can do; autotune.pxd decides by them. */
#ifndef SHALLOWNET_C_AUTOTUNE_H
#define SHALLOWNET_C_AUTOTUNE_H

/* Doubles, and zeros at first:
 * cycles   by `cycles_of`; together with the next two it identifies the work
 * kind
 * size     of the team that the work would be enough for
 * alone    1 while one thread is in use or on trial, 0 for the team
 * started  the first time starts or wakes the threads, and does not count
 * times    of this trial, or since the last one
 * seconds  that those times took
 * trial    1 while the choice that was not in use is on trial
 * before   seconds each time of what was in use before the trial
 * pause    seconds between trials
 * due      when the next trial may begin */
#define RECORD_FIELDS(FIELD) \
    FIELD(cycles) FIELD(kind) FIELD(size) FIELD(alone) FIELD(started) FIELD(times) FIELD(seconds) FIELD(trial) FIELD(before) \
    FIELD(pause) FIELD(due)

#define AS_MEMBER(name) double name;
#define AS_WORD(name) #name " "

typedef struct { RECORD_FIELDS(AS_MEMBER) } record_t;

enum { RECORDS = 64 }; /* as many as the six bits of the hash tell apart */

static record_t records[RECORDS];
static const char record_fields[] = RECORD_FIELDS(AS_WORD);

#endif
