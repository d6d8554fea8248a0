#include <stdio.h>
#include <string.h>

#include "api_desktop_order.h"
#include "api_handlers.h"
#include "api_policy.h"
#include "api_pool_limits.h"
#include "api_problem.h"
#include "audit.h"
#include "policy_json.h"

/* What one pool may be told to have; more is a slip of the keyboard rather than a wish. */
#define POOL_DESKTOPS_MAX 100000
#define POOL_VCPUS_MAX 256
#define POOL_MEMORY_MIN_MIB 64
#define POOL_MEMORY_MAX_MIB (4 * 1024 * 1024)

static json_t *pool_json(const struct pool_row *row)
{
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:s, s:b, s:b}", "id", row->id, "name", row->name,
        "image", row->image, "kind", pool_kind_name(row->kind), "credentials",
        credentials_name(row->credentials), "spare", (json_int_t)row->spare, "max", (json_int_t)row->max,
        "vcpus", (json_int_t)row->vcpus, "memory_mib", (json_int_t)row->memory_mib, "network", row->network,
        "pattern", row->pattern, "enabled", row->enabled, "deleting", row->deleting);
    json_t *place =
        json_pack("{s:I, s:s, s:s, s:s, s:s, s:o}", "image_version", (json_int_t)row->image_version,
                  "placement", placement_name(row->placement), "host_labels", row->host_labels, "apart",
                  row->apart, "guest_security", guest_security_name(row->guest_security), "description",
                  api_json_text(row->description));
    json_t *seen = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:b, s:o, s:o, s:o}", "desktops",
                             (json_int_t)row->desktops, "ready", (json_int_t)row->ready, "lent",
                             (json_int_t)row->lent, "starting", (json_int_t)row->starting, "failed",
                             (json_int_t)row->failed, "waiting", (json_int_t)row->waiting, "failures",
                             (json_int_t)row->failures, "retry_at", api_json_time(row->retry_at_ms),
                             "stopped", row->stopped, "reason", api_json_text(row->reason), "created",
                             api_json_time(row->created_ms), "policy", policy_to_json(&row->policy));
    if (seen && row->kind != POOL_STATIC &&
        (json_object_set_new(seen, "provision", json_string(pool_provision_name(row->provision))) ||
         json_object_set_new(seen, "warm", json_boolean(row->warm)) ||
         json_object_set_new(seen, "provision_note", api_json_text(row->provision_note)))) {
        json_decref(seen);
        seen = NULL;
    }
    if (seen && row->kind == POOL_STATIC &&
        (json_object_set_new(seen, "balance", json_string(pool_balance_name(row->balance))) ||
         json_object_set_new(seen, "trust", json_string(pool_trust_name(row->trust))))) {
        json_decref(seen);
        seen = NULL;
    }
    json_t *limits = api_pool_limits_json(&row->limits);
    if (!json || !seen || !place || !limits || json_object_update_missing(json, place) ||
        json_object_update_missing(json, limits) || json_object_update_missing(json, seen)) {
        json_decref(json);
        json = NULL;
    }
    json_decref(limits);
    json_decref(place);
    json_decref(seen);
    return json;
}

static int add_pool(void *arg, const struct pool_row *row)
{
    return json_array_append_new(arg, pool_json(row)) ? CE_NOMEM : 0;
}

static int list_job(struct db *db, struct request *r)
{
    json_t *items = json_array();
    int rc = store_pool_list(db, add_pool, items);
    request_set_items(r, items);
    return rc;
}

void api_pools_list(struct request *r)
{
    request_run(r, STORE_READ, list_job, NULL);
}

static int get_pool(struct db *db, struct request *r, struct pool_row *ret)
{
    int rc = store_pool_get(db, r->params[0], ret);
    return rc ? problem_set_rc(r, db, rc, "There is no pool \"%s\".", r->params[0]) : 0;
}

/* A pool that is on its way to another image says how far it is. */
static int add_roll(struct db *db, const struct pool_row *row, json_t *pool)
{
    struct roll_row roll;
    struct roll_progress progress = {0};
    int rc = store_roll_get(db, row->id, &roll);
    if (rc || roll.phase == ROLL_DONE)
        return rc == CE_NOT_FOUND ? 0 : rc;
    rc = store_roll_count(db, &roll, &progress);
    if (!rc && json_object_set_new(pool, "roll", api_roll_json(&roll, &progress)))
        rc = CE_NOMEM;
    return rc;
}

