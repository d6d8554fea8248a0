#include "desktop_move.h"

#include <stdio.h>
#include <string.h>

#include "desktop_parts.h"
#include "pool_place.h"

#define MOVE_AGAIN_MS 200 /* another desktop's move is being written: after it what is where is known again */
#define MOVE_RETRY_MS 5000 /* between looks for a place while there is none */

struct move {
    char host_id[ID_SIZE];
    char host[NAME_SIZE];
};

/* Where to. False: WHY says what is in the way. */
static bool choose(const struct desktop *d, const struct host *from, struct move *ret, char why[REASON_SIZE])
{
    const char *at_home = from->row.mode == HOST_MAINTENANCE ? "is in maintenance" : "does not answer";
    struct pool_place place;
    int lack = 0;
    if (pool_place_init(&place, d->vm, desktop_pool(d))) {
        snprintf(why, REASON_SIZE, "out of memory");
        return false;
    }
    bool seen = pool_place_elsewhere(&place, d->vm, &from->row, d->row.image_id);
    const struct host_row *to = seen ? pool_place_next(&place, d->vm, &lack) : NULL;
    pool_place_finish(&place);
    if (to) {
        snprintf(ret->host_id, sizeof ret->host_id, "%s", to->id);
        snprintf(ret->host, sizeof ret->host, "%s", to->name);
        snprintf(why, REASON_SIZE, "host %s %s: it starts on host %s, which has its disk, too", d->row.host,
                 at_home, to->name);
        return true;
    }
    if (!seen)
        snprintf(why, REASON_SIZE,
                 "host %s %s, and no other host has its disk: it starts again when the host is back",
                 d->row.host, at_home);
    else
        snprintf(why, REASON_SIZE, "host %s %s, and on the others that have its disk %s", d->row.host,
                 at_home, lack == PLACEMENT_BUSY ? "too many are starting" : placement_words(lack));
    return false;
}

static int write_rehost(struct db *db, struct desktop_write *w)
{
    return store_desktop_rehost(db, w->row.id, w->row.host_id, w->to_host_id, w->reason);
}

static int write_reason(struct db *db, struct desktop_write *w)
{
    return store_desktop_set_reason(db, w->row.id, DESKTOP_STOPPED, w->reason);
}

void desktop_move_done(struct desktop *d)
{
    if (d->moving)
        d->vm->moving = false;
    d->moving = false;
}

void desktop_move(struct desktop *d)
{
    const struct pool_row *pool = desktop_pool(d);
    const struct host *from = desktop_host(d);
    struct move to;
    char why[REASON_SIZE];
    if (!pool || !from)
        return;
    if (store_now_ms() < d->next_try_ms) {
        desktop_due(d, d->next_try_ms);
        return;
    }
    if (d->vm->moving) {
        desktop_pause(d, MOVE_AGAIN_MS);
        return;
    }
    bool found = choose(d, from, &to, why);
    if (!found)
        desktop_pause(d, MOVE_RETRY_MS);
    if (!found && !strcmp(d->row.reason, why))
        return;
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    w->to = DESKTOP_STOPPED;
    snprintf(w->reason, sizeof w->reason, "%s", why);
    if (!found) {
        desktop_write_submit(w, write_reason);
        return;
    }
    d->vm->moving = d->moving = true;
    snprintf(w->to_host_id, sizeof w->to_host_id, "%s", to.host_id);
    desktop_write_submit(w, write_rehost);
}
