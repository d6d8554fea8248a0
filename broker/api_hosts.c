#include <arpa/inet.h>
#include <string.h>

#include <carrel/host_uri.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"

/* What may be promised of a host, in percent of what it has. */
#define OVERCOMMIT_MIN 1
#define OVERCOMMIT_MAX 10000
#define DESKTOPS_MAX 1000000

static json_t *host_json(const struct host_row *row)
{
    json_t *json = json_pack(
        "{s:s, s:s, s:o, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s}", "id", row->id, "name", row->name,
        "uri", api_json_text(row->uri), "state", host_state_name(row->state), "mode",
        host_mode_name(row->mode), "virt", row->virt, "reason", api_json_text(row->reason), "address",
        row->address, "labels", row->labels, "storage", row->storage, "desktop_storage", row->desktop_storage,
        "libvirt", row->libvirt_version, "hypervisor", row->hypervisor_version);
    json_t *numbers = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "vcpus", (json_int_t)row->vcpus,
        "memory_mib", (json_int_t)row->memory_mib, "disk_mib", (json_int_t)row->disk_mib, "disk_free_mib",
        (json_int_t)row->disk_free_mib, "cpu_percent", (json_int_t)row->cpu_percent, "memory_percent",
        (json_int_t)row->memory_percent, "vcpus_used", (json_int_t)row->vcpus_used, "memory_used_mib",
        (json_int_t)row->memory_used_mib, "desktops", (json_int_t)row->desktops, "desktops_max",
        (json_int_t)row->desktops_max, "seen", api_json_time(row->seen_ms), "created",
        api_json_time(row->created_ms));
    if (!json || !numbers || json_object_update_missing(json, numbers)) {
        json_decref(json);
        json = NULL;
    }
    json_decref(numbers);
    return json;
}

static int add_host(void *arg, const struct host_row *row)
{
    return json_array_append_new(arg, host_json(row)) ? CE_NOMEM : 0;
}

static int list_job(struct db *db, struct request *r)
{
    json_t *items = json_array();
    int rc = store_host_list(db, add_host, items);
    request_set_items(r, items);
    return rc;
}

void api_hosts_list(struct request *r)
{
    request_run(r, STORE_READ, list_job, NULL);
}

static int get_host(struct db *db, struct request *r, struct host_row *ret)
{
    int rc = store_host_get(db, r->params[0], ret);
    return rc ? problem_set_rc(r, db, rc, "There is no host \"%s\".", r->params[0]) : 0;
}

static int add_image(void *arg, const struct host_image_row *row)
{
    json_t *image =
        json_pack("{s:s, s:s, s:I, s:o}", "name", row->image, "state", host_image_state_name(row->state),
                  "percent", (json_int_t)row->percent, "reason", api_json_text(row->reason));
    return json_array_append_new(arg, image) ? CE_NOMEM : 0;
}

/* One host alone is shown with the images that were brought to it. */
static int get_job(struct db *db, struct request *r)
{
    struct host_row row;
    int rc = get_host(db, r, &row);
    if (rc)
        return rc;
    json_t *images = json_array();
    rc = store_host_image_list(db, row.id, add_image, images);
    json_t *json = rc ? NULL : host_json(&row);
    if (json)
        json_object_set_new(json, "images", images);
    else
        json_decref(images);
    request_set(r, 200, json);
    return rc;
}

void api_host_get(struct request *r)
{
    request_run(r, STORE_READ, get_job, NULL);
}

static int add_job(struct db *db, struct request *r)
{
    struct host_row row = *(const struct host_row *)r->input;
    int rc = store_host_insert(db, &row);
    if (rc)
        return problem_set_rc(r, db, rc, "There is a host \"%s\" already.", row.name);
    store_notify(db, "host", row.id);
    rc = audit_admin(db, r, "host.created", row.id, "Host %s was added", row.name);
    request_set(r, 201, host_json(&row));
    return rc;
}

/* What gateways dial is never looked up, and QEMU's forward knows IPv4 only. */
static bool address_is_valid(const char *address)
{
    unsigned char bytes[4];
    return inet_pton(AF_INET, address, bytes) == 1;
}

