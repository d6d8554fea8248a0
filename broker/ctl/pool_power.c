#include "pool_power.h"

#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "api.h"
#include "args.h"
#include "format.h"
#include "table.h"

#define MODE_CHOICES "spare,always-on,on-connect,off"

const struct ctl_option pool_power_options[] = {
    {.name = "mode",
     .value = "MODE",
     .words = WORDS_CHOICE,
     .choices = MODE_CHOICES,
     .help = "outside of rules: spare (as --spare says), always-on, on-connect or off (spare)"},
    {.name = "zone",
     .value = "ZONE",
     .help = "whose clocks the rules go by: Europe/Berlin; '' for vmpool's own ('')"},
    {.name = "autoscale",
     .value = "on|off",
     .words = WORDS_CHOICE,
     .choices = "on,off",
     .help = "floating: start what was usual in the last weeks before its time (off)"},
    {.name = "idle",
     .value = "WHAT",
     .words = WORDS_CHOICE,
     .choices = "keep,stop,suspend",
     .help = "dedicated, while the user is away: keep it running, stop or suspend it (keep)"},
    {.name = "idle-after", .value = "TIME", .help = "with --idle: away for so long (30min)"},
    {0},
};

const struct ctl_option pool_rule_options[] = {
    {.name = "days", .value = "DAYS", .help = "add: mon-fri, sat,sun or daily"},
    {.name = "from", .value = "HH:MM", .help = "add: it begins to hold"},
    {.name = "to", .value = "HH:MM", .help = "add: it holds no longer; up to 24:00, or on the next day"},
    {.name = "spare", .value = "N", .help = "add: so many stand ready"},
    {.name = "mode",
     .value = "MODE",
     .words = WORDS_CHOICE,
     .choices = MODE_CHOICES,
     .help = "add: instead of --spare: always-on, on-connect or off"},
    {0},
};

/* --- what holds ------------------------------------------------------------------------------------------
 */

static void put_days(const json_t *rule, char *text, size_t size)
{
    snprintf(text, size, "%s", api_text(rule, "days"));
}

static void put_says(const json_t *rule, char *text, size_t size)
{
    const char *mode = api_text(rule, "mode");
    if (!strcmp(mode, "spare"))
        snprintf(text, size, "%lld ready", api_number(rule, "spare"));
    else
        snprintf(text, size, "%s", mode);
}

const struct field pool_rule_fields[] = {
    {.name = "number", .key = "number", .place = FIELD_RIGHT},
    {.name = "days", .key = "", .text = put_days},
    {.name = "from", .key = "from"},
    {.name = "to", .key = "to"},
    {.name = "says", .key = "", .text = put_says},
    {0},
};

void pool_power_put_wanted(const json_t *pool, char *text, size_t size)
{
    const json_t *power = json_object_get(pool, "power");
    int64_t until_s;
    text[0] = '\0';
    if (!json_is_object(power) || !*api_text(power, "why"))
        return;
    int used = snprintf(text, size, "%lld: %s", api_number(power, "wanted"), api_text(power, "why"));
    if (used > 0 && (size_t)used < size && format_parse_time(api_text(power, "until"), &until_s)) {
        char when[FORMAT_SIZE];
        snprintf(text + used, size - (size_t)used, "; until %s",
                 format_local_time(when, sizeof when, until_s));
    }
}

void pool_power_put_mode(const json_t *pool, char *text, size_t size)
{
    const json_t *power = json_object_get(pool, "power");
    const char *zone = api_text(power, "zone");
    text[0] = '\0';
    if (json_is_object(power))
        snprintf(text, size, "%s%s; clocks of %s", api_text(power, "mode"),
                 api_flag(power, "autoscale") ? ", and what is usual is started before its time" : "",
                 *zone ? zone : "vmpool's machine");
}

void pool_power_put_rules(const json_t *pool, char *text, size_t size)
{
    const json_t *rules = json_object_get(json_object_get(pool, "power"), "rules");
    size_t i, used = 0;
    json_t *rule;
    text[0] = '\0';
    json_array_foreach(rules, i, rule)
    {
        char says[64];
        put_says(rule, says, sizeof says);
        int n = snprintf(text + used, size - used, "%s%s %s-%s %s", i ? "; " : "", api_text(rule, "days"),
                         api_text(rule, "from"), api_text(rule, "to"), says);
        used += n > 0 && (size_t)n < size - used ? (size_t)n : 0;
    }
}

void pool_power_put_idle(const json_t *pool, char *text, size_t size)
{
    const json_t *power = json_object_get(pool, "power");
    const char *idle = api_text(power, "idle");
    text[0] = '\0';
    if (json_is_object(power) && strcmp(idle, "keep") != 0)
        snprintf(text, size, "after %lld min their desktops are %s", api_number(power, "idle_after_s") / 60,
                 !strcmp(idle, "stop") ? "shut down" : "suspended");
}

