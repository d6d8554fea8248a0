/* The balancers that are trusted to say who their clients are (gateway.proxy_networks). A connection from one of
 * them begins with a PROXY protocol header, always: one without it is refused, for a gateway that guessed
 * would believe what anybody behind the balancer writes.
 */
#ifndef CARREL_GATEWAY_PROXIES_H
#define CARREL_GATEWAY_PROXIES_H

#include <stdbool.h>

#include <carrel/error.h>
#include <carrel/policy.h>

struct session;

/* Embedded in the worker. */
struct proxies {
    bool any; /* some are trusted */
    struct policy networks;
};

/* TEXT is a list of networks with commas, as policies have it; "": nobody is trusted. */
int proxies_parse(const char *text, struct proxies *ret, struct error *err) MUST_CHECK;
bool proxies_have(const struct proxies *proxies, const char *address);

/* Takes the header off the session's first bytes; from then on the client's address is the session's. False: more
 * bytes are needed, or the session is over. */
bool proxies_header_take(struct session *s);

#endif
