#include "store_parts.h"

#include <stdio.h>

#define HOST_IMAGE_SELECT                                                                                    \
    "SELECT c.host_id, h.name, c.image_id, i.name, c.state, c.percent, c.reason FROM host_images c"          \
    " JOIN hosts h ON h.id = c.host_id JOIN images i ON i.id = c.image_id"

static void host_image_read(struct db_query *q, struct host_image_row *ret)
{
    *ret = (struct host_image_row){.percent = row_u32(q, 5)};
    row_text(q, 0, ret->host_id, sizeof ret->host_id);
    row_text(q, 1, ret->host, sizeof ret->host);
    row_text(q, 2, ret->image_id, sizeof ret->image_id);
    row_text(q, 3, ret->image, sizeof ret->image);
    row_enum(q, 4, host_image_state_parse, &ret->state);
    row_text(q, 6, ret->reason, sizeof ret->reason);
}

int store_host_image_list(struct db *db, const char *host_id,
                          int (*each)(void *arg, const struct host_image_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, HOST_IMAGE_SELECT " WHERE $1 = '' OR c.host_id = $1 ORDER BY h.name, i.name",
                       db_text(host_id));
    while (!rc && (rc = db_next(&q)) > 0) {
        struct host_image_row row;
        host_image_read(&q, &row);
        rc = each(arg, &row);
    }
    return rc;
}

static int host_image_event(struct db *db, const struct host_image_row *row)
{
    struct event_row event = {0};
    bool present = row->state == HOST_IMAGE_PRESENT;
    snprintf(event.kind, sizeof event.kind, "%s", present ? "host.image" : "host.image-failed");
    snprintf(event.object, sizeof event.object, "%s", row->host_id);
    snprintf(event.text, sizeof event.text, "Image %s %s host %s%s%.200s.", row->image,
             present ? "was brought to" : "could not be brought to", row->host, *row->reason ? ": " : "",
             row->reason);
    return store_event(db, &event);
}

int store_host_image_set(struct db *db, const struct host_image_row *row)
{
    int rc = db_run(db,
                    "INSERT INTO host_images (host_id, image_id, state, percent, reason)"
                    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (host_id, image_id)"
                    " DO UPDATE SET state = excluded.state, percent = excluded.percent,"
                    " reason = excluded.reason",
                    db_text(row->host_id), db_text(row->image_id), db_text(host_image_state_name(row->state)),
                    db_int(row->percent), db_text(row->reason));
    if (rc == CE_CONFLICT)
        return db_fail(db, CE_NOT_FOUND, "the host or the image is not there any more");
    store_notify(db, "host", row->host_id);
    return rc || row->state == HOST_IMAGE_COPYING ? rc : host_image_event(db, row);
}

int store_host_image_delete(struct db *db, const char *host_id, const char *image_id)
{
    store_notify(db, "host", host_id);
    return db_run(db, "DELETE FROM host_images WHERE host_id = $1 AND image_id = $2", db_text(host_id),
                  db_text(image_id));
}
