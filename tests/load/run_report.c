#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_parts.h"

/* The watched processes, and behind them carrel-load itself. */
static const struct watched *watched_at(const struct run *run, unsigned i)
{
    return i < run->plan->watch_count ? &run->plan->watches[i] : &run->self;
}

void run_snapshot(const struct run *run, struct snapshot *ret, bool memory)
{
    ret->at_ns = uv_hrtime();
    for (unsigned i = 0; i <= run->plan->watch_count; i++) {
        ret->cpu_ns[i] = watched_cpu_ns(watched_at(run, i));
        if (memory)
            ret->memory_bytes[i] = watched_memory_bytes(watched_at(run, i));
    }
}

/* The sum over all watched processes called like the one at I; false where an earlier one had the name. */
static bool sum(const struct run *run, unsigned i, const uint64_t *from, const uint64_t *to, double *ret);

/* When the report has no room for more, every other sample is given up. */
static void samples_thin(struct run *run)
{
    struct report *report = run->report;
    if (report->sample_count < REPORT_SAMPLES_MAX)
        return;
    for (unsigned i = 0; i < REPORT_SAMPLES_MAX / 2; i++)
        report->samples[i] = report->samples[i * 2];
    report->sample_count = REPORT_SAMPLES_MAX / 2;
    uv_timer_set_repeat(&run->sampler, 2 * uv_timer_get_repeat(&run->sampler));
}

void run_sample(struct run *run)
{
    struct report *report = run->report;
    struct snapshot now = {0};
    double cpu_s = 0;
    /* Looking at memory holds the process up for a moment, so only runs that are about memory do it. */
    bool memory = run->plan->scenario == PLAN_SOAK || run->plan->scenario == PLAN_IDLE;
    run_snapshot(run, &now, memory);
    for (unsigned i = 0; i < run->plan->watch_count; i++)
        cpu_s += (double)(now.cpu_ns[i] - run->first.cpu_ns[i]) / 1e9;
    double at_s = (double)(now.at_ns - run->first.at_ns) / 1e9, passed_s = at_s - run->sampled_at_s;
    if (passed_s <= 0)
        return;
    samples_thin(run);
    struct report_sample *sample = &report->samples[report->sample_count++];
    *sample =
        (struct report_sample){.at_s = at_s,
                               .logins_per_s = (double)(run->logins - run->sampled_logins) / passed_s,
                               .sessions = run->held,
                               .bytes_per_s = (double)(run->output_bytes - run->sampled_bytes) / passed_s,
                               .cpu = (cpu_s - run->sampled_cpu_s) / passed_s};
    report->watched_count = 0;
    for (unsigned i = 0; memory && i < run->plan->watch_count; i++) {
        if (sum(run, i, NULL, now.memory_bytes, &sample->memory[report->watched_count]))
            report->watched[report->watched_count++] = watched_at(run, i)->name;
    }
    run->sampled_at_s = at_s;
    run->sampled_cpu_s = cpu_s;
    run->sampled_logins = run->logins;
    run->sampled_bytes = run->output_bytes;
}

static bool sum(const struct run *run, unsigned i, const uint64_t *from, const uint64_t *to, double *ret)
{
    *ret = 0;
    for (unsigned k = 0; k <= run->plan->watch_count; k++) {
        if (strcmp(watched_at(run, k)->name, watched_at(run, i)->name) != 0)
            continue;
        if (k < i)
            return false;
        *ret += (double)to[k] - (from ? (double)from[k] : 0);
    }
    return true;
}

