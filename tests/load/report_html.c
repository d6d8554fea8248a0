#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "report.h"

/* One page that needs nothing else: tables, and plots as inline SVG. */

enum {
    PLOT_WIDTH = 720,
    PLOT_HEIGHT = 220,
    PLOT_LEFT = 80,
    PLOT_BOTTOM = 30,
    PLOT_TOP = 12,
    GRID_LINES = 4,
    CURVE_POINTS = 120,
};

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>carrel-load</title>\n<style>\n"
    "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:52rem;padding:0 "
    "1rem;color:#1c2733}\n"
    "h1{font-size:1.4rem}h2{font-size:1.05rem;margin:2rem 0 .4rem}\n"
    "table{border-collapse:collapse;width:100%}td,th{padding:.2rem .6rem;border-bottom:1px solid #dde3e9}\n"
    "td:not(:first-child),th:not(:first-child){text-align:right;font-variant-numeric:tabular-nums}\n"
    "th{text-align:left;font-weight:600}svg{width:100%;height:auto}text{font-size:11px;fill:#5b6875}\n"
    ".grid{stroke:#e3e8ed}.curve{fill:none;stroke:#1f6feb;stroke-width:1.6}\n"
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

struct plot {
    FILE *out;
    double x_max, y_max;
    enum report_unit unit;
    bool began;
};

/* The next of 1, 2, 5, 10, ...: so that grid lines have round numbers. */
static double round_up(double value)
{
    if (value <= 0)
        return 1;
    double power = pow(10, floor(log10(value)));
    double lead = value / power;
    return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

static double x_at(const struct plot *p, double x)
{
    return PLOT_LEFT + x / p->x_max * (PLOT_WIDTH - PLOT_LEFT - 10);
}

static double y_at(const struct plot *p, double y)
{
    return PLOT_HEIGHT - PLOT_BOTTOM - y / p->y_max * (PLOT_HEIGHT - PLOT_BOTTOM - PLOT_TOP);
}

static struct plot plot_begin(FILE *out, const char *title, double x_max, double y_max, enum report_unit unit)
{
    struct plot p = {.out = out, .x_max = x_max > 0 ? x_max : 1, .y_max = round_up(y_max), .unit = unit};
    fprintf(out, "<h2>");
    escaped(out, title);
    fprintf(out, "</h2>\n<svg viewBox=\"0 0 %d %d\" role=\"img\">\n", PLOT_WIDTH, PLOT_HEIGHT);
    for (int i = 0; i <= GRID_LINES; i++) {
        char text[32];
        double value = p.y_max * i / GRID_LINES, y = y_at(&p, value);
        report_value_print(unit, value, text, sizeof text);
        if (unit == UNIT_COUNT)
            snprintf(text, sizeof text, "%.3g", value);
        fprintf(out,
                "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%d\" y=\"%.1f\" "
                "text-anchor=\"end\">%s</text>\n",
                PLOT_LEFT, PLOT_WIDTH - 10, y, y, PLOT_LEFT - 6, y + 4, text);
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
            PLOT_HEIGHT - 10, text);
}

/* Percentiles on an axis where each nine takes as much room as the one before. */
static void distribution_plot(FILE *out, const struct report_distribution *d)
{
    static const char *const ticks[] = {"0 %", "90 %", "99 %", "99.9 %", "99.99 %"};
    const double nines = 4;
    char title[96];
    snprintf(title, sizeof title, "%s, by percentile", d->name);
    struct plot p = plot_begin(out, title, nines, (double)d->hist->max, UNIT_NS);
    for (int i = 0; i <= CURVE_POINTS; i++) {
        double x = nines * i / CURVE_POINTS;
        plot_point(&p, x, (double)hist_percentile(d->hist, 100 * (1 - pow(10, -x))));
    }
    fputs("\"/>\n", out);
    for (int i = 0; i <= (int)nines; i++)
        plot_tick(&p, i, ticks[i]);
    fputs("</svg>\n", out);
}

static void series_plot(FILE *out, const struct report *r, const char *title, enum report_unit unit,
                        size_t field_at)
{
    double max = 0;
    char text[32];
    for (unsigned i = 0; i < r->sample_count; i++) {
        double value = *(const double *)(const void *)((const char *)&r->samples[i] + field_at);
        max = value > max ? value : max;
    }
    if (max <= 0)
        return;
    double end_s = r->samples[r->sample_count - 1].at_s;
    struct plot p = plot_begin(out, title, end_s, max, unit);
    for (unsigned i = 0; i < r->sample_count; i++)
        plot_point(&p, r->samples[i].at_s,
                   *(const double *)(const void *)((const char *)&r->samples[i] + field_at));
    fputs("\"/>\n", out);
    for (int i = 0; i <= GRID_LINES; i++) {
        snprintf(text, sizeof text, "%.3g s", end_s * i / GRID_LINES);
        plot_tick(&p, end_s * i / GRID_LINES, text);
    }
    fputs("</svg>\n", out);
}

static void metrics_table(FILE *out, const struct report *r)
{
    char text[32];
    fputs("<h2>Figures</h2>\n<table><tr><th>figure</th><th>value</th></tr>\n", out);
    for (unsigned i = 0; i < r->metric_count; i++) {
        report_value_print(r->metrics[i].unit, r->metrics[i].value, text, sizeof text);
        fputs("<tr><td>", out);
        escaped(out, r->metrics[i].name);
        fprintf(out, "</td><td>%s</td></tr>\n", text);
    }
    fputs("</table>\n", out);
}

int report_html(const struct report *r, const char *path, struct error *err)
{
    FILE *out = strcmp(path, "-") ? fopen(path, "we") : stdout;
    if (!out)
        return error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    fputs(head, out);
    fputs("<h1>", out);
    escaped(out, r->title);
    fputs("</h1>\n", out);
    for (unsigned i = 0; i < r->distribution_count; i++)
        distribution_plot(out, &r->distributions[i]);
    series_plot(out, r, "log-ins a second", UNIT_COUNT, offsetof(struct report_sample, logins_per_s));
    series_plot(out, r, "sessions", UNIT_COUNT, offsetof(struct report_sample, sessions));
    series_plot(out, r, "bytes to clients", UNIT_BYTES_PER_S, offsetof(struct report_sample, bytes_per_s));
    series_plot(out, r, "cores used by what is watched", UNIT_COUNT, offsetof(struct report_sample, cpu));
    metrics_table(out, r);
    fputs("</body></html>\n", out);
    if (out == stdout ? fflush(out) : fclose(out))
        return error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    return 0;
}
