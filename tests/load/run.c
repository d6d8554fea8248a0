#include "run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load_tls.h"
#include "recording_file.h"
#include "run_parts.h"
#include "traffic.h"

enum { TIMEOUT_LOOKS_MS = 100 };

static void step(struct run *run);

static void interrupted(uv_signal_t *signal, int number)
{
    (void)number;
    run_phase_set(signal->data, RUN_END);
}

/* ---- log-ins ---- */

static void reason_count(struct run *run, const char *why)
{
    unsigned i = 0;
    while (i < run->reason_count && strcmp(run->reasons[i].why, why) != 0)
        i++;
    if (i == RUN_REASONS_MAX)
        i--;
    if (i == run->reason_count) {
        snprintf(run->reasons[i].why, sizeof run->reasons[i].why, "%s",
                 i == RUN_REASONS_MAX - 1 ? "other reasons" : why);
        run->reason_count++;
    }
    run->reasons[i].count++;
}

void run_on_active(struct client *c)
{
    struct slot *slot = c->owner;
    struct run *run = slot->run;
    run->connecting--;
    run->held++;
    run->logins++;
    hist_record(&run->handshake, c->secured_ns - c->began_ns);
    hist_record(&run->login, c->desktop_ns - c->began_ns);
    hist_record(&run->active, c->active_ns - c->began_ns);
    if (run->round)
        hist_record(&run->reconnect, c->active_ns - run->cut_ns);
    slot->taken_bytes = run->phase == RUN_MEASURE ? run_traffic_allowed(run) : 0;
    if (slot->gone_ns) {
        hist_record(&run->reconnect, c->active_ns - slot->gone_ns);
        slot->gone_ns = 0;
        run->faults.comebacks++;
    }
    if (run->plan->scenario == PLAN_LOGIN)
        client_end(c, false);
    step(run);
}

void run_on_gone(struct client *c)
{
    struct slot *slot = c->owner;
    struct run *run = slot->run;
    slot->client = NULL;
    run->last_gone_ns = uv_hrtime();
    if (run->plan->scenario == PLAN_SOAK)
        run_faults_gone(run, slot, c);
    if (c->step == CLIENT_ACTIVE) {
        run->held--;
        if (!c->ended_by_us && !slot->faulted) {
            char why[CLIENT_WHY_SIZE + 8];
            (void)snprintf(why, sizeof why, "lost: %s", c->why);
            run->lost++;
            reason_count(run, why);
        }
    } else {
        run->connecting--;
        if (run->phase != RUN_END) {
            run->failed++;
            reason_count(run, c->why[0] ? c->why : "took longer than --timeout");
        }
    }
    step(run);
}

void run_login(struct run *run, uint32_t number)
{
    const char *user, *password;
    struct slot *slot = &run->slots[number];
    users_get(run->users, number, &user, &password);
    slot->visit++;
    slot->faulted = slot->guest_left = false;
    if (client_open(&slot->client, &run->client_config, slot, user, password, number, slot->visit)) {
        slot->client = NULL;
        run->failed++;
        reason_count(run, "no connection could be opened: descriptors, ports or memory");
        return;
    }
    run->connecting++;
}

static void logins_start(struct run *run)
{
    const struct plan *plan = run->plan;
    double elapsed_s = (double)(uv_hrtime() - run->phase_began_ns) / 1e9;
    while (run->started < plan->sessions && run->connecting < plan->concurrency &&
           (plan->rate <= 0 || (double)run->started <= elapsed_s * plan->rate))
        run_login(run, run->started++);
}

/* Log-ins that take too long are ended; `gone` counts them. */
static void timeouts_look(struct run *run)
{
    uint64_t now_ns = uv_hrtime();
    for (uint32_t i = 0; i < run->started; i++) {
        struct client *c = run->slots[i].client;
        if (c && c->step != CLIENT_ACTIVE && now_ns - c->began_ns > run->plan->timeout_ms * 1000000)
            client_end(c, false);
    }
}

/* ---- phases ---- */

static void on_phase_end(uv_timer_t *timer)
{
    struct run *run = timer->data;
    if (run->phase == RUN_SETTLE)
        run_phase_set(run, RUN_MEASURE);
    else if (run->phase == RUN_MEASURE)
        run_phase_set(run, RUN_DRAIN);
    else
        run_phase_set(run, RUN_END);
}

static void logins_done(struct run *run)
{
    if (!run->round) {
        run_snapshot(run, &run->login_end, true);
        run->first_logins = run->logins;
    }
    if (run->plan->scenario == PLAN_LOGIN || !run->held)
        run_phase_set(run, RUN_END);
    else if (run->plan->scenario == PLAN_RECONNECT && run->round == run->plan->rounds)
        run_phase_set(run, RUN_END);
    else
        run_phase_set(run, RUN_SETTLE);
}

