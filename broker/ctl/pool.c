/* carrelctl pool */
#include <string.h>

#include "act.h"
#include "api.h"
#include "args.h"
#include "ask.h"
#include "command.h"
#include "desktop_look.h"
#include "policy_option.h"
#include "pool_limits.h"
#include "pool_power.h"
#include "pool_roll.h"
#include "pool_wait.h"
#include "table.h"

#define WAIT_USUAL_S 600

static void put_state(const json_t *pool, char *text, size_t size)
{
    const char *state = "enabled";
    if (api_flag(pool, "deleting"))
        state = "deleting";
    else if (json_is_false(json_object_get(pool, "enabled")))
        state = "disabled";
    else if (api_flag(pool, "stopped"))
        state = "stopped";
    snprintf(text, size, "%s", state);
}

static void put_desktops(const json_t *pool, char *text, size_t size)
{
    snprintf(text, size, "%lld of %lld", api_number(pool, "desktops"), api_number(pool, "max"));
}

/* What KIND means, by a table that ends with NULL; KIND itself where it is not in there. */
static const char *spelt_out(const char *const words[][2], const char *kind)
{
    for (; words[0][0]; words++) {
        if (!strcmp(words[0][0], kind))
            return words[0][1];
    }
    return kind;
}

static void put_credentials(const json_t *pool, char *text, size_t size)
{
    static const char *const words[][2] = {
        {"carrel", "carrel (Carrel logs the user in, with a password of its own)"},
        {"user", "user (the guest gets the user's own name and password)"},
        {"prompt", "prompt (the guest asks the user)"},
        {NULL, NULL},
    };
    snprintf(text, size, "%s", spelt_out(words, api_text(pool, "credentials")));
}

static void put_provision(const json_t *pool, char *text, size_t size)
{
    static const char *const words[][2] = {
        {"instant", "instant (forked from a guest that runs already)"},
        {"linked", "linked (booted from an overlay on the image)"},
        {"full", "full (booted from a copy of the image)"},
        {NULL, NULL},
    };
    snprintf(text, size, "%s%s", spelt_out(words, api_text(pool, "provision")),
             api_flag(pool, "warm") ? ", with a session open before the log-in" : "");
}

static void put_policy(const json_t *pool, char *text, size_t size)
{
    policy_option_print(pool, "everything is allowed", text, size);
}

static void put_balance(const json_t *pool, char *text, size_t size)
{
    const char *balance = api_text(pool, "balance");
    snprintf(text, size, "%s%s", balance,
             !strcmp(balance, "breadth") ? " (the least full one is next)"
             : !strcmp(balance, "depth") ? " (one after the other)"
                                         : "");
}

static void put_trust(const json_t *pool, char *text, size_t size)
{
    const char *trust = api_text(pool, "trust");
    snprintf(text, size, "%s%s", trust,
             !strcmp(trust, "first-use") ? " (the first that a machine shows is remembered)"
             : !strcmp(trust, "any")     ? " (not checked)"
                                         : "");
}

static void put_last_failure(const json_t *pool, char *text, size_t size)
{
    const json_t *failure = json_object_get(pool, "last_failure");
    if (*api_text(failure, "desktop"))
        snprintf(text, size, "%s, %.10s: %s", api_text(failure, "desktop"), api_text(failure, "at"),
                 api_text(failure, "reason"));
}

static void put_image(const json_t *pool, char *text, size_t size)
{
    long long version = api_number(pool, "image_version");
    snprintf(text, size, version > 1 ? "%s@%lld" : "%s", api_text(pool, "image"), version);
}

