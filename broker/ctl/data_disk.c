/* carrelctl data-disk */
#include <string.h>

#include "act.h"
#include "api.h"
#include "args.h"
#include "ask.h"
#include "command.h"
#include "table.h"

static void put_state(const json_t *disk, char *text, size_t size)
{
    snprintf(text, size, "%s", api_text(disk, "state"));
}

static const struct field fields[] = {
    {.name = "id", .key = "id"},
    {.name = "pool", .key = "pool"},
    {.name = "user", .key = "user"},
    {.name = "size", .key = "size_mib", .kind = FIELD_MIB, .place = FIELD_RIGHT},
    {.name = "state", .key = "", .kind = FIELD_STATE, .text = put_state},
    {.name = "desktop", .key = "desktop"},
    {.name = "host", .title = "Made on host", .key = "host", .place = FIELD_HIDDEN},
    {.name = "formatted", .key = "formatted", .kind = FIELD_FLAG, .place = FIELD_HIDDEN},
    {.name = "reason", .title = "Last failure", .key = "reason", .place = FIELD_CUT},
    {.name = "used", .title = "Last used", .key = "used", .kind = FIELD_TIME},
    {.name = "created", .key = "created", .kind = FIELD_TIME, .place = FIELD_HIDDEN},
    {0},
};

static int list(struct ctl *ctl)
{
    static const char *const filters[] = {"pool", "user"};
    char path[1024] = "/v1/data-disks";
    size_t n = strlen(path);
    const char *join = "?";
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        const char *value = args_value(ctl, filters[i]);
        if (!value || strlen(value) > 200)
            continue;
        CLEANUP_TEXT char *encoded = api_path("%s=%s", filters[i], value);
        n += (size_t)snprintf(path + n, sizeof path - n, "%s%s", join, encoded);
        join = "&";
    }
    return table_list_path(ctl, path, fields,
                           "There are no data disks: carrelctl pool set POOL --data-disk 10GiB");
}

static int show(struct ctl *ctl)
{
    CLEANUP_TEXT char *path = api_path("/v1/data-disks/%s", args_word(ctl, 0));
    return table_show_path(ctl, path, fields);
}

static int delete (struct ctl *ctl)
{
    const char *id = args_word(ctl, 0);
    int rc = ask_confirm(ctl, "Delete data disk %s with everything that its user keeps on it?", id);
    if (rc)
        return rc;
    return act(ctl, "DELETE", api_path("/v1/data-disks/%s", id), NULL, "data disk %s is being deleted", id);
}

static int detach(struct ctl *ctl)
{
    const char *id = args_word(ctl, 0);
    bool force = args_given(ctl, "force");
    if (force) {
        int rc = ask_confirm(
            ctl, "Is the host of its last desktop switched off? Two guests that write to %s destroy it.", id);
        if (rc)
            return rc;
    }
    return act(ctl, "POST", api_path("/v1/data-disks/%s/detach", id), json_pack("{s:b}", "force", force),
               "data disk %s is free", id);
}

static const struct ctl_option list_options[] = {
    {.name = "pool", .value = "POOL", .words = WORDS_POOL, .help = "only this pool's"},
    {.name = "user", .value = "USER", .words = WORDS_USER, .help = "only this user's"},
    {0},
};
static const struct ctl_option detach_options[] = {
    {.name = "force", .help = "although a guest on a lost host might still have it"},
    {0},
};

#define ONE_DISK .words = "ID", .min_words = 1, .max_words = 1, .kinds = {WORDS_DATA_DISK}

static const struct ctl_command commands[] = {
    {.verb = "list",
     .words = "",
     .options = list_options,
     .help = "list data disks",
     .run = list,
     .fields = fields,
     .examples = "carrelctl data-disk list\ncarrelctl data-disk list --user anna"},
    {.verb = "show",
     ONE_DISK,
     .run = show,
     .help = "show a data disk; when it could not be attached, why",
     .examples = "carrelctl data-disk show v-3k2m8x0q7w5e1r4t"},
    {.verb = "detach",
     ONE_DISK,
     .options = detach_options,
     .run = detach,
     .help = "free a data disk that a lost host's desktop had",
     .details = "A data disk is detached when its user logs off. One of a desktop whose host was lost stays "
                "locked, because "
                "its\n"
                "guest may still write to it; it is free when the host is back. --force frees it before: "
                "only when that\n"
                "host is switched off for certain.",
     .examples = "carrelctl data-disk detach v-3k2m8x0q7w5e1r4t --force"},
    {.verb = "delete",
     ONE_DISK,
     .run = delete,
     .help = "delete a data disk with everything on it",
     .details = "Refused while a desktop has it. At its user's next log-in a new one is made.",
     .examples = "carrelctl data-disk delete v-3k2m8x0q7w5e1r4t"},
    {0},
};

const struct ctl_noun ctl_data_disk = {
    .name = "data-disk",
    .help = "disks of users that move from desktop to desktop",
    .details = "A pool with --data-disk gives each user a disk of their own. It is mounted in whatever "
               "desktop its user gets,\n"
               "before they are led there, and kept when the desktop goes.",
    .commands = commands,
};
