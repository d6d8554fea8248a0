/* The conversation with the client up to its log-in: X.224, TLS, MCS and GCC, Client Info, the broker's
 * answer; and the words of a refusal. The parsers are pure (x224.h and its neighbours); here is the order of
 * things. On the session's thread.
 */
#ifndef CARREL_GATEWAY_FRONT_H
#define CARREL_GATEWAY_FRONT_H

#include <carrel/fail.h>

struct session;

void front_preamble(struct session *s);
void front_handshake(struct session *s);
void front_mcs(struct session *s);

/* Asks the broker about the user and password that the session holds now. */
void front_login(struct session *s);

/* Queues what tells the client why: as much as the state of the connection allows. */
void front_refuse(struct session *s, enum fail fail);

#endif
