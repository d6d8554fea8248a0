#include "report.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

static const struct {
    const char *name;
    double percent;
} percentiles[] = {{"p50", 50}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"p99.9", 99.9}};

const char *report_unit_name(enum report_unit unit)
{
    static const char *const names[] = {
        [UNIT_COUNT] = "",          [UNIT_NS] = "ns",     [UNIT_BYTES] = "B",
        [UNIT_BYTES_PER_S] = "B/s", [UNIT_PER_S] = "1/s", [UNIT_S_PER_GB] = "s/GB",
    };
    return names[unit];
}

static void scaled_print(double value, double step, const char *const *names, unsigned count, char *ret,
                         size_t size)
{
    unsigned i = 0;
    while (i + 1 < count && value >= step) {
        value /= step;
        i++;
    }
    snprintf(ret, size, "%.*f %s", value < 10 ? 2 : value < 100 ? 1 : 0, value, names[i]);
}

void report_value_print(enum report_unit unit, double value, char *ret, size_t size)
{
    static const char *const times[] = {"ns", "us", "ms", "s"};
    static const char *const sizes[] = {"B", "KiB", "MiB", "GiB"};
    static const char *const rates[] = {"B/s", "kB/s", "MB/s", "GB/s"};
    switch (unit) {
    case UNIT_NS:
        scaled_print(value, 1000, times, 4, ret, size);
        return;
    case UNIT_BYTES:
        scaled_print(value, 1024, sizes, 4, ret, size);
        return;
    case UNIT_BYTES_PER_S:
        scaled_print(value, 1000, rates, 4, ret, size);
        return;
    case UNIT_COUNT:
        snprintf(ret, size, "%.0f", value);
        return;
    case UNIT_PER_S:
    case UNIT_S_PER_GB:
        snprintf(ret, size, "%.3f %s", value, report_unit_name(unit));
        return;
    }
}

void report_metric(struct report *r, enum report_unit unit, double value, const char *fmt, ...)
{
    if (r->metric_count == REPORT_METRICS_MAX) {
        fprintf(stderr, "carrel-load: the report is full; a figure is left out\n");
        return;
    }
    struct report_metric *metric = &r->metrics[r->metric_count++];
    va_list args;
    va_start(args, fmt);
    vsnprintf(metric->name, sizeof metric->name, fmt, args);
    va_end(args);
    metric->value = value;
    metric->unit = unit;
}

void report_distribution(struct report *r, const char *name, const struct hist *hist)
{
    if (!hist->count || r->distribution_count == REPORT_DISTRIBUTIONS_MAX)
        return;
    r->distributions[r->distribution_count++] = (struct report_distribution){name, hist};
    report_metric(r, UNIT_COUNT, (double)hist->count, "%s.count", name);
    report_metric(r, UNIT_NS, (double)hist->min, "%s.min", name);
    report_metric(r, UNIT_NS, hist_mean(hist), "%s.mean", name);
    for (unsigned i = 0; i < sizeof percentiles / sizeof percentiles[0]; i++)
        report_metric(r, UNIT_NS, (double)hist_percentile(hist, percentiles[i].percent), "%s.%s", name,
                      percentiles[i].name);
    report_metric(r, UNIT_NS, (double)hist->max, "%s.max", name);
}

const struct report_metric *report_find(const struct report *r, const char *name)
{
    for (unsigned i = 0; i < r->metric_count; i++) {
        if (!strcmp(r->metrics[i].name, name))
            return &r->metrics[i];
    }
    return NULL;
}

/* ---- text ---- */

static bool is_of_distribution(const struct report *r, const char *name)
{
    for (unsigned i = 0; i < r->distribution_count; i++) {
        size_t len = strlen(r->distributions[i].name);
        if (!strncmp(name, r->distributions[i].name, len) && name[len] == '.' &&
            strcmp(name + len, ".count") != 0)
            return true;
    }
    return false;
}

