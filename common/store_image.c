#include "store_parts.h"

#include <stdio.h>
#include <string.h>

#define IMAGE_SELECT                                                                                         \
    "SELECT id, name, version, state, percent, reason, source, path, kernel, initrd, cmdline, os, format,"   \
    " guest_user, session_hook, virtual_size_bytes, file_size_bytes, created_ms FROM images"

static void image_read(struct db_query *q, struct image_row *ret)
{
    *ret = (struct image_row){.version = row_u32(q, 2),
                              .percent = row_u32(q, 4),
                              .session_hook = row_bool(q, 14),
                              .virtual_size_bytes = (uint64_t)row_int(q, 15),
                              .file_size_bytes = (uint64_t)row_int(q, 16),
                              .created_ms = row_int(q, 17)};
    row_text(q, 0, ret->id, sizeof ret->id);
    row_text(q, 1, ret->name, sizeof ret->name);
    row_enum(q, 3, image_state_parse, &ret->state);
    row_text(q, 5, ret->reason, sizeof ret->reason);
    row_text(q, 6, ret->source, sizeof ret->source);
    row_text(q, 7, ret->path, sizeof ret->path);
    row_text(q, 8, ret->kernel, sizeof ret->kernel);
    row_text(q, 9, ret->initrd, sizeof ret->initrd);
    row_text(q, 10, ret->cmdline, sizeof ret->cmdline);
    row_text(q, 11, ret->os, sizeof ret->os);
    row_text(q, 12, ret->format, sizeof ret->format);
    row_text(q, 13, ret->guest_user, sizeof ret->guest_user);
}

static int image_event(struct db *db, const struct image_row *image)
{
    struct event_row event = {0};
    const char *state = image_state_name(image->state);
    snprintf(event.kind, sizeof event.kind, "image.%s", state);
    snprintf(event.object, sizeof event.object, "%s", image->id);
    snprintf(event.text, sizeof event.text, "Image %s@%u is %s%s%.250s.", image->name, image->version, state,
             image->reason[0] ? ": " : "", image->reason);
    return store_event(db, &event);
}

static int image_insert(struct db *db, struct image_row *row)
{
    int rc;
    id_make(ID_IMAGE, row->id);
    row->created_ms = store_now_ms();
    rc = db_run(
        db,
        "INSERT INTO images (id, name, version, state, percent, reason, source, path, kernel, initrd,"
        " cmdline, os, format, guest_user, session_hook, virtual_size_bytes, file_size_bytes, created_ms)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        db_text(row->id), db_text(row->name), db_int(row->version), db_text(image_state_name(row->state)),
        db_int(row->percent), db_text(row->reason), db_text(row->source), db_text(row->path),
        db_text(row->kernel), db_text(row->initrd), db_text(row->cmdline), db_text(row->os),
        db_text(row->format), db_text(row->guest_user), db_int(row->session_hook),
        db_int((int64_t)row->virtual_size_bytes), db_int((int64_t)row->file_size_bytes),
        db_int(row->created_ms));
    if (rc == CE_EXISTS)
        return db_fail(db, rc, "there is an image %s already", row->name);
    store_notify(db, "image", row->id);
    return rc ? rc : image_event(db, row);
}

int store_image_publish(struct db *db, struct image_row *row)
{
    int64_t version = 0;
    int rc = store_check_name(db, "an image", row->name);
    if (!rc)
        rc = db_get_int(db, &version,
                        "INSERT INTO image_names (name, newest) VALUES ($1, 1)"
                        " ON CONFLICT (name) DO UPDATE SET newest = image_names.newest + 1 RETURNING newest",
                        db_text(row->name));
    row->version = (uint32_t)version;
    return rc ? rc : image_insert(db, row);
}

int store_image_insert(struct db *db, struct image_row *row)
{
    int64_t versions = 0;
    int rc = db_get_int(db, &versions, "SELECT COUNT(*) FROM images WHERE name = $1", db_text(row->name));
    if (!rc && versions)
        return db_fail(db, CE_EXISTS, "there is an image %s already", row->name);
    return rc ? rc : store_image_publish(db, row);
}

/* "NAME@VERSION" taken apart; without a version it is 0. */
static uint32_t split_key(const char *key, char name[NAME_SIZE])
{
    unsigned version = 0;
    size_t len = strcspn(key, "@");
    char rest;
    snprintf(name, NAME_SIZE, "%.*s", (int)(len < NAME_SIZE ? len : NAME_SIZE - 1), key);
    if (key[len] && (key[len + 1] < '1' || key[len + 1] > '9' || strlen(key + len) > 10 ||
                     sscanf(key + len + 1, "%u%c", &version, &rest) != 1))
        name[0] = '\0'; /* nobody's name */
    return version;
}

int store_image_get(struct db *db, const char *key, struct image_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    char name[NAME_SIZE];
    uint32_t version = split_key(key, name);
    int rc =
        db_select(db, &q,
                  IMAGE_SELECT " WHERE id = $1 OR (name = $2 AND ($3 = 0 OR version = $3))"
                               " ORDER BY CASE WHEN id = $1 THEN 0 WHEN state = 'ready' THEN 1 ELSE 2 END,"
                               " version DESC LIMIT 1",
                  db_text(key), db_text(name), db_int(version));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no image %.80s", key);
    if (rc < 0)
        return rc;
    image_read(&q, ret);
    return 0;
}

