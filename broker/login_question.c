/* What a log-in asks the person at the client, where its gateway can do that, and what becomes of the answers:
 *
 *     code          -> (taken once: write job)                                               -> login_go_on()
 *     new password  -> the old hash (read job) -> is it new? hash (worker) -> set (write job) -> login_go_on()
 *     pool          -> login_go_on()
 *
 * A question is good for one answer. A bad answer counts like a wrong password and brings the next question.
 */
#include "login_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api_problem.h"
#include "audit.h"
#include "credssp.h"
#include "nt_hash.h"

static int set_question(struct request *r, enum question_ask ask, bool bad, const char *text, json_t *pools)
{
    struct login *login = r->input;
    json_t *question = json_pack("{s:s, s:s, s:s, s:b, s:i}", "id", "", "ask", question_ask_name(ask), "text",
                                 text, "bad", bad, "expires_in_s", QUESTION_LIFE_MS / 1000);
    if (question && pools && json_object_set(question, "pools", pools)) {
        json_decref(question);
        question = NULL;
    }
    json_decref(pools);
    if (!question)
        return CE_NOMEM;
    login->ask = ask;
    request_set(r, 200, json_pack("{s:s, s:o}", "state", "question", "question", question));
    return 0;
}

int login_ask_code(struct db *db, struct request *r)
{
    const struct login *login = r->input;
    if (!login->can_ask)
        return login_refuse(db, r, FAIL_CODE_NEEDED, NULL);
    return set_question(r, ASK_CODE, false, "Enter the six digits that your authenticator shows.", NULL);
}

int login_ask_new_password(struct db *db, struct request *r, const struct user_row *user)
{
    const struct login *login = r->input;
    char text[200];
    if (!login->can_ask)
        return login_refuse(db, r, FAIL_PASSWORD_EXPIRED, NULL);
    snprintf(text, sizeof text, "%s Choose a new one of at least %" PRIu64 " characters.",
             user->must_change ? "Your password has to be changed." : "Your password has expired.",
             login->rules.password_min_length ? login->rules.password_min_length : 1);
    return set_question(r, ASK_NEW_PASSWORD, false, text, NULL);
}

int login_ask_pool(struct request *r, json_t *pools)
{
    return set_question(r, ASK_POOL, false, "Which desktop would you like?", pools);
}

/* Counts, and asks again unless this brought a pause. */
static int bad_answer(struct db *db, struct request *r, enum fail fail, enum question_ask ask,
                      const char *text)
{
    const struct login *login = r->input;
    int64_t left_s = 0;
    int rc = login_attempt_failed(db, &login->at.who, fail, &left_s);
    if (rc || !left_s)
        return rc ? rc : set_question(r, ask, true, text, NULL);
    login_set_pause(r, left_s);
    return 0;
}

/* Whoever answers has proved a password some moments ago. False: the answer is set. */
static int find_user(struct db *db, struct request *r, struct user_row *ret, bool *ret_found)
{
    struct login *login = r->input;
    bool paused;
    login->ask = ASK_NOTHING;
    *ret_found = false;
    int rc = login_check_pauses(db, r, &paused);
    if (rc || paused)
        return rc;
    rc = store_user_get(db, login->at.who.user_id, ret);
    if (rc == CE_NOT_FOUND)
        return login_refuse(db, r, FAIL_WRONG_PASSWORD, NULL);
    if (!rc && ret->disabled)
        return login_refuse(db, r, FAIL_ACCOUNT_DISABLED, NULL);
    /* An administrator may have done that because somebody else knew it. */
    if (!rc && ret->password_ms != login->proven_password_ms)
        return login_refuse(db, r, FAIL_CLIENT_TIMEOUT, "The password was changed meanwhile. Connect again.");
    *ret_found = !rc;
    return rc;
}

/* --- a code -------------------------------------------------------------------------------------- */

static int code_job(struct db *db, struct request *r)
{
    struct login *login = r->input;
    struct user_row user;
    bool found;
    login->at.code_done = false;
    int rc = find_user(db, r, &user, &found);
    if (rc || !found)
        return rc;
    rc = otp_take(db, &r->broker->key, user.id, login->code);
    if (rc == CE_REFUSED)
        return bad_answer(db, r, FAIL_WRONG_CODE, ASK_CODE,
                          "That code is not right, or was used before. Enter the next one that is shown.");
    if (rc && rc != CE_NOT_FOUND) /* an administrator took it back meanwhile */
        return rc;
    login->at.code_done = true;
    return login_go_on(db, r, &user);
}

/* --- a new password ------------------------------------------------------------------------------ */

static int refuse_password(struct db *db, struct request *r, const char *why)
{
    char text[PASSWORD_RULE_TEXT_SIZE + 40];
    snprintf(text, sizeof text, "%s Choose another one.", why);
    return bad_answer(db, r, FAIL_PASSWORD_REFUSED, ASK_NEW_PASSWORD, text);
}

static int set_password(struct db *db, struct request *r, struct user_row *user)
{
    struct login *login = r->input;
    const char *address = login->at.who.address;
    int rc = store_user_set_password(db, user->id, login->task.hash);
    if (!rc && login->nt_hash.len)
        rc = nt_hash_set(db, &r->broker->key, user->id, &login->nt_hash);
    if (!rc)
        rc = audit_user(db, user->name, "", "password.changed", "User %s chose a new password, from %s.",
                        user->name, address[0] ? address : "an unknown address");
    if (!rc)
        rc = store_user_get(db, user->id, user);
    /* A guest that wants the user's own gets the one that holds now. */
    if (!rc && login->at.by_nla)
        login->at.delegated.password = login->new_password;
    return rc;
}

