#include "require.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int operator_parse(const char *at, enum require_operator *ret, const char **ret_rest)
{
    static const struct {
        const char *text;
        enum require_operator operation;
    } known[] = {{"<=", REQUIRE_AT_MOST},
                 {">=", REQUIRE_AT_LEAST},
                 {"<", REQUIRE_LESS},
                 {">", REQUIRE_MORE},
                 {"=", REQUIRE_EQUAL}};
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!strncmp(at, known[i].text, strlen(known[i].text))) {
            *ret = known[i].operation;
            *ret_rest = at + strlen(known[i].text);
            return 0;
        }
    }
    return CE_BAD_INPUT;
}

static int factor_parse(const char *suffix, double *ret)
{
    static const struct {
        const char *suffix;
        double factor;
    } known[] = {{"", 1},  {"ns", 1},     {"us", 1e3},      {"ms", 1e6},      {"s", 1e9},
                 {"B", 1}, {"KiB", 1024}, {"MiB", 1 << 20}, {"GiB", 1u << 30}};
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!strcmp(suffix, known[i].suffix)) {
            *ret = known[i].factor;
            return 0;
        }
    }
    return CE_BAD_INPUT;
}

int require_parse(struct require *ret, const char *text, struct error *err)
{
    struct require require;
    size_t len = strcspn(text, "<>=");
    const char *rest;
    char *suffix;
    double factor;
    if (!len || len >= sizeof require.name || strlen(text) >= sizeof require.text ||
        operator_parse(text + len, &require.operation, &rest))
        return error_set(err, CE_BAD_INPUT, "'%s' is not NAME<LIMIT (or <=, =, >=, >)", text);
    memcpy(require.name, text, len);
    require.name[len] = '\0';
    strcpy(require.text, text);
    double number = strtod(rest, &suffix);
    if (suffix == rest || !isfinite(number) || factor_parse(suffix, &factor))
        return error_set(err, CE_BAD_INPUT,
                         "the limit of '%s' is no number with ns, us, ms, s, B, KiB, MiB, GiB", text);
    require.limit = number * factor;
    *ret = require;
    return 0;
}

int require_holds(const struct require *require, const struct report *report, bool *ret_holds)
{
    const struct report_metric *metric = report_find(report, require->name);
    if (!metric)
        return CE_NOT_FOUND;
    const double value = metric->value, limit = require->limit;
    switch (require->operation) {
    case REQUIRE_LESS:
        *ret_holds = value < limit;
        break;
    case REQUIRE_AT_MOST:
        *ret_holds = value <= limit;
        break;
    case REQUIRE_EQUAL:
        *ret_holds = fabs(value - limit) < 1e-9;
        break;
    case REQUIRE_AT_LEAST:
        *ret_holds = value >= limit;
        break;
    case REQUIRE_MORE:
        *ret_holds = value > limit;
        break;
    }
    return 0;
}
