/* Whether desktops that stand answer: an X.224 request to the RDP port, and behind it a ping of the guest agent where
 * one is connected. What follows from that is said in health.h.
 *
 * All of it hangs on one heap and one timer, at most vmpool.health_rate probes a second, so that passes have no part
 * in it and the cost does not grow with the number of desktops. A desktop comes into the heap when it is driven while
 * it stands, and again after each probe; one that does not stand any more is left out when its turn comes.
 *
 * A ping takes a lane for guests, and seconds with a hung one, so a host has one at a time, and rests four times as long
 * as the last one took.
 */
#include "desktop_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include <carrel/store_upkeep.h>

#include "log.h"

#define PROBES_AT_ONCE 64 /* more wait for their turn */
#define PING_REST 4
#define ASK_OTHERS_MAX 8 /* of a host whose desktop is suspected */

static struct health_rules rules_of(const struct vmpool *vm)
{
    return (struct health_rules){.check_ms = vm->config.vmpool_health_check_ms,
                                 .failures = vm->config.vmpool_health_failures,
                                 .time_ms = vm->config.vmpool_health_time_ms,
                                 .rate = vm->config.vmpool_health_rate};
}

/* It can be asked, and its silence would mean something. */
static bool is_asked(const struct desktop *d)
{
    const struct host *host = desktop_host(d);
    bool stands = d->row.state == DESKTOP_READY || d->row.state == DESKTOP_IN_USE ||
                  d->row.state == DESKTOP_DISCONNECTED;
    return stands && d->guest_known && !d->suspect && d->row.port && !d->gone && host && host_answers(host) &&
           d->vm->config.vmpool_health_check_ms;
}

/* --- the others of its host -------------------------------------------------------------------------------
 */

struct peers_walk {
    const struct desktop *suspect;
    struct health_peers found;
    unsigned ask; /* so many of those that are not known to fail are asked soon */
};

static void probing_arm(struct vmpool *vm);

static void peers_add(struct peers_walk *walk, struct desktop *d)
{
    if (d == walk->suspect || !is_asked(d))
        return;
    walk->found.others++;
    walk->found.failing += d->health.seen.failures > 0;
    walk->found.answered += d->health.good_ms > walk->suspect->health.seen.before_ms;
    if (walk->ask && !d->health.seen.failures && d->health.due.place) {
        walk->ask--;
        (void)due_heap_put(&d->vm->due_probes, &d->health.due, store_now_ms());
    }
}

static struct health_peers peers_of(const struct desktop *d, unsigned ask)
{
    struct peers_walk walk = {.suspect = d, .ask = ask};
    struct census_group *group = census_find(&d->vm->census, d->row.host_id);
    if (!group)
        return walk.found;
    list_for_each (of, &group->of_host) {
        struct tally *tally = list_entry(of, struct tally, in_host);
        list_for_each (pos, &tally->members)
            peers_add(&walk, list_entry(pos, struct desktop, place.entry));
    }
    if (ask)
        probing_arm(d->vm);
    return walk.found;
}

/* --- what is told -----------------------------------------------------------------------------------------
 */

struct tell_job {
    struct event_row event;
};

static int run_tell(struct db *db, void *arg)
{
    const struct tell_job *job = arg;
    return store_event(db, &job->event);
}

static void on_told(void *arg, int rc)
{
    free(arg);
}

static void tell(struct vmpool *vm, const char *kind, const char *object, const char *pool, const char *text)
{
    struct tell_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    snprintf(job->event.kind, sizeof job->event.kind, "%s", kind);
    snprintf(job->event.object, sizeof job->event.object, "%s", object);
    snprintf(job->event.pool, sizeof job->event.pool, "%s", pool);
    snprintf(job->event.text, sizeof job->event.text, "%s", text);
    vmpool_write(vm, run_tell, on_told, job);
}

static int write_health(struct db *db, struct desktop_write *w)
{
    return store_desktop_set_health(db, w->row.id, w->reason);
}

