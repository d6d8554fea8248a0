#include <ctype.h>
#include <string.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"

static json_t *host_json(const struct host_row *row)
{
    return json_pack("{s:s, s:s, s:o, s:s, s:b, s:s, s:o, s:I, s:I, s:s, s:s, s:I, s:o, s:o}", "id", row->id,
                     "name", row->name, "uri", api_json_text(row->uri), "state", host_state_name(row->state),
                     "enabled", row->enabled, "virt", row->virt, "reason", api_json_text(row->reason),
                     "vcpus", (json_int_t)row->vcpus, "memory_mib", (json_int_t)row->memory_mib, "libvirt",
                     row->libvirt_version, "hypervisor", row->hypervisor_version, "desktops",
                     (json_int_t)row->desktops, "seen", api_json_time(row->seen_ms), "created",
                     api_json_time(row->created_ms));
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

static int get_job(struct db *db, struct request *r)
{
    struct host_row row;
    int rc = get_host(db, r, &row);
    if (!rc)
        request_set(r, 200, host_json(&row));
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

/* libvirt says later whether it can connect; this only catches what cannot be a URI: "scheme:/...". */
static bool uri_is_plausible(const char *uri)
{
    size_t n = 0;
    while (isalnum((unsigned char)uri[n]) || (n && strchr("+-.", uri[n]) && uri[n]))
        n++;
    return n && !strncmp(uri + n, ":/", 2) && !strchr(uri, ' ');
}

void api_hosts_add(struct request *r)
{
    struct host_row *row = request_input(r, sizeof *row);
    if (!row)
        return;
    row->enabled = true;
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    if (api_reader_text(&reader, "name", API_REQUIRED, row->name, sizeof row->name) &&
        !name_is_valid(row->name))
        api_reader_refuse(&reader,
                          "A host's name has letters, digits and . _ - and begins with a letter or digit.");
    if (api_reader_text(&reader, "uri", API_REQUIRED, row->uri, sizeof row->uri) &&
        !uri_is_plausible(row->uri))
        api_reader_refuse(&reader, "The member \"uri\" must be a libvirt URI, such as \"qemu:///system\".");
    if (request_read_done(r, &reader))
        request_run(r, STORE_WRITE, add_job, NULL);
}

static int change_job(struct db *db, struct request *r)
{
    struct host_row row;
    int rc = get_host(db, r, &row);
    if (rc)
        return rc;
    row.enabled = *(const bool *)r->input;
    rc = store_host_set_enabled(db, row.id, row.enabled);
    if (rc)
        return rc;
    store_notify(db, "host", row.id);
    request_set(r, 200, host_json(&row));
    return audit_admin(db, r, "host.changed", row.id, "Host %s was %s", row.name,
                       row.enabled ? "opened for new guests" : "closed for new guests");
}

void api_host_change(struct request *r)
{
    bool *enabled = request_input(r, sizeof *enabled);
    if (!enabled)
        return;
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    api_reader_flag(&reader, "enabled", API_REQUIRED, enabled);
    if (request_read_done(r, &reader))
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