static int answer_row(struct db *db, struct request *r, const struct pool_row *row, unsigned status)
{
    json_t *json = pool_json(row);
    int rc = json ? add_roll(db, row, json) : CE_NOMEM;
    if (!rc)
        rc = api_power_add(db, row, json);
    if (!rc)
        rc = api_add_last_failure(db, row->id, json);
    request_set(r, status, json);
    return rc;
}

static int answer_pool(struct db *db, struct request *r, const char *id, unsigned status)
{
    struct pool_row row;
    int rc = store_pool_get(db, id, &row);
    return rc ? rc : answer_row(db, r, &row, status);
}

static int get_job(struct db *db, struct request *r)
{
    struct pool_row row;
    int rc = get_pool(db, r, &row);
    return rc ? rc : answer_row(db, r, &row, 200);
}

void api_pool_get(struct request *r)
{
    request_run(r, STORE_READ, get_job, NULL);
}

/* --- reading ------------------------------------------------------------------------------------- */

/* Guests are named by it: the characters of names, and one %d. */
static bool pattern_is_valid(const char *pattern)
{
    const char *number = strstr(pattern, "%d");
    if (!number || strchr(number + 2, '%') || strchr(pattern, '%') != number)
        return false;
    char name[2 * NAME_SIZE];
    snprintf(name, sizeof name, "%.*s0%s", (int)(number - pattern), pattern, number + 2);
    return strlen(pattern) + 4 < NAME_SIZE && name_is_valid(name);
}

/* Where its desktops may stand. */
static void read_placement(struct api_reader *reader, struct pool_row *row)
{
    int choice;
    if (api_reader_choice(reader, "placement", API_OPTIONAL, placement_parse, "spread, pack", &choice))
        row->placement = (enum pool_placement)choice;
    if (api_reader_text(reader, "host_labels", API_OPTIONAL, row->host_labels, sizeof row->host_labels) &&
        !labels_wanted_are_valid(row->host_labels))
        api_reader_refuse(reader,
                          "The member \"host_labels\" must be labels with single blanks between them; "
                          "one that a host must not have begins with \"!\".");
    if (api_reader_text(reader, "apart", API_OPTIONAL, row->apart, sizeof row->apart) && *row->apart &&
        !name_is_valid(row->apart))
        api_reader_refuse(reader, "The member \"apart\" must be \"host\", the key of a label, or empty.");
}

static void read_guest_security(struct api_reader *reader, struct pool_row *row)
{
    int choice;
    if (api_reader_choice(reader, "guest_security", API_OPTIONAL, guest_security_parse, "auto, tls, nla",
                          &choice))
        row->guest_security = (enum guest_security)choice;
}

/* What every kind of pool has. */
static void read_any(struct api_reader *reader, struct pool_row *row)
{
    read_guest_security(reader, row);
    api_reader_text(reader, "description", API_OPTIONAL, row->description, sizeof row->description);
    api_reader_flag(reader, "enabled", API_OPTIONAL, &row->enabled);
    api_reader_pool_limits(reader, row->kind, &row->limits);
    api_reader_policy(reader, &row->policy);
}

/* Refuses the members of NAMES (ended by NULL), which only pools of the other kind have. */
static void refuse_others(struct api_reader *reader, const char *const *names, const char *why)
{
    for (; *names; names++) {
        if (api_reader_has(reader, *names))
            api_reader_refuse(reader, "The member \"%s\" %s.", *names, why);
    }
}

static void read_static(struct api_reader *reader, struct pool_row *row)
{
    static const char *const others[] = {
        "image",           "spare", "max",     "vcpus",    "memory_mib", "network",        "placement",
        "host_labels",     "apart", "pattern", "host_max", "logoff",     "logoff_after_s", "data_disk_mib",
        "data_disk_mount", NULL};
    refuse_others(reader, others, "is not for static pools, which have machines instead of guests");
    int choice;
    if (api_reader_choice(reader, "credentials", API_OPTIONAL, credentials_parse, "user, prompt", &choice))
        row->credentials = (enum pool_credentials)choice;
    if (row->credentials == CREDENTIALS_CARREL)
        api_reader_refuse(reader,
                          "The member \"credentials\" of a static pool must be \"user\" or \"prompt\": "
                          "Carrel has no account on its machines.");
    if (api_reader_choice(reader, "balance", API_OPTIONAL, pool_balance_parse, "breadth, depth", &choice))
        row->balance = (enum pool_balance)choice;
    if (api_reader_choice(reader, "trust", API_OPTIONAL, pool_trust_parse, "first-use, any", &choice))
        row->trust = (enum pool_trust)choice;
    read_any(reader, row);
}

