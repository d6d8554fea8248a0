/* carrelctl group */
#include "act.h"
#include "api.h"
#include "args.h"
#include "ask.h"
#include "command.h"
#include "table.h"

/* A list counts the members, a single group names them. */
static void put_members(const json_t *group, char *text, size_t size)
{
    static const struct field names = {.name = "members", .key = "members", .kind = FIELD_NAMES};
    static const struct field count = {.name = "members", .key = "members", .kind = FIELD_TEXT};
    bool is_array = json_is_array(json_object_get(group, "members"));
    field_format(is_array ? &names : &count, group, false, 0, text, size);
}

static const struct field fields[] = {
    {.name = "name", .key = "name"},
    {.name = "members", .key = "", .text = put_members, .place = FIELD_CUT},
    {.name = "created", .key = "created", .kind = FIELD_TIME, .place = FIELD_HIDDEN},
    {.name = "id", .key = "id", .place = FIELD_HIDDEN},
    {0},
};

static int list(struct ctl *ctl)
{
    return table_list_path(ctl, "/v1/groups", fields, "There are no groups yet: carrelctl group create NAME");
}

static int show(struct ctl *ctl)
{
    CLEANUP_TEXT char *path = api_path("/v1/groups/%s", args_word(ctl, 0));
    return table_show_path(ctl, path, fields);
}

static int create(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act(ctl, "POST", api_path("/v1/groups"), json_pack("{s:s}", "name", name), "group %s created",
               name);
}

static int delete (struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    int rc = ask_confirm(ctl, "Delete group %s and what it is entitled to?", name);
    return rc ? rc : act(ctl, "DELETE", api_path("/v1/groups/%s", name), NULL, "group %s deleted", name);
}

static int add(struct ctl *ctl)
{
    const char *group = args_word(ctl, 0), *user = args_word(ctl, 1);
    return act(ctl, "PUT", api_path("/v1/groups/%s/members/%s", group, user), NULL, "user %s is in group %s",
               user, group);
}

static int drop(struct ctl *ctl)
{
    const char *group = args_word(ctl, 0), *user = args_word(ctl, 1);
    return act(ctl, "DELETE", api_path("/v1/groups/%s/members/%s", group, user), NULL,
               "user %s is no longer in group %s", user, group);
}

static const struct ctl_command commands[] = {
    {.verb = "list",
     .words = "",
     .help = "list groups",
     .run = list,
     .fields = fields,
     .examples = "carrelctl group list"},
    {.verb = "show",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_GROUP},
     .run = show,
     .help = "show a group, with its members",
     .examples = "carrelctl group show staff"},
    {.verb = "create",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .run = create,
     .help = "create a group",
     .examples = "carrelctl group create staff"},
    {.verb = "delete",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_GROUP},
     .run = delete,
     .help = "delete a group",
     .details = "Its members stay; what they may use through the group is gone.",
     .examples = "carrelctl group delete staff"},
    {.verb = "add",
     .words = "GROUP USER",
     .min_words = 2,
     .max_words = 2,
     .kinds = {WORDS_GROUP, WORDS_USER},
     .run = add,
     .help = "make a user a member",
     .examples = "carrelctl group add staff anna"},
    {.verb = "remove",
     .words = "GROUP USER",
     .min_words = 2,
     .max_words = 2,
     .kinds = {WORDS_GROUP, WORDS_USER},
     .run = drop,
     .help = "end a membership",
     .examples = "carrelctl group remove staff anna"},
    {0},
};

const struct ctl_noun ctl_group = {
    .name = "group",
    .help = "users taken together",
    .details = "A group can be entitled to a pool; then all its members are.",
    .commands = commands,
};
