/* carrelctl session */
#include <string.h>

#include "act.h"
#include "api.h"
#include "args.h"
#include "ask.h"
#include "command.h"
#include "session_message.h"
#include "table.h"

static void put_client(const json_t *session, char *text, size_t size)
{
    const char *name = api_text(session, "client_name"), *address = api_text(session, "client_address");
    snprintf(text, size, "%s%s%s%s", name, *name && *address ? " " : "", address, "");
}

static const struct field fields[] = {
    {.name = "id", .key = "id"},
    {.name = "user", .key = "user"},
    {.name = "pool", .key = "pool"},
    {.name = "desktop", .key = "desktop"},
    {.name = "state", .key = "state", .kind = FIELD_STATE},
    {.name = "client", .key = "", .text = put_client, .place = FIELD_CUT},
    {.name = "gateway", .key = "gateway", .place = FIELD_HIDDEN},
    {.name = "created", .title = "Begun", .key = "created", .kind = FIELD_TIME},
    {.name = "connected",
     .title = "Last connected",
     .key = "connected",
     .kind = FIELD_TIME,
     .place = FIELD_HIDDEN},
    {.name = "disconnected",
     .title = "Last disconnected",
     .key = "disconnected",
     .kind = FIELD_TIME,
     .place = FIELD_HIDDEN},
    {.name = "ended", .key = "ended", .kind = FIELD_TIME, .place = FIELD_HIDDEN},
    {.name = "connection", .title = "Connections", .key = "connection", .place = FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "in",
     .title = "From the client",
     .key = "bytes_in",
     .kind = FIELD_BYTES,
     .place = FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "out",
     .title = "To the client",
     .key = "bytes_out",
     .kind = FIELD_BYTES,
     .place = FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "denied", .title = "Denied by policy", .key = "denied", .place = FIELD_HIDDEN},
    {.name = "ends", .title = "Ends at", .key = "ends", .kind = FIELD_TIME, .place = FIELD_HIDDEN},
    {.name = "why", .title = "Ended because", .key = "end_code", .place = FIELD_HIDDEN},
    {.name = "detail", .key = "end_detail", .place = FIELD_SHOW_ONLY},
    {0},
};

static int list(struct ctl *ctl)
{
    long limit = 0;
    int rc = args_number(ctl, "limit", 1, 100000, &limit);
    if (rc)
        return rc;
    static const char *const filters[] = {"user", "pool", "state"};
    char path[2048] = "/v1/sessions";
    const char *join = "?";
    size_t n = strlen(path);
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        const char *value = args_value(ctl, filters[i]);
        if (!value || strlen(value) > 200)
            continue;
        CLEANUP_TEXT char *encoded = api_path("%s=%s", filters[i], value);
        n += (size_t)snprintf(path + n, sizeof path - n, "%s%s", join, encoded);
        join = "&";
    }
    const char *state = args_value(ctl, "state");
    if (args_given(ctl, "all") || (state && !strcmp(state, "ended"))) {
        n += (size_t)snprintf(path + n, sizeof path - n, "%sended=1", join);
        join = "&";
    }
    if (limit)
        snprintf(path + n, sizeof path - n, "%slimit=%ld", join, limit);
    return table_list_path(ctl, path, fields, "No session lives at the moment.");
}

static int show(struct ctl *ctl)
{
    CLEANUP_TEXT char *path = api_path("/v1/sessions/%s", args_word(ctl, 0));
    return table_show_path(ctl, path, fields);
}

static int disconnect(struct ctl *ctl)
{
    const char *id = args_word(ctl, 0);
    return act(ctl, "POST", api_path("/v1/sessions/%s/disconnect", id), NULL,
               "session %s: its connection is being closed; the desktop is kept", id);
}