void report_text(const struct report *r, FILE *out)
{
    char text[32];
    fprintf(out, "%s\n", r->title);
    for (unsigned i = 0; i < r->metric_count; i++) {
        const struct report_metric *metric = &r->metrics[i];
        if (is_of_distribution(r, metric->name))
            continue;
        report_value_print(metric->unit, metric->value, text, sizeof text);
        fprintf(out, "  %-32s %14s\n", metric->name, text);
    }
    if (!r->distribution_count)
        return;
    fprintf(out, "\n  %-14s %10s %10s %10s %10s %10s %10s %10s\n", "", "min", "p50", "p90", "p95", "p99",
            "p99.9", "max");
    for (unsigned i = 0; i < r->distribution_count; i++) {
        const struct hist *h = r->distributions[i].hist;
        fprintf(out, "  %-14s", r->distributions[i].name);
        report_value_print(UNIT_NS, (double)h->min, text, sizeof text);
        fprintf(out, " %10s", text);
        for (unsigned p = 0; p < sizeof percentiles / sizeof percentiles[0]; p++) {
            report_value_print(UNIT_NS, (double)hist_percentile(h, percentiles[p].percent), text,
                               sizeof text);
            fprintf(out, " %10s", text);
        }
        report_value_print(UNIT_NS, (double)h->max, text, sizeof text);
        fprintf(out, " %10s\n", text);
    }
}

/* ---- for programs ---- */

static FILE *file_open(const char *path, struct error *err)
{
    FILE *file = strcmp(path, "-") ? fopen(path, "we") : stdout;
    if (!file)
        (void)error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    return file;
}

static int file_close(FILE *file, const char *path, struct error *err)
{
    if (file == stdout ? fflush(file) : fclose(file))
        return error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    return 0;
}

static json_t *samples_json(const struct report *r)
{
    json_t *array = json_array();
    for (unsigned i = 0; i < r->sample_count; i++) {
        const struct report_sample *s = &r->samples[i];
        json_t *sample =
            json_pack("{s:f, s:f, s:f, s:f, s:f}", "at_s", s->at_s, "logins_per_s", s->logins_per_s,
                      "sessions", s->sessions, "bytes_per_s", s->bytes_per_s, "cpu", s->cpu);
        json_t *memory = r->watched_count ? json_object() : NULL;
        for (unsigned w = 0; w < r->watched_count; w++)
            json_object_set_new(memory, r->watched[w], json_real(s->memory[w]));
        if (memory)
            json_object_set_new(sample, "memory_bytes", memory);
        json_array_append_new(array, sample);
    }
    return array;
}

static json_t *rules_json(const struct report *r)
{
    json_t *array = json_array();
    for (unsigned i = 0; i < r->rule_count; i++)
        json_array_append_new(array, json_pack("{s:s, s:s, s:b}", "rule", r->rules[i].text, "found",
                                               r->rules[i].found, "holds", (int)r->rules[i].holds));
    return array;
}

int report_json(const struct report *r, const char *path, struct error *err)
{
    FILE *file = file_open(path, err);
    if (!file)
        return CE_IO;
    json_t *metrics = json_object(), *units = json_object();
    for (unsigned i = 0; i < r->metric_count; i++) {
        json_object_set_new(metrics, r->metrics[i].name, json_real(r->metrics[i].value));
        json_object_set_new(units, r->metrics[i].name, json_string(report_unit_name(r->metrics[i].unit)));
    }
    json_t *all = json_pack("{s:s, s:o, s:o, s:o, s:o}", "title", r->title, "metrics", metrics, "units",
                            units, "requirements", rules_json(r), "samples", samples_json(r));
    int rc = all && !json_dumpf(all, file, JSON_INDENT(1) | JSON_REAL_PRECISION(12)) ? 0 : CE_NOMEM;
    fputc('\n', file);
    json_decref(all);
    if (rc)
        (void)error_set(err, rc, "%s could not be written", path);
    int closed = file_close(file, path, err);
    return rc ? rc : closed;
}

int report_csv(const struct report *r, const char *path, struct error *err)
{
    FILE *file = file_open(path, err);
    if (!file)
        return CE_IO;
    fprintf(file, "name,value,unit\n");
    for (unsigned i = 0; i < r->metric_count; i++)
        fprintf(file, "%s,%.12g,%s\n", r->metrics[i].name, r->metrics[i].value,
                report_unit_name(r->metrics[i].unit));
    return file_close(file, path, err);
}
