/* What login.c (who is it, what may they have) and login_question.c (what a person is asked, and their answers)
 * share: one log-in's request, from its body to its answer.
 */
#ifndef CARREL_BROKER_LOGIN_PARTS_H
#define CARREL_BROKER_LOGIN_PARTS_H

#include "api_request.h"
#include "login_local.h"
#include "otp.h"
#include "password_rule.h"
#include "question.h"

/* The configuration as it was when the request came: jobs must not see a reload. */
struct login_rules {
    bool keep_nt_hash;
    enum otp_mode otp;
    uint64_t password_max_age_ms, password_min_length;
    uint32_t user_sessions_max, sessions_max;
};

struct login {
    struct login_progress at;
    struct login_rules rules;
    bool can_ask;
    char nla[ID_SIZE]; /* "": by password; else by this exchange, which proved who it is */
    struct secret password;
    struct secret nt_hash;              /* of the password, where it may be kept; empty otherwise */
    char reconnect[SECRET_DIGEST_SIZE]; /* of the cookie that the client brought; "": none */
    bool came_back;                     /* by that cookie, without a password */
    char domain[128];
    struct login_task task;

    enum question_ask ask; /* the job's outcome: the answer is a question that has no id yet */

    /* An answer's: */
    char code[64];
    struct secret new_password;
    char refused[PASSWORD_RULE_TEXT_SIZE]; /* why it is not acceptable; "": it is, so far */
    int64_t proven_password_ms;            /* at.password_ms of the question */
};

/* --- login.c -------------------------------------------------------------------------------------------- */

/* Jobs. Sets the refusal as the answer; the event is written unless there could be a flood of them. */
int login_refuse(struct db *db, struct request *r, enum fail fail, const char *detail) MUST_CHECK;
/* Sets the answer where the user or the address has to wait. */
int login_check_pauses(struct db *db, struct request *r, bool *ret_paused) MUST_CHECK;
void login_set_pause(struct request *r, int64_t left_s);
/* The user has proved who it is, as far as login->at says: asks for what is missing, or claims. */
int login_go_on(struct db *db, struct request *r, const struct user_row *user) MUST_CHECK;

/* On the loop, after a job: sends what it answered; a question gets its id. */
void login_decided(struct request *r);
/* Hands the task to a worker, which ends with DONE. */
void login_submit(struct request *r, enum login_work work, const struct secret *password,
                  void (*done)(struct login_task *task));

/* --- login_question.c ----------------------------------------------------------------------------------- */

/* Jobs. Asks, or refuses where the gateway cannot ask. */
int login_ask_code(struct db *db, struct request *r) MUST_CHECK;
int login_ask_new_password(struct db *db, struct request *r, const struct user_row *user) MUST_CHECK;
/* POOLS is taken over. */
int login_ask_pool(struct request *r, json_t *pools) MUST_CHECK;

/* Reads the rest of a body that answers a question, and goes on with it. */
void login_answer(struct request *r, struct login *login, struct api_reader *reader);

#endif
