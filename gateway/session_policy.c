#include "session_policy.h"

#include <carrel/ids.h>

#include "broker_link.h"
#include "gateway.h"
#include "log.h"
#include "login.h"
#include "policy_filter.h"
#include "policy_rules.h"
#include "session.h"
#include "worker.h"

enum {
    IDLE_LOOKS = 10, /* so often within the limit */
    IDLE_LOOK_MIN_MS = 100,
};

bool session_policy_dial(struct session *s, struct gcc_guest_rules *rules)
{
    const struct policy *policy = &s->login->ticket.connect.policy;
    s->policy.idle_limit_ms = (uint64_t)policy_number(policy, POLICY_IDLE_LIMIT) * 1000;
    if (policy_filter_create(&s->facts.filter, policy)) {
        session_fail(s, FAIL_INTERNAL, "no memory for its policy");
        return false;
    }
    if (s->facts.filter)
        policy_filter_gcc(s->facts.filter, &s->login->gcc, rules);
    return true;
}

static void log_denied(const struct session *s, const char *words)
{
    log_info("The policy keeps something from the session. connection=%u session=%s user=%s denied=\"%s\"",
             s->number, s->registered.session, s->user, words);
}

void session_policy_begin(struct session *s)
{
    struct policy_filter *filter = s->facts.filter;
    const struct login *login = s->login;
    s->policy.input_ms = uv_now(&s->worker->loop);
    if (!filter)
        return;
    s->facts.watched = policy_filter_begin(filter, &login->gcc, &s->facts.map, login->answered.channels,
                                           login->guest.channels, login->guest.channel_count);
    s->to_client.reserve = s->to_guest.reserve = FILTER_RESERVE_BYTES;
    s->policy.told = filter->denied; /* with the report that the desktop was reached */
    if (filter->denied) {
        char words[REASON_SIZE];
        session_policy_denied(s, words, sizeof words);
        log_denied(s, words);
    }
}

void session_policy_denied(const struct session *s, char *ret, size_t size)
{
    ret[0] = '\0';
    if (s->facts.filter)
        policy_denials_print(&s->facts.filter->policy, s->facts.filter->denied, ret, size);
}

static void tell_denied(struct session *s)
{
    char words[REASON_SIZE];
    const struct policy_filter *filter = s->facts.filter;
    policy_denials_print(&filter->policy, filter->denied & ~s->policy.told, words, sizeof words);
    log_denied(s, words);
    s->policy.told = filter->denied;
    broker_link_report(s->worker->gateway->link,
                       &(struct broker_report){.session = s->registered.session,
                                               .connection = s->registered.connection,
                                               .noted = true,
                                               .denied = words});
}

/* An answer for which there is no room waits for the next time. */
static bool answers_say(struct session *s, struct relay_dir *dir)
{
    struct policy_filter *filter = s->facts.filter;
    size_t len = filter->answers[dir->direction].len;
    if (!len || relay_insert(dir, &s->worker->pool, filter->answers[dir->direction].bytes, len))
        return false;
    filter->answers[dir->direction].len = 0;
    return true;
}

bool session_policy_news(struct session *s)
{
    if (!s->facts.filter)
        return false;
    if (s->facts.filter->denied != s->policy.told)
        tell_denied(s);
    bool to_client = answers_say(s, &s->to_client), to_guest = answers_say(s, &s->to_guest);
    return to_client || to_guest;
}

uint64_t session_policy_tick_ms(const struct session *s)
{
    uint64_t ms = s->policy.idle_limit_ms / IDLE_LOOKS;
    return ms && ms < IDLE_LOOK_MIN_MS ? IDLE_LOOK_MIN_MS : ms;
}

void session_policy_tick(struct session *s)
{
    uint64_t now_ms = uv_now(&s->worker->loop);
    if (s->policy.inputs != s->facts.inputs) {
        s->policy.inputs = s->facts.inputs;
        s->policy.input_ms = now_ms;
    } else if (now_ms - s->policy.input_ms >= s->policy.idle_limit_ms) {
        session_fail(s, FAIL_IDLE_LIMIT, "no input for %llu s",
                     (unsigned long long)(now_ms - s->policy.input_ms) / 1000);
    }
}
