#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(SECRET_HASH_SIZE >= crypto_pwhash_STRBYTES, "a hash string fits");
_Static_assert(SECRET_SEALED_MAX >=
                   SECRET_MAX_BYTES + crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES,
               "a sealed secret fits");
_Static_assert(sizeof((struct secret_key *)0)->bytes == crypto_secretbox_KEYBYTES, "the key fits secretbox");

#define SEAL_EXTRA (crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES)

/* OWASP's floor for argon2id and libsodium's "interactive": about 60 ms and 64 MiB. */
#define HASH_OPS crypto_pwhash_OPSLIMIT_INTERACTIVE
#define HASH_BYTES crypto_pwhash_MEMLIMIT_INTERACTIVE

static size_t hash_bytes = HASH_BYTES;

/* Made with the parameters above from random bytes that nobody kept: what an unknown user's password is
 * compared with, so that the answer takes as long as for a known one. */
static char hash_of_nobody[SECRET_HASH_SIZE] =
    "$argon2id$v=19$m=65536,t=2,p=1$WB5xsHFzwDySjntTILEB+Q$Jm9fY0CmUHqAkebh/Fyo91ngUay8NVjZ1uh3lPabk9I";

int secret_library_init(void)
{
    return sodium_init() < 0 ? CE_INTERNAL : 0;
}

int secret_set(struct secret *s, const char *bytes, size_t len)
{
    if (len > SECRET_MAX_BYTES)
        return CE_LIMIT;
    if (len && memchr(bytes, '\0', len))
        return CE_BAD_INPUT; /* a C caller would see a shorter password than was meant */
    secret_wipe(s);
    if (len)
        memcpy(s->bytes, bytes, len);
    s->len = len;
    return 0;
}

void secret_wipe(struct secret *s)
{
    sodium_memzero(s, sizeof *s);
}

void secret_wipe_bytes(void *bytes, size_t len)
{
    if (bytes)
        sodium_memzero(bytes, len);
}

void secret_digest(const struct secret *s, char ret[SECRET_DIGEST_SIZE])
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, (const unsigned char *)s->bytes, s->len);
    sodium_bin2hex(ret, SECRET_DIGEST_SIZE, digest, sizeof digest);
}

void secret_random_bytes(void *ret, size_t len)
{
    randombytes_buf(ret, len);
}

void secret_random_password(struct secret *ret)
{
    static const char alphabet[] = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    secret_wipe(ret);
    /* Password policies of guests want three classes of characters; a draw without one is repeated. */
    do {
        for (size_t i = 0; i < SECRET_GUEST_PASSWORD_LEN; i++)
            ret->bytes[i] = alphabet[randombytes_uniform(sizeof alphabet - 1)];
        ret->len = SECRET_GUEST_PASSWORD_LEN;
    } while (!strpbrk(ret->bytes, "23456789") || !strpbrk(ret->bytes, "abcdefghijkmnpqrstuvwxyz") ||
             !strpbrk(ret->bytes, "ABCDEFGHJKLMNPQRSTUVWXYZ"));
}

static int key_read(struct secret_key *ret, const char *path, struct error *err)
{
    struct secret_key key;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return error_set(err, errno == ENOENT ? CE_NOT_FOUND : CE_IO, "cannot open the key file %s: %s", path,
                         strerror(errno));
    int rc = 0;
    char one_more;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        rc = error_set(err, CE_BAD_INPUT, "the key file %s is not a regular file", path);
    else if (st.st_mode & 0027)
        rc =
            error_set(err, CE_BAD_INPUT, "the key file %s has mode %04o; others must not read it: chmod 0640",
                      path, (unsigned)st.st_mode & 07777);
    else if (read(fd, key.bytes, sizeof key.bytes) != (ssize_t)sizeof key.bytes ||
             read(fd, &one_more, 1) != 0)
        rc = error_set(err, CE_BAD_INPUT, "the key file %s does not have %zu bytes", path, sizeof key.bytes);
    close(fd);
    if (!rc)
        *ret = key;
    sodium_memzero(&key, sizeof key);
    return rc;
}

static int key_write(int fd, struct error *err, const char *path)
{
    struct secret_key key;
    randombytes_buf(key.bytes, sizeof key.bytes);
    ssize_t written = write(fd, key.bytes, sizeof key.bytes);
    sodium_memzero(&key, sizeof key);
    if (written != (ssize_t)sizeof key.bytes || fchmod(fd, 0640) || fsync(fd))
        return error_set(err, errno == ENOSPC ? CE_NO_SPACE : CE_IO, "cannot write the key file %s: %s", path,
                         strerror(errno));
    return 0;
}

