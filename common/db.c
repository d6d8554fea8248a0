#include "db.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void db_close(struct db **db)
{
    if (*db)
        (*db)->ops->close(*db);
    *db = NULL;
}

int db_fail(struct db *db, int code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(db->error, sizeof db->error, fmt, args);
    va_end(args);
    return code;
}

void db_notice_add(struct db_notices *notices, const char *topic, const char *id)
{
    if (notices->count >= DB_NOTICES_MAX)
        id = "";
    for (unsigned i = 0; i < notices->count; i++) {
        if (!strcmp(notices->items[i].topic, topic) && !strcmp(notices->items[i].id, id))
            return;
    }
    if (notices->count == sizeof notices->items / sizeof notices->items[0])
        return;
    struct db_notice *notice = &notices->items[notices->count++];
    snprintf(notice->topic, sizeof notice->topic, "%s", topic);
    snprintf(notice->id, sizeof notice->id, "%s", id);
}

struct db_value db_text(const char *text)
{
    if (!text)
        text = "";
    return (struct db_value){.kind = DB_TEXT, .bytes = text, .len = strlen(text)};
}

struct db_value db_ref(const char *id)
{
    return id && *id ? db_text(id) : (struct db_value){.kind = DB_NULL};
}

int db_query_open(struct db *db, struct db_query *query, const char *sql, const struct db_value *values,
                  size_t count)
{
    void *handle;
    int rc = db->ops->open(db, sql, values, (unsigned)count, &handle);
    if (!rc)
        *query = (struct db_query){.db = db, .handle = handle};
    return rc;
}

int db_next(struct db_query *query)
{
    return query->db->ops->next(query->db, query->handle);
}

void db_finish(struct db_query *query)
{
    if (query->db)
        query->db->ops->finish(query->db, query->handle);
    query->db = NULL;
}

int db_run_values(struct db *db, const char *sql, const struct db_value *values, size_t count)
{
    struct db_query query = {0};
    int rc = db_query_open(db, &query, sql, values, count);
    if (rc)
        return rc;
    while ((rc = db_next(&query)) > 0)
        ;
    db_finish(&query);
    return rc;
}

int db_get_int_values(struct db *db, int64_t *ret, const char *sql, const struct db_value *values,
                      size_t count)
{
    CLEANUP_QUERY struct db_query query = {0};
    int rc = db_query_open(db, &query, sql, values, count);
    if (rc)
        return rc;
    rc = db_next(&query);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return CE_NOT_FOUND;
    *ret = row_int(&query, 0);
    return 0;
}

int64_t row_int(struct db_query *query, int column)
{
    return query->db->ops->row_int(query->handle, column);
}

uint32_t row_u32(struct db_query *query, int column)
{
    int64_t number = row_int(query, column);
    if (number < 0)
        return 0;
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

bool row_bool(struct db_query *query, int column)
{
    return row_int(query, column) != 0;
}

void row_text(struct db_query *query, int column, char *ret, size_t size)
{
    size_t len = 0;
    const void *text = query->db->ops->row_bytes(query->handle, column, &len);
    if (len > size - 1)
        len = size - 1;
    if (len)
        memcpy(ret, text, len);
    ret[len] = '\0';
}

size_t row_bytes(struct db_query *query, int column, void *ret, size_t size)
{
    size_t len = 0;
    const void *bytes = query->db->ops->row_bytes(query->handle, column, &len);
    if (len > size)
        len = size;
    if (len)
        memcpy(ret, bytes, len);
    return len;
}