static int logoff(struct ctl *ctl)
{
    const char *id = args_word(ctl, 0);
    uint64_t warn_s = 0;
    int rc = args_seconds(ctl, "warn", &warn_s);
    if (!rc && args_given(ctl, "warn") && !warn_s)
        return ctl_fail(ctl, CTL_USAGE, "--warn is a time from 1s to 24h");
    if (!rc)
        rc = ask_confirm(ctl, "End session %s? What is not saved on its desktop is lost.", id);
    if (rc)
        return rc;
    if (warn_s)
        return act(ctl, "POST", api_path("/v1/sessions/%s/logoff", id),
                   json_pack("{s:I}", "warn_seconds", (json_int_t)warn_s),
                   "session %s: its user is warned and will be logged off in %s", id,
                   args_value(ctl, "warn"));
    return act(ctl, "POST", api_path("/v1/sessions/%s/logoff", id), NULL,
               "session %s: its user is being logged off", id);
}

static const struct ctl_option list_options[] = {
    {.name = "all", .help = "ended ones too"},
    {.name = "user", .value = "USER", .words = WORDS_USER, .help = "only this user's"},
    {.name = "pool", .value = "POOL", .words = WORDS_POOL, .help = "only this pool's"},
    {.name = "state",
     .value = "STATE",
     .words = WORDS_CHOICE,
     .choices = "starting,active,disconnected,ended",
     .help = "only those in this state"},
    {.name = "limit", .value = "N", .help = "at most so many, the newest first"},
    {0},
};

static const struct ctl_option logoff_options[] = {
    {.name = "warn", .value = "TIME", .help = "tell the user, and end the session so much later"},
    {0},
};

static const struct ctl_command commands[] = {
    {.verb = "list",
     .words = "",
     .options = list_options,
     .help = "list sessions",
     .run = list,
     .fields = fields,
     .examples =
         "carrelctl session list\ncarrelctl session list --all --user anna --columns id,desktop,ended,why"},
    {.verb = "show",
     .words = "ID",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_SESSION},
     .run = show,
     .help = "show a session, also one that has ended",
     .examples = "carrelctl session show s-4hx2kq7mzt3vna5c"},
    {.verb = "disconnect",
     .words = "ID",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_SESSION},
     .run = disconnect,
     .help = "close the client's connection and keep the desktop",
     .details = "The user can connect again and finds everything as it was.",
     .examples = "carrelctl session disconnect s-4hx2kq7mzt3vna5c"},
    {.verb = "logoff",
     .words = "ID",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_SESSION},
     .options = logoff_options,
     .run = logoff,
     .help = "end a session; a floating desktop is recycled",
     .details =
         "The guest is asked to log its user off; after broker.logoff_wait the session ends all the same.\n"
         "What the user did not save is lost. With --warn the user is told first, now and a minute before.",
     .examples = "carrelctl session logoff s-4hx2kq7mzt3vna5c\ncarrelctl session logoff s-4hx2kq7mzt3vna5c "
                 "--warn 5min"},
    {.verb = "message",
     .words = "[SESSION...] TEXT",
     .min_words = 1,
     .max_words = CTL_WORDS_MAX,
     .kinds = {[0 ... CTL_WORDS_MAX - 2] = WORDS_SESSION},
     .options = session_message_options,
     .run = session_message,
     .help = "show a text on the screens of users",
     .details = "It comes as a banner at the upper edge, whatever the desktop is, and goes after its time or "
                "a click.\n"
                "Whether it was seen is told by the events session.message and session.message-not-shown.",
     .examples = "carrelctl session message s-4hx2kq7mzt3vna5c 'Please call the help desk.'\n"
                 "carrelctl session message --pool office 'The office closes in ten minutes.' --for 1min"},
    {0},
};

const struct ctl_noun ctl_session = {
    .name = "session",
    .help = "who uses which desktop at the moment",
    .details = "A session begins with a log-in and ends with the log-off inside the desktop; in between its "
               "user may\n"
               "disconnect and come back.",
    .commands = commands,
};