static const struct field power_fields[] = {
    {.name = "wanted", .title = "Stands ready", .key = "", .text = pool_power_put_wanted},
    {.name = "power", .title = "Outside of rules", .key = "", .text = pool_power_put_mode},
    {.name = "rules", .title = "Schedule", .key = "", .text = pool_power_put_rules},
    {.name = "idle", .title = "Users away", .key = "", .text = pool_power_put_idle},
    {0},
};

/* The fields read a pool, of which this is a member. */
static int show_power(struct ctl *ctl, const char *name)
{
    CLEANUP_TEXT char *path = api_path("/v1/pools/%s/power", name);
    CLEANUP_JSON json_t *power = NULL;
    int rc = api_call(ctl, "GET", path, NULL, &power);
    if (rc)
        return rc;
    if (ctl->json) {
        ctl_print_json(ctl, power);
        return CTL_OK;
    }
    CLEANUP_JSON json_t *pool = json_pack("{s:O}", "power", power);
    table_show(ctl, power_fields, pool);
    return CTL_OK;
}

/* --- changes ---------------------------------------------------------------------------------------------
 */

int pool_power(struct ctl *ctl)
{
    const char *name = args_word(ctl, 0);
    CLEANUP_JSON json_t *body = json_object();
    uint64_t after_s = 0;
    act_set_text(ctl, body, "mode", "mode");
    act_set_text(ctl, body, "zone", "zone");
    act_set_text(ctl, body, "idle", "idle");
    int rc = args_seconds(ctl, "idle-after", &after_s);
    if (rc)
        return rc;
    if (args_given(ctl, "idle-after"))
        json_object_set_new(body, "idle_after_s", json_integer((json_int_t)after_s));
    const char *autoscale = args_value(ctl, "autoscale");
    if (autoscale)
        json_object_set_new(body, "autoscale", json_boolean(!strcmp(autoscale, "on")));
    if (!json_object_size(body))
        return show_power(ctl, name);
    return act(ctl, "PATCH", api_path("/v1/pools/%s/power", name), json_incref(body),
               "pool %s changed; 'carrelctl pool power %s' says what holds", name, name);
}

static int add_rule(struct ctl *ctl, const char *name)
{
    static const char *const needed[] = {"days", "from", "to"};
    CLEANUP_JSON json_t *body = json_object();
    long spare = -1;
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (!args_given(ctl, needed[i]))
            return ctl_fail(ctl, CTL_USAGE, "pool schedule add needs --days, --from and --to");
        act_set_text(ctl, body, needed[i], needed[i]);
    }
    const char *mode = args_value(ctl, "mode");
    int rc = args_number(ctl, "spare", 0, 100000, &spare);
    if (rc)
        return rc;
    bool spares = mode && !strcmp(mode, "spare");
    if ((spare < 0) == (!mode || spares) || (spare >= 0 && mode && !spares))
        return ctl_fail(ctl, CTL_USAGE, "pool schedule add needs either --spare N or --mode MODE");
    act_set_text(ctl, body, "mode", "mode");
    if (spare >= 0)
        json_object_set_new(body, "spare", json_integer(spare));
    return act(ctl, "POST", api_path("/v1/pools/%s/schedule", name), json_incref(body),
               "pool %s has one more rule; 'carrelctl pool show %s' says what holds", name, name);
}

int pool_schedule(struct ctl *ctl)
{
    const char *verb = args_word(ctl, 0), *name = args_word(ctl, 1), *number = args_word(ctl, 2);
    bool adds = !strcmp(verb, "add"), removes = !strcmp(verb, "remove");
    if (!adds && !removes && strcmp(verb, "list") != 0)
        return ctl_fail(ctl, CTL_USAGE, "pool schedule wants add, list or remove, and not '%s'", verb);
    for (const struct ctl_option *o = pool_rule_options; !adds && o->name; o++) {
        if (args_given(ctl, o->name))
            return ctl_fail(ctl, CTL_USAGE, "--%s has a meaning only with 'pool schedule add'", o->name);
    }
    if (removes && !number)
        return ctl_fail(ctl, CTL_USAGE,
                        "pool schedule remove needs the number of a rule; 'pool schedule list' has them");
    if (!removes && number)
        return ctl_fail(ctl, CTL_USAGE, "pool schedule %s takes no number", verb);
    if (adds)
        return add_rule(ctl, name);
    if (removes)
        return act(ctl, "DELETE", api_path("/v1/pools/%s/schedule/%s", name, number), NULL,
                   "rule %s of pool %s removed", number, name);
    CLEANUP_TEXT char *path = api_path("/v1/pools/%s/schedule", name);
    return table_list_path(
        ctl, path, pool_rule_fields,
        "The pool has no rules: carrelctl pool schedule add POOL --days mon-fri --from 07:30 "
        "--to 18:00 --spare N");
}
