/* The inside of a run, shared by run.c (its life), run_traffic.c (what the sessions do), run_faults.c (what a soak
 * does to them) and run_report.c (what came out).
 */
#ifndef CARREL_LOAD_RUN_PARTS_H
#define CARREL_LOAD_RUN_PARTS_H

#include "client.h"
#include "guest.h"
#include "hist.h"
#include "plan.h"
#include "report.h"
#include "users.h"
#include "wire.h"

enum run_phase {
    RUN_LOGIN,   /* sessions are made */
    RUN_SETTLE,  /* --settle */
    RUN_MEASURE, /* they do what the scenario says */
    RUN_DRAIN,   /* nothing new is sent; what is under way arrives */
    RUN_END,
};

enum {
    RUN_REASONS_MAX = 12, /* different ones; the rest is counted together */
    RUN_TICK_MS = 1,
    RUN_SAMPLE_MS = 250,
    RUN_DRAIN_MS = 10000,      /* what has not arrived by then is lost */
    RUN_SOAK_DRAIN_MS = 90000, /* a soak waits also for those who were cut last */
    RUN_FAREWELL_MS = 5000,    /* the guest's side of ended sessions is waited for so long */
};

struct slot {
    struct run *run;
    struct client *client; /* NULL: no connection now */
    uint64_t taken_bytes;  /* by a slow reader */
    uint32_t visit;        /* how many connections it has had */
    uint64_t gone_ns;      /* since when a soak's session is away; 0: it is not */
    uint64_t retry_ns;     /* when it comes back */
    bool faulted;          /* the guest ended it because the run told it to */
    bool guest_left;       /* ... and after its last byte, so that all of them must have come: */
    uint32_t guest_outputs;
};

/* What a soak did, and what became of it. */
struct faults {
    uint64_t resets, guest_ends, guest_resets; /* done */
    uint64_t comebacks;
    uint64_t ends_compared,
        ends_missing; /* sessions that a guest ended in order; PDUs of theirs that never came */
    uint64_t live_compared, outputs_missing, inputs_missing; /* sessions that lived at the end */
    uint64_t ends_unheard; /* sessions that a guest ended in order, of which the client was not told so */
    uint64_t looked_ns, reset_due_ns, guest_due_ns;
    uint64_t random;
};

struct reason {
    char why[CLIENT_WHY_SIZE + 8];
    uint64_t count;
};

/* CPU and memory of the watched processes, and the moment. */
struct snapshot {
    uint64_t at_ns;
    uint64_t cpu_ns[PLAN_WATCHES_MAX + 1]; /* the last one is carrel-load itself */
    uint64_t memory_bytes[PLAN_WATCHES_MAX + 1];
};

struct run {
    const struct plan *plan; /* borrowed */
    struct report *report;   /* borrowed */
    struct error *err;       /* borrowed */
    int rc;
    uv_loop_t loop;
    struct wire_loop shared;
    struct ssl_ctx_st *client_tls, *guest_tls;
    struct client_config client_config;
    struct sockaddr_storage target;
    struct guest guest;
    bool guest_is_open;
    struct users *users;
    struct slot *slots;
    struct faults faults;
    struct recording recording; /* of --traffic */
    uint64_t inputs_played;
    struct hist late;
    uv_timer_t tick, sampler, phase_end;
    uv_signal_t interrupt, terminate;
    enum run_phase phase;
    uint64_t phase_began_ns;
    uint32_t started, connecting, held; /* of this round of log-ins */
    uint32_t round;
    uint64_t cut_ns;
    uint64_t logins, failed, lost;
    uint64_t last_gone_ns;
    uint64_t first_logins; /* of the first round */
    uint64_t output_bytes, output_pdus, measured_bytes, measured_pdus;
    uint64_t outputs_paced, inputs_paced, inputs_skipped;
    uint32_t next_slot;
    struct hist handshake, login, active, round_trip, reconnect;
    struct reason reasons[RUN_REASONS_MAX];
    unsigned reason_count;
    struct watched self;
    struct snapshot first, login_end, begin, end;
    double sampled_at_s, sampled_cpu_s;
    uint64_t sampled_logins, sampled_bytes;
};

void run_phase_set(struct run *run, enum run_phase phase);
void run_login(struct run *run, uint32_t number); /* starts a log-in of this session */

static inline bool run_slot_is_slow(const struct run *run, const struct slot *slot)
{
    uint32_t every = run->plan->slow_every;
    return run->plan->scenario == PLAN_SLOW ||
           (run->plan->scenario == PLAN_SOAK && every && (uint32_t)(slot - run->slots) % every == 0);
}

/* run_faults.c */
void run_faults_tick(struct run *run);   /* while a soak is measured */
void run_faults_return(struct run *run); /* who was cut comes back, also while it drains */
void run_faults_gone(struct run *run, struct slot *slot, const struct client *c);
bool run_faults_settled(struct run *run); /* everybody is there, and all bytes are */

/* run_traffic.c */
uint64_t run_traffic_allowed(const struct run *run); /* bytes that a slow reader may have taken by now */
void run_traffic_begin(struct run *run);
void run_traffic_tick(struct run *run);
void run_traffic_stop(struct run *run);
bool run_traffic_arrived(struct run *run); /* all that was sent */
void run_traffic_cut(struct run *run);     /* every session, by a reset */
extern const struct client_events run_client_events;
void run_on_active(struct client *c);
void run_on_gone(struct client *c);

/* run_report.c */
void run_snapshot(const struct run *run, struct snapshot *ret, bool memory);
void run_sample(struct run *run);
void run_report(struct run *run);

#endif
