/* Whether a worker looks for events once more before it sleeps. Sleeping and being woken costs more than most PDUs
 * do, and their users wait for it: an answer that comes at once after its question finds the worker awake. It
 * stays awake only while that pays: most of the latest events must have come soon after the one before. Pure
 * functions on the worker's own struct; time is the caller's.
 */
#ifndef CARREL_GATEWAY_BUSY_POLL_H
#define CARREL_GATEWAY_BUSY_POLL_H

#include <stdbool.h>
#include <stdint.h>

enum {
    BUSY_POLL_NS = 50 * 1000, /* at most so long after an event; then the worker sleeps */
    /* An event that came so soon would have been met awake: the poll, and what the wake-up added. */
    BUSY_POLL_SOON_NS = 120 * 1000,
    BUSY_POLL_SCORE_MAX = 8,
    BUSY_POLL_SCORE_STAYS = 4, /* from this score on the worker stays awake */
    /* Where an offer of the core took so long, somebody else had it: then sleeping hands it over faster. */
    BUSY_POLL_SHARED_NS = 4 * 1000,
    /* That, and a look in vain, which may even have kept the other side from its answer, is a strike. The first one
     * may be a tick of the kernel's and is forgiven; from the second on there is no look for some events, ... */
    BUSY_POLL_STRIKES_FREE = 1,
    BUSY_POLL_EVENTS_FIRST = 4, /* ... with each strike for twice as many, up to so many: */
    BUSY_POLL_EVENTS_SHARED = 256,
    BUSY_POLL_EVENTS_VAIN = 64,
    BUSY_POLL_STRIKES_MAX = 8,
    BUSY_POLL_MET_FORGIVES = 16, /* so many looks that met their event take a strike back */
};

struct busy_poll {
    int score; /* one up for a soon event, two down for a late one: two of three must be soon */
    unsigned strikes;
    unsigned met; /* looks in a row that met their event, since a strike was added or taken back */
};

/* An event came GAP_NS after the one before was done. */
static inline void busy_poll_learn(struct busy_poll *p, uint64_t gap_ns)
{
    if (gap_ns <= BUSY_POLL_SOON_NS || p->score < 0)
        p->score++;
    else
        p->score = p->score > 2 ? p->score - 2 : 0;
    if (p->score > BUSY_POLL_SCORE_MAX)
        p->score = BUSY_POLL_SCORE_MAX;
}

static inline void busy_poll_strike(struct busy_poll *p, int events_max)
{
    p->met = 0;
    if (p->strikes < BUSY_POLL_STRIKES_MAX)
        p->strikes++;
    if (p->strikes <= BUSY_POLL_STRIKES_FREE)
        return;
    const int events = BUSY_POLL_EVENTS_FIRST << (p->strikes - BUSY_POLL_STRIKES_FREE - 1);
    p->score = events < events_max ? -events : -events_max;
}

/* The core was offered to others, and came back after so long. True: somebody had it, and this look is over. */
static inline bool busy_poll_yielded(struct busy_poll *p, uint64_t took_ns)
{
    if (took_ns <= BUSY_POLL_SHARED_NS)
        return false;
    busy_poll_strike(p, BUSY_POLL_EVENTS_SHARED);
    return true;
}

/* The worker stayed awake as long as it may, and nothing came. */
static inline void busy_poll_in_vain(struct busy_poll *p)
{
    busy_poll_strike(p, BUSY_POLL_EVENTS_VAIN);
}

/* It stayed awake, and an event came. */
static inline void busy_poll_met(struct busy_poll *p)
{
    if (++p->met < BUSY_POLL_MET_FORGIVES)
        return;
    p->met = 0;
    p->strikes -= p->strikes > 0;
}

static inline uint64_t busy_poll_ns(const struct busy_poll *p)
{
    return p->score >= BUSY_POLL_SCORE_STAYS ? BUSY_POLL_NS : 0;
}

#endif
