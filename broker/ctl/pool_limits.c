#include "pool_limits.h"

#include <string.h>

#include "act.h"
#include "api.h"
#include "args.h"

void pool_limits_put_logoff(const json_t *pool, char *text, size_t size)
{
    const char *logoff = api_text(pool, "logoff"), *kind = api_text(pool, "kind");
    long long after_s = api_number(pool, "logoff_after_s");
    const char *what = !strcmp(logoff, "keep")      ? "the desktop is kept for its user"
                       : !strcmp(logoff, "delete")  ? "the desktop goes"
                       : !strcmp(kind, "dedicated") ? "the desktop gets a new disk"
                                                    : "the desktop is recycled";
    text[0] = '\0';
    if (!strcmp(kind, "static"))
        return;
    if (after_s >= 60 && after_s % 60 == 0)
        snprintf(text, size, "%s, %lld min later", what, after_s / 60);
    else if (after_s)
        snprintf(text, size, "%s, %lld s later", what, after_s);
    else
        snprintf(text, size, "%s", what);
}

void pool_limits_put_data_disk(const json_t *pool, char *text, size_t size)
{
    long long mib = api_number(pool, "data_disk_mib");
    text[0] = '\0';
    if (!mib)
        return;
    if (mib % 1024)
        snprintf(text, size, "%lld MiB, at %s", mib, api_text(pool, "data_disk_mount"));
    else
        snprintf(text, size, "%lld GiB, at %s", mib / 1024, api_text(pool, "data_disk_mount"));
}

int pool_limits_read(struct ctl *ctl, json_t *body)
{
    static const char *const numbers[][2] = {
        {"sessions", "sessions_max"}, {"queue", "waiting_max"}, {"host-max", "host_max"}};
    const char *after = args_value(ctl, "logoff-after");
    uint64_t after_s = 0;
    int rc = 0;
    act_set_text(ctl, body, "logoff", "logoff");
    if (after && strcmp(after, "0") != 0)
        rc = args_seconds(ctl, "logoff-after", &after_s);
    if (after && !rc)
        json_object_set_new(body, "logoff_after_s", json_integer((json_int_t)after_s));
    for (size_t i = 0; !rc && i < sizeof numbers / sizeof numbers[0]; i++) {
        long n = -1;
        rc = args_number(ctl, numbers[i][0], 0, 1000000, &n);
        if (!rc && n >= 0)
            json_object_set_new(body, numbers[i][1], json_integer(n));
    }
    const char *disk = args_value(ctl, "data-disk");
    long mib = 0;
    if (!rc && disk && strcmp(disk, "none") != 0)
        rc = args_mib(ctl, "data-disk", 64, 16L << 20, &mib);
    if (!rc && disk)
        json_object_set_new(body, "data_disk_mib", json_integer(mib));
    act_set_text(ctl, body, "data-disk-mount", "data_disk_mount");
    return rc;
}