/* The file appears whole under its name or not at all, and where two daemons start at once one of them wins
 * and the other reads the winner's: link() fails where the name exists. */
static int key_create(const char *path, struct error *err)
{
    char draft[4096];
    if (snprintf(draft, sizeof draft, "%s.XXXXXX", path) >= (int)sizeof draft)
        return error_set(err, CE_LIMIT, "the name of the key file %s is too long", path);
    int fd = mkostemp(draft, O_CLOEXEC);
    if (fd < 0)
        return error_set(err, CE_IO, "cannot make the key file %s: %s", path, strerror(errno));
    int rc = key_write(fd, err, path);
    close(fd);
    if (!rc && link(draft, path) && errno != EEXIST)
        rc = error_set(err, CE_IO, "cannot make the key file %s: %s", path, strerror(errno));
    unlink(draft);
    return rc;
}

int secret_key_load(struct secret_key *ret, const char *path, int create, struct error *err)
{
    int rc = key_read(ret, path, err);
    if (rc != CE_NOT_FOUND || !create)
        return rc;
    rc = key_create(path, err);
    return rc ? rc : key_read(ret, path, err);
}

/* Secretbox has no room for associated data, so each context has a key of its own. */
static void context_key(uint8_t ret[crypto_secretbox_KEYBYTES], const struct secret_key *key,
                        const char *context)
{
    crypto_generichash(ret, crypto_secretbox_KEYBYTES, (const uint8_t *)context, strlen(context), key->bytes,
                       sizeof key->bytes);
}

int secret_seal(const struct secret_key *key, const char *context, const struct secret *plain,
                uint8_t sealed[SECRET_SEALED_MAX], size_t *ret_len)
{
    if (plain->len > SECRET_MAX_BYTES)
        return CE_LIMIT;
    uint8_t own[crypto_secretbox_KEYBYTES];
    context_key(own, key, context);
    randombytes_buf(sealed, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(sealed + crypto_secretbox_NONCEBYTES, (const uint8_t *)plain->bytes, plain->len,
                          sealed, own);
    sodium_memzero(own, sizeof own);
    *ret_len = plain->len + SEAL_EXTRA;
    return 0;
}

int secret_open(const struct secret_key *key, const char *context, const uint8_t *sealed, size_t len,
                struct secret *ret)
{
    if (len < SEAL_EXTRA || len > SECRET_MAX_BYTES + SEAL_EXTRA)
        return CE_BAD_INPUT;
    CLEANUP_SECRET struct secret plain = {0};
    uint8_t own[crypto_secretbox_KEYBYTES];
    context_key(own, key, context);
    int bad = crypto_secretbox_open_easy((uint8_t *)plain.bytes, sealed + crypto_secretbox_NONCEBYTES,
                                         len - crypto_secretbox_NONCEBYTES, sealed, own);
    sodium_memzero(own, sizeof own);
    if (bad)
        return CE_BAD_INPUT;
    plain.len = len - SEAL_EXTRA;
    *ret = plain;
    return 0;
}

int secret_hash_set_cost(uint64_t memory_bytes)
{
    struct secret nobody CLEANUP_SECRET = {.len = 32};
    if (memory_bytes < crypto_pwhash_MEMLIMIT_MIN || memory_bytes > crypto_pwhash_MEMLIMIT_MAX)
        return CE_BAD_INPUT;
    if (memory_bytes == hash_bytes)
        return 0;
    hash_bytes = (size_t)memory_bytes;
    randombytes_buf(nobody.bytes, nobody.len);
    return secret_hash_make(&nobody, hash_of_nobody);
}

int secret_hash_make(const struct secret *password, char ret[SECRET_HASH_SIZE])
{
    char hash[crypto_pwhash_STRBYTES];
    if (crypto_pwhash_str(hash, password->bytes, password->len, HASH_OPS, hash_bytes))
        return CE_NOMEM;
    memcpy(ret, hash, sizeof hash);
    return 0;
}

int secret_hash_verify(const char *hash, const struct secret *password)
{
    errno = 0;
    int unlike = crypto_pwhash_str_verify(hash ? hash : hash_of_nobody, password->bytes, password->len);
    if (unlike && errno == ENOMEM)
        return CE_NOMEM;
    return unlike || !hash ? CE_REFUSED : 0;
}
