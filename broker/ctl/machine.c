/* carrelctl machine */
#include <ctype.h>
#include <string.h>

#include "act.h"
#include "api.h"
#include "args.h"
#include "ask.h"
#include "command.h"
#include "table.h"

#define ADDRESS_TEXT_SIZE 64
#define SESSIONS_MAX 100000 /* as the broker has it */

static void put_state(const json_t *machine, char *text, size_t size)
{
    snprintf(text, size, "%s", api_flag(machine, "draining") ? "draining" : api_text(machine, "state"));
}

static void put_address(const json_t *machine, char *text, size_t size)
{
    const char *address = api_text(machine, "address");
    snprintf(text, size, strchr(address, ':') ? "[%s]:%lld" : "%s:%lld", address,
             api_number(machine, "port"));
}

static void put_sessions(const json_t *machine, char *text, size_t size)
{
    snprintf(text, size, "%lld of %lld", api_number(machine, "sessions"),
             api_number(machine, "sessions_max"));
}

static void put_draining(const json_t *machine, char *text, size_t size)
{
    snprintf(text, size, "%s", api_flag(machine, "draining") ? "yes, takes no new sessions" : "no");
}

static const struct field fields[] = {
    {.name = "name", .key = "name"},
    {.name = "pool", .key = "pool"},
    {.name = "state", .key = "", .kind = FIELD_STATE, .text = put_state, .place = FIELD_LIST_ONLY},
    {.name = "state", .key = "state", .kind = FIELD_STATE, .place = FIELD_SHOW_ONLY},
    {.name = "since", .key = "state_since", .kind = FIELD_TIME, .place = FIELD_HIDDEN},
    {.name = "reason", .key = "reason", .place = FIELD_CUT},
    {.name = "failures",
     .title = "Not answered in a row",
     .key = "failures",
     .place = FIELD_NOT_ZERO | FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "draining", .key = "", .text = put_draining, .place = FIELD_SHOW_ONLY},
    {.name = "address", .key = "", .text = put_address},
    {.name = "sessions", .key = "", .text = put_sessions, .place = FIELD_RIGHT},
    {.name = "fingerprint",
     .title = "Certificate (SHA-256)",
     .key = "fingerprint",
     .kind = FIELD_FINGERPRINT,
     .place = FIELD_HIDDEN},
    {.name = "created", .title = "Added", .key = "created", .kind = FIELD_TIME, .place = FIELD_HIDDEN},
    {.name = "id", .key = "id", .place = FIELD_HIDDEN},
    {0},
};

static int list(struct ctl *ctl)
{
    const char *pool = args_value(ctl, "pool");
    CLEANUP_TEXT char *path = pool ? api_path("/v1/machines?pool=%s", pool) : api_path("/v1/machines");
    return table_list_path(ctl, path, fields, "There are no machines: carrelctl machine add POOL ADDRESS");
}

static int show(struct ctl *ctl)
{
    CLEANUP_TEXT char *path = api_path("/v1/machines/%s", args_word(ctl, 0));
    return table_show_path(ctl, path, fields);
}

/* "192.0.2.7", "192.0.2.7:3390", "fd00::7", "[fd00::7]:3390"; *ret_port stays where none is named. */
static bool split_address(const char *text, char address[ADDRESS_TEXT_SIZE], long *ret_port)
{
    const char *colon = strrchr(text, ':');
    bool bracket = text[0] == '[';
    if (bracket ? !colon || colon[-1] != ']' : colon && strchr(text, ':') != colon)
        colon = NULL; /* of an IPv6 address itself */
    size_t len = colon ? (size_t)(colon - text) : strlen(text);
    if (bracket) {
        if (len < 2 || text[len - 1] != ']')
            return false;
        text++;
        len -= 2;
    }
    if (len == 0 || len >= ADDRESS_TEXT_SIZE)
        return false;
    if (colon) {
        char *end;
        *ret_port = strtol(colon + 1, &end, 10);
        if (!isdigit((unsigned char)colon[1]) || *end)
            return false;
    }
    memcpy(address, text, len);
    address[len] = '\0';
    return true;
}

static int read_options(struct ctl *ctl, json_t *body)
{
    long sessions = 0;
    int rc = args_number(ctl, "sessions", 1, SESSIONS_MAX, &sessions);
    if (!rc && sessions)
        json_object_set_new(body, "sessions_max", json_integer(sessions));
    act_set_text(ctl, body, "fingerprint", "fingerprint");
    return rc;
}

