/* The members of a pool that say what becomes of its desktops at the log-off and how much it may have. On either thread. */
#ifndef CARREL_BROKER_API_POOL_LIMITS_H
#define CARREL_BROKER_API_POOL_LIMITS_H

#include <carrel/rows.h>

#include "api_json.h"

/* NULL without memory. */
json_t *api_pool_limits_json(const struct pool_limits *limits);

/* Over those that are there already; what does not fit together is refused. */
void api_reader_pool_limits(struct api_reader *reader, enum pool_kind kind, struct pool_limits *limits);

/* What a new pool has where nothing is said. */
struct pool_limits api_pool_limits_usual(enum pool_kind kind);

#endif
