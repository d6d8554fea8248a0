/* What the gateway has the lobby show: each function makes a page the newest one, lobby_say() sends it. On the
 * session's thread.
 */
#ifndef CARREL_GATEWAY_LOBBY_PAGES_H
#define CARREL_GATEWAY_LOBBY_PAGES_H

#include "lobby_visit.h"
#include "question.h"

/* WRONG: a sentence about the last try; NULL: there was none. */
void lobby_page_login(struct session *s, const char *wrong);
void lobby_page_question(struct session *s, const struct question *question);
/* Something is done that takes a moment. */
void lobby_page_moment(struct session *s, const char *text);
void lobby_page_starting(struct session *s, const struct ticket *ticket);
void lobby_page_notice(struct session *s, const char *text);

/* Before the lobby is up it cannot be shown, and is said again then. */
void lobby_say(struct session *s);

#endif
