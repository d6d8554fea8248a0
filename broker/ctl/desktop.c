/* carrelctl desktop */
#include <string.h>

#include "act.h"
#include "api.h"
#include "args.h"
#include "ask.h"
#include "command.h"
#include "desktop_look.h"
#include "desktop_snapshot.h"
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
    {.name = "health", .key = "health", .place = FIELD_HIDDEN},
    {.name = "health-since",
     .title = "Not well since",
     .key = "health_since",
     .kind = FIELD_TIME,
     .place = FIELD_HIDDEN},
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
    return desktop_show_with_words(ctl, path, fields, "");
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

static int detach(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    json_t *body = args_given(ctl, "reason") ? json_object() : NULL;
    if (body)
        act_set_text(ctl, body, "reason", "reason");
    return act_order_body(ctl, "POST", api_path("/v1/desktops/%s/maintenance", name), body,
                          "desktop %s detached", name);
}

static int attach(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act_order(ctl, api_path("/v1/desktops/%s/release", name), "desktop %s attached", name);
}

static const struct ctl_option order_options[] = {ACT_ORDER_OPTIONS, {0}};
static const struct ctl_option detach_options[] = {
    {.name = "reason", .value = "TEXT", .help = "why, for those who find it"}, ACT_ORDER_OPTIONS, {0}};
static const struct ctl_option snapshot_options[] = {
    {.name = "force", .help = "also with a session on it, which ends, or a memory, which is lost"},
    ACT_ORDER_OPTIONS,
    {0}};
static const struct ctl_option log_options[] = {
    {.name = "output", .value = "FILE", .words = WORDS_FILE, .letter = 'o', .help = "write it there"},
    {.name = "kept", .help = "what is kept only: the guest that runs is not asked"},
    {0}};
static const struct ctl_option screenshot_options[] = {{.name = "output",
                                                        .value = "FILE",
                                                        .words = WORDS_FILE,
                                                        .letter = 'o',
                                                        .required = true,
                                                        .help = "the PNG file; - is the standard output"},
                                                       {0}};
static const struct ctl_option console_options[] = {
    {.name = "force", .help = "take it from whoever has it open"}, {0}};
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
    {.verb = "detach",
     ONE_DESKTOP,
     .options = detach_options,
     .run = detach,
     .help = "take a desktop out of its pool to look into it",
     .details = "Its guest runs on, it is lent to nobody, and its pool makes another one in its place.",
     .examples = "carrelctl desktop detach office-3 --reason 'black screen, ticket 4711'"},
    {.verb = "attach",
     ONE_DESKTOP,
     .options = order_options,
     .run = attach,
     .help = "give a detached desktop back",
     .details = "A floating desktop is made anew, as nobody knows what was done to it; a dedicated one is "
                "its user's\n"
                "again.",
     .examples = "carrelctl desktop attach office-3"},
    {.verb = "console",
     ONE_DESKTOP,
     .options = console_options,
     .run = desktop_console,
     .help = "open a desktop's serial console",
     .details =
         "Ctrl+] leaves it. It is opened by virsh with your own rights on the host, which the broker names.",
     .examples = "carrelctl desktop console office-3"},
    {.verb = "screenshot",
     ONE_DESKTOP,
     .options = screenshot_options,
     .run = desktop_screenshot,
     .help = "take a picture of a desktop's screen",
     .details = "Of the guest's own screen; an RDP session has another one.",
     .examples = "carrelctl desktop screenshot office-3 -o office-3.png"},
    {.verb = "log",
     ONE_DESKTOP,
     .options = log_options,
     .run = desktop_log,
     .help = "show what a desktop's guest wrote to its serial port",
     .details = "Of one that failed also after it was made anew: pool show names the last failure.",
     .examples = "carrelctl desktop log office-3\ncarrelctl desktop log office-3 --kept -o office-3.log"},
    {.verb = "snapshot",
     .words = "ACTION DESKTOP [SNAPSHOT]",
     .min_words = 2,
     .max_words = 3,
     .kinds = {WORDS_ACTION, WORDS_DESKTOP, WORDS_FREE},
     .options = snapshot_options,
     .run = desktop_snapshot,
     .fields = desktop_snapshot_fields,
     .help = "create, list, restore or delete snapshots of a dedicated desktop",
     .details = "A snapshot is a copy of the disk; the desktop is off while one is made or restored.",
     .examples = "carrelctl desktop snapshot create anna-1 before-upgrade --wait\n"
                 "carrelctl desktop snapshot list anna-1\n"
                 "carrelctl desktop snapshot restore anna-1 before-upgrade --force"},
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
