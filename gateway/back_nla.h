/* NLA with a guest: what is offered to it, and CredSSP between TLS and MCS where it insists (credssp_back.c has the
 * protocol, back.c the order of things). On the session's thread.
 */
#ifndef CARREL_GATEWAY_BACK_NLA_H
#define CARREL_GATEWAY_BACK_NLA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;
struct ticket;

/* A set of enum rdp_protocol for the first request. */
uint32_t back_nla_offer(const struct ticket *ticket);
/* Whether the guest may choose PROTOCOL, by what was offered and by its pool. */
bool back_nla_may_choose(const struct ticket *ticket, uint32_t protocol);

/* TLS is up and the guest's certificate is the right one. */
void back_nla_begin(struct session *s);
/* One whole TSRequest of the guest. True: the guest has the credentials, MCS follows. */
bool back_nla_heard(struct session *s, const uint8_t *bytes, size_t len);

#endif
