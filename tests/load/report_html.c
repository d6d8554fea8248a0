#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "carrel_build.h"
#include "report.h"

/* One page that needs nothing else: what was required, figures, percentiles, and plots as inline SVG. */

enum {
    PLOT_WIDTH = 560,
    PLOT_HEIGHT = 250,
    PLOT_LEFT = 84,
    PLOT_RIGHT = 26,
    PLOT_BOTTOM = 48,
    PLOT_TOP = 12,
    GRID_LINES = 4,
    TICKS_WANTED = 6,
    CURVE_POINTS = 120,
};

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\"><title>Load report</title>\n<style>\n"
    ":root{color-scheme:light}\n"
    "body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:76rem;padding:2rem 1.5rem;"
    "background:#fff;color:#1c2733}\n"
    "h1{font-size:1.6rem;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}h3{font-size:.95rem;margin:0}\n"
    ".about{color:#51606e;margin:.2rem 0 1.5rem}.what{color:#51606e;font-size:.85rem;margin:0 0 .3rem}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(10.5rem,1fr));gap:.8rem}\n"
    ".card{border:1px solid #d5dce3;border-radius:.5rem;padding:.6rem .9rem}\n"
    ".card b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}.card span{color:#51606e;"
    "font-size:.85rem}\n"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(26rem,1fr));gap:1.6rem}\n"
    "table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;border-bottom:1px solid #dde3e9}\n"
    "td:not(:first-child),th:not(:first-child){text-align:right;font-variant-numeric:tabular-nums}\n"
    "th{text-align:left;font-weight:600}svg{width:100%;height:auto;display:block}\n"
    "text{font-size:12px;fill:#1c2733}.axis{fill:#51606e}.grid{stroke:#e3e8ed}.base{stroke:#8b98a5}\n"
    ".curve{fill:none;stroke:#1f5fbf;stroke-width:2;stroke-linejoin:round}\n"
    ".met{color:#11692f;font-weight:600}.missed{color:#b3261e;font-weight:600}\n"
    ".figures{columns:2;column-gap:2.5rem}.figures table{break-inside:auto}\n"
    "@media(max-width:50rem){.figures{columns:1}}\n"
    "</style></head><body>\n";

static void escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else
            fputc(*text, out);
    }
}

/* What the names of distributions mean. */
static const char *distribution_title(const char *name)
{
    static const struct {
        const char *name, *title;
    } known[] = {
        {"handshake", "TCP and TLS handshake"},
        {"login", "Log-in, until the desktop's first PDU"},
        {"active", "Log-in, until the session is active"},
        {"round_trip", "Input to picture"},
        {"late", "PDUs of the recording, behind their time"},
        {"reconnect", "From the cut of a session until it is back"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!strcmp(known[i].name, name))
            return known[i].title;
    }
    return name;
}

/* ---- plots ---- */

struct plot {
    FILE *out;
    double x_max, y_max;
    bool began;
};

/* The next of these: so that grid lines have round numbers and a curve fills its plot. */
static double round_up(double value)
{
    static const double leads[] = {1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8, 10};
    if (value <= 0)
        return 1;
    double power = pow(10, floor(log10(value)));
    size_t i = 0;
    while (i + 1 < sizeof leads / sizeof leads[0] && leads[i] * power < value)
        i++;
    return leads[i] * power;
}