/* The members that POST and PATCH of pools with guests have in common. */
static void read_common(struct api_reader *reader, struct pool_row *row)
{
    static const char *const others[] = {"balance", "trust", NULL};
    refuse_others(reader, others, "is for static pools only");
    int choice;
    if (api_reader_choice(reader, "credentials", API_OPTIONAL, credentials_parse, "carrel, user, prompt",
                          &choice))
        row->credentials = (enum pool_credentials)choice;
    api_reader_u32(reader, "spare", API_OPTIONAL, 0, POOL_DESKTOPS_MAX, &row->spare);
    api_reader_u32(reader, "max", API_OPTIONAL, 0, POOL_DESKTOPS_MAX, &row->max);
    api_reader_u32(reader, "vcpus", API_OPTIONAL, 1, POOL_VCPUS_MAX, &row->vcpus);
    api_reader_u32(reader, "memory_mib", API_OPTIONAL, POOL_MEMORY_MIN_MIB, POOL_MEMORY_MAX_MIB,
                   &row->memory_mib);
    if (api_reader_text(reader, "network", API_OPTIONAL, row->network, sizeof row->network) &&
        !name_is_valid(row->network))
        api_reader_refuse(reader,
                          "The member \"network\" must be \"user\" or the name of a libvirt network.");
    if (api_reader_choice(reader, "provision", API_OPTIONAL, pool_provision_parse, "instant, linked, full",
                          &choice))
        row->provision = (enum pool_provision)choice;
    api_reader_flag(reader, "warm", API_OPTIONAL, &row->warm);
    read_placement(reader, row);
    read_any(reader, row);
}

/* An instant clone stands on the disk of a golden guest, which goes when nobody wants it any more. */
static void check_provision(struct api_reader *reader, const struct pool_row *row)
{
    if (row->provision == PROVISION_INSTANT && row->kind != POOL_FLOATING)
        api_reader_refuse(reader, "The member \"provision\" can be \"instant\" in floating pools only: "
                                  "dedicated desktops are kept.");
    else if (row->warm && row->provision != PROVISION_INSTANT)
        api_reader_refuse(reader,
                          "The member \"warm\" is for pools with provision \"instant\": only those have "
                          "a session before somebody logs in.");
    else if (row->warm && row->credentials != CREDENTIALS_CARREL)
        api_reader_refuse(reader, "The member \"warm\" needs credentials \"carrel\": the session is one of "
                                  "Carrel's own account.");
    else if (row->warm && row->limits.data_disk_mib && !strcmp(row->limits.data_mount, "home"))
        api_reader_refuse(reader, "The member \"data_disk_mount\" must be a folder where \"warm\" is true: a "
                                  "session that is open already has its home open.");
}

static void check_sizes(struct api_reader *reader, const struct pool_row *row)
{
    if (row->spare > row->max)
        api_reader_refuse(reader, "The member \"spare\" (%u) must not be more than \"max\" (%u).", row->spare,
                          row->max);
}

static int find_image(struct db *db, struct request *r, struct pool_row *row)
{
    struct image_row image;
    int rc = store_image_get(db, row->image, &image);
    if (rc)
        return problem_set_rc(r, db, rc, "There is no image \"%s\".", row->image);
    if (image.state == IMAGE_FAILED || image.state == IMAGE_DELETING) {
        problem_set(r, PROBLEM_CONFLICT, "Image %s is %s.", image.name, image_state_name(image.state));
        return CE_CONFLICT;
    }
    snprintf(row->image_id, sizeof row->image_id, "%s", image.id);
    return 0;
}

/* --- writing ------------------------------------------------------------------------------------- */

static int add_job(struct db *db, struct request *r)
{
    struct pool_row row = *(const struct pool_row *)r->input;
    int rc = row.kind == POOL_STATIC ? 0 : find_image(db, r, &row);
    if (rc)
        return rc;
    rc = store_pool_insert(db, &row);
    if (rc)
        return problem_set_rc(r, db, rc, "There is a pool \"%s\" already.", row.name);
    store_notify(db, "pool", row.id);
    if (row.kind == POOL_STATIC)
        rc = audit_admin(db, r, "pool.created", row.id, "Static pool %s was created", row.name);
    else
        rc = audit_admin(db, r, "pool.created", row.id, "Pool %s was created from image %s", row.name,
                         row.image);
    return rc ? rc : answer_pool(db, r, row.id, 201);
}

