#include "api_pool_limits.h"

#include <string.h>

#include <carrel/store.h>

/* More is a slip of the keyboard rather than a wish. */
#define LIMIT_MAX 1000000
#define DATA_DISK_MIN_MIB 64
#define DATA_DISK_MAX_MIB (16 * 1024 * 1024)
#define LOGOFF_AFTER_MAX_S (365u * 86400)

json_t *api_pool_limits_json(const struct pool_limits *limits)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:s}", "logoff", pool_logoff_name(limits->logoff),
                     "logoff_after_s", (json_int_t)(limits->logoff_after_ms / 1000), "sessions_max",
                     (json_int_t)limits->sessions_max, "waiting_max", (json_int_t)limits->waiting_max,
                     "host_max", (json_int_t)limits->host_max, "data_disk_mib",
                     (json_int_t)limits->data_disk_mib, "data_disk_mount",
                     *limits->data_mount ? limits->data_mount : "home");
}

static void read_logoff(struct api_reader *reader, enum pool_kind kind, struct pool_limits *limits)
{
    int choice;
    uint32_t after_s = 0;
    bool said = api_reader_choice(reader, "logoff", API_OPTIONAL, pool_logoff_parse, "recycle, keep, delete",
                                  &choice);
    if (said)
        limits->logoff = (enum pool_logoff)choice;
    if (said && kind == POOL_FLOATING && limits->logoff == LOGOFF_DELETE)
        api_reader_refuse(
            reader, "The member \"logoff\" of a floating pool must be \"recycle\" or \"keep\": a desktop "
                    "that is recycled goes anyway.");
    if (api_reader_u32(reader, "logoff_after_s", API_OPTIONAL, 0, LOGOFF_AFTER_MAX_S, &after_s))
        limits->logoff_after_ms = (int64_t)after_s * 1000;
    else if (said && limits->logoff == LOGOFF_KEEP)
        limits->logoff_after_ms = 0;
    if (limits->logoff == LOGOFF_KEEP && limits->logoff_after_ms)
        api_reader_refuse(reader,
                          "The member \"logoff_after_s\" is for \"recycle\" and \"delete\": with \"keep\" a "
                          "desktop is kept without an end.");
}

/* A folder in the guest that is no link of a path to another, or the user's home. */
static bool mount_is_valid(const char *at)
{
    return !strcmp(at, "home") ||
           (at[0] == '/' && at[1] && !strstr(at, "..") && !strstr(at, "//") &&
            strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == strlen(at));
}

static void read_data_disk(struct api_reader *reader, struct pool_limits *limits)
{
    if (api_reader_u32(reader, "data_disk_mib", API_OPTIONAL, 0, DATA_DISK_MAX_MIB, &limits->data_disk_mib) &&
        limits->data_disk_mib && limits->data_disk_mib < DATA_DISK_MIN_MIB)
        api_reader_refuse(reader, "The member \"data_disk_mib\" must be 0 (none), or at least %d.",
                          DATA_DISK_MIN_MIB);
    if (api_reader_text(reader, "data_disk_mount", API_OPTIONAL, limits->data_mount,
                        sizeof limits->data_mount) &&
        !mount_is_valid(limits->data_mount))
        api_reader_refuse(reader,
                          "The member \"data_disk_mount\" must be \"home\" or a folder such as \"/data\".");
}

void api_reader_pool_limits(struct api_reader *reader, enum pool_kind kind, struct pool_limits *limits)
{
    api_reader_u32(reader, "sessions_max", API_OPTIONAL, 0, LIMIT_MAX, &limits->sessions_max);
    api_reader_u32(reader, "waiting_max", API_OPTIONAL, 0, LIMIT_MAX, &limits->waiting_max);
    if (kind == POOL_STATIC)
        return;
    api_reader_u32(reader, "host_max", API_OPTIONAL, 0, LIMIT_MAX, &limits->host_max);
    read_logoff(reader, kind, limits);
    read_data_disk(reader, limits);
}

struct pool_limits api_pool_limits_usual(enum pool_kind kind)
{
    return (struct pool_limits){.logoff = kind == POOL_DEDICATED ? LOGOFF_KEEP : LOGOFF_RECYCLE,
                                .data_mount = "home"};
}