/* The log-in scenario counts what the end of its sessions costs, too. */
static bool all_ended(const struct run *run)
{
    if (run->held)
        return false;
    return !run->guest_is_open || list_is_empty(&run->guest.peers) ||
           uv_hrtime() - run->last_gone_ns > RUN_FAREWELL_MS * 1000000ull;
}

/* After each event: whether the phase is over. */
static void step(struct run *run)
{
    if (run->phase == RUN_LOGIN) {
        logins_start(run);
        if (run->started == run->plan->sessions && !run->connecting &&
            (run->plan->scenario != PLAN_LOGIN || all_ended(run)))
            logins_done(run);
    } else if (run->phase == RUN_DRAIN && run_traffic_arrived(run)) {
        run_phase_set(run, RUN_END);
    } else if (run->phase == RUN_MEASURE && !run->held && run->plan->scenario != PLAN_SOAK) {
        if (run->plan->scenario == PLAN_RECONNECT && run->round)
            run_phase_set(run, RUN_LOGIN);
        else
            run_phase_set(run, RUN_END);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct run *run = timer->data;
    static uint64_t looked_ns;
    uint64_t now_ns = uv_hrtime();
    if ((run->phase == RUN_LOGIN || run->plan->scenario == PLAN_SOAK) &&
        now_ns - looked_ns > TIMEOUT_LOOKS_MS * 1000000ull) {
        looked_ns = now_ns;
        timeouts_look(run);
    }
    if (run->phase == RUN_MEASURE)
        run_traffic_tick(run);
    if (run->plan->scenario == PLAN_SOAK && (run->phase == RUN_MEASURE || run->phase == RUN_DRAIN))
        run_faults_return(run);
    step(run);
}

static void on_sample(uv_timer_t *timer)
{
    run_sample(timer->data);
}

static void finish(struct run *run)
{
    uv_close((uv_handle_t *)&run->tick, NULL);
    uv_close((uv_handle_t *)&run->sampler, NULL);
    uv_close((uv_handle_t *)&run->phase_end, NULL);
    uv_close((uv_handle_t *)&run->interrupt, NULL);
    uv_close((uv_handle_t *)&run->terminate, NULL);
    uv_close((uv_handle_t *)&run->shared.idle, NULL);
    for (uint32_t i = 0; i < run->plan->sessions; i++) {
        if (run->slots[i].client)
            client_end(run->slots[i].client, false);
    }
    if (run->guest_is_open)
        guest_close(&run->guest);
}

/* A recording that is played once has its own, and all have begun a second after the first. */
static uint64_t duration_ms(const struct run *run)
{
    if (!run->plan->recording_path || run->plan->duration_given)
        return run->plan->duration_ms;
    return (uint64_t)((double)run->recording.length_us / 1000 / run->plan->speed) + 1500;
}

static void measure_begin(struct run *run)
{
    if (run->plan->scenario == PLAN_RECONNECT) {
        run->round++;
        run->cut_ns = uv_hrtime();
        run->started = 0;
        run_traffic_cut(run);
        return;
    }
    run_snapshot(run, &run->begin, true);
    run_traffic_begin(run);
    (void)uv_timer_start(&run->phase_end, on_phase_end, duration_ms(run), 0);
}

void run_phase_set(struct run *run, enum run_phase phase)
{
    if (run->phase == RUN_END)
        return;
    bool was_measuring = run->phase == RUN_MEASURE && run->plan->scenario != PLAN_RECONNECT;
    run->phase = phase;
    run->phase_began_ns = uv_hrtime();
    if (was_measuring) {
        run_traffic_stop(run);
        run_snapshot(run, &run->end, true);
        run->measured_bytes = run->output_bytes - run->measured_bytes;
        run->measured_pdus = run->output_pdus - run->measured_pdus;
    }
    switch (phase) {
    case RUN_LOGIN:
        break;
    case RUN_SETTLE:
        (void)uv_timer_start(&run->phase_end, on_phase_end, run->plan->settle_ms, 0);
        break;
    case RUN_MEASURE:
        measure_begin(run);
        break;
    case RUN_DRAIN:
        (void)uv_timer_start(&run->phase_end, on_phase_end,
                             run->plan->scenario == PLAN_SOAK ? RUN_SOAK_DRAIN_MS : RUN_DRAIN_MS, 0);
        step(run);
        break;
    case RUN_END:
        if (run->plan->scenario == PLAN_SOAK)
            (void)run_faults_settled(run); /* counts what is missing now */
        run_report(run);
        finish(run);
        break;
    }
}

/* ---- life ---- */

static int guest_start(struct run *run)
{
    const struct plan *plan = run->plan;
    const struct guest_config config = {.shared = &run->shared,
                                        .tls = run->guest_tls,
                                        .rdp = plan->rdp,
                                        .lenient = plan->scenario == PLAN_GUEST,
                                        .answer_len = plan->answer_bytes,
                                        .recording = run->client_config.recording,
                                        .speed = plan->speed,
                                        .rounds = run->client_config.rounds,
                                        .late = &run->late};
    int rc =
        guest_open(&run->guest, &config, (const struct sockaddr *)&plan->guest, plan->guest_len, run->err);
    run->guest_is_open = !rc;
    if (rc)
        return rc;
    if (plan->direct) {
        socklen_t len = sizeof run->target;
        (void)getsockname(run->guest.fd, (struct sockaddr *)&run->target, &len);
        run->client_config.address_len = len;
    }
    fprintf(stderr, "carrel-load: the fake guest listens on port %u\n", run->guest.port);
    return 0;
}

static void handles_open(struct run *run)
{
    wire_loop_init(&run->shared, &run->loop);
    (void)uv_timer_init(&run->loop, &run->tick);
    (void)uv_timer_init(&run->loop, &run->sampler);
    (void)uv_timer_init(&run->loop, &run->phase_end);
    (void)uv_signal_init(&run->loop, &run->interrupt);
    (void)uv_signal_init(&run->loop, &run->terminate);
    run->tick.data = run->sampler.data = run->phase_end.data = run->interrupt.data = run->terminate.data =
        run;
    (void)uv_signal_start(&run->interrupt, interrupted, SIGINT);
    (void)uv_signal_start(&run->terminate, interrupted, SIGTERM);
}

static int prepare(struct run *run)
{
    const struct plan *plan = run->plan;
    int rc = load_tls_client(&run->client_tls, run->err);
    if (!rc)
        rc = load_tls_guest(&run->guest_tls, plan->rsa, plan->tickets, run->err);
    if (!rc)
        rc = users_create(&run->users, plan->users_path, plan->sessions, run->err);
    run->slots = calloc(plan->sessions, sizeof *run->slots);
    if (!rc && !run->slots)
        rc = error_set(run->err, CE_NOMEM, "no memory for %u sessions", plan->sessions);
    for (uint32_t i = 0; !rc && i < plan->sessions; i++)
        run->slots[i].run = run;
    if (!rc && plan->recording_path)
        rc = recording_load(plan->recording_path, &run->recording, run->err);
    run->target = plan->target;
    run->self = (struct watched){.name = "load", .pid = getpid()};
    run->client_config = (struct client_config){.shared = &run->shared,
                                                .tls = run->client_tls,
                                                .address = (const struct sockaddr *)&run->target,
                                                .address_len = plan->target_len,
                                                .rdp = plan->rdp,
                                                .joins = plan->joins,
                                                .lenient = plan->no_guest,
                                                .channels = plan->channels,
                                                .events = &run_client_events};
    if (plan->recording_path) {
        run->client_config.recording = &run->recording;
        run->client_config.speed = plan->speed;
        run->client_config.rounds = plan->duration_given ? 0 : 1;
        run->client_config.channels = run->recording.channel_count;
    }
    return rc;
}

int run_all(struct run **ret, const struct plan *plan, struct report *report, struct error *err)
{
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return error_set(err, CE_NOMEM, "no memory");
    *ret = run;
    run->plan = plan;
    run->report = report;
    run->err = err;
    traffic_init();
    int rc = prepare(run);
    if (rc)
        return rc;
    if (uv_loop_init(&run->loop))
        return error_set(err, CE_NOMEM, "no event loop");
    handles_open(run);
    if (!plan->no_guest && (rc = guest_start(run)))
        return rc;
    run_snapshot(run, &run->first, true);
    run->phase_began_ns = uv_hrtime();
    if (plan->scenario != PLAN_GUEST) {
        (void)uv_timer_start(&run->tick, on_tick, RUN_TICK_MS, RUN_TICK_MS);
        (void)uv_timer_start(&run->sampler, on_sample, RUN_SAMPLE_MS, RUN_SAMPLE_MS);
        step(run);
    }
    uv_run(&run->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&run->loop);
    return run->rc;
}

void run_destroy(struct run **run_at)
{
    struct run *run = *run_at;
    if (!run)
        return;
    users_destroy(&run->users);
    recording_finish(&run->recording);
    load_tls_free(&run->client_tls);
    load_tls_free(&run->guest_tls);
    free(run->slots);
    free(run);
    *run_at = NULL;
}
