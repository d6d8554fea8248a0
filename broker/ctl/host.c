/* carrelctl host */
#include <string.h>

#include "act.h"
#include "api.h"
#include "args.h"
#include "ask.h"
#include "command.h"
#include "table.h"

static void put_mode(const json_t *host, char *text, size_t size)
{
    const char *mode = api_text(host, "mode");
    const char *words = !strcmp(mode, "draining")      ? " (takes no new desktops)"
                        : !strcmp(mode, "maintenance") ? " (no desktop runs there)"
                                                       : "";
    snprintf(text, size, "%s%s", mode, words);
}

/* "6 of 32": what runs, and what may be promised with over-commitment. */
static void put_cpus(const json_t *host, char *text, size_t size)
{
    snprintf(text, size, "%lld of %lld", api_number(host, "vcpus_used"),
             api_number(host, "vcpus") * api_number(host, "cpu_percent") / 100);
}

static void put_memory(const json_t *host, char *text, size_t size)
{
    long long may_mib = api_number(host, "memory_mib") * api_number(host, "memory_percent") / 100;
    snprintf(text, size, "%.1f of %.1f GiB", (double)api_number(host, "memory_used_mib") / 1024,
             (double)may_mib / 1024);
}

static void put_disk(const json_t *host, char *text, size_t size)
{
    if (api_number(host, "disk_mib"))
        snprintf(text, size, "%.1f of %.1f GiB free", (double)api_number(host, "disk_free_mib") / 1024,
                 (double)api_number(host, "disk_mib") / 1024);
}

/* "debian (copying, 40 %), win11" */
static void put_images(const json_t *host, char *text, size_t size)
{
    size_t i, used = 0;
    const json_t *image;
    text[0] = 0;
    json_array_foreach(json_object_get(host, "images"), i, image)
    {
        const char *state = api_text(image, "state");
        char more[64] = "";
        if (!strcmp(state, "copying"))
            snprintf(more, sizeof more, " (copying, %lld %%)", api_number(image, "percent"));
        else if (strcmp(state, "present") != 0)
            snprintf(more, sizeof more, " (%.20s)", state);
        int n = snprintf(text + used, size - used, "%s%s%s", i ? ", " : "", api_text(image, "name"), more);
        used += (size_t)n < size - used ? (size_t)n : size - used - 1;
    }
}

static const struct field fields[] = {
    {.name = "name", .key = "name"},
    {.name = "state", .key = "state", .kind = FIELD_STATE},
    {.name = "mode", .key = "mode", .kind = FIELD_STATE, .place = FIELD_LIST_ONLY},
    {.name = "mode", .key = "", .text = put_mode, .place = FIELD_SHOW_ONLY},
    {.name = "reason", .key = "reason", .place = FIELD_SHOW_ONLY},
    {.name = "uri", .title = "URI", .key = "uri", .place = FIELD_CUT},
    {.name = "address", .key = "address", .place = FIELD_HIDDEN},
    {.name = "labels", .key = "labels", .place = FIELD_CUT},
    {.name = "virt", .title = "Virtualisation", .key = "virt"},
    {.name = "desktops", .key = "desktops", .place = FIELD_RIGHT},
    {.name = "max-desktops",
     .title = "Desktops at most",
     .key = "desktops_max",
     .place = FIELD_NOT_ZERO | FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "cpus-used", .title = "CPUs promised", .key = "", .text = put_cpus, .place = FIELD_RIGHT},
    {.name = "memory-used", .title = "Memory promised", .key = "", .text = put_memory, .place = FIELD_RIGHT},
    {.name = "disk", .key = "", .text = put_disk, .place = FIELD_RIGHT},
    {.name = "vcpus", .title = "CPUs", .key = "vcpus", .place = FIELD_NOT_ZERO | FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "memory",
     .key = "memory_mib",
     .kind = FIELD_MIB,
     .place = FIELD_NOT_ZERO | FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "cpu-percent",
     .title = "CPU over-commitment, %",
     .key = "cpu_percent",
     .place = FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "memory-percent",
     .title = "Memory over-commitment, %",
     .key = "memory_percent",
     .place = FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "storage", .key = "storage", .place = FIELD_HIDDEN},
    {.name = "desktop-storage",
     .title = "Desktops' disks on",
     .key = "desktop_storage",
     .place = FIELD_HIDDEN},
    {.name = "images", .title = "Images copied", .key = "", .text = put_images, .place = FIELD_SHOW_ONLY},
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

/* The options that add and set have, as members of BODY. */
static int read_options(struct ctl *ctl, json_t *body)
{
    static const char *const percents[][2] = {{"cpu-percent", "cpu_percent"},
                                              {"memory-percent", "memory_percent"}};
    act_set_text(ctl, body, "address", "address");
    act_set_text(ctl, body, "labels", "labels");
    for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        long n = 0;
        int rc = args_number(ctl, percents[i][0], 1, 10000, &n);
        if (rc)
            return rc;
        if (n)
            json_object_set_new(body, percents[i][1], json_integer(n));
    }
    long max = -1;
    int rc = args_number(ctl, "max-desktops", 0, 1000000, &max);
    if (!rc && max >= 0)
        json_object_set_new(body, "desktops_max", json_integer(max));
    return rc;
}