static const struct field fields[] = {
    {.name = "name", .key = "name"},
    {.name = "state", .key = "", .kind = FIELD_STATE, .text = put_state},
    {.name = "reason", .title = "Last failure", .key = "reason", .place = FIELD_SHOW_ONLY},
    {.name = "failures",
     .title = "Failures in a row",
     .key = "failures",
     .place = FIELD_NOT_ZERO | FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "retry-at",
     .title = "Tried again at",
     .key = "retry_at",
     .kind = FIELD_TIME,
     .place = FIELD_SHOW_ONLY},
    {.name = "last-failed",
     .title = "Last guest that failed",
     .key = "",
     .text = put_last_failure,
     .place = FIELD_SHOW_ONLY},
    {.name = "description", .key = "description", .place = FIELD_HIDDEN | FIELD_CUT},
    {.name = "kind", .key = "kind"},
    {.name = "image", .key = "", .text = put_image, .place = FIELD_CUT},
    {.name = "roll", .key = "", .text = pool_roll_put, .place = FIELD_SHOW_ONLY},
    {.name = "wanted",
     .title = "Stands ready",
     .key = "",
     .text = pool_power_put_wanted,
     .place = FIELD_SHOW_ONLY},
    {.name = "power",
     .title = "Outside of rules",
     .key = "",
     .text = pool_power_put_mode,
     .place = FIELD_SHOW_ONLY},
    {.name = "rules", .title = "Schedule", .key = "", .text = pool_power_put_rules, .place = FIELD_SHOW_ONLY},
    {.name = "idle", .title = "Users away", .key = "", .text = pool_power_put_idle, .place = FIELD_SHOW_ONLY},
    {.name = "desktops", .key = "", .text = put_desktops, .place = FIELD_RIGHT},
    {.name = "ready", .key = "ready", .place = FIELD_RIGHT},
    {.name = "lent", .key = "lent", .place = FIELD_RIGHT},
    {.name = "starting", .key = "starting", .place = FIELD_RIGHT},
    {.name = "failed", .key = "failed", .place = FIELD_RIGHT},
    {.name = "waiting", .title = "Users waiting", .key = "waiting", .place = FIELD_RIGHT},
    {.name = "spare", .title = "Kept ready", .key = "spare", .place = FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "max", .title = "At most", .key = "max", .place = FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "vcpus",
     .title = "CPUs each",
     .key = "vcpus",
     .place = FIELD_NOT_ZERO | FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "memory",
     .title = "Memory each",
     .key = "memory_mib",
     .kind = FIELD_MIB,
     .place = FIELD_NOT_ZERO | FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "network", .key = "network", .place = FIELD_HIDDEN},
    {.name = "placement", .key = "placement", .place = FIELD_HIDDEN},
    {.name = "host-labels", .title = "Labels of its hosts", .key = "host_labels", .place = FIELD_HIDDEN},
    {.name = "apart", .title = "Even over", .key = "apart", .place = FIELD_HIDDEN},
    {.name = "guest-security", .title = "Security of guests", .key = "guest_security", .place = FIELD_HIDDEN},
    {.name = "credentials", .key = "credentials", .place = FIELD_HIDDEN | FIELD_LIST_ONLY},
    {.name = "credentials", .key = "", .text = put_credentials, .place = FIELD_SHOW_ONLY},
    {.name = "provision", .title = "Desktops are", .key = "", .text = put_provision, .place = FIELD_HIDDEN},
    {.name = "provision-note", .title = "Instant clones", .key = "provision_note", .place = FIELD_SHOW_ONLY},
    {.name = "pattern", .title = "Names of desktops", .key = "pattern", .place = FIELD_HIDDEN},
    POOL_LIMITS_FIELDS,
    {.name = "policy", .key = "", .text = put_policy, .place = FIELD_HIDDEN},
    {.name = "balance",
     .title = "Machines are filled",
     .key = "",
     .text = put_balance,
     .place = FIELD_HIDDEN},
    {.name = "trust", .title = "Certificates", .key = "", .text = put_trust, .place = FIELD_HIDDEN},
    {.name = "created", .key = "created", .kind = FIELD_TIME, .place = FIELD_HIDDEN},
    {.name = "id", .key = "id", .place = FIELD_HIDDEN},
    {0},
};

static int list(struct ctl *ctl)
{
    return table_list_path(ctl, "/v1/pools", fields,
                           "There are no pools yet: carrelctl pool create NAME --image IMAGE --wait");
}

static int show(struct ctl *ctl)
{
    CLEANUP_TEXT char *path = api_path("/v1/pools/%s", args_word(ctl, 0));
    return desktop_show_with_words(ctl, path, fields, "last_failure");
}

