/* The lobby in a session: a second back end that shows pictures while the guest is not there yet. It is dialled
 * like a guest, by back.c, and then put aside, so that the guest can be dialled while the client still looks
 * at it. When the guest's Demand Active is in hand, the client gets Deactivate All and the guest takes its
 * place in the stream.
 *
 *     client <--- relay ---> lobby          client <-------- relay --------> guest
 *                     (dialling) guest  ->
 *
 * On the session's thread. Owned by the session, NULL where no lobby is shown.
 */
#ifndef CARREL_GATEWAY_LOBBY_VISIT_H
#define CARREL_GATEWAY_LOBBY_VISIT_H

#include "lobby/lobby_message.h"
#include "question.h"
#include "session.h"
#include "ticket.h"
#include "wait_estimate.h"

struct lobby_visit {
    struct endpoint end; /* the RDP stream, without TLS; fd -1 while it is still session->back */
    struct relay_dir to_lobby;
    bool up;         /* the sequence with the lobby is over, the client sees it */
    bool stranger;   /* it counts as one whom nobody knows yet, see lobby_link_enter() */
    bool ready;      /* a ticket waits until the client's session with the lobby is active */
    enum fail fault; /* what the notice says, to be the session's end */
    uv_poll_t *control;
    int control_fd;
    struct wait_estimate estimate;
    struct lobby_show shown; /* the newest picture; said when the lobby is up, and after each change */
};

/* Whether this client could be asked something: it sees the lobby, or could be shown it. */
bool lobby_can_ask(const struct session *s);

/* Shows the lobby in STATE, VISIT_FORM or VISIT_LOBBY. False: there is none to be had, all is as before. */
bool lobby_begin(struct session *s, enum visit_state state);

/* Whether session->back is a lobby at the moment, not a guest. */
static inline bool lobby_is_dialling(const struct session *s)
{
    return s->lobby && !s->lobby->up;
}

/* Whether client and lobby are relayed. */
static inline bool lobby_is_up(const struct session *s)
{
    return s->lobby && s->lobby->up && !session_is_over(s);
}

/* The lobby's first PDU behind the connection sequence is there: the relay between it and the client begins.
 */
void lobby_up(struct session *s);

/* The broker said something: progress, a ticket (from then on the guest is dialled as soon as that is
 * possible), or a refusal. False: the session has to see to it, no lobby is shown. */
bool lobby_progress(struct session *s, const struct ticket *ticket);
bool lobby_ticket(struct session *s);
bool lobby_refused(struct session *s, enum fail fail, const char *detail);

/* The broker asks the person at the client, whose password it knows to be right. False: there is no lobby. */
bool lobby_question(struct session *s, const struct question *question);

/* What an administrator says: on top of what is shown from here on; "" takes it away. */
void lobby_message(struct session *s, const char *text);

/* Something came from the lobby to the client. */
void lobby_heard(struct session *s);

/* The guest's Demand Active is in hand: says Deactivate All and lets the lobby go. */
void lobby_leave(struct session *s);

/* The deadline of a state in which the lobby is shown. True: it was seen to. */
bool lobby_deadline(struct session *s);

/* At the session's end. */
void lobby_close(struct session *s);

#endif
