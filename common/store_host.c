#include "store_parts.h"

#include <stdio.h>

#define HOST_COLUMNS                                                                                         \
    "SELECT h.id, h.name, h.uri, h.state, h.mode, h.virt, h.reason, h.vcpus, h.memory_mib, h.disk_mib,"      \
    " h.disk_free_mib, h.libvirt_version, h.hypervisor_version, h.address, h.labels, h.cpu_percent,"         \
    " h.memory_percent, h.seen_ms, h.created_ms,"
#define HOST_SELECT                                                                                          \
    HOST_COLUMNS                                                                                             \
    " COALESCE(n.desktops, 0), COALESCE(n.vcpus, 0), COALESCE(n.memory_mib, 0), h.down_ms,"                  \
    " h.storage, h.desktop_storage, h.desktops_max FROM hosts h LEFT JOIN (SELECT d.host_id AS host_id,"     \
    " COUNT(*) AS desktops,"                                                                                 \
    " SUM(CASE WHEN d.state IN ('stopped', 'failed') THEN 0 ELSE p.vcpus END) AS vcpus,"                     \
    " SUM(CASE WHEN d.state IN ('stopped', 'failed') THEN 0 ELSE p.memory_mib END) AS memory_mib"            \
    " FROM desktops d JOIN pools p ON p.id = d.pool_id GROUP BY d.host_id) n"                                \
    " ON n.host_id = h.id"
#define HOST_PLAIN                                                                                           \
    HOST_COLUMNS " 0, 0, 0, h.down_ms, h.storage, h.desktop_storage, h.desktops_max FROM hosts h"

static void host_read(struct db_query *q, struct host_row *ret)
{
    *ret = (struct host_row){.vcpus = row_u32(q, 7),
                             .memory_mib = (uint64_t)row_int(q, 8),
                             .disk_mib = (uint64_t)row_int(q, 9),
                             .disk_free_mib = (uint64_t)row_int(q, 10),
                             .cpu_percent = row_u32(q, 15),
                             .memory_percent = row_u32(q, 16),
                             .seen_ms = row_int(q, 17),
                             .created_ms = row_int(q, 18),
                             .desktops = row_u32(q, 19),
                             .vcpus_used = row_u32(q, 20),
                             .memory_used_mib = (uint64_t)row_int(q, 21),
                             .down_ms = row_int(q, 22),
                             .desktops_max = row_u32(q, 25)};
    row_text(q, 0, ret->id, sizeof ret->id);
    row_text(q, 1, ret->name, sizeof ret->name);
    row_text(q, 2, ret->uri, sizeof ret->uri);
    row_enum(q, 3, host_state_parse, &ret->state);
    row_enum(q, 4, host_mode_parse, &ret->mode);
    row_text(q, 5, ret->virt, sizeof ret->virt);
    row_text(q, 6, ret->reason, sizeof ret->reason);
    row_text(q, 11, ret->libvirt_version, sizeof ret->libvirt_version);
    row_text(q, 12, ret->hypervisor_version, sizeof ret->hypervisor_version);
    row_text(q, 13, ret->address, sizeof ret->address);
    row_text(q, 14, ret->labels, sizeof ret->labels);
    row_text(q, 23, ret->storage, sizeof ret->storage);
    row_text(q, 24, ret->desktop_storage, sizeof ret->desktop_storage);
}

int store_host_insert(struct db *db, struct host_row *row)
{
    int rc = store_check_name(db, "a host", row->name);
    if (rc)
        return rc;
    id_make(ID_HOST, row->id);
    row->created_ms = store_now_ms();
    rc = db_run(db,
                "INSERT INTO hosts (id, name, uri, state, mode, virt, reason, vcpus, memory_mib,"
                " libvirt_version, hypervisor_version, seen_ms, created_ms, address, labels, cpu_percent,"
                " memory_percent, desktops_max)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
                db_text(row->id), db_text(row->name), db_text(row->uri), db_text(host_state_name(row->state)),
                db_text(host_mode_name(row->mode)), db_text(row->virt), db_text(row->reason),
                db_int(row->vcpus), db_int((int64_t)row->memory_mib), db_text(row->libvirt_version),
                db_text(row->hypervisor_version), db_int(row->seen_ms), db_int(row->created_ms),
                db_text(row->address), db_text(row->labels), db_int(row->cpu_percent),
                db_int(row->memory_percent), db_int(row->desktops_max));
    if (rc == CE_EXISTS)
        return db_fail(db, rc, "there is a host %s already", row->name);
    store_notify(db, "host", row->id);
    return rc;
}

