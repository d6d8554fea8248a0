/* The conversation with the guest that the broker named: TCP to the ticket's address and to no other, X.224,
 * TLS with the certificate compared, the client's own GCC blocks replayed, channels joined, Client Info with
 * the guest's credentials. Then the relay begins. On the session's thread.
 */
#ifndef CARREL_GATEWAY_BACK_H
#define CARREL_GATEWAY_BACK_H

struct session;

/* Needs login->ticket. Leads to VISIT_RELAYING or to the session's end. */
void back_dial(struct session *s);

#endif
