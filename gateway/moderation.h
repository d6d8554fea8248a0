/* Whether a direction of the relay is left alone for a moment after it was read. A guest that streams in small PDUs
 * wakes the worker for each of them, and a wake-up costs more than the PDU: so, as network cards do with their
 * interrupts, a direction that keeps on bringing little is read at intervals instead, each time a batch, until an
 * interval brings nothing. Only what streams one way is: an input and its picture, a question and its answer take
 * turns, and a byte of the other side ends it. Pure functions on the direction's own struct; time is the caller's.
 */
#ifndef CARREL_GATEWAY_MODERATION_H
#define CARREL_GATEWAY_MODERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MODERATION_REST_NS = 100 * 1000, /* what a byte may wait longer for than without */
    /* A wake-up that came later than this after the one before is no stream's. */
    MODERATION_GAP_NS = 200 * 1000,
    MODERATION_STREAK = 8, /* so many wake-ups one after another make a stream */
    /* A wake-up that brought so much was worth it. */
    MODERATION_MUCH_BYTES = 48 * 1024,
};

struct moderation {
    uint64_t latest_ns; /* when it was read last */
    unsigned streak;    /* wake-ups in a row that came soon and brought little */
    bool resting;       /* it is not watched: a timer says when it is read again */
};

/* The other direction has bytes, or this one cannot go on: what comes next is met at once. */
static inline void moderation_end(struct moderation *m)
{
    m->streak = 0;
    m->resting = false;
}

/* The direction was read until the socket was empty, which brought BYTES. True: it rests now. */
static inline bool moderation_read(struct moderation *m, uint64_t now_ns, uint64_t bytes)
{
    const bool goes_on = m->resting || now_ns - m->latest_ns <= MODERATION_GAP_NS;
    m->latest_ns = now_ns;
    if (!bytes || !goes_on) {
        moderation_end(m);
        return false;
    }
    if (m->streak < MODERATION_STREAK)
        m->streak += bytes < MODERATION_MUCH_BYTES;
    m->resting = m->streak >= MODERATION_STREAK;
    return m->resting;
}

#endif
