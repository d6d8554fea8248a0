#include "session_state.h"

#include <stddef.h>

#include "config.h"

#define BIT(state) (1u << SESSION_##state)
#define DEADLINE(key) (offsetof(struct config, gateway_##key##_ms))
#define NO_DEADLINE SIZE_MAX

/* A relaying session has no deadline: TCP keep-alive and the user timeout find dead peers. */
static const struct {
    const char *name;
    size_t deadline; /* where in struct config */
    enum fail timeout;
    unsigned next; /* a set of BIT() */
} states[SESSION_STATE_COUNT] = {
    [SESSION_PREAMBLE] = {"preamble", DEADLINE(preamble_timeout), FAIL_CLIENT_TIMEOUT,
                          BIT(TLS) | BIT(CLOSING)},
    [SESSION_TLS] = {"tls", DEADLINE(tls_timeout), FAIL_CLIENT_TIMEOUT, BIT(MCS) | BIT(CLOSING)},
    [SESSION_MCS] = {"mcs", DEADLINE(login_timeout), FAIL_CLIENT_TIMEOUT, BIT(LOGIN) | BIT(CLOSING)},
    [SESSION_LOGIN] = {"login", DEADLINE(broker_timeout), FAIL_BROKER_UNREACHABLE,
                       BIT(WAITING) | BIT(DIALLING) | BIT(CLOSING)},
    [SESSION_WAITING] = {"waiting", DEADLINE(desktop_wait), FAIL_DESKTOP_STARTING,
                         BIT(DIALLING) | BIT(CLOSING)},
    [SESSION_DIALLING] = {"dialling", DEADLINE(dial_timeout), FAIL_GUEST_UNREACHABLE,
                          BIT(RELAYING) | BIT(CLOSING)},
    [SESSION_RELAYING] = {"relaying", NO_DEADLINE, FAIL_NONE, BIT(CLOSING)},
    [SESSION_CLOSING] = {"closing", DEADLINE(close_timeout), FAIL_NONE, BIT(GONE)},
    [SESSION_GONE] = {"gone", NO_DEADLINE, FAIL_NONE, 0},
};

const char *session_state_name(enum session_state state)
{
    return (unsigned)state < SESSION_STATE_COUNT ? states[state].name : "unknown";
}

bool session_state_may_follow(enum session_state from, enum session_state to)
{
    if ((unsigned)from >= SESSION_STATE_COUNT || (unsigned)to >= SESSION_STATE_COUNT)
        return false;
    return (states[from].next & 1u << to) != 0;
}

uint64_t session_state_deadline_ms(enum session_state state, const struct config *config)
{
    if ((unsigned)state >= SESSION_STATE_COUNT || states[state].deadline == NO_DEADLINE)
        return 0;
    uint64_t ms = *(const uint64_t *)(const void *)((const char *)config + states[state].deadline);
    return ms ? ms : 1; /* a zero in the configuration must not mean "for ever" */
}

enum fail session_state_timeout(enum session_state state)
{
    return (unsigned)state < SESSION_STATE_COUNT ? states[state].timeout : FAIL_INTERNAL;
}
