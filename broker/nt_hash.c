#include "nt_hash.h"

#include <stdio.h>

enum { CONTEXT_SIZE = ID_SIZE + 4 };

static void context_make(const char *user_id, char ret[CONTEXT_SIZE])
{
    snprintf(ret, CONTEXT_SIZE, "nt:%s", user_id);
}

static int seal(const struct secret_key *key, const char *user_id, const struct secret *hash,
                uint8_t sealed[SECRET_SEALED_MAX], size_t *ret_len)
{
    char context[CONTEXT_SIZE];
    context_make(user_id, context);
    return secret_seal(key, context, hash, sealed, ret_len);
}

int nt_hash_set(struct db *db, const struct secret_key *key, const char *user_id, const struct secret *hash)
{
    uint8_t sealed[SECRET_SEALED_MAX];
    size_t len;
    int rc = seal(key, user_id, hash, sealed, &len);
    return rc ? rc : store_nt_hash_set(db, user_id, sealed, len);
}

int nt_hash_keep(struct db *db, const struct secret_key *key, const char *user_id, const struct secret *hash)
{
    uint8_t sealed[SECRET_SEALED_MAX];
    size_t len;
    int rc = seal(key, user_id, hash, sealed, &len);
    return rc ? rc : store_nt_hash_keep(db, user_id, sealed, len);
}

int nt_hash_get(struct db *db, const struct secret_key *key, const char *user_id, struct secret *ret_hash)
{
    uint8_t sealed[SECRET_SEALED_MAX];
    char context[CONTEXT_SIZE];
    size_t len = 0;
    int rc = store_nt_hash_get(db, user_id, sealed, sizeof sealed, &len);
    context_make(user_id, context);
    return rc ? rc : secret_open(key, context, sealed, len, ret_hash);
}
