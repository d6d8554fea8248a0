#include <stdio.h>
#include <string.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"
#include "credssp.h"
#include "login_local.h"
#include "nt_hash.h"
#include "password_rule.h"

#define GROUPS_MAX 64 /* in one POST; more are refused */

struct user_input {
    struct user_row row;
    struct secret password;
    struct secret nt_hash; /* of the password, with broker.nla; empty otherwise */
    bool has_password, has_full_name, has_disabled, disabled, has_must_change, must_change;
    char full_name[sizeof((struct user_row *)0)->full_name];
    char groups[GROUPS_MAX][NAME_SIZE];
    size_t group_count;
    struct login_task task;
    int (*job)(struct db *db, struct request *r);
};

static json_t *user_json(const struct user_row *row)
{
    return json_pack("{s:s, s:s, s:o, s:b, s:o, s:o, s:o, s:b, s:b}", "id", row->id, "name", row->name,
                     "full_name", api_json_text(row->full_name), "disabled", row->disabled, "created",
                     api_json_time(row->created_ms), "last_login", api_json_time(row->last_login_ms),
                     "password_set", api_json_time(row->password_ms), "must_change_password",
                     row->must_change, "otp", row->has_otp);
}

static int add_user(void *arg, const struct user_row *row)
{
    return json_array_append_new(arg, user_json(row)) ? CE_NOMEM : 0;
}

static int list_job(struct db *db, struct request *r)
{
    json_t *items = json_array();
    int rc = store_user_list(db, add_user, items);
    request_set_items(r, items);
    return rc;
}

void api_users_list(struct request *r)
{
    request_run(r, STORE_READ, list_job, NULL);
}

/* --- one user, with groups ----------------------------------------------------------------------- */

struct membership {
    struct db *db;
    const char *user_id;
    json_t *names;
    bool found;
};

static int match_member(void *arg, const struct user_row *row)
{
    struct membership *search = arg;
    search->found |= !strcmp(row->id, search->user_id);
    return 0;
}

static int add_group(void *arg, const struct group_row *group)
{
    struct membership *search = arg;
    search->found = false;
    int rc = store_group_members(search->db, group->id, match_member, search);
    if (!rc && search->found)
        rc = json_array_append_new(search->names, json_string(group->name)) ? CE_NOMEM : 0;
    return rc;
}

/* Sets STATUS and the user's whole document as the answer. */
static int answer_user(struct db *db, struct request *r, const char *id, unsigned status)
{
    struct user_row row;
    char hash[SECRET_HASH_SIZE] = "";
    int rc = store_user_get(db, id, &row);
    if (!rc)
        rc = store_user_get_password(db, row.name, &row, hash, sizeof hash);
    if (rc)
        return rc;
    struct membership search = {.db = db, .user_id = row.id, .names = json_array()};
    rc = store_group_list(db, add_group, &search);
    json_t *json = user_json(&row);
    if (json) {
        (void)json_object_set_new(json, "has_password", json_boolean(hash[0] != '\0'));
        (void)json_object_set(json, "groups", search.names);
    }
    json_decref(search.names);
    secret_wipe_bytes(hash, sizeof hash);
    request_set(r, status, json);
    return rc;
}

static int get_user(struct db *db, struct request *r, struct user_row *ret)
{
    int rc = store_user_get(db, r->params[0], ret);
    return rc ? problem_set_rc(r, db, rc, "There is no user \"%s\".", r->params[0]) : 0;
}

static int get_job(struct db *db, struct request *r)
{
    struct user_row row;
    int rc = get_user(db, r, &row);
    return rc ? rc : answer_user(db, r, row.id, 200);
}

void api_user_get(struct request *r)
{
    request_run(r, STORE_READ, get_job, NULL);
}

/* --- new and changed users: the password is hashed on a worker before the job -------------------- */

static void refuse_password(struct request *r, const char *why)
{
    problem_set_fail(r, FAIL_PASSWORD_REFUSED, "", why);
    request_send(r);
}

static void hashed(struct login_task *task)
{
    struct request *r = task->arg;
    struct user_input *input = r->input;
    secret_wipe(&input->password);
    if (task->rc == CE_EXISTS) {
        refuse_password(r, PASSWORD_RULE_SAME);
        return;
    }
    if (task->rc) {
        problem_set_error(r, task->rc);
        request_send(r);
        return;
    }
    request_run(r, STORE_WRITE, input->job, NULL);
}

/* The user's name is in input->row, and the hash to be replaced, or none, in the task. */
static void hash_password(struct request *r, struct user_input *input)
{
    char why[PASSWORD_RULE_TEXT_SIZE];
    if (password_rule_refuses(&input->password, input->row.name, r->broker->config.broker_password_min_length,
                              why)) {
        refuse_password(r, why);
        return;
    }
    if (r->broker->config.broker_nla && credssp_nt_hash(&input->password, &input->nt_hash))
        secret_wipe(&input->nt_hash); /* no UTF-8: such a password works in TLS mode only */
    input->task.work = LOGIN_REPLACE;
    input->task.password = &input->password;
    input->task.done = hashed;
    input->task.arg = r;
    if (login_workers_submit(r->broker->workers, &input->task))
        problem_answer(r, PROBLEM_UNAVAILABLE,
                       "Too many passwords are being checked at the moment. Try again.");
}

