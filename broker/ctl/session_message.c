#include "session_message.h"

#include <string.h>

#include "api.h"
#include "args.h"

const struct ctl_option session_message_options[] = {
    {.name = "pool",
     .value = "POOL",
     .words = WORDS_POOL,
     .help = "to all sessions of this pool that have a client"},
    {.name = "all", .help = "to all sessions that have a client"},
    {.name = "for", .value = "TIME", .help = "show it so long (15s)"},
    {0},
};

/* As the broker has it. It is said here too, because nobody is asked where no session has a client. */
#define SHOW_MIN_S 3
#define SHOW_MAX_S 600
#define TEXT_MAX_BYTES 500

struct message {
    const char *text;
    uint64_t show_s; /* 0: as the broker thinks best */
    unsigned sent, failed;
    int rc; /* of the last that failed */
    json_t *answers;
};

static void message_one(struct ctl *ctl, struct message *m, const char *id)
{
    CLEANUP_JSON json_t *answer = NULL;
    CLEANUP_TEXT char *path = api_path("/v1/sessions/%s/message", id);
    json_t *body = json_pack("{s:s}", "text", m->text);
    if (body && m->show_s)
        json_object_set_new(body, "seconds", json_integer((json_int_t)m->show_s));
    int rc = api_call(ctl, "POST", path, body, &answer);
    if (rc) {
        m->failed++;
        m->rc = rc;
        return;
    }
    m->sent++;
    json_array_append(m->answers, answer);
}

/* The sessions that have a client at the moment. */
static int message_listed(struct ctl *ctl, struct message *m)
{
    CLEANUP_JSON json_t *list = NULL;
    const char *pool = args_value(ctl, "pool");
    CLEANUP_TEXT char *path =
        pool ? api_path("/v1/sessions?state=active&pool=%s", pool) : api_path("/v1/sessions?state=active");
    int rc = api_call(ctl, "GET", path, NULL, &list);
    size_t i;
    json_t *session;
    if (rc)
        return rc;
    json_array_foreach(json_object_get(list, "items"), i, session)
        message_one(ctl, m, api_text(session, "id"));
    return CTL_OK;
}

int session_message(struct ctl *ctl)
{
    const unsigned words = ctl->args->word_count;
    const bool listed = args_given(ctl, "all") || args_given(ctl, "pool");
    CLEANUP_JSON json_t *answers = json_array();
    struct message m = {.text = args_word(ctl, words - 1), .answers = answers};
    if (args_given(ctl, "all") && args_given(ctl, "pool"))
        return ctl_fail(ctl, CTL_USAGE, "--all and --pool exclude one another");
    if (listed && words != 1)
        return ctl_fail(ctl, CTL_USAGE, "with --all or --pool there is the text only; is it in quotes?");
    if (!listed && words < 2)
        return ctl_fail(ctl, CTL_USAGE,
                        "session message needs SESSION and TEXT; see 'carrelctl help session message'");
    int rc = args_seconds(ctl, "for", &m.show_s);
    if (!rc && m.show_s && (m.show_s < SHOW_MIN_S || m.show_s > SHOW_MAX_S))
        return ctl_fail(ctl, CTL_USAGE, "--for is between %ds and %dmin, not '%s'", SHOW_MIN_S,
                        SHOW_MAX_S / 60, args_value(ctl, "for"));
    if (!rc && strlen(m.text) > TEXT_MAX_BYTES)
        return ctl_fail(ctl, CTL_USAGE, "the text is longer than %d bytes", TEXT_MAX_BYTES);
    if (!rc && listed)
        rc = message_listed(ctl, &m);
    for (unsigned i = 0; !rc && !listed && i + 1 < words; i++)
        message_one(ctl, &m, args_word(ctl, i));
    if (rc)
        return rc;
    if (ctl->json && m.sent)
        ctl_print_json(ctl, answers);
    else if (!m.sent && !m.failed)
        ctl_say(ctl, "no session has a client at the moment, so nobody is told");
    else if (m.sent)
        ctl_say(ctl, "%u session%s %s told; 'carrelctl event list' shows who has seen it", m.sent,
                m.sent == 1 ? "" : "s", m.sent == 1 ? "is" : "are");
    return m.failed ? m.rc : CTL_OK;
}