static void set_health(struct desktop *d, const char *words)
{
    if (!strncmp(d->row.health, words, sizeof d->row.health - 1))
        return;
    struct desktop_write *w = desktop_write_create(d);
    if (!w)
        return;
    snprintf(w->reason, sizeof w->reason, "%.*s", (int)sizeof d->row.health - 1, words);
    desktop_write_submit(w, write_health);
}

/* Once, until one of them answers again. */
static void tell_of_host(struct host *host, bool unwell, unsigned desktops)
{
    char text[REASON_SIZE];
    if (host->unwell == unwell)
        return;
    host->unwell = unwell;
    if (unwell)
        snprintf(text, sizeof text,
                 "None of the %u desktops on host %s answers: the host or the way to it is at fault, and no "
                 "desktop is replaced for it.",
                 desktops, host->row.name);
    else
        snprintf(text, sizeof text, "Desktops on host %s answer again.", host->row.name);
    if (unwell)
        log_warning("%s", text);
    else
        log_info("%s", text);
    tell(host->vm, unwell ? "host.unwell" : "host.well", host->row.id, "", text);
}

/* --- one that is sick -------------------------------------------------------------------------------------
 */

struct healing {
    struct list entry;
    char pool_id[ID_SIZE];
    struct health_budget budget;
    bool told;
};

static struct healing *healing_of(struct vmpool *vm, const char *pool_id)
{
    int64_t now_ms = store_now_ms();
    list_for_each_safe (pos, &vm->healings) {
        struct healing *healing = list_entry(pos, struct healing, entry);
        if (!strcmp(healing->pool_id, pool_id))
            return healing;
        if (now_ms - healing->budget.since_ms >= HEALTH_BUDGET_MS) {
            list_remove(&healing->entry);
            free(healing);
        }
    }
    struct healing *healing = calloc(1, sizeof *healing);
    if (!healing)
        return NULL;
    snprintf(healing->pool_id, sizeof healing->pool_id, "%s", pool_id);
    list_append(&vm->healings, &healing->entry);
    return healing;
}

static uint32_t desktops_of_pool(const struct vmpool *vm, const char *pool_id)
{
    const struct census_group *group = census_find(&vm->census, pool_id);
    uint32_t total = 0;
    if (!group)
        return 0;
    list_for_each (pos, &group->of_pool)
        total += list_entry(pos, struct tally, in_pool)->total;
    return total;
}

/* Whether the pool may lose one more to this now. */
static bool may_replace(struct desktop *d)
{
    struct healing *healing = healing_of(d->vm, d->row.pool_id);
    char text[REASON_SIZE];
    if (!healing)
        return false;
    if (health_spend(&healing->budget, desktops_of_pool(d->vm, d->row.pool_id), store_now_ms())) {
        healing->told = false;
        return true;
    }
    if (!healing->told) {
        healing->told = true;
        snprintf(
            text, sizeof text,
            "Pool %s had %u desktops replaced within an hour because they did not answer: no more of them "
            "are until the hour is over.",
            d->row.pool, healing->budget.spent);
        log_warning("%s", text);
        tell(d->vm, "pool.unwell", d->row.pool_id, d->row.pool, text);
    }
    return false;
}

static void treat(struct desktop *d)
{
    const struct health *seen = &d->health.seen;
    char words[sizeof d->row.health];
    snprintf(words, sizeof words, "it does not answer, %u probes failed within %lld s (%.60s)",
             seen->failures, (long long)(seen->last_ms - seen->first_ms) / 1000, d->health.why);
    bool somebodys = d->row.state != DESKTOP_READY || *d->row.session_id;
    if (!somebodys && may_replace(d)) {
        desktop_fail(d, words); /* a dedicated one is started again, with its disk */
        return;
    }
    if (!*d->row.health)
        log_warning("desktop %s: %s; %s, so it is left as it is", d->row.name, words,
                    somebodys ? "somebody is on it" : "its pool had enough of them replaced");
    if (!*d->row.health)
        set_health(d, words);
}