/* The options that both create and set have, as members of BODY. */
static int read_options(struct ctl *ctl, json_t *body)
{
    static const char *const texts[] = {"image", "kind",      "network", "credentials", "pattern",  "balance",
                                        "trust", "placement", "apart",   "description", "provision"};
    static const struct {
        const char *name;
        long min, max;
    } numbers[] = {{"spare", 0, 100000}, {"max", 1, 100000}, {"vcpus", 1, 256}};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        act_set_text(ctl, body, texts[i], texts[i]);
    act_set_text(ctl, body, "host-labels", "host_labels");
    act_set_text(ctl, body, "guest-security", "guest_security");
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        long n = -1;
        int rc = args_number(ctl, numbers[i].name, numbers[i].min, numbers[i].max, &n);
        if (rc)
            return rc;
        if (n >= 0)
            json_object_set_new(body, numbers[i].name, json_integer(n));
    }
    long memory_mib = 0;
    int rc = args_mib(ctl, "memory", 64, 4L << 20, &memory_mib);
    if (!rc && memory_mib)
        json_object_set_new(body, "memory_mib", json_integer(memory_mib));
    const char *warm = args_value(ctl, "warm");
    if (warm)
        json_object_set_new(body, "warm", json_boolean(!strcmp(warm, "on")));
    if (!rc)
        rc = pool_limits_read(ctl, body);
    return rc ? rc : policy_option_read(ctl, body);
}

static int create(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    uint64_t patience_s = WAIT_USUAL_S;
    CLEANUP_JSON json_t *body = json_pack("{s:s}", "name", name);
    CLEANUP_JSON json_t *pool = NULL;
    if (!body)
        return ctl_fail(ctl, CTL_USAGE, "the name is no UTF-8 text");
    const char *kind = args_value(ctl, "kind");
    bool is_static = kind && !strcmp(kind, "static");
    if (!is_static && !args_value(ctl, "image"))
        return ctl_fail(ctl, CTL_USAGE, "pool create needs --image IMAGE, except with --kind static");
    int rc = read_options(ctl, body);
    if (!rc)
        rc = args_seconds(ctl, "timeout", &patience_s);
    if (rc)
        return rc;
    if (args_given(ctl, "disabled"))
        json_object_set_new(body, "enabled", json_false());
    rc = api_call(ctl, "POST", "/v1/pools", json_incref(body), &pool);
    if (rc)
        return rc;
    bool wait = args_given(ctl, "wait") && !is_static;
    if (wait)
        rc = pool_wait(ctl, name, patience_s, &pool);
    if (ctl->json)
        ctl_print_json(ctl, pool);
    if (rc)
        return rc;
    if (wait)
        ctl_say(ctl, "pool %s created, %lld ready", name, api_number(pool, "ready"));
    else if (is_static)
        ctl_say(ctl, "pool %s created; 'carrelctl machine add %s ADDRESS' gives it machines", name, name);
    else
        ctl_say(ctl, "pool %s created; 'carrelctl pool show %s' says how far it is", name, name);
    return CTL_OK;
}

static int set(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    CLEANUP_JSON json_t *body = json_object();
    int rc = read_options(ctl, body);
    if (rc)
        return rc;
    if (!json_object_size(body))
        return ctl_fail(ctl, CTL_USAGE, "nothing to change was named; see 'carrelctl help pool set'");
    return act(ctl, "PATCH", api_path("/v1/pools/%s", name), json_incref(body), "pool %s changed", name);
}

static int delete (struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    int rc = ask_confirm(ctl, "Delete pool %s with all its desktops and what is on them?", name);
    return rc ? rc
              : act(ctl, "DELETE", api_path("/v1/pools/%s", name), NULL, "pool %s is being deleted", name);
}

static int retry(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act(ctl, "POST", api_path("/v1/pools/%s/retry", name), NULL, "pool %s tries again", name);
}

static int enable(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act(ctl, "PATCH", api_path("/v1/pools/%s", name), json_pack("{s:b}", "enabled", 1),
               "pool %s enabled", name);
}

static int disable(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    return act(ctl, "PATCH", api_path("/v1/pools/%s", name), json_pack("{s:b}", "enabled", 0),
               "pool %s disabled: no log-in, no new desktop; running sessions go on", name);
}

