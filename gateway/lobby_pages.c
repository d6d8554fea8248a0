#include "lobby_pages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "log.h"
#include "login.h"
#include "worker.h"

enum { PERCENT_MAX = 100 };

static const enum lobby_page question_pages[QUESTION_ASK_COUNT] = {[QUESTION_CODE] = LOBBY_PAGE_CODE,
                                                                   [QUESTION_NEW_PASSWORD] =
                                                                       LOBBY_PAGE_NEW_PASSWORD,
                                                                   [QUESTION_POOL] = LOBBY_PAGE_POOL};

static struct lobby_show *begin(struct session *s, enum lobby_page page, const char *text)
{
    struct lobby_show *shown = &s->lobby->shown;
    shown->page = page;
    shown->percent = shown->seconds = shown->pool_count = 0;
    shown->bad = false;
    snprintf(shown->text, sizeof shown->text, "%s", text);
    return shown;
}

void lobby_page_login(struct session *s, const char *wrong)
{
    struct lobby_show *shown = begin(s, LOBBY_PAGE_LOGIN, wrong ? wrong : "");
    shown->bad = wrong != NULL;
    if (strlen(s->login->user) < sizeof shown->user)
        strcpy(shown->user, s->login->user);
}

void lobby_page_question(struct session *s, const struct question *question)
{
    struct lobby_show *shown = begin(s, question_pages[question->ask], question->text);
    shown->bad = question->bad;
    shown->pool_count = question->pool_count;
    memcpy(shown->pools, question->pools, question->pool_count * sizeof question->pools[0]);
}

void lobby_page_moment(struct session *s, const char *text)
{
    begin(s, LOBBY_PAGE_WAIT, text);
}

void lobby_page_starting(struct session *s, const struct ticket *ticket)
{
    struct lobby_visit *lobby = s->lobby;
    uint64_t now_ms = uv_now(&s->worker->loop);
    struct lobby_show *shown = begin(s, LOBBY_PAGE_WAIT, "Your desktop is starting.");
    if (ticket->host_away)
        snprintf(shown->text, sizeof shown->text, "%s", fail_sentence(FAIL_HOST_AWAITED));
    else if (ticket->place > 1)
        snprintf(shown->text, sizeof shown->text, "Your desktop is starting. Your place in the queue is %u.",
                 ticket->place);
    wait_estimate_note(&lobby->estimate, ticket->percent, now_ms);
    shown->percent = ticket->percent <= PERCENT_MAX ? ticket->percent : PERCENT_MAX;
    shown->seconds = wait_estimate_left_s(&lobby->estimate, now_ms);
}

void lobby_page_notice(struct session *s, const char *text)
{
    begin(s, LOBBY_PAGE_NOTICE, text);
}

void lobby_say(struct session *s)
{
    char bytes[LOBBY_MESSAGE_MAX_BYTES];
    size_t len;
    struct lobby_visit *lobby = s->lobby;
    snprintf(lobby->shown.session, sizeof lobby->shown.session, "%s", s->registered.session);
    if (lobby_show_write(&lobby->shown, bytes, &len))
        session_fail(s, FAIL_INTERNAL, "what the lobby is to show cannot be written");
    else if (send(lobby->control_fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len)
        log_debug("The lobby was not told what to show. connection=%u error=%s", s->number, strerror(errno));
}