static void judge(struct desktop *d)
{
    const struct health_rules rules = rules_of(d->vm);
    struct host *host = desktop_host(d);
    const struct health_peers nobody = {0};
    if (health_judge(&d->health.seen, &nobody, &rules) == HEALTH_WAIT || d->busy || d->stale)
        return;
    struct health_peers peers = peers_of(d, 0);
    switch (health_judge(&d->health.seen, &peers, &rules)) {
    case HEALTH_SICK:
        treat(d);
        break;
    case HEALTH_HOST:
        tell_of_host(host, true, peers.others + 1);
        break;
    case HEALTH_ASK_OTHERS:
        (void)peers_of(d, ASK_OTHERS_MAX);
        break;
    case HEALTH_WAIT:
        break;
    }
}

/* --- one probe --------------------------------------------------------------------------------------------
 */

static void put(struct desktop *d, uint64_t pause_ms)
{
    if (due_heap_put(&d->vm->due_probes, &d->health.due, store_now_ms() + (int64_t)pause_ms))
        probing_arm(d->vm);
}

/* WHY: NULL when it answered. */
static void note(struct desktop *d, const char *why)
{
    if (!is_asked(d))
        return;
    int64_t now_ms = store_now_ms();
    const struct health_rules rules = rules_of(d->vm);
    if (why) {
        snprintf(d->health.why, sizeof d->health.why, "%s", why);
        log_debug("desktop %s: a probe failed: %s", d->row.name, why);
    } else {
        d->health.good_ms = now_ms;
        tell_of_host(desktop_host(d), false, 0);
    }
    health_note(&d->health.seen, !why, now_ms);
    put(d, health_pause_ms(&d->health.seen, &rules, d->vm->due_probes.count + 1));
    if (why)
        judge(d);
    else if (*d->row.health && !d->busy && !d->stale)
        set_health(d, "");
}

struct ping_job {
    struct vmpool *vm;
    struct guest_key key;
    char host_id[ID_SIZE];
    int64_t begun_ms;
};

static int run_ping(struct virt_conn *conn, void *arg, struct error *err)
{
    const struct ping_job *job = arg;
    return guest_agent_ping(conn, &job->key, err);
}

static void on_ping(void *arg, int rc, const struct error *err)
{
    struct ping_job *job = arg;
    struct vmpool *vm = job->vm;
    struct host *host = host_find(vm, job->host_id);
    struct desktop *d = vm->stopping ? NULL : desktop_find(vm, job->key.desktop_id);
    int64_t now_ms = store_now_ms();
    if (host) {
        host->pinging = false;
        host->ping_at_ms = now_ms + PING_REST * (now_ms - job->begun_ms);
    }
    free(job);
    if (!d)
        return;
    bool silent = (rc == CE_UNREACHABLE || rc == CE_TIMEOUT) && host && host_answers(host) && d->agent;
    note(d, silent ? "its guest agent does not answer" : NULL);
}

/* False: its agent is not asked this time. */
static bool ping(struct desktop *d)
{
    struct host *host = desktop_host(d);
    int64_t now_ms = store_now_ms();
    if (host->pinging || (now_ms < host->ping_at_ms && host->ping_at_ms - now_ms < 60000))
        return false;
    struct ping_job *job = calloc(1, sizeof *job);
    if (!job)
        return false;
    job->vm = d->vm;
    job->begun_ms = now_ms;
    snprintf(job->host_id, sizeof job->host_id, "%s", d->row.host_id);
    job->key = desktop_key(d);
    if (host_lane_submit(host, HOST_LANE_GUEST, run_ping, on_ping, job)) {
        free(job);
        return false;
    }
    host->pinging = true;
    return true;
}

static void probe_over(struct desktop *d)
{
    probe_close(&d->health.probe);
    d->vm->probes--;
    probing_arm(d->vm);
}

