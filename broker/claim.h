/* Who waits gets what becomes ready: one store job at a time gives ready desktops to waiting sessions, oldest
 * first. Owned by main.c, on the loop's thread.
 */
#ifndef CARREL_BROKER_CLAIM_H
#define CARREL_BROKER_CLAIM_H

#include <carrel/error.h>

struct broker;
struct claims;

int claims_open(struct claims **ret, struct broker *broker) MUST_CHECK;

/* A desktop or a pool has changed. Many calls while a job runs become one more job. */
void claims_kick(struct claims *claims);

/* After the store was closed. */
void claims_destroy(struct claims **claims);

#endif
