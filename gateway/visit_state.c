#include "visit_state.h"

#include <stddef.h>

#include "config.h"

#define BIT(state) (1u << VISIT_##state)
#define DEADLINE(key) (offsetof(struct config, gateway_##key##_ms))
#define NO_DEADLINE SIZE_MAX

/* A relaying session has no deadline: TCP keep-alive and the user timeout find dead peers. */
static const struct {
    const char *name;
    size_t deadline; /* where in struct config */
    enum fail timeout;
    unsigned next; /* a set of BIT() */
} states[VISIT_STATE_COUNT] = {
    [VISIT_PREAMBLE] = {"preamble", DEADLINE(preamble_timeout), FAIL_CLIENT_TIMEOUT, BIT(TLS) | BIT(CLOSING)},
    [VISIT_TLS] = {"tls", DEADLINE(tls_timeout), FAIL_CLIENT_TIMEOUT, BIT(NLA) | BIT(MCS) | BIT(CLOSING)},
    [VISIT_NLA] = {"nla", DEADLINE(login_timeout), FAIL_CLIENT_TIMEOUT, BIT(MCS) | BIT(CLOSING)},
    [VISIT_MCS] = {"mcs", DEADLINE(login_timeout), FAIL_CLIENT_TIMEOUT,
                   BIT(FORM) | BIT(LOGIN) | BIT(CLOSING)},
    [VISIT_FORM] = {"form", DEADLINE(lobby_wait), FAIL_CLIENT_TIMEOUT, BIT(LOGIN) | BIT(CLOSING)},
    /* Less where the broker's question lapses earlier. */
    [VISIT_QUESTION] = {"question", DEADLINE(lobby_wait), FAIL_CLIENT_TIMEOUT,
                        BIT(LOGIN) | BIT(NOTICE) | BIT(CLOSING)},
    [VISIT_LOGIN] = {"login", DEADLINE(broker_timeout), FAIL_BROKER_UNREACHABLE,
                     BIT(FORM) | BIT(QUESTION) | BIT(WAITING) | BIT(LOBBY) | BIT(NOTICE) | BIT(DIALLING) |
                         BIT(CLOSING)},
    [VISIT_WAITING] = {"waiting", DEADLINE(desktop_wait), FAIL_DESKTOP_STARTING,
                       BIT(LOBBY) | BIT(DIALLING) | BIT(CLOSING)},
    [VISIT_LOBBY] = {"lobby", DEADLINE(lobby_wait), FAIL_DESKTOP_STARTING,
                     BIT(NOTICE) | BIT(DIALLING) | BIT(CLOSING)},
    [VISIT_NOTICE] = {"notice", DEADLINE(lobby_wait), FAIL_CLIENT_TIMEOUT, BIT(CLOSING)},
    [VISIT_DIALLING] = {"dialling", DEADLINE(dial_timeout), FAIL_GUEST_UNREACHABLE,
                        BIT(RELAYING) | BIT(CLOSING)},
    [VISIT_RELAYING] = {"relaying", NO_DEADLINE, FAIL_NONE, BIT(CLOSING)},
    [VISIT_CLOSING] = {"closing", DEADLINE(close_timeout), FAIL_NONE, BIT(GONE)},
    [VISIT_GONE] = {"gone", NO_DEADLINE, FAIL_NONE, 0},
};

const char *visit_state_name(enum visit_state state)
{
    return (unsigned)state < VISIT_STATE_COUNT ? states[state].name : "unknown";
}

bool visit_state_may_follow(enum visit_state from, enum visit_state to)
{
    if ((unsigned)from >= VISIT_STATE_COUNT || (unsigned)to >= VISIT_STATE_COUNT)
        return false;
    return (states[from].next & 1u << to) != 0;
}

uint64_t visit_state_deadline_ms(enum visit_state state, const struct config *config)
{
    if ((unsigned)state >= VISIT_STATE_COUNT || states[state].deadline == NO_DEADLINE)
        return 0;
    uint64_t ms = *(const uint64_t *)(const void *)((const char *)config + states[state].deadline);
    return ms ? ms : 1; /* a zero in the configuration must not mean "for ever" */
}

enum fail visit_state_timeout(enum visit_state state)
{
    return (unsigned)state < VISIT_STATE_COUNT ? states[state].timeout : FAIL_INTERNAL;
}
