/* carrelctl desktop snapshot create | list | restore | delete */
#include "desktop_snapshot.h"

#include <string.h>

#include "act.h"
#include "api.h"
#include "args.h"
#include "ask.h"
#include "table.h"

const struct field desktop_snapshot_fields[] = {
    {.name = "name", .key = "name"},
    {.name = "state", .key = "state", .kind = FIELD_STATE},
    {.name = "size", .key = "size_bytes", .kind = FIELD_BYTES, .place = FIELD_RIGHT | FIELD_NOT_ZERO},
    {.name = "created", .key = "created", .kind = FIELD_TIME},
    {0},
};

static int create(struct ctl *ctl, const char *name, const char *snapshot, bool force)
{
    int rc = ask_confirm(ctl, "Make snapshot %s of desktop %s? It is off meanwhile.", snapshot, name);
    if (rc)
        return rc;
    return act_order_body(ctl, "POST", api_path("/v1/desktops/%s/snapshots", name),
                          json_pack("{s:s, s:b}", "name", snapshot, "force", force),
                          "snapshot %s of desktop %s made", snapshot, name);
}

static int restore(struct ctl *ctl, const char *name, const char *snapshot, bool force)
{
    int rc = ask_confirm(ctl, "Put desktop %s back to snapshot %s? What changed on its disk since is lost.",
                         name, snapshot);
    if (rc)
        return rc;
    return act_order_body(ctl, "POST", api_path("/v1/desktops/%s/snapshots/%s/restore", name, snapshot),
                          json_pack("{s:b}", "force", force), "desktop %s put back to snapshot %s", name,
                          snapshot);
}

static int delete (struct ctl *ctl, const char *name, const char *snapshot)
{
    int rc = ask_confirm(ctl, "Delete snapshot %s of desktop %s?", snapshot, name);
    if (rc)
        return rc;
    return act_order_body(ctl, "DELETE", api_path("/v1/desktops/%s/snapshots/%s", name, snapshot), NULL,
                          "snapshot %s of desktop %s deleted", snapshot, name);
}

int desktop_snapshot(struct ctl *ctl)
{
    const char *action = args_word(ctl, 0), *name = args_word(ctl, 1), *snapshot = args_word(ctl, 2);
    bool force = args_given(ctl, "force");
    if (!strcmp(action, "list")) {
        CLEANUP_TEXT char *path = api_path("/v1/desktops/%s/snapshots", name);
        if (snapshot)
            return ctl_fail(ctl, CTL_USAGE, "list takes a desktop and no snapshot");
        return table_list_path(ctl, path, desktop_snapshot_fields, "The desktop has no snapshots.");
    }
    if (strcmp(action, "create") != 0 && strcmp(action, "restore") != 0 && strcmp(action, "delete") != 0)
        return ctl_fail(ctl, CTL_USAGE, "'%s' is none of create, list, restore, delete", action);
    if (!snapshot)
        return ctl_fail(ctl, CTL_USAGE, "%s needs the name of a snapshot behind the desktop's", action);
    if (*action == 'd')
        return delete (ctl, name, snapshot);
    return *action == 'c' ? create(ctl, name, snapshot, force) : restore(ctl, name, snapshot, force);
}
