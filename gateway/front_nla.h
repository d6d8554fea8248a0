/* NLA with a client (MS-RDPBCGR 5.4.2.2): CredSSP between TLS and MCS. The gateway only frames the messages; the
 * broker ends them (design: hashes never leave it) and says who it is. On the session's thread.
 */
#ifndef CARREL_GATEWAY_FRONT_NLA_H
#define CARREL_GATEWAY_FRONT_NLA_H

#include <stdbool.h>
#include <stdint.h>

struct session;

/* What a client that offers PROTOCOLS (enum rdp_protocol) is given: one of them, or RDP_PROTOCOL_RDP where it has
 * to be refused. */
uint32_t front_nla_choose(const struct session *s, uint32_t protocols);

/* Whether NLA is what this gateway insists on. */
bool front_nla_is_required(const struct session *s);

/* The client can be read, or has left. */
void front_nla(struct session *s);

/* Whether the broker's answer is awaited: nothing is read then. */
bool front_nla_waits(const struct session *s);

#endif
