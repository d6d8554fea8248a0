/* carrelctl entitlement */
#include <string.h>

#include "act.h"
#include "api.h"
#include "args.h"
#include "command.h"
#include "policy_option.h"
#include "table.h"

static void put_subject(const json_t *item, char *text, size_t size)
{
    const char *user = api_text(item, "user"), *group = api_text(item, "group");
    snprintf(text, size, "%s %s", *group ? "group" : "user", *group ? group : user);
}

static void put_policy(const json_t *item, char *text, size_t size)
{
    policy_option_print(item, "", text, size);
}

static const struct field fields[] = {
    {.name = "pool", .key = "pool"},
    {.name = "who", .title = "For", .key = "", .text = put_subject},
    {.name = "policy", .key = "", .text = put_policy, .place = FIELD_CUT},
    {.name = "created", .key = "created", .kind = FIELD_TIME},
    {.name = "id", .key = "id"},
    {0},
};

static int list(struct ctl *ctl)
{
    return table_list_path(ctl, "/v1/entitlements", fields,
                           "Nobody may use a pool yet: carrelctl entitlement add POOL --user NAME");
}

/* Exactly one of --user and --group. */
static int read_subject(struct ctl *ctl, const char **ret_kind, const char **ret_name)
{
    const char *user = args_value(ctl, "user"), *group = args_value(ctl, "group");
    if (!user == !group)
        return ctl_fail(ctl, CTL_USAGE, "say for whom: either --user NAME or --group NAME");
    *ret_kind = user ? "user" : "group";
    *ret_name = user ? user : group;
    return CTL_OK;
}

static int add(struct ctl *ctl)
{
    const char *pool = args_word(ctl, 0), *kind = NULL, *name = NULL;
    int rc = read_subject(ctl, &kind, &name);
    if (rc)
        return rc;
    CLEANUP_JSON json_t *body = json_pack("{s:s, s:s}", "pool", pool, kind, name);
    rc = policy_option_read(ctl, body);
    return rc ? rc
              : act(ctl, "POST", api_path("/v1/entitlements"), json_incref(body), "%s %s may use pool %s",
                    kind, name, pool);
}

/* The id of the entitlement of POOL for KIND NAME; the API knows entitlements by id only. */
static int find(struct ctl *ctl, const char *pool, const char *kind, const char *name, char *ret_id,
                size_t size)
{
    CLEANUP_JSON json_t *answer = NULL;
    int rc = api_call(ctl, "GET", "/v1/entitlements", NULL, &answer);
    if (rc)
        return rc;
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(answer, "items"), i, item)
    {
        if (!strcmp(api_text(item, "pool"), pool) && !strcasecmp(api_text(item, kind), name)) {
            snprintf(ret_id, size, "%s", api_text(item, "id"));
            return CTL_OK;
        }
    }
    return ctl_fail(ctl, CTL_NOT_FOUND,
                    "there is no entitlement of %s %s to pool %s; see 'carrelctl entitlement list'", kind,
                    name, pool);
}

static int set(struct ctl *ctl)
{
    const char *pool = args_word(ctl, 0), *kind = NULL, *name = NULL;
    char id[64];
    CLEANUP_JSON json_t *body = json_object();
    int rc = read_subject(ctl, &kind, &name);
    if (!rc)
        rc = policy_option_read(ctl, body);
    if (!rc && !json_object_size(body))
        return ctl_fail(ctl, CTL_USAGE, "nothing to change was named; see 'carrelctl help entitlement set'");
    if (!rc)
        rc = find(ctl, pool, kind, name, id, sizeof id);
    return rc ? rc
              : act(ctl, "PATCH", api_path("/v1/entitlements/%s", id), json_incref(body),
                    "the entitlement of %s %s to pool %s was changed", kind, name, pool);
}

static int drop(struct ctl *ctl)
{
    const char *key = args_word(ctl, 0), *kind = NULL, *name = NULL;
    const bool is_id = !strncmp(key, "e-", 2);
    if (!is_id && !args_given(ctl, "user") && !args_given(ctl, "group"))
        return ctl_fail(
            ctl, CTL_USAGE,
            "say whose: either --user NAME or --group NAME, or the id that 'carrelctl entitlement "
            "list' shows instead of the pool");
    if (!args_given(ctl, "user") && !args_given(ctl, "group"))
        return act(ctl, "DELETE", api_path("/v1/entitlements/%s", key), NULL, "entitlement %s removed", key);
    char id[64];
    int rc = read_subject(ctl, &kind, &name);
    if (!rc)
        rc = find(ctl, key, kind, name, id, sizeof id);
    return rc ? rc
              : act(ctl, "DELETE", api_path("/v1/entitlements/%s", id), NULL,
                    "%s %s may no longer use pool %s", kind, name, key);
}

#define SUBJECT_OPTIONS                                                                                      \
    {.name = "user", .value = "USER", .words = WORDS_USER, .help = "for this user"},                         \
    {                                                                                                        \
        .name = "group", .value = "GROUP", .words = WORDS_GROUP, .help = "for the members of this group"     \
    }

static const struct ctl_option options[] = {SUBJECT_OPTIONS, {0}};
static const struct ctl_option policy_options[] = {SUBJECT_OPTIONS, POLICY_OPTION, {0}};

static const struct ctl_command commands[] = {
    {.verb = "list",
     .words = "",
     .help = "list who may use what",
     .run = list,
     .fields = fields,
     .examples = "carrelctl entitlement list"},
    {.verb = "add",
     .words = "POOL",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_POOL},
     .options = policy_options,
     .run = add,
     .help = "let a user or a group use a pool",
     .examples =
         "carrelctl entitlement add office --user anna\ncarrelctl entitlement add office --group staff"},
    {.verb = "set",
     .words = "POOL",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_POOL},
     .options = policy_options,
     .run = set,
     .help = "change what a session by this entitlement may do",
     .details =
         "What is set here replaces the pool's policy, in both directions; KEY=default takes a key back.\n"
         "It holds from the next log-in on.",
     .examples =
         "carrelctl entitlement set office --group staff --policy clipboard=both\n"
         "carrelctl entitlement set office --user anna --policy 'hours=Mon-Fri 07:00-19:00 Europe/Berlin'"},
    {.verb = "remove",
     .words = "POOL|ID",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_POOL},
     .options = options,
     .run = drop,
     .help = "take that back",
     .details =
         "Name the pool and --user or --group, or the id that 'entitlement list' shows. A running session\n"
         "goes on; the next log-in is refused.",
     .examples = "carrelctl entitlement remove office --user anna\n"
                 "carrelctl entitlement remove e-4hx2kq7mzt3vna5c"},
    {0},
};

const struct ctl_noun ctl_entitlement = {
    .name = "entitlement",
    .help = "who may use which pool",
    .commands = commands,
};
