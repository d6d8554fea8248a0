/* carrelctl gateway */
#include "act.h"
#include "api.h"
#include "args.h"
#include "command.h"
#include "table.h"

static void put_state(const json_t *gateway, char *text, size_t size)
{
    const char *state = !api_flag(gateway, "up") ? "down" : api_flag(gateway, "draining") ? "draining" : "up";
    snprintf(text, size, "%s", state);
}

static const struct field fields[] = {
    {.name = "name", .key = "name"},
    {.name = "state", .key = "", .kind = FIELD_STATE, .text = put_state},
    {.name = "address", .key = "address", .place = FIELD_CUT},
    {.name = "sessions", .key = "sessions", .place = FIELD_RIGHT},
    {.name = "processes", .key = "processes", .place = FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "version", .key = "version"},
    {.name = "started", .key = "started", .kind = FIELD_TIME},
    {.name = "seen", .key = "seen", .kind = FIELD_TIME},
    {.name = "fingerprint",
     .title = "Certificate (SHA-256)",
     .key = "fingerprint",
     .kind = FIELD_FINGERPRINT,
     .place = FIELD_HIDDEN},
    {0},
};

static int list(struct ctl *ctl)
{
    return table_list_path(
        ctl, "/v1/gateways", fields,
        "No gateway has reported yet: is carrel-gateway running and its broker_socket right?");
}

static int show(struct ctl *ctl)
{
    CLEANUP_TEXT char *path = api_path("/v1/gateways/%s", args_word(ctl, 0));
    return table_show_path(ctl, path, fields);
}

static int drain(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act(ctl, "POST", api_path("/v1/gateways/%s/drain", name), NULL,
               "gateway %s takes nobody in any more; its sessions go on", name);
}

static int undrain(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act(ctl, "POST", api_path("/v1/gateways/%s/undrain", name), NULL,
               "gateway %s takes connections in again", name);
}

static const struct ctl_command commands[] = {
    {.verb = "list",
     .words = "",
     .help = "list gateways",
     .run = list,
     .fields = fields,
     .examples = "carrelctl gateway list"},
    {.verb = "show",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_GATEWAY},
     .run = show,
     .help = "show a gateway, with its certificate's fingerprint",
     .details = "Tell the fingerprint to people whose client asks them whether they trust the certificate.",
     .examples = "carrelctl gateway show gate1"},
    {.verb = "drain",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_GATEWAY},
     .run = drain,
     .help = "let a gateway take nobody in; its sessions go on",
     .details =
         "It stops listening within a heartbeat, so that a balancer sends clients elsewhere. What is wanted\n"
         "is kept when it restarts.",
     .examples = "carrelctl gateway drain gate1"},
    {.verb = "undrain",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .kinds = {WORDS_GATEWAY},
     .run = undrain,
     .help = "let a drained gateway take connections in again",
     .examples = "carrelctl gateway undrain gate1"},
    {0},
};

const struct ctl_noun ctl_gateway = {
    .name = "gateway",
    .help = "what clients connect to",
    .commands = commands,
};
