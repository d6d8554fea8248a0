/* POST /v1/sessions/{id}/message */
#include <stdio.h>
#include <string.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"
#include "message.h"

struct message_input {
    char text[MESSAGE_TEXT_SIZE];
    uint32_t show_s;
};

static int message_job(struct db *db, struct request *r)
{
    const struct message_input *input = r->input;
    struct session_row row;
    char sender[SENDER_SIZE];
    int rc = store_session_get(db, r->params[0], &row);
    if (rc)
        return problem_set_rc(r, db, rc, "There is no session \"%s\".", r->params[0]);
    if (!message_can_be_seen(&row)) {
        problem_set(r, PROBLEM_CONFLICT, "Session %s is %s: nobody would see the message.", row.id,
                    session_state_name(row.state));
        return CE_CONFLICT;
    }
    snprintf(sender, sizeof sender, "the system user with uid %u", (unsigned)r->uid);
    rc = message_order(db, &row, input->text, input->show_s, sender);
    if (!rc)
        rc = audit_admin(db, r, "session.message", row.id, "A message to %s in session %s was ordered",
                         row.user, row.id);
    json_t *answer = json_pack("{s:s, s:s, s:I}", "session", row.id, "user", row.user, "seconds",
                               (json_int_t)input->show_s);
    request_set(r, 202, answer);
    return rc;
}

/* C1 control characters, which stand above U+007F, and what breaks lines or turns the direction of text. */
static bool has_hidden_characters(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
            return true;
        if (p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) /* U+2028 to U+202E */
            return true;
        if (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9) /* U+2066 to U+2069 */
            return true;
    }
    return false;
}

void api_session_message(struct request *r)
{
    struct message_input *input = request_input(r, sizeof *input);
    struct api_reader reader;
    if (!input)
        return;
    input->show_s = MESSAGE_SHOW_S;
    api_reader_init(&reader, r->body, "");
    if (api_reader_text(&reader, "text", API_REQUIRED, input->text, sizeof input->text)) {
        if (!input->text[strspn(input->text, " ")])
            api_reader_refuse(&reader, "The member \"text\" is empty: there is nothing to show.");
        else if (has_hidden_characters(input->text))
            api_reader_refuse(
                &reader,
                "The member \"text\" has control characters, which cannot be shown; it is one paragraph.");
    }
    api_reader_u32(&reader, "seconds", API_OPTIONAL, MESSAGE_SHOW_MIN_S, MESSAGE_SHOW_MAX_S, &input->show_s);
    if (request_read_done(r, &reader))
        request_run(r, STORE_WRITE, message_job, NULL);
}
