/* carrelctl pool power, pool schedule: when a pool's desktops run. */
#ifndef CARREL_CTL_POOL_POWER_H
#define CARREL_CTL_POOL_POWER_H

#include "command.h"
#include "field.h"

int pool_power(struct ctl *ctl) MUST_CHECK;
int pool_schedule(struct ctl *ctl) MUST_CHECK;

/* Lines for pool show; empty where nobody said anything of it. */
void pool_power_put_wanted(const json_t *pool, char *text, size_t size);
void pool_power_put_mode(const json_t *pool, char *text, size_t size);
void pool_power_put_rules(const json_t *pool, char *text, size_t size);
void pool_power_put_idle(const json_t *pool, char *text, size_t size);

extern const struct ctl_option pool_power_options[], pool_rule_options[];
extern const struct field pool_rule_fields[];

#endif
