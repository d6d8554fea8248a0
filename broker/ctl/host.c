/* carrelctl host */
#include "act.h"
#include "api.h"
#include "args.h"
#include "ask.h"
#include "command.h"
#include "table.h"

static void put_enabled(const json_t *host, char *text, size_t size)
{
    snprintf(text, size, "%s", api_flag(host, "enabled") ? "yes" : "no, takes no new desktops");
}

static const struct field fields[] = {
    {.name = "name", .key = "name"},
    {.name = "state", .key = "state", .kind = FIELD_STATE},
    {.name = "enabled", .key = "enabled", .kind = FIELD_FLAG, .place = FIELD_LIST_ONLY},
    {.name = "enabled", .key = "", .text = put_enabled, .place = FIELD_SHOW_ONLY},
    {.name = "reason", .key = "reason", .place = FIELD_SHOW_ONLY},
    {.name = "uri", .title = "URI", .key = "uri", .place = FIELD_CUT},
    {.name = "virt", .title = "Virtualisation", .key = "virt"},
    {.name = "vcpus", .title = "CPUs", .key = "vcpus", .place = FIELD_NOT_ZERO | FIELD_RIGHT},
    {.name = "memory", .key = "memory_mib", .kind = FIELD_MIB, .place = FIELD_NOT_ZERO | FIELD_RIGHT},
    {.name = "desktops", .key = "desktops", .place = FIELD_RIGHT},
    {.name = "seen", .key = "seen", .kind = FIELD_TIME},
    {.name = "libvirt", .key = "libvirt", .place = FIELD_HIDDEN},
    {.name = "hypervisor", .key = "hypervisor", .place = FIELD_HIDDEN},
    {.name = "id", .key = "id", .place = FIELD_HIDDEN},
    {0},
};

static int list(struct ctl *ctl)
{
    return table_list_path(ctl, "/v1/hosts", fields,
                           "There are no hosts yet: carrelctl host add NAME qemu:///system");
}

static int show(struct ctl *ctl)
{
    CLEANUP_TEXT char *path = api_path("/v1/hosts/%s", args_word(ctl, 0));
    return table_show_path(ctl, path, fields);
}

static int add(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0), *uri = args_word(ctl, 1);
    return act(ctl, "POST", api_path("/v1/hosts"), json_pack("{s:s, s:s}", "name", name, "uri", uri),
               "host %s added; 'carrelctl host show %s' says whether it answers", name, name);
}

static int drop(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    int rc = ask_confirm(ctl, "Remove host %s from Carrel?", name);
    return rc ? rc : act(ctl, "DELETE", api_path("/v1/hosts/%s", name), NULL, "host %s removed", name);
}

static int enable(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act(ctl, "PATCH", api_path("/v1/hosts/%s", name), json_pack("{s:b}", "enabled", 1),
               "host %s takes desktops", name);
}

static int disable(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act(ctl, "PATCH", api_path("/v1/hosts/%s", name), json_pack("{s:b}", "enabled", 0),
               "host %s takes no new desktops; those that run there go on", name);
}

static const struct ctl_command commands[] = {
    {.verb = "list",
     .words = "",
     .help = "list hosts",
     .run = list,
     .fields = fields,
     .examples = "carrelctl host list"},
    {.verb = "show",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_HOST},
     .run = show,
     .help = "show a host; when it is down, why",
     .examples = "carrelctl host show here"},
    {.verb = "add",
     .words = "NAME URI",
     .min_words = 2,
     .max_words = 2,
     .run = add,
     .help = "add a host by its libvirt URI",
     .details = "Any URI that virsh takes, for the user that carrel-vmpool runs as.",
     .examples = "carrelctl host add here qemu:///system\n"
                 "carrelctl host add node2 'qemu+tls://node2.example.org/system'"},
    {.verb = "remove",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_HOST},
     .run = drop,
     .help = "remove a host",
     .details = "Refused while desktops are on it: disable it and recycle them first.",
     .examples = "carrelctl host remove node2"},
    {.verb = "enable",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_HOST},
     .run = enable,
     .help = "let a host take desktops again",
     .examples = "carrelctl host enable node2"},
    {.verb = "disable",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_HOST},
     .run = disable,
     .help = "let a host take no new desktops, for maintenance",
     .examples = "carrelctl host disable node2"},
    {0},
};

const struct ctl_noun ctl_host = {
    .name = "host",
    .help = "the machines that desktops run on",
    .commands = commands,
};
