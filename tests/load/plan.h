/* What the command line asks for. Filled once by plan_parse(), constant afterwards.
 */
#ifndef CARREL_LOAD_PLAN_H
#define CARREL_LOAD_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <carrel/error.h>

#include "report.h"
#include "require.h"
#include "watched.h"

enum plan_scenario {
    PLAN_LOGIN,
    PLAN_STREAM,
    PLAN_LATENCY,
    PLAN_IDLE,
    PLAN_RECONNECT,
    PLAN_SLOW,
    PLAN_SOAK,
    PLAN_GUEST,
    PLAN_RECORD,
    PLAN_LIMIT,
    PLAN_BARE,
    PLAN_SCENARIO_COUNT,
};

enum {
    PLAN_REQUIRES_MAX = REPORT_RULES_MAX,
    PLAN_WATCHES_MAX = REPORT_WATCHED_MAX,
};

struct plan {
    enum plan_scenario scenario;
    struct sockaddr_storage target, guest;
    socklen_t target_len, guest_len;
    bool direct;   /* no target: the clients connect to the fake guest itself */
    bool no_guest; /* the guest is somebody else's */
    bool rdp;      /* else TLS from the first byte */
    bool joins, rsa, tickets;
    uint32_t channels;
    const char *users_path;
    uint32_t sessions, concurrency, rounds;
    double rate; /* log-ins a second; 0: as fast as concurrency allows */
    uint64_t duration_ms, settle_ms, timeout_ms;
    uint32_t pdu_bytes, answer_bytes;
    double pdu_rate,
        input_rate;    /* a second and session; 0: as fast as it goes (input: one after the other) */
    bool input_wanted; /* the latency scenario, or --input-rate was given */
    double read_rate;  /* bytes a second that a slow reader takes */
    double reset_rate, guest_end_rate; /* of a soak: faults a second */
    uint32_t slow_every;               /* of a soak: one session in so many reads slowly; 0: none */
    const char *recording_path;        /* to play; NULL: none */
    const char *record_path;           /* to write */
    double speed;
    bool duration_given;
    const char *json_path, *csv_path, *html_path;
    bool quiet;
    struct require requires[PLAN_REQUIRES_MAX];
    unsigned require_count;
    struct watched watches[PLAN_WATCHES_MAX];
    unsigned watch_count;
};

/* 0; 1: help or version was printed; CE_BAD_INPUT. */
int plan_parse(struct plan *plan, int argc, char **argv, struct error *err) MUST_CHECK;

const char *plan_scenario_name(enum plan_scenario scenario);

#endif