int store_host_get(struct db *db, const char *key, struct host_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q,
                       HOST_SELECT " WHERE h.id = $1 OR h.name = $1"
                                   " ORDER BY CASE WHEN h.id = $1 THEN 0 ELSE 1 END LIMIT 1",
                       db_text(key));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no host %.80s", key);
    if (rc < 0)
        return rc;
    host_read(&q, ret);
    return 0;
}

static int hosts_each(struct db_query *q, int (*each)(void *arg, const struct host_row *row), void *arg)
{
    int rc = 0;
    while (!rc && (rc = db_next(q)) > 0) {
        struct host_row row;
        host_read(q, &row);
        rc = each(arg, &row);
    }
    return rc;
}

int store_host_list(struct db *db, int (*each)(void *arg, const struct host_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, HOST_SELECT " ORDER BY h.name");
    return rc ? rc : hosts_each(&q, each, arg);
}

int store_host_list_plain(struct db *db, int (*each)(void *arg, const struct host_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, HOST_PLAIN " ORDER BY h.name");
    return rc ? rc : hosts_each(&q, each, arg);
}

static int host_get_plain(struct db *db, const char *id, struct host_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, HOST_PLAIN " WHERE h.id = $1", db_text(id));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no host %.80s", id);
    if (rc < 0)
        return rc;
    host_read(&q, ret);
    return 0;
}

int store_host_update(struct db *db, const struct host_row *row)
{
    int rc = db_run(db,
                    "UPDATE hosts SET uri = $2, mode = $3, address = $4, labels = $5, cpu_percent = $6,"
                    " memory_percent = $7, desktops_max = $8 WHERE id = $1",
                    db_text(row->id), db_text(row->uri), db_text(host_mode_name(row->mode)),
                    db_text(row->address), db_text(row->labels), db_int(row->cpu_percent),
                    db_int(row->memory_percent), db_int(row->desktops_max));
    store_notify(db, "host", row->id);
    return store_changed(db, rc, "host", row->id);
}

static int host_event(struct db *db, const struct host_row *host)
{
    struct event_row event = {0};
    const char *state = host_state_name(host->state);
    snprintf(event.kind, sizeof event.kind, "host.%s", state);
    snprintf(event.object, sizeof event.object, "%s", host->id);
    snprintf(event.text, sizeof event.text, "Host %s is %s%s%.250s.", host->name, state,
             host->reason[0] ? ": " : "", host->reason);
    return store_event(db, &event);
}

int store_host_set_seen(struct db *db, const struct host_row *row)
{
    struct host_row old, now = *row;
    int rc = host_get_plain(db, row->id, &old);
    if (!rc)
        rc = db_run(db,
                    "UPDATE hosts SET state = $2, virt = $3, reason = $4, vcpus = $5, memory_mib = $6,"
                    " libvirt_version = $7, hypervisor_version = $8, seen_ms = $9, disk_mib = $10,"
                    " disk_free_mib = $11, down_ms = $12, storage = $13, desktop_storage = $14 WHERE id = $1",
                    db_text(row->id), db_text(host_state_name(row->state)), db_text(row->virt),
                    db_text(row->reason), db_int(row->vcpus), db_int((int64_t)row->memory_mib),
                    db_text(row->libvirt_version), db_text(row->hypervisor_version), db_int(row->seen_ms),
                    db_int((int64_t)row->disk_mib), db_int((int64_t)row->disk_free_mib), db_int(row->down_ms),
                    db_text(row->storage), db_text(row->desktop_storage));
    if (rc || row->state == old.state)
        return rc;
    store_notify(db, "host", row->id);
    snprintf(now.name, sizeof now.name, "%s", old.name);
    return host_event(db, &now);
}

int store_host_delete(struct db *db, const char *id)
{
    int64_t desktops = 0;
    int rc = db_get_int(db, &desktops, "SELECT COUNT(*) FROM desktops WHERE host_id = $1", db_text(id));
    if (!rc && desktops)
        return db_fail(db, CE_CONFLICT, "%lld desktops are on the host", (long long)desktops);
    if (!rc)
        rc = db_run(db, "DELETE FROM hosts WHERE id = $1", db_text(id));
    store_notify(db, "host", id);
    return store_changed(db, rc, "host", id);
}
