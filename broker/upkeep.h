/* What the broker does unasked: it hears the store's wake-ups and passes them on to who waits, ends what has
 * lapsed (places, claims, gateways, old events), and looks again every few seconds in case a wake-up was
 * lost. Owned by main.c, on the loop's thread.
 */
#ifndef CARREL_BROKER_UPKEEP_H
#define CARREL_BROKER_UPKEEP_H

#include <carrel/error.h>

struct broker;
struct upkeep;

int upkeep_open(struct upkeep **ret, struct broker *broker) MUST_CHECK;

/* No job is begun any more; the memory goes with upkeep_destroy() after the store was closed. */
void upkeep_close(struct upkeep *upkeep);
void upkeep_destroy(struct upkeep **upkeep);

#endif
