#include "run_parts.h"

/* What is due at a steady rate since the measurement began. */
static uint64_t due(const struct run *run, double rate, uint64_t *done)
{
    double wanted = (double)(uv_hrtime() - run->phase_began_ns) / 1e9 * rate;
    /* In a soak, what a kit without time to run missed is not made up for in a rush. */
    if (run->plan->scenario == PLAN_SOAK && wanted - (double)*done > rate)
        *done = (uint64_t)(wanted - rate);
    return wanted > (double)*done ? (uint64_t)wanted - *done : 0;
}

/* One PDU from each active peer in turn: the one that sent goes to the list's end. */
static void outputs_pace(struct run *run)
{
    uint64_t count = due(run, run->plan->pdu_rate * run->guest.active, &run->outputs_paced);
    while (count-- && !list_is_empty(&run->guest.peers)) {
        struct guest_peer *p = list_entry(run->guest.peers.next, struct guest_peer, link);
        list_remove(&p->link);
        list_append(&run->guest.peers, &p->link);
        (void)guest_output(p, run->plan->pdu_bytes, 0);
        run->outputs_paced++;
    }
}

static void inputs_pace(struct run *run)
{
    uint64_t count = due(run, run->plan->input_rate * run->held, &run->inputs_paced);
    while (count--) {
        struct client *c = run->slots[run->next_slot++ % run->plan->sessions].client;
        run->inputs_paced++;
        if (c && !client_input(c))
            run->inputs_skipped++;
    }
}

uint64_t run_traffic_allowed(const struct run *run)
{
    return (uint64_t)((double)(uv_hrtime() - run->phase_began_ns) / 1e9 * run->plan->read_rate);
}

/* A slow reader takes what it is allowed to have taken by now, and no more. */
static void readers_slow(struct run *run)
{
    uint64_t allowed = run_traffic_allowed(run);
    for (uint32_t i = 0; i < run->plan->sessions; i++) {
        struct slot *slot = &run->slots[i];
        if (slot->client && slot->client->step == CLIENT_ACTIVE && run_slot_is_slow(run, slot))
            wire_pause(&slot->client->wire, slot->taken_bytes > allowed);
    }
}

static bool pours(const struct run *run)
{
    const struct plan *plan = run->plan;
    return (plan->scenario == PLAN_STREAM && plan->pdu_rate <= 0 && !plan->recording_path) ||
           plan->scenario == PLAN_SLOW || (plan->scenario == PLAN_SOAK && plan->slow_every);
}

/* Sessions begin within a second of each other, as real ones do not draw in step. */
static uint64_t played_ns(const struct run *run, uint32_t number)
{
    uint64_t passed_ns = uv_hrtime() - run->phase_began_ns,
             wait_ns = (uint64_t)number * 618033989 % 1000000000;
    return passed_ns > wait_ns ? passed_ns - wait_ns : 0;
}

static void recording_play(struct run *run)
{
    for (uint32_t i = 0; i < run->plan->sessions; i++) {
        if (run->slots[i].client && played_ns(run, i))
            run->inputs_played += client_play(run->slots[i].client, played_ns(run, i));
    }
    list_for_each_safe (at, &run->guest.peers) {
        struct guest_peer *p = list_entry(at, struct guest_peer, link);
        if (p->number != GUEST_STRANGER && played_ns(run, p->number))
            guest_play(p, played_ns(run, p->number));
    }
}

void run_traffic_begin(struct run *run)
{
    run->measured_bytes = run->output_bytes;
    run->measured_pdus = run->output_pdus;
    if (run->plan->scenario == PLAN_SOAK)
        run->guest.pour_every = run->plan->slow_every;
    if (pours(run) && run->guest_is_open)
        guest_pour(&run->guest, run->plan->pdu_bytes);
    for (uint32_t i = 0; run->plan->input_wanted && run->plan->input_rate <= 0 && i < run->plan->sessions;
         i++) {
        if (run->slots[i].client)
            (void)client_input(run->slots[i].client);
    }
}

void run_traffic_tick(struct run *run)
{
    const struct plan *plan = run->plan;
    bool streams = plan->scenario == PLAN_STREAM || plan->scenario == PLAN_SOAK;
    if (plan->recording_path)
        recording_play(run);
    else if (streams && plan->pdu_rate > 0 && run->guest_is_open)
        outputs_pace(run);
    if (plan->input_wanted && plan->input_rate > 0)
        inputs_pace(run);
    if (plan->scenario == PLAN_SLOW || plan->scenario == PLAN_SOAK)
        readers_slow(run);
    if (plan->scenario == PLAN_SOAK)
        run_faults_tick(run);
}

void run_traffic_stop(struct run *run)
{
    if (run->guest_is_open)
        guest_pour(&run->guest, 0);
    for (uint32_t i = 0; i < run->plan->sessions; i++) {
        if (run->slots[i].client)
            wire_pause(&run->slots[i].client->wire, false);
    }
}

bool run_traffic_arrived(struct run *run)
{
    if (run->plan->scenario == PLAN_SOAK)
        return run_faults_settled(run);
    if (run->plan->recording_path && run->guest.inputs != run->inputs_played)
        return false;
    return !run->guest_is_open || run->guest.outputs == run->output_pdus;
}

void run_traffic_cut(struct run *run)
{
    for (uint32_t i = 0; i < run->plan->sessions; i++) {
        if (run->slots[i].client)
            client_end(run->slots[i].client, true);
    }
}

static void on_output(struct client *c, size_t len)
{
    struct slot *slot = c->owner;
    struct run *run = slot->run;
    run->output_bytes += len;
    run->output_pdus++;
    slot->taken_bytes += len;
    if (run->phase == RUN_MEASURE && run_slot_is_slow(run, slot)) {
        if (slot->taken_bytes > run_traffic_allowed(run))
            wire_pause(&c->wire, true);
    }
}

static void on_answer(struct client *c, uint64_t round_trip_ns)
{
    struct slot *slot = c->owner;
    struct run *run = slot->run;
    if (run->phase != RUN_MEASURE)
        return;
    if (!run_slot_is_slow(run, slot))
        hist_record(&run->round_trip, round_trip_ns);
    if (run->plan->input_rate <= 0)
        (void)client_input(c);
}

const struct client_events run_client_events = {
    .active = run_on_active, .output = on_output, .answer = on_answer, .gone = run_on_gone};
