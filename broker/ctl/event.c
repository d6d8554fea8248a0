/* carrelctl event */
#include <string.h>

#include "api.h"
#include "args.h"
#include "command.h"
#include "format.h"
#include "table.h"

#define EVENTS_USUAL 50
#define FOLLOW_RETRY_MS 1000

static const struct field fields[] = {
    {.name = "number", .key = "number", .place = FIELD_HIDDEN | FIELD_RIGHT},
    {.name = "at", .key = "at", .kind = FIELD_TIME},
    {.name = "kind", .key = "kind"},
    {.name = "text", .key = "text", .place = FIELD_CUT},
    {.name = "user", .key = "user", .place = FIELD_HIDDEN},
    {.name = "pool", .key = "pool", .place = FIELD_HIDDEN},
    {.name = "desktop", .key = "desktop", .place = FIELD_HIDDEN},
    {.name = "session", .key = "session", .place = FIELD_HIDDEN},
    {0},
};

static int list(struct ctl *ctl)
{
    long limit = EVENTS_USUAL, after = -1;
    int rc = args_number(ctl, "limit", 1, 1000, &limit);
    if (!rc)
        rc = args_number(ctl, "after", 0, __LONG_MAX__, &after);
    if (rc)
        return rc;
    char path[120], behind[40] = "";
    if (after >= 0)
        snprintf(behind, sizeof behind, "&after=%ld", after);
    snprintf(path, sizeof path, "/v1/events?limit=%ld%s", limit, behind);
    return table_list_path(ctl, path, fields, "Nothing has happened yet.");
}

struct following {
    struct ctl *ctl;
    const char *kind; /* only kinds that begin with it; NULL: all */
    long left;        /* events until the end; 0: no end */
    long long last;   /* the newest number seen */
    bool json;
    bool over;
};

static void print_event(struct ctl *ctl, bool json, const json_t *event)
{
    if (json) {
        json_dumpf(event, ctl->out, JSON_COMPACT);
        fputc('\n', ctl->out);
        return;
    }
    char at[FORMAT_SIZE] = "-", text[FIELD_TEXT_SIZE], kind[64];
    int64_t at_s;
    if (format_parse_time(api_text(event, "at"), &at_s))
        format_local_time(at, sizeof at, at_s);
    fprintf(ctl->out, "%s  %-20s  %s\n", at, format_clean(kind, sizeof kind, api_text(event, "kind")),
            format_clean(text, sizeof text, api_text(event, "text")));
}

static bool on_event(void *arg, const json_t *event)
{
    struct following *f = arg;
    long long number = api_number(event, "number");
    f->ctl->silent = false; /* the broker is back */
    if (number > f->last)
        f->last = number;
    if (f->kind && strncmp(api_text(event, "kind"), f->kind, strlen(f->kind)) != 0)
        return true;
    print_event(f->ctl, f->json, event);
    /* Whoever reads the other end of a pipe has gone when this fails. */
    if (fflush(f->ctl->out))
        f->over = true;
    if (f->left && --f->left == 0)
        f->over = true;
    return !f->over;
}

/* The newest number, so that nothing is lost between now and the stream's beginning. */
static int find_last(struct ctl *ctl, long long *ret)
{
    CLEANUP_JSON json_t *answer = NULL;
    int rc = api_call(ctl, "GET", "/v1/events?limit=1", NULL, &answer);
    if (rc)
        return rc;
    const json_t *items = json_object_get(answer, "items");
    *ret = api_number(json_array_get(items, json_array_size(items) - 1), "number");
    return CTL_OK;
}

static int follow(struct ctl *ctl)
{
    struct following f = {.ctl = ctl, .kind = args_value(ctl, "kind"), .last = -1};
    long after = -1;
    int rc = args_number(ctl, "count", 1, 1000000, &f.left);
    if (!rc)
        rc = args_number(ctl, "after", 0, __LONG_MAX__, &after);
    f.last = after;
    if (!rc && after < 0)
        rc = find_last(ctl, &f.last);
    if (rc)
        return rc;
    /* From here the output is a stream of events; what goes wrong is told on the error stream only. */
    f.json = ctl->json;
    ctl->json = false;
    bool was_there = after < 0;
    for (;;) {
        char path[80];
        snprintf(path, sizeof path, "/v1/events?follow=1&after=%lld", f.last);
        rc = api_follow(ctl, path, on_event, &f);
        was_there |= !rc || f.last != after;
        if (f.over || (rc && (rc != CTL_UNREACHABLE || !was_there)))
            break;
        /* A broker that restarts ends the stream; it goes on behind the last event that was shown. */
        if (!rc)
            ctl_complain(ctl, "the broker ended the stream; waiting for it");
        ctl->silent = true;
        if (api_pause(ctl, FOLLOW_RETRY_MS))
            break;
    }
    return rc;
}

static const struct ctl_option list_options[] = {
    {.name = "after", .value = "N", .help = "those behind event number N, instead of the newest"},
    {.name = "limit", .value = "N", .help = "at most so many (50)"},
    {0},
};
static const struct ctl_option follow_options[] = {
    {.name = "after", .value = "N", .help = "begin behind event number N, instead of now"},
    {.name = "kind", .value = "PREFIX", .help = "only kinds that begin so: session, desktop.failed, login"},
    {.name = "count", .value = "N", .help = "end after so many"},
    {0},
};

static const struct ctl_command commands[] = {
    {.verb = "list",
     .words = "",
     .options = list_options,
     .help = "list what happened last",
     .run = list,
     .fields = fields,
     .examples = "carrelctl event list\ncarrelctl event list --limit 200 --columns at,kind,user,text"},
    {.verb = "follow",
     .words = "",
     .options = follow_options,
     .help = "print what happens, as it happens",
     .run = follow,
     .details = "Goes on when the broker restarts. With --json one event a line.",
     .examples = "carrelctl event follow\ncarrelctl event follow --kind login.\n"
                 "carrelctl event follow --json | jq --unbuffered -r .text"},
    {0},
};

const struct ctl_noun ctl_event = {
    .name = "event",
    .help = "what happened: log-ins, sessions, desktops, failures",
    .commands = commands,
};
