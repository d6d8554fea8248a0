#include "pool_roll.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "act.h"
#include "api.h"
#include "args.h"
#include "table.h"

const struct ctl_option pool_roll_options[] = {
    {.name = "image",
     .value = "NAME@N",
     .words = WORDS_VERSION,
     .help = "to this version (or NAME: its newest)"},
    {.name = "max-unavailable",
     .value = "PERCENT",
     .help = "of the spare desktops, so many may be missing (25%)"},
    {.name = "at", .value = "TIME", .help = "not before: 22:00, '2025-03-01 22:00', or 2025-03-01T21:00:00Z"},
    {.name = "wait-logoff", .help = "users keep their desktop until they log off (usual)"},
    {.name = "force-after",
     .value = "TIME",
     .help = "log them off so long after the first new desktop stood"},
    {.name = "failures", .value = "N", .help = "so many failed new desktops stop it (3)"},
    {.name = "discard", .help = "dedicated: what users changed on their desktops may be lost"},
    {.name = "status", .help = "say how far it is (so does 'pool roll NAME' alone)"},
    {.name = "pause", .help = "replace nothing for now"},
    {.name = "resume", .help = "go on; after failures, with one desktop first"},
    {.name = "back", .help = "go back to the version that the pool had before"},
    {0},
};

/* --- how far it is ---------------------------------------------------------------------------------------
 */

static void put_phase(const json_t *roll, char *text, size_t size)
{
    static const char *const words[][2] = {
        {"scheduled", "scheduled"},
        {"canary", "canary (one desktop of the new version goes ahead)"},
        {"rolling", "rolling (the others follow)"},
        {"stopped", "stopped after failures (the pool has its former image)"},
        {"done", "done"},
    };
    const char *phase = api_text(roll, "phase");
    const char *paused = api_flag(roll, "paused") ? "paused, " : "";
    snprintf(text, size, "%s%s", paused, phase);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!strcmp(words[i][0], phase))
            snprintf(text, size, "%s%s", paused, words[i][1]);
    }
}

static void put_renewed(const json_t *roll, char *text, size_t size)
{
    snprintf(text, size, "%lld of %lld desktops", api_number(roll, "renewed"), api_number(roll, "desktops"));
}

static void put_failures(const json_t *roll, char *text, size_t size)
{
    snprintf(text, size, "%lld (%lld stop it)", api_number(roll, "failures"),
             api_number(roll, "failure_limit"));
}

static void put_force(const json_t *roll, char *text, size_t size)
{
    long long force_s = api_number(roll, "force_after_s");
    if (force_s)
        snprintf(text, size, "%lld min after the first new desktop stood%s", force_s / 60,
                 api_flag(roll, "warned") ? ", announced" : "");
    else
        snprintf(text, size, "never");
}

static void put_unavailable(const json_t *roll, char *text, size_t size)
{
    snprintf(text, size, "%lld %%", api_number(roll, "max_unavailable"));
}

static const struct field fields[] = {
    {.name = "pool", .key = "pool"},
    {.name = "from", .key = "from"},
    {.name = "to", .key = "to"},
    {.name = "phase", .key = "", .text = put_phase},
    {.name = "reason", .key = "reason"},
    {.name = "renewed", .key = "", .text = put_renewed},
    {.name = "old-in-use", .title = "Users on the old version", .key = "old_in_use"},
    {.name = "failures", .key = "", .text = put_failures},
    {.name = "max-unavailable", .title = "May be missing", .key = "", .text = put_unavailable},
    {.name = "at", .title = "Not before", .key = "at", .kind = FIELD_TIME},
    {.name = "force", .title = "Users are logged off", .key = "", .text = put_force},
    {.name = "begun", .title = "Ordered", .key = "begun", .kind = FIELD_TIME},
    {.name = "changed", .key = "changed", .kind = FIELD_TIME},
    {0},
};

void pool_roll_put(const json_t *pool, char *text, size_t size)
{
    const json_t *roll = json_object_get(pool, "roll");
    char phase[128];
    text[0] = '\0';
    if (!json_is_object(roll))
        return;
    put_phase(roll, phase, sizeof phase);
    const char *reason = api_text(roll, "reason");
    snprintf(text, size, "to %s: %s; %lld of %lld desktops have it, %lld users are on another version%s%s",
             api_text(roll, "to"), phase, api_number(roll, "renewed"), api_number(roll, "desktops"),
             api_number(roll, "old_in_use"), *reason ? "; " : "", reason);
}

/* --- ordering one ----------------------------------------------------------------------------------------
 */

/* A time of this machine's clock: with a date, or the next time that a clock shows it. */
static bool parse_local(const char *text, time_t *ret)
{
    time_t now = time(NULL);
    struct tm tm;
    if (!localtime_r(&now, &tm))
        return false;
    tm.tm_sec = 0;
    tm.tm_isdst = -1;
    struct tm dated = tm;
    const char *rest = strptime(text, "%Y-%m-%d %H:%M", &dated);
    if (rest && !*rest) {
        *ret = mktime(&dated);
        return true;
    }
    rest = strptime(text, "%H:%M", &tm);
    if (!rest || *rest)
        return false;
    *ret = mktime(&tm);
    if (*ret <= now) {
        tm.tm_mday++;
        tm.tm_isdst = -1;
        *ret = mktime(&tm);
    }
    return true;
}