static void watched_report(const struct run *run, unsigned i)
{
    struct report *r = run->report;
    const char *name = watched_at(run, i)->name;
    const struct snapshot *held = run->begin.at_ns ? &run->begin : &run->login_end;
    double value;
    if (!sum(run, i, run->first.cpu_ns, run->login_end.cpu_ns, &value))
        return;
    if (run->first_logins)
        report_metric(r, UNIT_NS, value / (double)run->first_logins, "%s.cpu_per_login", name);
    if (run->begin.at_ns && sum(run, i, run->begin.cpu_ns, run->end.cpu_ns, &value)) {
        report_metric(r, UNIT_NS, value, "%s.cpu", name);
        if (run->measured_bytes)
            report_metric(r, UNIT_S_PER_GB, value / (double)run->measured_bytes, "%s.cpu_per_gb", name);
        if (run->round_trip.count)
            report_metric(r, UNIT_NS, value / (double)run->round_trip.count, "%s.cpu_per_round_trip", name);
    }
    if (i == run->plan->watch_count)
        return;
    (void)sum(run, i, NULL, run->first.memory_bytes, &value);
    report_metric(r, UNIT_BYTES, value, "%s.memory_before", name);
    if (!held->at_ns)
        return;
    (void)sum(run, i, NULL, held->memory_bytes, &value);
    report_metric(r, UNIT_BYTES, value, "%s.memory", name);
    (void)sum(run, i, run->first.memory_bytes, held->memory_bytes, &value);
    if (run->plan->scenario != PLAN_LOGIN && run->held)
        report_metric(r, UNIT_BYTES, value / run->held, "%s.memory_per_session", name);
    if (run->end.at_ns) {
        (void)sum(run, i, NULL, run->end.memory_bytes, &value);
        report_metric(r, UNIT_BYTES, value, "%s.memory_after", name);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of what WATCHED had between these moments of the measurement, which is as long as 1. */
static double memory_median(const struct run *run, unsigned watched, double from, double to)
{
    static double values[REPORT_SAMPLES_MAX];
    const struct report *r = run->report;
    double begin_s = (double)(run->begin.at_ns - run->first.at_ns) / 1e9;
    double length_s = (double)(run->end.at_ns - run->begin.at_ns) / 1e9;
    size_t count = 0;
    for (unsigned i = 0; i < r->sample_count; i++) {
        double at = (r->samples[i].at_s - begin_s) / length_s;
        if (at >= from && at <= to)
            values[count++] = r->samples[i].memory[watched];
    }
    qsort(values, count, sizeof values[0], by_value);
    return count ? values[count / 2] : 0;
}

/* Flat is what is as large in the last fifth of the soak as in the second: in the first one, allocators and caches
 * find their size. */
static void soak_report(const struct run *run)
{
    struct report *r = run->report;
    const struct faults *f = &run->faults;
    report_metric(r, UNIT_COUNT, (double)f->resets, "faults.client_resets");
    report_metric(r, UNIT_COUNT, (double)f->guest_ends, "faults.guest_ends");
    report_metric(r, UNIT_COUNT, (double)f->guest_resets, "faults.guest_resets");
    report_metric(r, UNIT_COUNT, (double)f->ends_unheard, "faults.guest_ends_unheard");
    uint32_t every = run->plan->slow_every;
    report_metric(r, UNIT_COUNT, every ? (run->plan->sessions + every - 1) / every : 0,
                  "faults.slow_readers");
    report_metric(r, UNIT_COUNT, (double)f->comebacks, "sessions.came_back");
    report_metric(r, UNIT_COUNT, (double)(f->live_compared + f->ends_compared), "sessions.compared");
    report_metric(r, UNIT_COUNT, (double)(f->outputs_missing + f->ends_missing), "stream.missing");
    report_metric(r, UNIT_COUNT, (double)f->inputs_missing, "input.missing");
    report_metric(r, UNIT_BYTES, (double)run->guest.input_bytes, "input.bytes");
    for (unsigned i = 0; run->end.at_ns && i < r->watched_count; i++) {
        double early = memory_median(run, i, 0.2, 0.4), late = memory_median(run, i, 0.8, 1.0);
        report_metric(r, UNIT_BYTES, early, "%s.memory_early", r->watched[i]);
        report_metric(r, UNIT_BYTES, late, "%s.memory_late", r->watched[i]);
        report_metric(r, UNIT_BYTES, late - early, "%s.memory_growth", r->watched[i]);
    }
}

static void sessions_report(const struct run *run)
{
    struct report *r = run->report;
    const struct plan *plan = run->plan;
    report_metric(r, UNIT_COUNT, (double)run->logins, "sessions.logged_in");
    report_metric(r, UNIT_COUNT, (double)run->failed, "sessions.failed");
    report_metric(r, UNIT_COUNT, (double)run->lost, "sessions.lost");
    if (plan->scenario != PLAN_LOGIN)
        report_metric(r, UNIT_COUNT, run->held, "sessions.held");
    if (run->first_logins)
        report_metric(r, UNIT_PER_S,
                      (double)run->first_logins / ((double)(run->login_end.at_ns - run->first.at_ns) / 1e9),
                      "sessions.login_rate");
    if (run->guest_is_open) {
        report_metric(r, UNIT_COUNT, (double)run->guest.broken, "guest.broken");
        if (plan->tickets)
            report_metric(r, UNIT_COUNT, (double)run->guest.resumed, "guest.resumed");
    }
}

static void stream_report(const struct run *run)
{
    struct report *r = run->report;
    double passed_s = (double)(run->end.at_ns - run->begin.at_ns) / 1e9;
    if (!run->end.at_ns || !run->measured_bytes)
        return;
    report_metric(r, UNIT_BYTES, (double)run->measured_bytes, "stream.bytes");
    report_metric(r, UNIT_COUNT, (double)run->measured_pdus, "stream.pdus");
    report_metric(r, UNIT_BYTES_PER_S, (double)run->measured_bytes / passed_s, "stream.rate");
    if (run->guest_is_open && !run->lost && run->plan->scenario != PLAN_SOAK)
        report_metric(r, UNIT_COUNT, (double)(run->guest.outputs - run->output_pdus), "stream.missing");
    if (run->plan->recording_path) {
        report_metric(r, UNIT_COUNT, (double)run->guest.inputs, "input.pdus");
        report_metric(r, UNIT_BYTES, (double)run->guest.input_bytes, "input.bytes");
        if (!run->lost)
            report_metric(r, UNIT_COUNT, (double)(run->inputs_played - run->guest.inputs), "input.missing");
    }
    if (run->inputs_paced)
        report_metric(r, UNIT_COUNT, (double)run->inputs_skipped, "round_trip.skipped");
}

void run_report(struct run *run)
{
    struct report *r = run->report;
    const struct plan *plan = run->plan;
    snprintf(r->title, sizeof r->title, "%s: %u sessions, %s%s", plan_scenario_name(plan->scenario),
             plan->sessions, plan->direct ? "directly to the fake guest" : "through the target",
             plan->rdp ? "" : ", TLS only");
    sessions_report(run);
    stream_report(run);
    if (plan->scenario == PLAN_SOAK)
        soak_report(run);
    report_distribution(r, "handshake", &run->handshake);
    report_distribution(r, "login", &run->login);
    if (plan->rdp)
        report_distribution(r, "active", &run->active);
    report_distribution(r, "round_trip", &run->round_trip);
    report_distribution(r, "late", &run->late);
    report_distribution(r, "reconnect", &run->reconnect);
    for (unsigned i = 0; i <= plan->watch_count; i++)
        watched_report(run, i);
    for (unsigned i = 0; i < run->reason_count && !plan->quiet; i++)
        fprintf(stderr, "carrel-load: %llu times: %s\n", (unsigned long long)run->reasons[i].count,
                run->reasons[i].why);
    if (run->guest.broken && !plan->quiet)
        fprintf(stderr, "carrel-load: the guest ended %llu sessions, the last one because %s\n",
                (unsigned long long)run->guest.broken, run->guest.why);
}
