/* Waiting until a pool's spare desktops stand ready, with progress. */
#ifndef CARREL_CTL_POOL_WAIT_H
#define CARREL_CTL_POOL_WAIT_H

#include "ctl.h"

/* *ret: the pool as it was last seen, also when the wait failed (then maybe NULL); the caller's. */
int pool_wait(struct ctl *ctl, const char *name, uint64_t patience_s, json_t **ret) MUST_CHECK;

/* How far DESKTOPS (an array of the API) are on the way to WANTED ready ones, in percent; *ret_busy is one
 * that is on its way, or NULL. */
unsigned pool_wait_percent(const json_t *desktops, size_t wanted, const json_t **ret_busy);

#endif