#define COMMON_OPTIONS                                                                                       \
    {.name = "description", .value = "TEXT", .help = "for users who choose between pools"},                  \
        {.name = "spare", .value = "N", .help = "how many stand ready for the next users (1)"},              \
        {.name = "max", .value = "N", .help = "desktops in all, at most (10)"},                              \
        {.name = "vcpus", .value = "N", .help = "CPUs of a desktop (2)"},                                    \
        {.name = "memory", .value = "SIZE", .help = "memory of a desktop: 2GiB, 512MiB (1GiB)"},             \
        {.name = "network", .value = "NAME", .help = "a libvirt network, or 'user' (user)"}, POLICY_OPTION,  \
        POOL_LIMITS_OPTIONS,                                                                                 \
        {.name = "balance",                                                                                  \
         .value = "ORDER",                                                                                   \
         .words = WORDS_CHOICE,                                                                              \
         .choices = "breadth,depth",                                                                         \
         .help = "static: the next machine is the least full one, or the fullest (breadth)"},                \
        {.name = "trust",                                                                                    \
         .value = "WHICH",                                                                                   \
         .words = WORDS_CHOICE,                                                                              \
         .choices = "first-use,any",                                                                         \
         .help = "static: a first certificate is remembered, or any is taken (first-use)"},                  \
        {.name = "placement",                                                                                \
         .value = "ORDER",                                                                                   \
         .words = WORDS_CHOICE,                                                                              \
         .choices = "spread,pack",                                                                           \
         .help = "spread over hosts, or fill one before the next (spread)"},                                 \
        {.name = "host-labels",                                                                              \
         .value = "TEXT",                                                                                    \
         .help = "labels that a host must have, or not: 'ssd !gpu'"},                                        \
        {.name = "apart",                                                                                    \
         .value = "KEY",                                                                                     \
         .help = "keep desktops even over hosts ('host') or over the values of a label ('rack')"},           \
        {.name = "guest-security",                                                                           \
         .value = "WHICH",                                                                                   \
         .words = WORDS_CHOICE,                                                                              \
         .choices = "auto,tls,nla",                                                                          \
         .help = "what is spoken with its guests: auto (as they choose), tls or nla (auto)"},                \
        {.name = "provision",                                                                                \
         .value = "KIND",                                                                                    \
         .words = WORDS_CHOICE,                                                                              \
         .choices = "instant,linked,full",                                                                   \
         .help = "instant (forked from a golden guest), linked or full (booted; linked)"},                   \
        {.name = "warm",                                                                                     \
         .value = "on|off",                                                                                  \
         .words = WORDS_CHOICE,                                                                              \
         .choices = "on,off",                                                                                \
         .help = "instant clones have a session open before the log-in (off)"},                              \
    {                                                                                                        \
        .name = "credentials", .value = "MODE", .words = WORDS_CHOICE, .choices = "carrel,user,prompt",      \
        .help = "who logs in to the guest: carrel, user or prompt (carrel; static: user)"                    \
    }

static const struct ctl_option create_options[] = {
    {.name = "image",
     .value = "IMAGE",
     .words = WORDS_VERSION,
     .help = "the image that desktops are cloned from; needed unless the pool is static"},
    {.name = "kind",
     .value = "KIND",
     .words = WORDS_CHOICE,
     .choices = "floating,dedicated,static",
     .help = "floating (recycled after log-off), dedicated (kept) or static (machines)"},
    COMMON_OPTIONS,
    {.name = "pattern", .value = "TEXT", .help = "names of the desktops, %d is a number (NAME-%d)"},
    {.name = "disabled", .help = "create it closed: it starts nothing yet"},
    {.name = "wait", .help = "wait until the spare desktops are ready"},
    {.name = "timeout", .value = "TIME", .help = "with --wait: at most so long (10min)"},
    {0},
};
static const struct ctl_option set_options[] = {
    {.name = "image",
     .value = "IMAGE",
     .words = WORDS_VERSION,
     .help = "the image of desktops made from now on"},
    COMMON_OPTIONS,
    {0},
};

#define ONE_POOL .words = "NAME", .min_words = 1, .max_words = 1, .kinds = {WORDS_POOL}