static int password_job(struct db *db, struct request *r)
{
    const struct login *login = r->input;
    struct user_row user;
    bool found;
    int rc = find_user(db, r, &user, &found);
    if (rc || !found)
        return rc;
    if (login->refused[0])
        return refuse_password(db, r, login->refused);
    if (login->task.rc == CE_EXISTS)
        return refuse_password(db, r, PASSWORD_RULE_SAME);
    rc = set_password(db, r, &user);
    return rc ? rc : login_go_on(db, r, &user);
}

static void password_hashed(struct login_task *task)
{
    struct request *r = task->arg;
    r->left = NULL;
    /* Whoever has left does not know whether it was changed: so it was not. */
    if (r->gone && task->rc == 0)
        task->rc = CE_CANCELLED;
    if (task->rc && task->rc != CE_EXISTS) {
        problem_set_error(r, task->rc);
        request_send(r);
        return;
    }
    request_run(r, STORE_WRITE, password_job, login_decided);
}

static int old_hash_job(struct db *db, struct request *r)
{
    struct login *login = r->input;
    struct user_row user;
    bool found;
    int rc = find_user(db, r, &user, &found);
    if (rc || !found)
        return rc;
    return store_user_get_password(db, user.name, &user, login->task.hash, sizeof login->task.hash);
}

static void old_hash_found(struct request *r)
{
    struct login *login = r->input;
    if (r->answer.status) {
        request_send(r);
        return;
    }
    login_submit(r, LOGIN_REPLACE, &login->new_password, password_hashed);
}

static void answer_password(struct request *r, struct login *login)
{
    if (password_rule_refuses(&login->new_password, login->at.who.name, login->rules.password_min_length,
                              login->refused)) {
        request_run(r, STORE_WRITE, password_job, login_decided);
        return;
    }
    if (login->rules.keep_nt_hash && credssp_nt_hash(&login->new_password, &login->nt_hash))
        secret_wipe(&login->nt_hash); /* no UTF-8: such a password works in TLS mode only */
    /* A refusal in a read job writes its event, and answers are few. */
    request_run(r, STORE_WRITE, old_hash_job, old_hash_found);
}

/* --- a pool -------------------------------------------------------------------------------------- */

static int pool_job(struct db *db, struct request *r)
{
    struct user_row user;
    bool found;
    int rc = find_user(db, r, &user, &found);
    return rc || !found ? rc : login_go_on(db, r, &user);
}

/* --- reading ------------------------------------------------------------------------------------- */

static enum question_ask read_answer(struct api_reader *reader, struct login *login, char pool[NAME_SIZE])
{
    enum question_ask ask = ASK_NOTHING;
    unsigned given = 0;
    if (api_reader_text(reader, "code", API_OPTIONAL, login->code, sizeof login->code)) {
        ask = ASK_CODE;
        given++;
    }
    if (api_reader_secret(reader, "new_password", API_OPTIONAL, &login->new_password)) {
        ask = ASK_NEW_PASSWORD;
        given++;
    }
    if (api_reader_text(reader, "pool", API_OPTIONAL, pool, NAME_SIZE)) {
        ask = ASK_POOL;
        given++;
    }
    if (given != 1)
        api_reader_refuse(reader,
                          "With \"question\" exactly one of \"code\", \"new_password\" and \"pool\" is "
                          "given: the answer.");
    return ask;
}

void login_answer(struct request *r, struct login *login, struct api_reader *reader)
{
    char id[ID_SIZE] = "", pool[NAME_SIZE] = "";
    struct login_attempt who = {0};
    struct questions *questions = r->broker->questions;
    api_reader_text(reader, "question", API_REQUIRED, id, sizeof id);
    enum question_ask given = read_answer(reader, login, pool);
    login_attempt_read(&who, reader, &r->broker->config);
    api_reader_text(reader, "boot_id", API_OPTIONAL, who.boot_id, sizeof who.boot_id);
    bool good = request_read_done(r, reader);
    json_decref(r->body);
    r->body = NULL;
    if (!good)
        return;
    enum question_ask asked = questions_look(questions, id, &who, store_now_ms());
    if (asked && asked != given) {
        problem_answer(r, PROBLEM_BAD_REQUEST, "The question asks for something else (%s).",
                       question_ask_name(asked));
        return;
    }
    if (questions_take(questions, id, &who, store_now_ms(), &login->at)) {
        problem_set_fail(r, FAIL_CLIENT_TIMEOUT, "", "The question has lapsed. Connect again.");
        request_send(r);
        return;
    }
    login->can_ask = true;
    login->proven_password_ms = login->at.password_ms;
    memcpy(login->at.who.boot_id, who.boot_id, sizeof who.boot_id);
    memcpy(login->at.who.client_name, who.client_name, sizeof who.client_name);
    if (asked == ASK_POOL)
        memcpy(login->at.who.pool, pool, sizeof pool);
    if (asked == ASK_NEW_PASSWORD)
        answer_password(r, login);
    else
        request_run(r, STORE_WRITE, asked == ASK_CODE ? code_job : pool_job, login_decided);
}
