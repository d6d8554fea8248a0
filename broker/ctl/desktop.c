/* carrelctl desktop */
#include <string.h>

#include "act.h"
#include "api.h"
#include "args.h"
#include "ask.h"
#include "command.h"
#include "table.h"

static void put_state(const json_t *desktop, char *text, size_t size)
{
    const char *state = api_text(desktop, "state");
    if (!strcmp(state, "cloning") || !strcmp(state, "booting"))
        snprintf(text, size, "%s %lld %%", state, api_number(desktop, "percent"));
    else if (*api_text(desktop, "rest"))
        snprintf(text, size, "%s", api_text(desktop, "rest"));
    else
        snprintf(text, size, "%s", state);
}

static void put_user(const json_t *desktop, char *text, size_t size)
{
    const char *user = api_text(desktop, "session_user");
    snprintf(text, size, "%s", *user ? user : api_text(desktop, "owner"));
}

static void put_address(const json_t *desktop, char *text, size_t size)
{
    if (*api_text(desktop, "address"))
        snprintf(text, size, "%s:%lld", api_text(desktop, "address"), api_number(desktop, "port"));
}

static const struct field fields[] = {
    {.name = "name", .key = "name"},
    {.name = "pool", .key = "pool"},
    {.name = "state", .key = "", .kind = FIELD_STATE, .text = put_state},
    {.name = "since", .title = "In this state since", .key = "state_since", .kind = FIELD_TIME},
    {.name = "user", .key = "", .text = put_user},
    {.name = "kept-since",
     .title = "Kept since",
     .key = "kept_since",
     .kind = FIELD_TIME,
     .place = FIELD_SHOW_ONLY},
    {.name = "host", .key = "host"},
    {.name = "machine", .key = "machine", .place = FIELD_HIDDEN},
    {.name = "reason", .key = "reason", .place = FIELD_CUT},
    {.name = "session", .key = "session", .place = FIELD_HIDDEN},
    {.name = "kind", .key = "kind", .place = FIELD_HIDDEN},
    {.name = "owner", .key = "owner", .place = FIELD_HIDDEN},
    {.name = "address", .key = "", .text = put_address, .place = FIELD_HIDDEN},
    {.name = "fingerprint",
     .title = "Certificate (SHA-256)",
     .key = "fingerprint",
     .kind = FIELD_FINGERPRINT,
     .place = FIELD_SHOW_ONLY},
    {.name = "guest-user", .title = "User in the guest", .key = "guest_user", .place = FIELD_HIDDEN},
    {.name = "attempts", .title = "Boots tried", .key = "attempts", .place = FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "created", .key = "created", .kind = FIELD_TIME, .place = FIELD_HIDDEN},
    {.name = "id", .key = "id", .place = FIELD_HIDDEN},
    {0},
};

static int list(struct ctl *ctl)
{
    static const char *const filters[] = {"pool", "host", "state"};
    char path[2048] = "/v1/desktops";
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
    return table_list_path(ctl, path, fields, "There is no such desktop at the moment.");
}

static int show(struct ctl *ctl)
{
    CLEANUP_TEXT char *path = api_path("/v1/desktops/%s", args_word(ctl, 0));
    return table_show_path(ctl, path, fields);
}

static int recycle(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    int rc =
        ask_confirm(ctl, "Recycle desktop %s? Everything on it is lost, and a session on it ends.", name);
    return rc ? rc : act_order(ctl, api_path("/v1/desktops/%s/recycle", name), "desktop %s recycled", name);
}

static int restart(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    int rc = ask_confirm(ctl, "Restart desktop %s? What its user did not save is lost.", name);
    return rc ? rc : act_order(ctl, api_path("/v1/desktops/%s/restart", name), "desktop %s restarted", name);
}

static int maintenance(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act_order(ctl, api_path("/v1/desktops/%s/maintenance", name), "desktop %s in maintenance", name);
}

static int release(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act_order(ctl, api_path("/v1/desktops/%s/release", name), "desktop %s released from maintenance",
                     name);
}

static const struct ctl_option order_options[] = {ACT_ORDER_OPTIONS, {0}};
static const struct ctl_option list_options[] = {
    {.name = "pool", .value = "POOL", .words = WORDS_POOL, .help = "only this pool's"},
    {.name = "host", .value = "HOST", .words = WORDS_HOST, .help = "only those on this host"},
    {.name = "state",
     .value = "STATE",
     .words = WORDS_CHOICE,
     .choices = "cloning,booting,ready,claimed,in_use,disconnected,recycling,stopped,failed,maintenance",
     .help = "only those in this state"},
    {0},
};

#define ONE_DESKTOP .words = "NAME", .min_words = 1, .max_words = 1, .kinds = {WORDS_DESKTOP}

static const struct ctl_command commands[] = {
    {.verb = "list",
     .words = "",
     .options = list_options,
     .help = "list desktops",
     .run = list,
     .fields = fields,
     .examples = "carrelctl desktop list\ncarrelctl desktop list --pool office --state failed"},
    {.verb = "show",
     ONE_DESKTOP,
     .run = show,
     .help = "show a desktop",
     .examples = "carrelctl desktop show office-3"},
    {.verb = "recycle",
     ONE_DESKTOP,
     .options = order_options,
     .run = recycle,
     .help = "throw a desktop away; its pool makes a new one from the image",
     .examples = "carrelctl desktop recycle office-3 --wait"},
    {.verb = "restart",
     ONE_DESKTOP,
     .options = order_options,
     .run = restart,
     .help = "restart a desktop's guest; its disk is kept",
     .examples = "carrelctl desktop restart office-3"},
    {.verb = "maintenance",
     ONE_DESKTOP,
     .options = order_options,
     .run = maintenance,
     .help = "keep a desktop from being lent",
     .examples = "carrelctl desktop maintenance office-3"},
    {.verb = "release",
     ONE_DESKTOP,
     .options = order_options,
     .run = release,
     .help = "take a desktop out of maintenance",
     .examples = "carrelctl desktop release office-3"},
    {0},
};

const struct ctl_noun ctl_desktop = {
    .name = "desktop",
    .help = "the guests that are lent to users",
    .details =
        "A desktop is made by its pool: cloning, booting, ready; then lent: claimed, in_use, disconnected;\n"
        "then recycled from the image (floating) or kept for its user (dedicated).",
    .commands = commands,
};
