#include "store_parts.h"

#include <stdlib.h>
#include <stdio.h>

int store_check_name(struct db *db, const char *what, const char *name)
{
    if (name_is_valid(name))
        return 0;
    return db_fail(db, CE_BAD_INPUT, "\"%.80s\" cannot be the name of %s", name, what);
}

int store_changed(struct db *db, int rc, const char *what, const char *id)
{
    if (!rc && db->changes == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no %s %.80s", what, id);
    return rc;
}

int id_list_add(struct db *db, struct id_list *list, const char *id)
{
    if (list->count == list->room) {
        unsigned room = list->room ? list->room * 2 : 64;
        void *ids = realloc(list->ids, room * sizeof list->ids[0]);
        if (!ids)
            return db_fail(db, CE_NOMEM, "out of memory");
        list->ids = ids;
        list->room = room;
    }
    snprintf(list->ids[list->count++], ID_SIZE, "%s", id);
    return 0;
}

int id_list_fill(struct db_query *query, struct id_list *list)
{
    int rc;
    while ((rc = db_next(query)) > 0) {
        char id[ID_SIZE];
        row_text(query, 0, id, sizeof id);
        rc = id_list_add(query->db, list, id);
        if (rc)
            break;
    }
    db_finish(query);
    return rc;
}

void id_list_finish(struct id_list *list)
{
    free(list->ids);
    *list = (struct id_list){0};
}