/* A pool whose desktops are made from an image. */
static void read_guests(struct api_reader *reader, struct pool_row *row)
{
    row->spare = 1;
    row->max = 10;
    row->vcpus = 2;
    row->memory_mib = 1024;
    snprintf(row->network, sizeof row->network, "user");
    api_reader_text(reader, "image", API_REQUIRED, row->image, sizeof row->image);
    read_common(reader, row);
    check_sizes(reader, row);
    check_provision(reader, row);
    if (!api_reader_text(reader, "pattern", API_OPTIONAL, row->pattern, sizeof row->pattern))
        snprintf(row->pattern, sizeof row->pattern, "%.*s-%%d", NAME_SIZE - 8, row->name);
    if (!pattern_is_valid(row->pattern))
        api_reader_refuse(reader,
                          "The member \"pattern\" must be a name with one %%d in it, such as \"demo-%%d\".");
}

void api_pools_add(struct request *r)
{
    struct pool_row *row = request_input(r, sizeof *row);
    if (!row)
        return;
    *row = (struct pool_row){.enabled = true};
    struct api_reader reader;
    int choice;
    api_reader_init(&reader, r->body, "");
    if (api_reader_text(&reader, "name", API_REQUIRED, row->name, sizeof row->name) &&
        !name_is_valid(row->name))
        api_reader_refuse(&reader,
                          "A pool's name has letters, digits and . _ - and begins with a letter or digit.");
    if (api_reader_choice(&reader, "kind", API_OPTIONAL, pool_kind_parse, "floating, dedicated, static",
                          &choice))
        row->kind = (enum pool_kind)choice;
    row->limits = api_pool_limits_usual(row->kind);
    if (row->kind == POOL_STATIC) {
        row->credentials = CREDENTIALS_USER;
        read_static(&reader, row);
    } else {
        read_guests(&reader, row);
    }
    if (request_read_done(r, &reader))
        request_run(r, STORE_WRITE, add_job, NULL);
}

/* Reads the body again over the pool as it is now, so that members that are not named stay. */
static int change_job(struct db *db, struct request *r)
{
    struct pool_row row;
    int rc = get_pool(db, r, &row);
    if (rc)
        return rc;
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    bool image = false;
    if (row.kind == POOL_STATIC) {
        read_static(&reader, &row);
    } else {
        image = api_reader_text(&reader, "image", API_OPTIONAL, row.image, sizeof row.image);
        read_common(&reader, &row);
        check_sizes(&reader, &row);
        check_provision(&reader, &row);
    }
    rc = api_reader_finish(&reader);
    if (rc) {
        problem_set(r, PROBLEM_BAD_REQUEST, "%s", reader.err.text);
        return rc;
    }
    if (row.deleting) {
        problem_set(r, PROBLEM_CONFLICT, "Pool %s is being deleted.", row.name);
        return CE_CONFLICT;
    }
    if (image) {
        rc = find_image(db, r, &row);
        if (rc)
            return rc;
    }
    rc = store_pool_update(db, &row);
    if (rc)
        return problem_set_rc(r, db, rc, "Pool %s cannot be changed now.", row.name);
    store_notify(db, "pool", row.id);
    rc = audit_admin(db, r, "pool.changed", row.id, "Pool %s was changed", row.name);
    return rc ? rc : answer_pool(db, r, row.id, 200);
}

void api_pool_change(struct request *r)
{
    request_run(r, STORE_WRITE, change_job, NULL);
}

static int delete_job(struct db *db, struct request *r)
{
    struct pool_row row;
    int rc = get_pool(db, r, &row);
    if (rc)
        return rc;
    rc = store_pool_set_deleting(db, row.id);
    /* A static pool has nothing that would have to be taken down first. */
    if (!rc)
        rc = answer_pool(db, r, row.id, 202);
    if (!rc && row.kind == POOL_STATIC)
        rc = store_pool_delete(db, row.id);
    if (rc)
        return problem_set_rc(r, db, rc, "Pool %s cannot be deleted now.", row.name);
    store_notify(db, "pool", row.id);
    return audit_admin(db, r, "pool.deleted", row.id, "The deletion of pool %s was ordered", row.name);
}

void api_pool_delete(struct request *r)
{
    request_run(r, STORE_WRITE, delete_job, NULL);
}

static int retry_job(struct db *db, struct request *r)
{
    struct pool_row row;
    int rc = get_pool(db, r, &row);
    if (rc)
        return rc;
    rc = store_pool_set_failure(db, row.id, 0, 0, false, "");
    if (rc)
        return rc;
    store_notify(db, "pool", row.id);
    rc = audit_admin(db, r, "pool.retry", row.id, "Pool %s was told to try again", row.name);
    return rc ? rc : answer_pool(db, r, row.id, 200);
}

void api_pool_retry(struct request *r)
{
    request_run(r, STORE_WRITE, retry_job, NULL);
}
