/* What a run found out: metrics with units, distributions, and samples over time; printed as text, JSON, CSV
 * and HTML. Metrics that come out of a distribution ("login.p99") are metrics too, so that each number can be
 * held against a requirement. Owned by main.c; on one thread.
 */
#ifndef CARREL_LOAD_REPORT_H
#define CARREL_LOAD_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <carrel/error.h>

#include "hist.h"

enum report_unit {
    UNIT_COUNT,
    UNIT_NS,
    UNIT_BYTES,
    UNIT_BYTES_PER_S,
    UNIT_PER_S,
    UNIT_S_PER_GB, /* CPU seconds per 10^9 bytes */
};

enum {
    REPORT_METRICS_MAX = 256, /* more are left out, and report_metric() says so */
    REPORT_DISTRIBUTIONS_MAX = 8,
    REPORT_NAME_SIZE = 48,
    REPORT_SAMPLES_MAX = 2000, /* then every other one is given up and the distance doubles */
    REPORT_RULES_MAX = 32,
    REPORT_WATCHED_MAX = 16, /* processes whose memory is sampled */
};

struct report_metric {
    char name[REPORT_NAME_SIZE];
    double value;
    enum report_unit unit;
};

struct report_distribution {
    const char *name;
    const struct hist *hist; /* of nanoseconds; borrowed */
};

struct report_rule {
    const char *text; /* borrowed */
    char found[32];   /* the figure's value, for people */
    bool holds;
};

struct report_sample {
    double at_s;
    double logins_per_s;
    double sessions;
    double bytes_per_s;
    double cpu;                        /* cores used by the watched processes together */
    double memory[REPORT_WATCHED_MAX]; /* bytes, by name; 0: not looked at */
};

struct report {
    char title[160];
    struct report_metric metrics[REPORT_METRICS_MAX];
    struct report_distribution distributions[REPORT_DISTRIBUTIONS_MAX];
    struct report_sample samples[REPORT_SAMPLES_MAX];
    const char *watched[REPORT_WATCHED_MAX]; /* names; borrowed */
    unsigned watched_count;
    struct report_rule rules[REPORT_RULES_MAX]; /* what was required */
    unsigned rule_count;
    unsigned metric_count, distribution_count, sample_count;
};

void report_metric(struct report *r, enum report_unit unit, double value, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* And its percentiles as metrics. Nothing where nothing was recorded. */
void report_distribution(struct report *r, const char *name, const struct hist *hist);

const struct report_metric *report_find(const struct report *r, const char *name);
/* "12.3 ms", "40.0 KiB": for people. */
void report_value_print(enum report_unit unit, double value, char *ret, size_t size);
const char *report_unit_name(enum report_unit unit); /* as JSON and CSV have it: the value is in this unit */

void report_text(const struct report *r, FILE *out);
int report_json(const struct report *r, const char *path, struct error *err) MUST_CHECK; /* "-": stdout */
int report_csv(const struct report *r, const char *path, struct error *err) MUST_CHECK;
int report_html(const struct report *r, const char *path, struct error *err) MUST_CHECK;

#endif