static const struct ctl_command commands[] = {
    {.verb = "list",
     .words = "",
     .help = "list pools",
     .run = list,
     .fields = fields,
     .examples = "carrelctl pool list\ncarrelctl pool list --columns name,ready,lent,waiting"},
    {.verb = "show",
     ONE_POOL,
     .run = show,
     .help = "show a pool; when it failed, why",
     .examples = "carrelctl pool show office"},
    {.verb = "create",
     .words = "NAME",
     .min_words = 1,
     .max_words = 1,
     .options = create_options,
     .run = create,
     .help = "create a pool",
     .details =
         "Its desktops are clones of an image and begin to start at once. Who may use them is said by\n"
         "'carrelctl entitlement add'. A static pool has no image: it is given machines that are there "
         "already\n"
         "by 'carrelctl machine add'.",
     .examples = "carrelctl pool create office --image debian --spare 2 --max 20 --wait\n"
                 "carrelctl pool create cad --image win11 --kind dedicated --vcpus 4 --memory 8GiB\n"
                 "carrelctl pool create hall --kind static --balance depth"},
    {.verb = "set",
     ONE_POOL,
     .options = set_options,
     .run = set,
     .help = "change a pool",
     .details = "Desktops that run stay as they are; new ones get the new values. A policy holds from the\n"
                "next log-in on; KEY=default takes a key back.",
     .examples = "carrelctl pool set office --spare 5 --max 40\n"
                 "carrelctl pool set office --logoff recycle --logoff-after 30min\n"
                 "carrelctl pool set office --memory 2GiB\n"
                 "carrelctl pool set office --description 'Office and mail'\n"
                 "carrelctl pool set office --policy clipboard=to-guest --policy drives=off"},
    {.verb = "delete",
     ONE_POOL,
     .run = delete,
     .help = "delete a pool with its desktops",
     .details = "Refused while sessions live in it.",
     .examples = "carrelctl pool delete office"},
    {.verb = "roll",
     ONE_POOL,
     .options = pool_roll_options,
     .run = pool_roll,
     .help = "replace a pool's desktops by those of another version of its image",
     .details =
         "One desktop of the new version has to become ready first. Then free desktops are replaced, and\n"
         "those in use when their users have logged off. Nothing is replaced twice: a roll goes on where it\n"
         "was after any end of a daemon. Without options it says how far the roll is.",
     .examples = "carrelctl pool roll office --image debian@3\n"
                 "carrelctl pool roll office --image debian@3 --at 22:00 --force-after 2h\n"
                 "carrelctl pool roll office --back"},
    {.verb = "schedule",
     .words = "add|list|remove POOL [NUMBER]",
     .min_words = 2,
     .max_words = 3,
     .kinds = {WORDS_RULES, WORDS_POOL},
     .options = pool_rule_options,
     .fields = pool_rule_fields,
     .run = pool_schedule,
     .help = "how many desktops stand ready on which days and at which hours",
     .details = "A rule holds on its days between two times, on the clocks of the pool's zone ('pool power "
                "--zone');\n"
                "one that ends at or before its beginning goes on behind midnight. Where rules overlap the "
                "one that\n"
                "says most counts; outside of them the pool's --spare, or what 'pool power --mode' says.",
     .examples = "carrelctl pool schedule add office --days mon-fri --from 07:30 --to 18:00 --spare 20\n"
                 "carrelctl pool schedule add office --days sat,sun --from 00:00 --to 24:00 --mode off\n"
                 "carrelctl pool schedule list office\n"
                 "carrelctl pool schedule remove office 2"},
    {.verb = "power",
     ONE_POOL,
     .options = pool_power_options,
     .run = pool_power,
     .help = "when a pool's desktops run, and what becomes of those whose users are away",
     .details =
         "Without options it says what holds and why. Dedicated desktops whose users are logged off or\n"
         "disconnected can be shut down, or suspended with all that is open on them; the next log-in wakes\n"
         "them.",
     .examples = "carrelctl pool power office --zone Europe/Berlin --autoscale on\n"
                 "carrelctl pool power office --mode off\n"
                 "carrelctl pool power cad --idle suspend --idle-after 30min"},
    {.verb = "retry",
     ONE_POOL,
     .run = retry,
     .help = "let a pool that stopped after failures try again",
     .examples = "carrelctl pool retry office"},
    {.verb = "enable",
     ONE_POOL,
     .run = enable,
     .help = "open a pool",
     .examples = "carrelctl pool enable office"},
    {.verb = "disable",
     ONE_POOL,
     .run = disable,
     .help = "close a pool: no log-in and no new desktop",
     .examples = "carrelctl pool disable office"},
    {0},
};

const struct ctl_noun ctl_pool = {
    .name = "pool",
    .help = "desktops of one kind, kept ready",
    .details =
        "A pool keeps some desktops ready that are clones of one image. A floating desktop is thrown away\n"
        "after its user logged off; a dedicated one stays its user's. A static pool has machines instead, "
        "which\n"
        "Carrel neither makes nor cleans.",
    .commands = commands,
};
