#include "upkeep.h"

#include <stdlib.h>
#include <string.h>

#include "api_handlers.h"
#include "broker.h"
#include "claim.h"
#include "log.h"
#include "machine_watch.h"
#include "nla.h"
#include "question.h"
#include "session_limits.h"

#define TICK_MS 1000
#define LOOK_AGAIN_TICKS 5     /* the safety net behind the wake-ups */
#define NT_HASH_TICKS 60       /* how soon NT hashes are gone after broker.nla was set to off */
#define EVENTS_TICKS (60 * 60) /* how often old events, ended sessions and orders are removed */

struct upkeep {
    struct broker *broker;
    uv_timer_t timer;
    bool running; /* a sweep job is under way */
    bool closed;
    unsigned ticks;
    /* Of the job under way: */
    int64_t waiting_before_ms, claimed_before_ms, gateway_before_ms, event_before_ms; /* the last may be 0 */
    int64_t place_before_ms;
    uint32_t expired, lost, over, freed;
    bool forget_nt_hashes;
};

/* --- wake-ups ------------------------------------------------------------------------------------ */

static void wake_tickets_of(struct broker *broker, const char *session_id)
{
    list_for_each_safe (pos, &broker->tickets) {
        struct request *r = list_entry(pos, struct request, park.entry);
        if (!strcmp(r->params[0], session_id))
            request_wake(r, REQUEST_WAKE_CHANGE);
    }
}

static void on_wake(void *arg, const char *topic, const char *id)
{
    struct upkeep *upkeep = arg;
    struct broker *broker = upkeep->broker;
    if (upkeep->closed)
        return;
    if (!strcmp(topic, "event")) {
        api_events_woken(broker);
        return;
    }
    if (!strcmp(topic, "machine")) {
        machine_watch_look(broker->machines, id);
        return;
    }
    broker->wakes++;
    if (!strcmp(topic, "order")) {
        request_wake_all(&broker->orders, REQUEST_WAKE_CHANGE);
    } else if (!strcmp(topic, "session") && id[0]) {
        wake_tickets_of(broker, id);
    } else if (!strcmp(topic, "desktop") || !strcmp(topic, "pool") || !strcmp(topic, "session")) {
        claims_kick(broker->claims);
        request_wake_all(&broker->tickets, REQUEST_WAKE_CHANGE);
    }
}

/* --- sweeps -------------------------------------------------------------------------------------- */

static int sweep_job(struct db *db, void *arg)
{
    struct upkeep *upkeep = arg;
    upkeep->expired = upkeep->lost = upkeep->over = upkeep->freed = 0;
    int rc = store_session_expire(db, upkeep->waiting_before_ms, upkeep->claimed_before_ms, &upkeep->expired);
    if (!rc)
        rc = store_gateway_expire(db, upkeep->gateway_before_ms, &upkeep->lost);
    if (!rc)
        rc = session_limits_enforce(db, store_now_ms(), upkeep->broker->config.broker_logoff_wait_ms,
                                    &upkeep->over);
    if (!rc)
        rc = store_place_expire(db, upkeep->place_before_ms, &upkeep->freed);
    if (!rc && upkeep->forget_nt_hashes)
        rc = store_nt_hash_forget(db, NULL);
    if (rc || !upkeep->event_before_ms)
        return rc;
    rc = store_event_expire(db, upkeep->event_before_ms);
    if (!rc)
        rc = store_session_forget(db, upkeep->event_before_ms);
    return rc ? rc : store_order_expire(db, upkeep->event_before_ms);
}

static void swept(void *arg, int rc)
{
    struct upkeep *upkeep = arg;
    upkeep->running = false;
    if (rc)
        log_warning("The sweep of sessions and gateways failed and is tried again: %s.", error_name(rc));
    else if (upkeep->expired)
        log_info("%u sessions ended because nobody came.", upkeep->expired);
    if (!rc && upkeep->over)
        log_info("%u sessions ended because their time was over.", upkeep->over);
    if (!rc && upkeep->freed)
        log_info("%u disconnected sessions gave up their places on machines.", upkeep->freed);
    if (!rc && upkeep->lost)
        log_warning("%u gateways were lost; their sessions are disconnected.", upkeep->lost);
}

static void sweep(struct upkeep *upkeep)
{
    const struct config *config = &upkeep->broker->config;
    int64_t now_ms = store_now_ms();
    upkeep->waiting_before_ms = now_ms - (int64_t)config->broker_wait_limit_ms;
    upkeep->claimed_before_ms = now_ms - (int64_t)config->broker_claim_hold_ms;
    upkeep->gateway_before_ms = now_ms - (int64_t)config->broker_gateway_lease_ms;
    upkeep->place_before_ms = now_ms - (int64_t)config->broker_machine_keep_ms;
    upkeep->forget_nt_hashes = !config->broker_nla && upkeep->ticks % NT_HASH_TICKS == 1;
    upkeep->event_before_ms =
        upkeep->ticks % EVENTS_TICKS == 1 ? now_ms - (int64_t)config->broker_event_keep_ms : 0;
    upkeep->running = store_submit(upkeep->broker->store, STORE_WRITE, sweep_job, swept, upkeep) == 0;
}

static void on_tick(uv_timer_t *timer)
{
    struct upkeep *upkeep = timer->data;
    struct broker *broker = upkeep->broker;
    upkeep->ticks++;
    api_events_keep_alive(broker);
    nla_sweep(broker->nla, store_now_ms());
    questions_sweep(broker->questions, store_now_ms());
    if (!upkeep->running)
        sweep(upkeep);
    if (upkeep->ticks % LOOK_AGAIN_TICKS)
        return;
    log_debug("Everything is looked at again.");
    broker->wakes++;
    claims_kick(broker->claims);
    machine_watch_look(broker->machines, "");
    request_wake_all(&broker->tickets, REQUEST_WAKE_CHANGE);
    request_wake_all(&broker->orders, REQUEST_WAKE_CHANGE);
    api_events_woken(broker);
}

int upkeep_open(struct upkeep **ret, struct broker *broker)
{
    struct upkeep *upkeep = calloc(1, sizeof *upkeep);
    if (!upkeep)
        return CE_NOMEM;
    upkeep->broker = broker;
    uv_timer_init(broker->loop, &upkeep->timer);
    upkeep->timer.data = upkeep;
    uv_timer_start(&upkeep->timer, on_tick, TICK_MS, TICK_MS);
    store_on_wake(broker->store, on_wake, upkeep);
    claims_kick(broker->claims);
    *ret = upkeep;
    return 0;
}

void upkeep_close(struct upkeep *upkeep)
{
    upkeep->closed = true;
    uv_close((uv_handle_t *)&upkeep->timer, NULL);
}

void upkeep_destroy(struct upkeep **upkeep)
{
    free(*upkeep);
    *upkeep = NULL;
}
