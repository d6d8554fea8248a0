/* carrelctl pool roll: a pool on its way to another version of its image. */
#ifndef CARREL_CTL_POOL_ROLL_H
#define CARREL_CTL_POOL_ROLL_H

#include "command.h"

int pool_roll(struct ctl *ctl) MUST_CHECK;

/* One line for pool show; empty when the pool is not on its way. */
void pool_roll_put(const json_t *pool, char *text, size_t size);

extern const struct ctl_option pool_roll_options[];

#endif
