/* Lists as tables (libsmartcols) and single objects as "Name: value" lines. */
#ifndef CARREL_CTL_TABLE_H
#define CARREL_CTL_TABLE_H

#include "ctl.h"
#include "field.h"

/* The objects of the array ITEMS as a table on ctl->out, with the columns that ctl->columns names. */
int table_print(struct ctl *ctl, const struct field *fields, const json_t *items) MUST_CHECK;

/* OBJECT as "Name: value" lines; fields without a value are left out. */
void table_show(struct ctl *ctl, const struct field *fields, const json_t *object);

/* The whole of most commands: GET PATH, then the table of its items; on a terminal an empty one is the
 * sentence EMPTY. */
int table_list_path(struct ctl *ctl, const char *path, const struct field *fields,
                    const char *empty) MUST_CHECK;
int table_show_path(struct ctl *ctl, const char *path, const struct field *fields) MUST_CHECK;

#endif