/* 1, 2, 5, 10, ...: as people count time. */
static double step_up(double value)
{
    double power = pow(10, floor(log10(value))), lead = value / power;
    return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

static double x_at(const struct plot *p, double x)
{
    return PLOT_LEFT + x / p->x_max * (PLOT_WIDTH - PLOT_LEFT - PLOT_RIGHT);
}

static double y_at(const struct plot *p, double y)
{
    return PLOT_HEIGHT - PLOT_BOTTOM - y / p->y_max * (PLOT_HEIGHT - PLOT_BOTTOM - PLOT_TOP);
}

/* Of the unit of the axis; 0 needs none. */
static void value_print(enum report_unit unit, double value, char *ret, size_t size)
{
    if (value <= 0)
        snprintf(ret, size, "0");
    else if (unit == UNIT_COUNT)
        snprintf(ret, size, "%.4g", value);
    else
        report_value_print(unit, value, ret, size);
}

/* Memory in steps of a power of two's multiples, all else of ten's. */
static double axis_end(enum report_unit unit, double max)
{
    double scale = 1;
    while (unit == UNIT_BYTES && max / scale >= 1024)
        scale *= 1024;
    return round_up(max / scale) * scale;
}

static struct plot plot_begin(FILE *out, const char *title, const char *what, double x_max, double y_max,
                              enum report_unit unit)
{
    struct plot p = {.out = out, .x_max = x_max > 0 ? x_max : 1, .y_max = axis_end(unit, y_max)};
    fputs("<div><h3>", out);
    escaped(out, title);
    fputs("</h3><p class=\"what\">", out);
    escaped(out, what);
    fprintf(out, "</p>\n<svg viewBox=\"0 0 %d %d\" role=\"img\">\n", PLOT_WIDTH, PLOT_HEIGHT);
    for (int i = 0; i <= GRID_LINES; i++) {
        char text[32];
        double value = p.y_max * i / GRID_LINES, y = y_at(&p, value);
        value_print(unit, value, text, sizeof text);
        fprintf(out,
                "<line class=\"%s\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%d\" y=\"%.1f\" "
                "text-anchor=\"end\">%s</text>\n",
                i ? "grid" : "base", PLOT_LEFT, PLOT_WIDTH - PLOT_RIGHT, y, y, PLOT_LEFT - 8, y + 4, text);
    }
    fputs("<path class=\"curve\" d=\"", out);
    return p;
}

static void plot_point(struct plot *p, double x, double y)
{
    fprintf(p->out, "%c%.1f %.1f", p->began ? 'L' : 'M', x_at(p, x), y_at(p, y));
    p->began = true;
}

static void plot_tick(const struct plot *p, double x, const char *text)
{
    fprintf(p->out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x_at(p, x),
            PLOT_HEIGHT - PLOT_BOTTOM + 18, text);
}

static void plot_end(const struct plot *p, const char *axis)
{
    fprintf(p->out, "<text class=\"axis\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text></svg></div>\n",
            (PLOT_LEFT + PLOT_WIDTH - PLOT_RIGHT) / 2, PLOT_HEIGHT - 8, axis);
}

/* Percentiles on an axis where each nine takes as much room as the one before, and ends where there are too few values
 * for another. */
static void distribution_plot(FILE *out, const struct report_distribution *d)
{
    static const char *const ticks[] = {"0 %", "90 %", "99 %", "99.9 %", "99.99 %"};
    double nines = ceil(log10((double)d->hist->count));
    nines = nines < 1 ? 1 : nines > 4 ? 4 : nines;
    struct plot p = plot_begin(out, distribution_title(d->name), "so long or less, for this share of all",
                               nines, (double)hist_percentile(d->hist, 100 * (1 - pow(10, -nines))), UNIT_NS);
    for (int i = 0; i <= CURVE_POINTS; i++) {
        double x = nines * i / CURVE_POINTS;
        plot_point(&p, x, (double)hist_percentile(d->hist, 100 * (1 - pow(10, -x))));
    }
    fputs("\"/>\n", out);
    for (int i = 0; i <= (int)nines; i++)
        plot_tick(&p, i, ticks[i]);
    plot_end(&p, "percentile");
}

/* The field of the samples that stands at this place in them. */
struct series {
    const char *title, *what;
    enum report_unit unit;
    size_t at;
};

static double sample_value(const struct report *r, unsigned i, size_t at)
{
    return *(const double *)(const void *)((const char *)&r->samples[i] + at);
}

static void series_plot(FILE *out, const struct report *r, const struct series *s)
{
    double max = 0, step;
    char text[32];
    for (unsigned i = 0; i < r->sample_count; i++) {
        double value = sample_value(r, i, s->at);
        max = value > max ? value : max;
    }
    if (max <= 0 || r->sample_count < 2)
        return;
    double end_s = r->samples[r->sample_count - 1].at_s;
    struct plot p = plot_begin(out, s->title, s->what, end_s, max, s->unit);
    for (unsigned i = 0; i < r->sample_count; i++)
        plot_point(&p, r->samples[i].at_s, sample_value(r, i, s->at));
    fputs("\"/>\n", out);
    bool minutes = end_s > 300;
    step = step_up(end_s / (minutes ? 60 : 1) / TICKS_WANTED);
    for (unsigned i = 0; i * step * (minutes ? 60 : 1) <= end_s; i++) {
        snprintf(text, sizeof text, "%.3g", i * step);
        plot_tick(&p, i * step * (minutes ? 60 : 1), text);
    }
    plot_end(&p, minutes ? "minutes since the beginning" : "seconds since the beginning");
}

static void plots(FILE *out, const struct report *r)
{
    static const struct series known[] = {
        {"Log-ins", "in a second", UNIT_COUNT, offsetof(struct report_sample, logins_per_s)},
        {"Sessions", "active at once", UNIT_COUNT, offsetof(struct report_sample, sessions)},
        {"Output", "bytes that reached clients in a second", UNIT_BYTES_PER_S,
         offsetof(struct report_sample, bytes_per_s)},
        {"CPU", "cores used by what is watched", UNIT_COUNT, offsetof(struct report_sample, cpu)},
    };
    fputs("<h2>Durations</h2>\n<div class=\"plots\">\n", out);
    for (unsigned i = 0; i < r->distribution_count; i++)
        distribution_plot(out, &r->distributions[i]);
    fputs("</div>\n<h2>Over time</h2>\n<div class=\"plots\">\n", out);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        series_plot(out, r, &known[i]);
    for (unsigned i = 0; i < r->watched_count; i++) {
        char title[64];
        snprintf(title, sizeof title, "Memory of %s", r->watched[i]);
        series_plot(out, r,
                    &(struct series){title, "anonymous and private", UNIT_BYTES,
                                     offsetof(struct report_sample, memory) + i * sizeof(double)});
    }
    fputs("</div>\n", out);
}

/* ---- words and tables ---- */

static void cards(FILE *out, const struct report *r)
{
    static const struct {
        const char *name, *title;
    } known[] = {
        {"sessions.logged_in", "log-ins"},
        {"sessions.failed", "log-ins failed"},
        {"sessions.lost", "sessions lost"},
        {"stream.bytes", "bytes to clients"},
        {"stream.missing", "PDUs missing"},
        {"login.p50", "log-in, median"},
        {"login.p99", "log-in, 99 %"},
        {"round_trip.p50", "input to picture, median"},
        {"round_trip.p99", "input to picture, 99 %"},
        {"reconnect.p99", "back after a cut, 99 %"},
    };
    char text[32];
    fputs("<div class=\"cards\">\n", out);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const struct report_metric *metric = report_find(r, known[i].name);
        if (!metric)
            continue;
        report_value_print(metric->unit, metric->value, text, sizeof text);
        fprintf(out, "<div class=\"card\"><b>%s</b><span>%s</span></div>\n", text, known[i].title);
    }
    fputs("</div>\n", out);
}

