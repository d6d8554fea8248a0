#include <stdio.h>
#include <string.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"

static json_t *image_json(const struct image_row *row)
{
    char label[NAME_SIZE + 12];
    snprintf(label, sizeof label, "%s@%u", row->name, row->version);
    return json_pack("{s:s, s:s, s:s, s:I, s:s, s:I, s:o, s:o, s:s, s:I, s:I, s:s, s:b, s:o, s:o}", "id",
                     row->id, "name", row->name, "label", label, "version", (json_int_t)row->version, "state",
                     image_state_name(row->state), "percent", (json_int_t)row->percent, "reason",
                     api_json_text(row->reason), "os", api_json_text(row->os), "format", row->format,
                     "virtual_size_bytes", (json_int_t)row->virtual_size_bytes, "file_size_bytes",
                     (json_int_t)row->file_size_bytes, "guest_user", row->guest_user, "session_hook",
                     row->session_hook, "source", api_json_text(row->source), "created",
                     api_json_time(row->created_ms));
}

static int add_image(void *arg, const struct image_row *row)
{
    return json_array_append_new(arg, image_json(row)) ? CE_NOMEM : 0;
}

static int list_job(struct db *db, struct request *r)
{
    json_t *items = json_array();
    int rc = store_image_list(db, add_image, items);
    request_set_items(r, items);
    return rc;
}

void api_images_list(struct request *r)
{
    request_run(r, STORE_READ, list_job, NULL);
}

static int get_image(struct db *db, struct request *r, struct image_row *ret)
{
    int rc = store_image_get(db, r->params[0], ret);
    return rc ? problem_set_rc(r, db, rc, "There is no image \"%s\".", r->params[0]) : 0;
}

static int get_job(struct db *db, struct request *r)
{
    struct image_row row;
    int rc = get_image(db, r, &row);
    if (!rc)
        request_set(r, 200, image_json(&row));
    return rc;
}

void api_image_get(struct request *r)
{
    request_run(r, STORE_READ, get_job, NULL);
}

static int answer_new(struct db *db, struct request *r, const struct image_row *row)
{
    store_notify(db, "image", row->id);
    int rc = audit_admin(db, r, "image.imported", row->id, "The import of image %s@%u was ordered", row->name,
                         row->version);
    request_set(r, 202, image_json(row));
    return rc;
}

static int add_job(struct db *db, struct request *r)
{
    struct image_row row = *(const struct image_row *)r->input;
    int rc = store_image_insert(db, &row);
    if (rc)
        return problem_set_rc(r, db, rc, "There is an image \"%s\" already.", row.name);
    return answer_new(db, r, &row);
}

static int publish_job(struct db *db, struct request *r)
{
    struct image_row row = *(const struct image_row *)r->input;
    int rc = store_image_publish(db, &row);
    if (rc)
        return problem_set_rc(r, db, rc, "Image %s cannot get another version now.", row.name);
    return answer_new(db, r, &row);
}

static void read_path(struct api_reader *reader, const char *name, enum api_presence presence, char *ret,
                      size_t size)
{
    if (api_reader_text(reader, name, presence, ret, size) && ret[0] != '/')
        api_reader_refuse(reader, "The member \"%s\" must be an absolute path.", name);
}

/* All but the name. */
static void read_image(struct api_reader *reader, struct image_row *row)
{
    if (!name_is_valid(row->name))
        api_reader_refuse(reader,
                          "An image's name has letters, digits and . _ - and begins with a letter or digit.");
    read_path(reader, "source", API_REQUIRED, row->source, sizeof row->source);
    read_path(reader, "kernel", API_OPTIONAL, row->kernel, sizeof row->kernel);
    read_path(reader, "initrd", API_OPTIONAL, row->initrd, sizeof row->initrd);
    api_reader_text(reader, "cmdline", API_OPTIONAL, row->cmdline, sizeof row->cmdline);
    api_reader_text(reader, "os", API_OPTIONAL, row->os, sizeof row->os);
    api_reader_text(reader, "guest_user", API_OPTIONAL, row->guest_user, sizeof row->guest_user);
    api_reader_flag(reader, "session_hook", API_OPTIONAL, &row->session_hook);
    if (!row->kernel[0] != !row->initrd[0])
        api_reader_refuse(reader, "The members \"kernel\" and \"initrd\" are needed together.");
}

void api_images_add(struct request *r)
{
    struct image_row *row = request_input(r, sizeof *row);
    if (!row)
        return;
    row->state = IMAGE_IMPORTING;
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    api_reader_text(&reader, "name", API_REQUIRED, row->name, sizeof row->name);
    read_image(&reader, row);
    if (request_read_done(r, &reader))
        request_run(r, STORE_WRITE, add_job, NULL);
}

void api_image_publish(struct request *r)
{
    struct image_row *row = request_input(r, sizeof *row);
    if (!row)
        return;
    row->state = IMAGE_IMPORTING;
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    if (strlen(r->params[0]) < sizeof row->name)
        memcpy(row->name, r->params[0], strlen(r->params[0]) + 1);
    read_image(&reader, row);
    if (request_read_done(r, &reader))
        request_run(r, STORE_WRITE, publish_job, NULL);
}

/* --- old versions -------------------------------------------------------------------------------- */

static int prune_job(struct db *db, struct request *r)
{
    struct image_row image;
    int rc = get_image(db, r, &image);
    if (rc)
        return rc;
    json_t *items = json_array();
    rc = store_image_prune(db, image.name, *(const uint32_t *)r->input, add_image, items);
    if (!rc && json_array_size(items))
        rc = audit_admin(db, r, "image.pruned", image.id,
                         "The deletion of %zu old versions of image %s was ordered", json_array_size(items),
                         image.name);
    request_set_items(r, items);
    return rc;
}

void api_image_prune(struct request *r)
{
    uint32_t *keep = request_input(r, sizeof *keep);
    if (!keep)
        return;
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    api_reader_u32(&reader, "keep", API_OPTIONAL, 0, 1000, keep);
    if (request_read_done(r, &reader))
        request_run(r, STORE_WRITE, prune_job, NULL);
}

static int delete_job(struct db *db, struct request *r)
{
    struct image_row row;
    int rc = get_image(db, r, &row);
    if (rc)
        return rc;
    rc = store_image_order_delete(db, row.id);
    if (rc)
        return problem_set_rc(r, db, rc, "Image %s@%u cannot be deleted now.", row.name, row.version);
    store_notify(db, "image", row.id);
    rc = audit_admin(db, r, "image.deleted", row.id, "The deletion of image %s@%u was ordered", row.name,
                     row.version);
    if (!rc)
        rc = store_image_get(db, row.id, &row);
    request_set(r, 202, image_json(&row));
    return rc;
}

void api_image_delete(struct request *r)
{
    request_run(r, STORE_WRITE, delete_job, NULL);
}