static int add(struct ctl *ctl)
{
    const char *pool = args_word(ctl, 0), *typed = args_word(ctl, 1);
    char address[ADDRESS_TEXT_SIZE];
    long port = 0;
    if (!split_address(typed, address, &port) || (port && (port < 1 || port > UINT16_MAX)))
        return ctl_fail(ctl, CTL_USAGE,
                        "'%s' is no address or ADDRESS:PORT; an IPv6 address with a port is "
                        "written [ADDRESS]:PORT",
                        typed);
    CLEANUP_JSON json_t *body = json_pack("{s:s, s:s}", "pool", pool, "address", address);
    if (!body)
        return ctl_fail(ctl, CTL_USAGE, "the pool or the address is no UTF-8 text");
    if (port)
        json_object_set_new(body, "port", json_integer(port));
    act_set_text(ctl, body, "name", "name");
    int rc = read_options(ctl, body);
    return rc ? rc
              : act(ctl, "POST", api_path("/v1/machines"), json_incref(body),
                    "machine at %s added to pool %s; 'carrelctl machine list --pool %s' says whether it "
                    "answers",
                    typed, pool, pool);
}

static int set(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    CLEANUP_JSON json_t *body = json_object();
    int rc = read_options(ctl, body);
    if (rc)
        return rc;
    if (!json_object_size(body))
        return ctl_fail(ctl, CTL_USAGE, "nothing to change was named; see 'carrelctl help machine set'");
    return act(ctl, "PATCH", api_path("/v1/machines/%s", name), json_incref(body), "machine %s changed",
               name);
}

static int drop(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    int rc = ask_confirm(ctl, "Remove machine %s from its pool?", name);
    return rc ? rc : act(ctl, "DELETE", api_path("/v1/machines/%s", name), NULL, "machine %s removed", name);
}

static int drain(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act(ctl, "PATCH", api_path("/v1/machines/%s", name), json_pack("{s:b}", "draining", 1),
               "machine %s takes no new sessions; those on it go on", name);
}

static int resume(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act(ctl, "PATCH", api_path("/v1/machines/%s", name), json_pack("{s:b}", "draining", 0),
               "machine %s takes sessions", name);
}

#define MACHINE_OPTIONS                                                                                      \
    {.name = "sessions", .value = "N", .help = "sessions at once, at most (1)"},                             \
    {                                                                                                        \
        .name = "fingerprint", .value = "SHA256",                                                            \
        .help = "of its RDP certificate, in hex; '' forgets the one that is known"                           \
    }

static const struct ctl_option list_options[] = {
    {.name = "pool", .value = "POOL", .words = WORDS_POOL, .help = "only this pool's"},
    {0},
};
static const struct ctl_option add_options[] = {
    MACHINE_OPTIONS,
    {.name = "name", .value = "NAME", .help = "what it is called (its address)"},
    {0},
};
static const struct ctl_option set_options[] = {MACHINE_OPTIONS, {0}};

#define ONE_MACHINE .words = "NAME", .min_words = 1, .max_words = 1, .kinds = {WORDS_MACHINE}

static const struct ctl_command commands[] = {
    {.verb = "list",
     .words = "",
     .options = list_options,
     .help = "list the machines of static pools",
     .run = list,
     .fields = fields,
     .examples = "carrelctl machine list\ncarrelctl machine list --pool hall"},
    {.verb = "show",
     ONE_MACHINE,
     .run = show,
     .help = "show a machine; when it is down, why",
     .examples = "carrelctl machine show pc-17"},
    {.verb = "add",
     .words = "POOL ADDRESS[:PORT]",
     .min_words = 2,
     .max_words = 2,
     .kinds = {WORDS_POOL},
     .options = add_options,
     .run = add,
     .help = "add a machine that speaks RDP to a static pool",
     .details = "IPv4 or IPv6; names are not looked up. The machine has to do TLS; its certificate may be\n"
                "self-signed. It is used once it was seen to answer.",
     .examples = "carrelctl machine add hall 192.0.2.17 --name pc-17\n"
                 "carrelctl machine add office 192.0.2.40 --name rds-1 --sessions 30\n"
                 "carrelctl machine add hall '[fd00::17]:3390'"},
    {.verb = "set",
     ONE_MACHINE,
     .options = set_options,
     .run = set,
     .help = "change a machine",
     .examples = "carrelctl machine set rds-1 --sessions 40\n"
                 "carrelctl machine set pc-17 --fingerprint ''"},
    {.verb = "drain",
     ONE_MACHINE,
     .run = drain,
     .help = "let a machine take no new sessions",
     .examples = "carrelctl machine drain rds-1"},
    {.verb = "resume",
     ONE_MACHINE,
     .run = resume,
     .help = "let a machine take sessions again",
     .examples = "carrelctl machine resume rds-1"},
    {.verb = "remove",
     ONE_MACHINE,
     .run = drop,
     .help = "remove a machine from its pool",
     .details = "Refused while sessions stand on it: drain it first.",
     .examples = "carrelctl machine remove pc-17"},
    {0},
};

const struct ctl_noun ctl_machine = {
    .name = "machine",
    .help = "what a static pool is made of: RDP machines that are there already",
    .commands = commands,
};
