#include "run_parts.h"

/* A soak's faults. Which session is hit is chosen by a generator with a fixed seed, so that runs are alike. */

enum {
    RETURN_AFTER_MS = 500, /* as a client tries again */
    RETURN_LOOKS_MS = 20,
    TRIES_MAX = 32, /* to find one that a fault can be done to */
};

static uint32_t random_below(struct faults *f, uint32_t bound)
{
    f->random = f->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((f->random >> 33) % bound);
}

/* The slot of the client at the other end of P, where both of them live. */
static struct slot *slot_of(struct run *run, const struct guest_peer *p)
{
    if (p->step != GUEST_ACTIVE || p->leaving || p->wire.over || p->number >= run->plan->sessions)
        return NULL;
    struct slot *slot = &run->slots[p->number];
    const struct client *c = slot->client;
    return c && c->step == CLIENT_ACTIVE && !c->wire.over && c->visit == p->visit ? slot : NULL;
}

static bool client_reset(struct run *run)
{
    for (unsigned i = 0; i < TRIES_MAX; i++) {
        struct slot *slot = &run->slots[random_below(&run->faults, run->plan->sessions)];
        struct client *c = slot->client;
        if (c && c->step == CLIENT_ACTIVE && !c->wire.over && !slot->faulted) {
            client_end(c, true);
            return true;
        }
    }
    return false;
}

/* The peers' list turns with the output, so its first one is as good as any. IN_ORDER: after its last byte, all of
 * which must then reach the client. That is not asked of a slow reader, whom a gateway need not wait for. */
static bool guest_end(struct run *run, bool in_order)
{
    unsigned tries = 0;
    list_for_each_safe (at, &run->guest.peers) {
        struct guest_peer *p = list_entry(at, struct guest_peer, link);
        struct slot *slot = slot_of(run, p);
        if (tries++ == TRIES_MAX)
            return false;
        if (!slot || slot->faulted || wire_is_full(&p->wire) || run_slot_is_slow(run, slot))
            continue;
        slot->faulted = true;
        slot->guest_left = in_order;
        slot->guest_outputs = p->outputs;
        if (in_order)
            guest_leave(p);
        else
            wire_end(&p->wire, true);
        return true;
    }
    return false;
}

/* RATE times a second. What a kit without time to run missed is not made up for in a rush. */
static bool is_due(uint64_t *due_ns, double rate)
{
    uint64_t now_ns = uv_hrtime();
    if (rate <= 0 || now_ns < *due_ns)
        return false;
    uint64_t interval_ns = (uint64_t)(1e9 / rate);
    bool first = !*due_ns, behind = now_ns - *due_ns > interval_ns;
    *due_ns = (behind ? now_ns : *due_ns) + interval_ns;
    return !first;
}

void run_faults_tick(struct run *run)
{
    struct faults *f = &run->faults;
    if (is_due(&f->reset_due_ns, run->plan->reset_rate) && client_reset(run))
        f->resets++;
    if (!is_due(&f->guest_due_ns, run->plan->guest_end_rate))
        return;
    bool in_order = f->guest_ends <= f->guest_resets;
    if (guest_end(run, in_order))
        *(in_order ? &f->guest_ends : &f->guest_resets) += 1;
}

void run_faults_return(struct run *run)
{
    uint64_t now_ns = uv_hrtime();
    if (now_ns - run->faults.looked_ns < RETURN_LOOKS_MS * 1000000ull)
        return;
    run->faults.looked_ns = now_ns;
    for (uint32_t i = 0; i < run->plan->sessions && run->connecting < run->plan->concurrency; i++) {
        struct slot *slot = &run->slots[i];
        if (!slot->client && slot->retry_ns <= now_ns) {
            slot->retry_ns = now_ns + RETURN_AFTER_MS * 1000000ull;
            run_login(run, i);
        }
    }
}

void run_faults_gone(struct run *run, struct slot *slot, const struct client *c)
{
    uint64_t now_ns = uv_hrtime();
    slot->retry_ns = now_ns + RETURN_AFTER_MS * 1000000ull;
    if (c->step != CLIENT_ACTIVE)
        return;
    slot->gone_ns = now_ns;
    if (!slot->guest_left || c->ended_by_us)
        return;
    if (!c->farewell && !c->wire.ended_in_order) {
        run->faults.ends_unheard++;
        return;
    }
    run->faults.ends_compared++;
    run->faults.ends_missing += slot->guest_outputs - c->outputs;
}

bool run_faults_settled(struct run *run)
{
    struct faults *f = &run->faults;
    f->live_compared = f->outputs_missing = f->inputs_missing = 0;
    list_for_each_safe (at, &run->guest.peers) {
        struct guest_peer *p = list_entry(at, struct guest_peer, link);
        const struct slot *slot = slot_of(run, p);
        if (!slot)
            continue;
        f->live_compared++;
        f->outputs_missing += p->outputs - slot->client->outputs;
        f->inputs_missing += slot->client->inputs - p->inputs;
    }
    return f->live_compared == run->plan->sessions && !f->outputs_missing && !f->inputs_missing;
}
