/* Whether the machines of static pools answer: each is sent an X.224 request at intervals (common/probe.h),
 * and what it said is written to its row. One that does not answer is asked again with growing pauses, is down
 * after broker.machine_failures in a row, and up again with its first answer. Owned by main.c; loop's thread.
 */
#ifndef CARREL_BROKER_MACHINE_WATCH_H
#define CARREL_BROKER_MACHINE_WATCH_H

#include <stdint.h>

#include <carrel/error.h>

struct broker;
struct machine_watch;

int machine_watch_open(struct machine_watch **ret, struct broker *broker) MUST_CHECK;
/* Machines were added, changed or removed; the one with ID ("": none) is asked at once. */
void machine_watch_look(struct machine_watch *watch, const char *id);
void machine_watch_close(struct machine_watch *watch);    /* no probe from now on */
void machine_watch_destroy(struct machine_watch **watch); /* the store and its jobs are gone */

/* The pause after FAILURES unanswered probes in a row. */
uint64_t machine_watch_pause_ms(uint32_t failures, uint64_t interval_ms);

#endif