static int add_job(struct db *db, struct request *r)
{
    struct user_input *input = r->input;
    struct user_row row = input->row;
    int rc = store_user_insert(db, &row, input->has_password ? input->task.hash : NULL);
    if (rc)
        return problem_set_rc(r, db, rc, "There is a user \"%s\" already.", row.name);
    if (input->nt_hash.len)
        rc = nt_hash_set(db, &r->broker->key, row.id, &input->nt_hash);
    for (size_t i = 0; i < input->group_count && !rc; i++) {
        struct group_row group;
        rc = store_group_get(db, input->groups[i], &group);
        if (rc)
            return problem_set_rc(r, db, rc, "There is no group \"%s\".", input->groups[i]);
        rc = store_group_add(db, group.id, row.id);
        if (rc == CE_EXISTS)
            rc = 0;
    }
    if (!rc)
        rc = audit_admin(db, r, "user.created", row.id, "User %s was created", row.name);
    return rc ? rc : answer_user(db, r, row.id, 201);
}

static void read_groups(struct api_reader *reader, struct user_input *input)
{
    const json_t *groups;
    if (!api_reader_array(reader, "groups", API_OPTIONAL, &groups))
        return;
    size_t count = json_array_size(groups);
    if (count > GROUPS_MAX) {
        api_reader_refuse(reader, "The member \"groups\" has more than %d items.", GROUPS_MAX);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(groups, i));
        if (!name || strlen(name) >= NAME_SIZE) {
            api_reader_refuse(reader, "The items of \"groups\" must be names of groups.");
            return;
        }
        snprintf(input->groups[input->group_count++], NAME_SIZE, "%s", name);
    }
}

static void read_password(struct api_reader *reader, struct user_input *input)
{
    input->has_password = api_reader_secret(reader, "password", API_OPTIONAL, &input->password);
    if (input->has_password && !input->password.len)
        api_reader_refuse(reader, "The member \"password\" must not be empty.");
}

void api_users_add(struct request *r)
{
    struct user_input *input = request_input(r, sizeof *input);
    if (!input)
        return;
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    if (api_reader_text(&reader, "name", API_REQUIRED, input->row.name, sizeof input->row.name) &&
        !user_name_is_valid(input->row.name))
        api_reader_refuse(&reader,
                          "A user's name has letters, digits and . _ - @ and begins with a letter or digit.");
    api_reader_text(&reader, "full_name", API_OPTIONAL, input->row.full_name, sizeof input->row.full_name);
    read_password(&reader, input);
    read_groups(&reader, input);
    input->has_must_change =
        api_reader_flag(&reader, "must_change_password", API_OPTIONAL, &input->row.must_change);
    if (!request_read_done(r, &reader))
        return;
    input->job = add_job;
    if (input->has_password)
        hash_password(r, input);
    else
        request_run(r, STORE_WRITE, add_job, NULL);
}

/* Says what was changed, never to what: one of them is a password. */
static int audit_change(struct db *db, struct request *r, const struct user_input *input,
                        const struct user_row *row)
{
    char what[100];
    snprintf(what, sizeof what, "%s%s%s%s", input->has_full_name ? ", full name" : "",
             !input->has_disabled ? ""
             : input->disabled    ? ", disabled"
                                  : ", enabled",
             input->has_password ? ", password" : "",
             !input->has_must_change ? ""
             : input->must_change    ? ", password to be changed"
                                     : ", password not to be changed");
    return audit_admin(db, r, "user.changed", row->id, "User %s was changed (%s)", row->name,
                       what[0] ? what + 2 : "nothing");
}

static int change_job(struct db *db, struct request *r)
{
    const struct user_input *input = r->input;
    struct user_row row;
    int rc = get_user(db, r, &row);
    if (rc)
        return rc;
    if (input->has_full_name)
        snprintf(row.full_name, sizeof row.full_name, "%s", input->full_name);
    if (input->has_disabled)
        row.disabled = input->disabled;
    if (input->has_full_name || input->has_disabled)
        rc = store_user_update(db, &row);
    if (!rc && input->has_password)
        rc = store_user_set_password(db, row.id, input->task.hash);
    if (!rc && input->nt_hash.len)
        rc = nt_hash_set(db, &r->broker->key, row.id, &input->nt_hash);
    if (!rc && input->has_must_change)
        rc = store_user_set_must_change(db, row.id, input->must_change);
    if (!rc)
        rc = audit_change(db, r, input, &row);
    return rc ? rc : answer_user(db, r, row.id, 200);
}

static int old_hash_job(struct db *db, struct request *r)
{
    struct user_input *input = r->input;
    int rc = get_user(db, r, &input->row);
    return rc ? rc
              : store_user_get_password(db, input->row.name, &input->row, input->task.hash,
                                        sizeof input->task.hash);
}

static void old_hash_found(struct request *r)
{
    hash_password(r, r->input);
}

void api_user_change(struct request *r)
{
    struct user_input *input = request_input(r, sizeof *input);
    if (!input)
        return;
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    input->has_full_name =
        api_reader_text(&reader, "full_name", API_OPTIONAL, input->full_name, sizeof input->full_name);
    input->has_disabled = api_reader_flag(&reader, "disabled", API_OPTIONAL, &input->disabled);
    input->has_must_change =
        api_reader_flag(&reader, "must_change_password", API_OPTIONAL, &input->must_change);
    read_password(&reader, input);
    if (!request_read_done(r, &reader))
        return;
    input->job = change_job;
    if (input->has_password)
        request_run(r, STORE_READ, old_hash_job, old_hash_found);
    else
        request_run(r, STORE_WRITE, change_job, NULL);
}

static int delete_job(struct db *db, struct request *r)
{
    struct user_row row;
    int rc = get_user(db, r, &row);
    if (rc)
        return rc;
    rc = store_user_delete(db, row.id);
    if (rc)
        return problem_set_rc(r, db, rc, "User %s cannot be deleted now.", row.name);
    rc = audit_admin(db, r, "user.deleted", row.id, "User %s was deleted", row.name);
    r->answer.status = 204;
    return rc;
}

void api_user_delete(struct request *r)
{
    request_run(r, STORE_WRITE, delete_job, NULL);
}