static int set_time(struct ctl *ctl, json_t *body)
{
    const char *text = args_value(ctl, "at");
    char utc[32];
    time_t at;
    struct tm tm;
    if (!text)
        return CTL_OK;
    if (strchr(text, 'T')) {
        json_object_set_new(body, "at", json_string(text));
        return CTL_OK;
    }
    if (!parse_local(text, &at) || !gmtime_r(&at, &tm))
        return ctl_fail(ctl, CTL_USAGE, "--at wants a time such as 22:00 or '2025-03-01 22:00', and not '%s'",
                        text);
    (void)strftime(utc, sizeof utc, "%Y-%m-%dT%H:%M:%SZ", &tm);
    json_object_set_new(body, "at", json_string(utc));
    return CTL_OK;
}

static int set_percent(struct ctl *ctl, json_t *body)
{
    const char *text = args_value(ctl, "max-unavailable");
    if (!text)
        return CTL_OK;
    char *end;
    long percent = strtol(text, &end, 10);
    if (end == text || (*end && strcmp(end, "%") != 0) || percent < 1 || percent > 100)
        return ctl_fail(ctl, CTL_USAGE, "--max-unavailable wants 1%% to 100%%, and not '%s'", text);
    json_object_set_new(body, "max_unavailable", json_integer(percent));
    return CTL_OK;
}

static int begin(struct ctl *ctl, const char *name)
{
    CLEANUP_JSON json_t *body = json_object();
    uint64_t force_s = 0;
    long failures = 0;
    act_set_text(ctl, body, "image", "image");
    if (args_given(ctl, "wait-logoff") && args_given(ctl, "force-after"))
        return ctl_fail(ctl, CTL_USAGE, "--wait-logoff and --force-after exclude each other");
    int rc = set_percent(ctl, body);
    if (!rc)
        rc = set_time(ctl, body);
    if (!rc)
        rc = args_seconds(ctl, "force-after", &force_s);
    if (!rc)
        rc = args_number(ctl, "failures", 1, 1000, &failures);
    if (rc)
        return rc;
    if (force_s)
        json_object_set_new(body, "force_after_s", json_integer((json_int_t)force_s));
    if (failures)
        json_object_set_new(body, "failure_limit", json_integer(failures));
    if (args_given(ctl, "discard"))
        json_object_set_new(body, "discard", json_true());
    return act(ctl, "POST", api_path("/v1/pools/%s/roll", name), json_incref(body),
               "pool %s is rolled to %s; 'carrelctl pool roll %s' says how far it is", name,
               args_value(ctl, "image"), name);
}

static int change(struct ctl *ctl, const char *name, const char *action)
{
    static const char *const said[][2] = {
        {"pause", "the roll of pool %s pauses"},
        {"resume", "the roll of pool %s goes on"},
        {"back", "pool %s goes back to the version that it had before"},
    };
    const char *words = "";
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        words = strcmp(said[i][0], action) ? words : said[i][1];
    char text[200];
    const char *at = strstr(words, "%s");
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - words), words, name, at + 2);
    CLEANUP_JSON json_t *body = json_pack("{s:s}", "action", action);
    if (args_given(ctl, "discard"))
        json_object_set_new(body, "discard", json_true());
    return act(ctl, "PATCH", api_path("/v1/pools/%s/roll", name), json_incref(body), "%s", text);
}

int pool_roll(struct ctl *ctl)
{
    static const char *const actions[] = {"pause", "resume", "back"};
    const char *name = args_word(ctl, 0);
    const char *action = NULL;
    unsigned wishes = args_given(ctl, "image") + args_given(ctl, "status");
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (args_given(ctl, actions[i])) {
            action = actions[i];
            wishes++;
        }
    }
    if (wishes > 1)
        return ctl_fail(ctl, CTL_USAGE, "--image, --status, --pause, --resume and --back exclude each other");
    if (args_given(ctl, "image"))
        return begin(ctl, name);
    static const char *const with_image[] = {"max-unavailable", "at", "wait-logoff", "force-after",
                                             "failures"};
    for (size_t i = 0; i < sizeof with_image / sizeof with_image[0]; i++) {
        if (args_given(ctl, with_image[i]))
            return ctl_fail(ctl, CTL_USAGE, "--%s has a meaning only with --image", with_image[i]);
    }
    if (action && !args_given(ctl, "back") && args_given(ctl, "discard"))
        return ctl_fail(ctl, CTL_USAGE, "--discard has a meaning only with --image and --back");
    if (action)
        return change(ctl, name, action);
    CLEANUP_TEXT char *path = api_path("/v1/pools/%s/roll", name);
    return table_show_path(ctl, path, fields);
}
