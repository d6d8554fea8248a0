/* The conversation with the guest that the broker named: TCP to the ticket's address and to no other, X.224,
 * TLS with the certificate compared, the client's own GCC blocks replayed, channels joined, Client Info with
 * the guest's credentials. Then the relay begins. On the session's thread.
 */
#ifndef CARREL_GATEWAY_BACK_H
#define CARREL_GATEWAY_BACK_H

#include <stdbool.h>

struct session;

/* Needs login->ticket. Leads to VISIT_RELAYING or to the session's end. */
void back_dial(struct session *s);

/* The same conversation with the lobby, whose stream session->back has already: without TLS. */
void back_dial_lobby(struct session *s);

/* Bytes of IN that a peer sent early belong to the relay, which goes on with them in DIR. False: the session is
 * over. */
struct relay_dir;
struct login_input;
bool back_carry_over(struct session *s, struct relay_dir *dir, const struct login_input *in);

#endif