int store_image_list(struct db *db, int (*each)(void *arg, const struct image_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, IMAGE_SELECT " ORDER BY name, version");
    while (!rc && (rc = db_next(&q)) > 0) {
        struct image_row row;
        image_read(&q, &row);
        rc = each(arg, &row);
    }
    return rc;
}

int store_image_update(struct db *db, const struct image_row *row)
{
    struct image_row old;
    int rc = store_image_get(db, row->id, &old);
    if (!rc)
        rc = db_run(db,
                    "UPDATE images SET version = $2, state = $3, percent = $4, reason = $5, source = $6,"
                    " path = $7, kernel = $8, initrd = $9, cmdline = $10, os = $11, format = $12,"
                    " guest_user = $13, session_hook = $14, virtual_size_bytes = $15, file_size_bytes = $16"
                    " WHERE id = $1",
                    db_text(row->id), db_int(row->version), db_text(image_state_name(row->state)),
                    db_int(row->percent), db_text(row->reason), db_text(row->source), db_text(row->path),
                    db_text(row->kernel), db_text(row->initrd), db_text(row->cmdline), db_text(row->os),
                    db_text(row->format), db_text(row->guest_user), db_int(row->session_hook),
                    db_int((int64_t)row->virtual_size_bytes), db_int((int64_t)row->file_size_bytes));
    if (rc)
        return rc;
    store_notify(db, "image", row->id);
    return row->state == old.state ? 0 : image_event(db, row);
}

static int image_is_free(struct db *db, const char *id)
{
    CLEANUP_QUERY struct db_query q = {0};
    char kind[24], name[NAME_SIZE];
    int rc = db_select(
        db, &q,
        "SELECT 'pool', name FROM pools WHERE image_id = $1"
        " UNION ALL SELECT 'desktop', name FROM desktops WHERE image_id = $1"
        " UNION ALL SELECT 'snapshot', name FROM disk_snapshots WHERE image_id = $1"
        " UNION ALL SELECT 'roll of pool', p.name FROM pool_rolls r JOIN pools p ON p.id = r.pool_id"
        " WHERE r.phase <> 'done' AND (r.from_image_id = $1 OR r.to_image_id = $1) LIMIT 1",
        db_text(id));
    if (rc || (rc = db_next(&q)) <= 0)
        return rc;
    row_text(&q, 0, kind, sizeof kind);
    row_text(&q, 1, name, sizeof name);
    return db_fail(db, CE_CONFLICT, "the %s %s uses the image", kind, name);
}

int store_image_order_delete(struct db *db, const char *id)
{
    struct image_row image;
    int rc = store_image_get(db, id, &image);
    if (!rc)
        rc = image_is_free(db, image.id);
    if (rc || image.state == IMAGE_DELETING)
        return rc;
    image.state = IMAGE_DELETING;
    image.reason[0] = '\0';
    return store_image_update(db, &image);
}

static int prune_candidates(struct db *db, const char *name, uint32_t keep, struct id_list *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    /* Newer ready versions of the name are counted: that many besides itself would stay. */
    int rc = db_select(
        db, &q,
        "SELECT i.id FROM images i WHERE ($1 = '' OR i.name = $1) AND i.state IN ('ready', 'failed')"
        " AND (SELECT COUNT(*) FROM images n WHERE n.name = i.name AND n.version > i.version"
        " AND n.state = 'ready') > $2"
        " AND NOT EXISTS (SELECT 1 FROM pools p WHERE p.image_id = i.id)"
        " AND NOT EXISTS (SELECT 1 FROM desktops d WHERE d.image_id = i.id)"
        " AND NOT EXISTS (SELECT 1 FROM disk_snapshots s WHERE s.image_id = i.id)"
        " AND NOT EXISTS (SELECT 1 FROM pool_rolls r WHERE r.phase <> 'done'"
        " AND (r.from_image_id = i.id OR r.to_image_id = i.id)) ORDER BY i.name, i.version",
        db_text(name), db_int(keep));
    return rc ? rc : id_list_fill(&q, ret);
}

int store_image_prune(struct db *db, const char *name, uint32_t keep,
                      int (*each)(void *arg, const struct image_row *row), void *arg)
{
    CLEANUP_IDS struct id_list going = {0};
    int rc = prune_candidates(db, name, keep, &going);
    for (unsigned i = 0; !rc && i < going.count; i++) {
        struct image_row image;
        rc = store_image_order_delete(db, going.ids[i]);
        if (!rc)
            rc = store_image_get(db, going.ids[i], &image);
        if (!rc)
            rc = each(arg, &image);
    }
    return rc;
}

int store_image_delete(struct db *db, const char *id)
{
    int rc = image_is_free(db, id);
    if (!rc)
        rc = db_run(db, "DELETE FROM images WHERE id = $1", db_text(id));
    store_notify(db, "image", id);
    return store_changed(db, rc, "image", id);
}