static void rules_table(FILE *out, const struct report *r)
{
    if (!r->rule_count)
        return;
    fputs("<h2>Requirements</h2>\n<table><tr><th>rule</th><th>found</th><th>met</th></tr>\n", out);
    for (unsigned i = 0; i < r->rule_count; i++) {
        fputs("<tr><td>", out);
        escaped(out, r->rules[i].text);
        fprintf(out, "</td><td>%s</td><td class=\"%s\">%s</td></tr>\n", r->rules[i].found,
                r->rules[i].holds ? "met" : "missed", r->rules[i].holds ? "yes" : "no");
    }
    fputs("</table>\n", out);
}

static void percentiles_table(FILE *out, const struct report *r)
{
    static const char *const columns[] = {"min", "p50", "p90", "p95", "p99", "p99.9", "max"};
    static const double percents[] = {0, 50, 90, 95, 99, 99.9, 100};
    char text[32];
    if (!r->distribution_count)
        return;
    fputs("<h2>Percentiles</h2>\n<table><tr><th>duration</th><th>how many</th>", out);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        fprintf(out, "<th>%s</th>", columns[i]);
    fputs("</tr>\n", out);
    for (unsigned d = 0; d < r->distribution_count; d++) {
        const struct hist *h = r->distributions[d].hist;
        fputs("<tr><td>", out);
        escaped(out, distribution_title(r->distributions[d].name));
        fprintf(out, "</td><td>%llu</td>", (unsigned long long)h->count);
        for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
            double value = i == 0 ? (double)h->min : (double)hist_percentile(h, percents[i]);
            report_value_print(UNIT_NS, value, text, sizeof text);
            fprintf(out, "<td>%s</td>", text);
        }
        fputs("</tr>\n", out);
    }
    fputs("</table>\n", out);
}

static void metrics_table(FILE *out, const struct report *r)
{
    char text[32];
    fputs("<h2>All figures</h2>\n<div class=\"figures\"><table>\n", out);
    for (unsigned i = 0; i < r->metric_count; i++) {
        report_value_print(r->metrics[i].unit, r->metrics[i].value, text, sizeof text);
        fputs("<tr><td>", out);
        escaped(out, r->metrics[i].name);
        fprintf(out, "</td><td>%s</td></tr>\n", text);
    }
    fputs("</table></div>\n", out);
}

int report_html(const struct report *r, const char *path, struct error *err)
{
    FILE *out = strcmp(path, "-") ? fopen(path, "we") : stdout;
    char when[64];
    time_t now = time(NULL);
    struct tm local;
    if (!out)
        return error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    if (!localtime_r(&now, &local) || !strftime(when, sizeof when, "%Y-%m-%d %H:%M %Z", &local))
        when[0] = '\0';
    fputs(head, out);
    fputs("<h1>Load report</h1>\n<p class=\"about\">", out);
    escaped(out, r->title);
    fprintf(out, " &middot; %s &middot; carrel-load %s</p>\n", when, CARREL_VERSION);
    cards(out, r);
    rules_table(out, r);
    percentiles_table(out, r);
    plots(out, r);
    metrics_table(out, r);
    fputs("</body></html>\n", out);
    if (out == stdout ? fflush(out) : fclose(out))
        return error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    return 0;
}
