/* The sessions of a worker of which a direction rests (moderation.h), and the timer that ends it for all of them
 * together. libuv's timers count milliseconds, which is too long for a picture to wait, so this is a timerfd. Part
 * of the worker, used on its thread.
 */
#ifndef CARREL_GATEWAY_RESTING_H
#define CARREL_GATEWAY_RESTING_H

#include <stdbool.h>
#include <uv.h>

#include <carrel/error.h>

#include "list.h"

struct session;

struct resting {
    struct list sessions; /* by rest_link */
    uv_poll_t poll;
    int fd;
    bool armed;
};

int resting_open(struct resting *r, uv_loop_t *loop) MUST_CHECK;
void resting_close(struct resting *r);

/* S has its turn when the timer fires: session_rested(). A session that ends takes itself off. */
void resting_add(struct resting *r, struct session *s);

#endif