static void on_probe(void *arg, int rc)
{
    struct desktop *d = arg;
    const struct pool_row *pool = desktop_pool(d);
    char why[sizeof d->health.why] = "";
    if (rc)
        snprintf(why, sizeof why, "RDP: %.80s", probe_why(d->health.probe));
    probe_over(d);
    if (rc)
        note(d, why);
    else if (!d->agent && pool && pool->credentials == CREDENTIALS_CARREL)
        note(d, "its guest agent is gone");
    else if (!d->agent || !is_asked(d) || !ping(d))
        note(d, NULL);
}

static void probe_begin(struct desktop *d)
{
    if (d->health.probe || !is_asked(d))
        return;
    if (probe_open(&d->health.probe, d->vm->loop, d->row.address, d->row.port, 1, on_probe, d))
        return;
    d->vm->probes++;
}

/* --- whose turn it is -------------------------------------------------------------------------------------
 */

static void on_turn(uv_timer_t *timer)
{
    struct vmpool *vm = timer->data;
    const struct health_rules rules = rules_of(vm);
    uint64_t rate = rules.rate ? rules.rate : 1, most = rate / 10 ? rate / 10 : 1, begun = 0;
    int64_t now_ms = store_now_ms();
    struct due_entry *first;
    vm->probing_at_ms = 0;
    while (begun < most && vm->probes < PROBES_AT_ONCE && (first = due_heap_first(&vm->due_probes)) &&
           first->at_ms <= now_ms) {
        due_heap_remove(&vm->due_probes, first);
        probe_begin(index_of(first, struct desktop, health.due));
        begun++;
    }
    vm->probing_next_ms = now_ms + (int64_t)(begun * 1000 / rate);
    probing_arm(vm);
}

static void probing_arm(struct vmpool *vm)
{
    const struct due_entry *first = due_heap_first(&vm->due_probes);
    if (vm->stopping || !first || vm->probes >= PROBES_AT_ONCE)
        return;
    int64_t now_ms = store_now_ms();
    int64_t pause_ms = vm->probing_next_ms - now_ms;
    int64_t at_ms = pause_ms > 0 && pause_ms < 10000 && first->at_ms < vm->probing_next_ms
                        ? vm->probing_next_ms
                        : first->at_ms;
    if (vm->probing_at_ms && vm->probing_at_ms <= at_ms)
        return;
    vm->probing_at_ms = at_ms;
    uv_timer_start(&vm->probing, on_turn, at_ms > now_ms ? (uint64_t)(at_ms - now_ms) : 0, 0);
}

/* The first time at random, so that those which came together are not asked together for ever. */
void desktop_health_watch(struct desktop *d)
{
    uint64_t check_ms = d->vm->config.vmpool_health_check_ms;
    if (!is_asked(d) || d->health.probe)
        return;
    const struct due_entry *due = &d->health.due;
    uint64_t rate = d->vm->config.vmpool_health_rate ? d->vm->config.vmpool_health_rate : 1;
    bool crowded = d->vm->due_probes.count * 1000 / rate > check_ms;
    if (due->place && (crowded || due->at_ms <= store_now_ms() + (int64_t)check_ms))
        return;
    uint32_t spread_ms = check_ms < UINT32_MAX ? (uint32_t)check_ms / 2 + 1 : UINT32_MAX;
    put(d, check_ms / 2 + randombytes_uniform(spread_ms));
}

void desktop_health_forget(struct desktop *d)
{
    if (d->health.probe)
        probe_over(d);
    due_heap_remove(&d->vm->due_probes, &d->health.due);
    d->health.seen = (struct health){0};
    d->health.good_ms = 0;
}

int desktop_health_start(struct vmpool *vm)
{
    vm->probing.data = vm;
    return uv_timer_init(vm->loop, &vm->probing);
}

void desktop_health_stop(struct vmpool *vm)
{
    list_for_each_safe (pos, &vm->healings) {
        list_remove(pos);
        free(list_entry(pos, struct healing, entry));
    }
    due_heap_finish(&vm->due_probes);
}
