/* Bytes that must not be seen: a buffer that wipes itself and has no printing function, sealing with the
 * store's key (libsodium's secretbox), password hashes (argon2id) and random passwords.
 *
 * All functions are callable from any thread; secret_hash_*() take tens of milliseconds and megabytes by
 * design and belong on a worker thread.
 */
#ifndef CARREL_SECRET_H
#define CARREL_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#define SECRET_MAX_BYTES 512 /* the longest password that any door accepts */
#define SECRET_HASH_SIZE 128 /* crypto_pwhash_STRBYTES: an argon2id string with its terminator */
#define SECRET_SEALED_MAX (SECRET_MAX_BYTES + 64)
#define SECRET_GUEST_PASSWORD_LEN 24

/* Embedded by value; zero-initialised it is the empty secret. Always terminated for C callers. */
struct secret {
    size_t len;
    char bytes[SECRET_MAX_BYTES + 1];
};

#define CLEANUP_SECRET __attribute__((cleanup(secret_wipe)))

int secret_library_init(void) MUST_CHECK; /* once per process, before threads */
int secret_set(struct secret *s, const char *bytes, size_t len) MUST_CHECK; /* CE_LIMIT when too long */
void secret_wipe(struct secret *s);
void secret_wipe_bytes(void *bytes, size_t len);
void secret_random_bytes(void *ret, size_t len);
void secret_random_password(struct secret *ret); /* letters and digits that cannot be mistaken */

/* SHA-256 of the secret in hexadecimal: for secrets of full entropy, which need no slow hash. */
#define SECRET_DIGEST_SIZE 65
void secret_digest(const struct secret *s, char ret[SECRET_DIGEST_SIZE]);

/* The store's key: 32 random bytes in a file of mode 0640, made at first use. */
struct secret_key {
    uint8_t bytes[32];
};
int secret_key_load(struct secret_key *ret, const char *path, int create, struct error *err) MUST_CHECK;

/* SEALED is nonce, tag and ciphertext. CONTEXT (for example the desktop's id) is bound to it: a sealed
 * password that was copied to another row does not open. */
int secret_seal(const struct secret_key *key, const char *context, const struct secret *plain,
                uint8_t sealed[SECRET_SEALED_MAX], size_t *ret_len) MUST_CHECK;
int secret_open(const struct secret_key *key, const char *context, const uint8_t *sealed, size_t len,
                struct secret *ret) MUST_CHECK; /* CE_BAD_INPUT when it is not ours */

/* Once per process, before threads: what hashing costs in memory from now on, for the hash of nobody too, so
 * that the answer about an unknown user takes as long. CE_BAD_INPUT below what argon2id can do with. */
int secret_hash_set_cost(uint64_t memory_bytes) MUST_CHECK;
int secret_hash_make(const struct secret *password, char ret[SECRET_HASH_SIZE]) MUST_CHECK;
/* 0 when PASSWORD fits; CE_REFUSED when not. HASH NULL takes the same time and refuses. */
int secret_hash_verify(const char *hash, const struct secret *password) MUST_CHECK;

#endif
