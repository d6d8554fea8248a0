/* The store's file: checks of its place with words for the operator, its making with the right mode, its
 * opening and reopening. Blocks; store_open() calls it on the loop's thread, the store's thread afterwards.
 */
#ifndef CARREL_STORE_FILE_H
#define CARREL_STORE_FILE_H

#include <stdbool.h>

#include "db.h"

/* With CREATE an absent file is made (mode 0660: broker and vmpool share a group). Migrates the schema. */
int store_file_open(struct db **ret, const char *path, bool create, struct error *err) MUST_CHECK;

#endif
