#include "claim.h"

#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "log.h"

#define POOLS_PER_JOB 64 /* pools with people waiting that one job serves; the next job serves others */

struct claims {
    struct broker *broker;
    bool running, again;
    /* Of the job under way: */
    char pools[POOLS_PER_JOB][ID_SIZE];
    size_t pool_count;
    uint32_t served;
};

static int note_pool(void *arg, const struct pool_row *pool)
{
    struct claims *claims = arg;
    if (pool->waiting && claims->pool_count < POOLS_PER_JOB)
        memcpy(claims->pools[claims->pool_count++], pool->id, ID_SIZE);
    return 0;
}

static int look_job(struct db *db, void *arg)
{
    struct claims *claims = arg;
    claims->pool_count = 0;
    return store_pool_list(db, note_pool, claims);
}

static int serve_job(struct db *db, void *arg)
{
    struct claims *claims = arg;
    claims->served = 0;
    for (size_t i = 0; i < claims->pool_count; i++) {
        uint32_t served = 0;
        int rc = store_claim_waiting(db, claims->pools[i], &served);
        if (rc && rc != CE_NOT_FOUND)
            return rc;
        claims->served += served;
    }
    return 0;
}

static void ended(struct claims *claims, int rc)
{
    if (rc)
        log_warning("Waiting sessions could not be served: %s.", error_name(rc));
    claims->running = false;
    if (claims->again && !rc)
        claims_kick(claims);
}

static void served(void *arg, int rc)
{
    struct claims *claims = arg;
    if (!rc && claims->served)
        log_info("%u waiting sessions got a desktop.", claims->served);
    ended(claims, rc);
}

static void looked(void *arg, int rc)
{
    struct claims *claims = arg;
    if (!rc && claims->pool_count)
        rc = store_submit(claims->broker->store, STORE_WRITE, serve_job, served, claims);
    else
        claims->pool_count = 0;
    if (rc || !claims->pool_count)
        ended(claims, rc);
}

int claims_open(struct claims **ret, struct broker *broker)
{
    struct claims *claims = calloc(1, sizeof *claims);
    if (!claims)
        return CE_NOMEM;
    claims->broker = broker;
    *ret = claims;
    return 0;
}

void claims_kick(struct claims *claims)
{
    claims->again = true;
    if (claims->running)
        return;
    claims->again = false;
    claims->running = true;
    int rc = store_submit(claims->broker->store, STORE_READ, look_job, looked, claims);
    if (rc)
        ended(claims, rc);
}

void claims_destroy(struct claims **claims)
{
    free(*claims);
    *claims = NULL;
}
