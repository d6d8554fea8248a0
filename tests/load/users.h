/* Who logs in: a file with lines of user:password, or made-up names (load00000 with the password load, ...).
 * Owned by the run.
 */
#ifndef CARREL_LOAD_USERS_H
#define CARREL_LOAD_USERS_H

#include <stdint.h>

#include <carrel/error.h>

struct users;

/* PATH NULL: COUNT made-up ones. Empty lines and those that begin with # are not users. */
int users_create(struct users **ret, const char *path, uint32_t count, struct error *err) MUST_CHECK;
void users_destroy(struct users **users);

/* The user of session NUMBER; the last one is followed by the first. */
void users_get(const struct users *users, uint32_t number, const char **ret_user, const char **ret_password);

#endif