static int add(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0), *uri = args_word(ctl, 1);
    CLEANUP_JSON json_t *body = json_pack("{s:s, s:s}", "name", name, "uri", uri);
    int rc = read_options(ctl, body);
    return rc ? rc
              : act(ctl, "POST", api_path("/v1/hosts"), json_incref(body),
                    "host %s added; 'carrelctl host show %s' says whether it answers", name, name);
}

static int set(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    CLEANUP_JSON json_t *body = json_object();
    int rc = read_options(ctl, body);
    if (rc)
        return rc;
    act_set_text(ctl, body, "uri", "uri");
    if (!json_object_size(body))
        return ctl_fail(ctl, CTL_USAGE, "nothing to change was named; see 'carrelctl help host set'");
    return act(ctl, "PATCH", api_path("/v1/hosts/%s", name), json_incref(body), "host %s changed", name);
}

static int drop(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    int rc = ask_confirm(ctl, "Remove host %s from Carrel?", name);
    return rc ? rc : act(ctl, "DELETE", api_path("/v1/hosts/%s", name), NULL, "host %s removed", name);
}

static json_t *mode_body(const char *mode)
{
    return json_pack("{s:s}", "mode", mode);
}

static int drain(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act(ctl, "PATCH", api_path("/v1/hosts/%s", name), mode_body("draining"),
               "host %s takes no new desktops; users stay until they log off", name);
}

static int undrain(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act(ctl, "PATCH", api_path("/v1/hosts/%s", name), mode_body("active"), "host %s takes desktops",
               name);
}

static int maintenance(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    int rc = ask_confirm(ctl, "End all sessions on host %s and stop its desktops?", name);
    return rc ? rc
              : act(ctl, "PATCH", api_path("/v1/hosts/%s", name), mode_body("maintenance"),
                    "host %s is cleared; 'carrelctl host undrain %s' opens it again", name, name);
}

#define COMMON_OPTIONS                                                                                       \
    {.name = "address",                                                                                      \
     .value = "IP",                                                                                          \
     .help = "where gateways reach guests of pools with network=user (127.0.0.1)"},                          \
        {.name = "labels", .value = "TEXT", .help = "words that pools ask for: 'ssd rack=a'"},               \
        {.name = "cpu-percent",                                                                              \
         .value = "N",                                                                                       \
         .help = "CPUs that guests may be promised, in percent of the host's (800)"},                        \
        {.name = "memory-percent",                                                                           \
         .value = "N",                                                                                       \
         .help = "memory that guests may be promised, in percent (100)"},                                    \
    {                                                                                                        \
        .name = "max-desktops", .value = "N", .help = "desktops there, at most (0: any number)"              \
    }

static const struct ctl_option add_options[] = {COMMON_OPTIONS, {0}};
static const struct ctl_option set_options[] = {
    COMMON_OPTIONS, {.name = "uri", .value = "URI", .help = "another libvirt URI of the same machine"}, {0}};

#define ONE_HOST .words = "NAME", .min_words = 1, .max_words = 1, .kinds = {WORDS_HOST}

static const struct ctl_command commands[] = {
    {.verb = "list",
     .words = "",
     .help = "list hosts",
     .run = list,
     .fields = fields,
     .examples = "carrelctl host list"},
    {.verb = "show",
     ONE_HOST,
     .run = show,
     .help = "show a host; when it is down, why",
     .examples = "carrelctl host show here"},
    {.verb = "add",
     .words = "NAME URI",
     .min_words = 2,
     .max_words = 2,
     .options = add_options,
     .run = add,
     .help = "add a host by its libvirt URI",
     .details = "A libvirt URI with the transport unix, tls, ssh or tcp, for the account of carrel-vmpool: "
                "carrel-hosts(7).",
     .examples =
         "carrelctl host add here qemu:///system\n"
         "carrelctl host add node2 'qemu+tls://node2/system?pkipath=/etc/carrel/pki' --labels rack=b"},
    {.verb = "set",
     ONE_HOST,
     .options = set_options,
     .run = set,
     .help = "change a host",
     .details = "Desktops that run stay where they are.",
     .examples = "carrelctl host set node2 --labels 'ssd rack=c' --cpu-percent 400"},
    {.verb = "remove",
     ONE_HOST,
     .run = drop,
     .help = "remove a host",
     .details = "Refused while desktops are on it: drain it first.",
     .examples = "carrelctl host remove node2"},
    {.verb = "drain",
     ONE_HOST,
     .run = drain,
     .help = "let a host take no new desktops",
     .details =
         "Desktops that nobody uses are made elsewhere. Those with a user stay until the user logs off.",
     .examples = "carrelctl host drain node2"},
    {.verb = "undrain",
     ONE_HOST,
     .run = undrain,
     .help = "let a host take desktops again, after drain or maintenance",
     .examples = "carrelctl host undrain node2"},
    {.verb = "maintenance",
     ONE_HOST,
     .run = maintenance,
     .help = "clear a host at once",
     .details = "As drain, and sessions that are still on it end now. Dedicated desktops stop, keep their "
                "disks, and\n"
                "start again after 'carrelctl host undrain'.",
     .examples = "carrelctl host maintenance node2 --yes"},
    {0},
};

const struct ctl_noun ctl_host = {
    .name = "host",
    .help = "the machines that desktops run on",
    .commands = commands,
};