/* The members that POST and PATCH have in common. */
static void read_common(struct api_reader *reader, enum api_presence uri, struct host_row *row)
{
    int choice;
    struct error err = {0};
    /* libvirt says later whether it can connect; this is about what could never be right. */
    if (api_reader_text(reader, "uri", uri, row->uri, sizeof row->uri) && host_uri_check(row->uri, &err))
        api_reader_refuse(reader, "The member \"uri\" %s.", err.text);
    if (api_reader_choice(reader, "mode", API_OPTIONAL, host_mode_parse, "active, draining, maintenance",
                          &choice))
        row->mode = (enum host_mode)choice;
    if (api_reader_text(reader, "address", API_OPTIONAL, row->address, sizeof row->address) &&
        !address_is_valid(row->address))
        api_reader_refuse(reader, "The member \"address\" must be an IPv4 address.");
    if (api_reader_text(reader, "labels", API_OPTIONAL, row->labels, sizeof row->labels) &&
        !labels_are_valid(row->labels))
        api_reader_refuse(reader,
                          "The member \"labels\" must be words with single blanks between them, each a "
                          "name or NAME=VALUE, such as \"ssd rack=a\".");
    api_reader_u32(reader, "cpu_percent", API_OPTIONAL, OVERCOMMIT_MIN, OVERCOMMIT_MAX, &row->cpu_percent);
    api_reader_u32(reader, "memory_percent", API_OPTIONAL, OVERCOMMIT_MIN, OVERCOMMIT_MAX,
                   &row->memory_percent);
    api_reader_u32(reader, "desktops_max", API_OPTIONAL, 0, DESKTOPS_MAX, &row->desktops_max);
}

void api_hosts_add(struct request *r)
{
    struct host_row *row = request_input(r, sizeof *row);
    if (!row)
        return;
    *row = (struct host_row){
        .address = "127.0.0.1", .cpu_percent = HOST_CPU_PERCENT, .memory_percent = HOST_MEMORY_PERCENT};
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    if (api_reader_text(&reader, "name", API_REQUIRED, row->name, sizeof row->name) &&
        !name_is_valid(row->name))
        api_reader_refuse(&reader,
                          "A host's name has letters, digits and . _ - and begins with a letter or digit.");
    read_common(&reader, API_REQUIRED, row);
    if (request_read_done(r, &reader))
        request_run(r, STORE_WRITE, add_job, NULL);
}

/* Reads the body over the host as it is now, so that members that are not named stay. */
static int change_job(struct db *db, struct request *r)
{
    struct host_row row;
    int rc = get_host(db, r, &row);
    if (rc)
        return rc;
    enum host_mode mode = row.mode;
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    read_common(&reader, API_OPTIONAL, &row);
    rc = api_reader_finish(&reader);
    if (rc) {
        problem_set(r, PROBLEM_BAD_REQUEST, "%s", reader.err.text);
        return rc;
    }
    rc = store_host_update(db, &row);
    if (rc)
        return rc;
    request_set(r, 200, host_json(&row));
    if (mode != row.mode)
        return audit_admin(db, r, "host.changed", row.id, "Host %s was made %s", row.name,
                           host_mode_name(row.mode));
    return audit_admin(db, r, "host.changed", row.id, "Host %s was changed", row.name);
}

void api_host_change(struct request *r)
{
    request_run(r, STORE_WRITE, change_job, NULL);
}

static int delete_job(struct db *db, struct request *r)
{
    struct host_row row;
    int rc = get_host(db, r, &row);
    if (rc)
        return rc;
    rc = store_host_delete(db, row.id);
    if (rc)
        return problem_set_rc(r, db, rc, "Host %s cannot be removed now.", row.name);
    store_notify(db, "host", row.id);
    r->answer.status = 204;
    return audit_admin(db, r, "host.deleted", row.id, "Host %s was removed", row.name);
}

void api_host_delete(struct request *r)
{
    request_run(r, STORE_WRITE, delete_job, NULL);
}
