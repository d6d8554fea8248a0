/* A session's policy in its life: from the ticket to the guest's settings and the relay's filter, the filter's
 * own answers and news, and the limit of time without input. On the session's thread.
 */
#ifndef CARREL_GATEWAY_SESSION_POLICY_H
#define CARREL_GATEWAY_SESSION_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "gcc_client.h"

struct session;

/* In struct session; the filter itself stands in its relay_facts. */
struct session_policy {
    uint32_t told;          /* of the filter's denials: what the broker knows */
    uint64_t idle_limit_ms; /* 0: none */
    uint32_t inputs;        /* the relay's counter when input was last seen */
    uint64_t input_ms;
};

/* The ticket is there: adds to RULES what the guest is told of the client's settings. False: the session is
 * over. */
bool session_policy_dial(struct session *s, struct gcc_guest_rules *rules);

/* The relay begins: the ids are known and nothing was relayed yet. */
void session_policy_begin(struct session *s);

/* What was denied so far, for a report; "" for nothing. */
void session_policy_denied(const struct session *s, char *ret, size_t size);

/* After bytes went through the relay: lets the filter's answers leave, tells the broker what is new. Returns
 * whether there are bytes of it to be flushed. */
bool session_policy_news(struct session *s);

/* How long until somebody must look for input again; 0: never. */
uint64_t session_policy_tick_ms(const struct session *s);
void session_policy_tick(struct session *s);

#endif
