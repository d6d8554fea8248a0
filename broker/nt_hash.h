/* NT hashes as the store has them: sealed with the store's key for one user. In store jobs.
 */
#ifndef CARREL_BROKER_NT_HASH_H
#define CARREL_BROKER_NT_HASH_H

#include <carrel/store.h>

#include "secret.h"

/* HASH as credssp_nt_hash() makes it. Replaces the one that is there. */
int nt_hash_set(struct db *db, const struct secret_key *key, const char *user_id,
                const struct secret *hash) MUST_CHECK;
/* Leaves the one that is there. */
int nt_hash_keep(struct db *db, const struct secret_key *key, const char *user_id,
                 const struct secret *hash) MUST_CHECK;
/* CE_NOT_FOUND: the user has none. */
int nt_hash_get(struct db *db, const struct secret_key *key, const char *user_id,
                struct secret *ret_hash) MUST_CHECK;

#endif
