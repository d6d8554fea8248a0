/* carrelctl status */
#include "api.h"
#include "command.h"
#include "format.h"
#include "table.h"

/* {"ready": 2, "booting": 1} as "3: 2 ready, 1 booting". */
static void put_counts(const json_t *counts, char *text, size_t size)
{
    const char *state;
    json_t *count;
    long long sum = 0;
    size_t n = 0;
    char parts[400] = "";
    json_object_foreach((json_t *)(uintptr_t)counts, state, count)
    {
        long long k = json_integer_value(count);
        sum += k;
        if (k && n < sizeof parts)
            n += (size_t)snprintf(parts + n, sizeof parts - n, "%s%lld %s", n ? ", " : ": ", k, state);
    }
    snprintf(text, size, "%lld%s", sum, parts);
}

static void put_desktops(const json_t *status, char *text, size_t size)
{
    put_counts(json_object_get(status, "desktops"), text, size);
}

static void put_sessions(const json_t *status, char *text, size_t size)
{
    put_counts(json_object_get(status, "sessions"), text, size);
}

static void put_standing(const json_t *standing, char *text, size_t size)
{
    long long down = api_number(standing, "down"), draining = api_number(standing, "draining");
    int n = snprintf(text, size, "%lld up", api_number(standing, "up"));
    if (draining)
        n += snprintf(text + n, size - (size_t)n, " (%lld draining)", draining);
    if (down)
        (void)snprintf(text + n, size - (size_t)n, ", %lld down", down);
}

static void put_hosts(const json_t *status, char *text, size_t size)
{
    put_standing(json_object_get(status, "hosts"), text, size);
}

static void put_gateways(const json_t *status, char *text, size_t size)
{
    put_standing(json_object_get(status, "gateways"), text, size);
}

static void put_uptime(const json_t *status, char *text, size_t size)
{
    format_age(text, size, api_number(status, "uptime_s"));
}

static const struct field fields[] = {
    {.name = "broker", .key = "version"},
    {.name = "running", .title = "Running for", .key = "", .text = put_uptime},
    {.name = "store", .key = "store"},
    {.name = "gateways", .key = "", .text = put_gateways},
    {.name = "hosts", .key = "", .text = put_hosts},
    {.name = "images", .key = "images"},
    {.name = "pools", .key = "pools"},
    {.name = "desktops", .key = "", .text = put_desktops},
    {.name = "sessions", .key = "", .text = put_sessions},
    {.name = "users", .key = "users"},
    {0},
};

static int status(struct ctl *ctl)
{
    return table_show_path(ctl, "/v1/status", fields);
}

static const struct ctl_command commands[] = {
    {.verb = "",
     .words = "",
     .help = "how the whole of it is",
     .run = status,
     .examples = "carrelctl status\ncarrelctl status --json | jq .desktops.ready"},
    {0},
};

const struct ctl_noun ctl_status = {
    .name = "status",
    .help = "how the whole of it is",
    .commands = commands,
};
