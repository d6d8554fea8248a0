#include "secret.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "suite.h"

static char dir[64], path[128];

static void begin(void)
{
    CU_ASSERT_EQUAL_FATAL(secret_library_init(), 0);
    strcpy(dir, "/tmp/carrel-secret.XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/key", dir);
}

static void end(void)
{
    unlink(path);
    CU_ASSERT_EQUAL(rmdir(dir), 0); /* nothing else was left beside the key */
}

static struct secret make(const char *text)
{
    struct secret s = {0};
    CU_ASSERT_EQUAL(secret_set(&s, text, strlen(text)), 0);
    return s;
}

static int is_zero(const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    while (len && !*p)
        p++, len--;
    return !len;
}

static void keeps_and_wipes_its_bytes(void)
{
    struct secret s = make("correct horse");
    CU_ASSERT_STRING_EQUAL(s.bytes, "correct horse");
    CU_ASSERT_EQUAL(s.len, 13);
    CU_ASSERT_EQUAL(secret_set(&s, "ab", 2), 0);
    CU_ASSERT_EQUAL(s.len, 2);
    CU_ASSERT_TRUE(is_zero(s.bytes + 2, sizeof s.bytes - 2));
    secret_wipe(&s);
    CU_ASSERT_TRUE(is_zero(&s, sizeof s));
}

static void wipes_plain_bytes_and_accepts_none(void)
{
    char bytes[4] = "abc";
    secret_wipe_bytes(bytes, sizeof bytes);
    CU_ASSERT_TRUE(is_zero(bytes, sizeof bytes));
    secret_wipe_bytes(NULL, 0);
}

static void refuses_what_is_too_long_or_has_a_nul(void)
{
    char longest[SECRET_MAX_BYTES + 1];
    memset(longest, 'p', sizeof longest);
    struct secret s = make("before");
    CU_ASSERT_EQUAL(secret_set(&s, longest, SECRET_MAX_BYTES + 1), CE_LIMIT);
    CU_ASSERT_EQUAL(secret_set(&s, "a\0b", 3), CE_BAD_INPUT);
    CU_ASSERT_STRING_EQUAL(s.bytes, "before");
    CU_ASSERT_EQUAL(secret_set(&s, longest, SECRET_MAX_BYTES), 0);
    CU_ASSERT_EQUAL(strlen(s.bytes), SECRET_MAX_BYTES);
    CU_ASSERT_EQUAL(secret_set(&s, NULL, 0), 0);
    CU_ASSERT_EQUAL(s.len, 0);
}

static void a_random_password_pleases_every_policy(void)
{
    struct secret last = {0};
    for (int i = 0; i < 2000; i++) {
        struct secret s;
        secret_random_password(&s);
        if (s.len != SECRET_GUEST_PASSWORD_LEN || strlen(s.bytes) != s.len)
            CU_FAIL("length");
        if (strpbrk(s.bytes, "0O1lI") || !strpbrk(s.bytes, "23456789") ||
            !strpbrk(s.bytes, "abcdefghijkmnopqrstuvwxyz") || !strpbrk(s.bytes, "ABCDEFGHJKLMNPQRSTUVWXYZ"))
            CU_FAIL("characters");
        if (!strcmp(s.bytes, last.bytes))
            CU_FAIL("the same twice");
        last = s;
    }
}

static void a_key_is_made_once_and_read_again(void)
{
    begin();
    struct secret_key a = {{0}}, b = {{0}};
    struct error err = {0};
    CU_ASSERT_EQUAL(secret_key_load(&a, path, 0, &err), CE_NOT_FOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, path));
    CU_ASSERT_EQUAL(secret_key_load(&a, path, 1, &err), 0);
    CU_ASSERT_FALSE(is_zero(&a, sizeof a));
    CU_ASSERT_EQUAL(secret_key_load(&b, path, 1, &err), 0);
    CU_ASSERT_EQUAL(memcmp(&a, &b, sizeof a), 0);
    struct stat st;
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0640);
    end();
}

static void *load_key(void *arg)
{
    CU_ASSERT_EQUAL(secret_key_load(arg, path, 1, NULL), 0);
    return NULL;
}

static void daemons_that_start_at_once_agree_on_the_key(void)
{
    begin();
    struct secret_key keys[8];
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, load_key, &keys[i]), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    for (int i = 1; i < 8; i++)
        CU_ASSERT_EQUAL(memcmp(&keys[0], &keys[i], sizeof keys[0]), 0);
    end();
}

static void a_key_that_others_can_read_is_refused(void)
{
    begin();
    struct secret_key key;
    struct error err = {0};
    CU_ASSERT_EQUAL(secret_key_load(&key, path, 1, &err), 0);
    CU_ASSERT_EQUAL(chmod(path, 0644), 0);
    CU_ASSERT_EQUAL(secret_key_load(&key, path, 1, &err), CE_BAD_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "chmod 0640"));
    end();
}

static void a_key_of_another_length_is_refused(void)
{
    begin();
    struct secret_key key;
    struct error err = {0};
    umask(027);
    static const size_t lengths[] = {0, 31, 33, 40, 32};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t len = lengths[i];
        FILE *f = fopen(path, "w");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        fwrite("0123456789012345678901234567890123456789", 1, len, f);
        fclose(f);
        CU_ASSERT_EQUAL(secret_key_load(&key, path, 1, &err), len == 32 ? 0 : CE_BAD_INPUT);
    }
    end();
}

static void opens_what_it_sealed(void)
{
    begin();
    struct secret_key key;
    CU_ASSERT_EQUAL(secret_key_load(&key, path, 1, NULL), 0);
    struct secret plain = make("the guest's password"), out;
    uint8_t sealed[SECRET_SEALED_MAX];
    size_t len = 0;
    CU_ASSERT_EQUAL(secret_seal(&key, "d-1", &plain, sealed, &len), 0);
    CU_ASSERT_EQUAL(len, plain.len + 40);
    CU_ASSERT_PTR_NULL(memmem(sealed, len, "guest", 5));
    CU_ASSERT_EQUAL(secret_open(&key, "d-1", sealed, len, &out), 0);
    CU_ASSERT_EQUAL(out.len, plain.len);
    CU_ASSERT_STRING_EQUAL(out.bytes, plain.bytes);

    char longest[SECRET_MAX_BYTES];
    memset(longest, 'p', sizeof longest);
    CU_ASSERT_EQUAL(secret_set(&plain, longest, sizeof longest), 0);
    CU_ASSERT_EQUAL(secret_seal(&key, "d-1", &plain, sealed, &len), 0);
    CU_ASSERT_EQUAL(secret_open(&key, "d-1", sealed, len, &out), 0);
    CU_ASSERT_EQUAL(out.len, SECRET_MAX_BYTES);
    secret_wipe(&plain);
    CU_ASSERT_EQUAL(secret_seal(&key, "d-1", &plain, sealed, &len), 0);
    CU_ASSERT_EQUAL(secret_open(&key, "d-1", sealed, len, &out), 0);
    CU_ASSERT_EQUAL(out.len, 0);
    end();
}

static void the_same_secret_is_sealed_differently_each_time(void)
{
    struct secret_key key = {{7}};
    struct secret plain = make("x");
    uint8_t a[SECRET_SEALED_MAX], b[SECRET_SEALED_MAX];
    size_t len;
    CU_ASSERT_EQUAL(secret_seal(&key, "d-1", &plain, a, &len), 0);
    CU_ASSERT_EQUAL(secret_seal(&key, "d-1", &plain, b, &len), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(a, b, len), 0);
}

static void does_not_open_in_another_row_or_with_another_key(void)
{
    struct secret_key key = {{7}}, other = {{8}};
    struct secret plain = make("secret"), out = make("untouched");
    uint8_t sealed[SECRET_SEALED_MAX];
    size_t len;
    CU_ASSERT_EQUAL(secret_seal(&key, "d-1", &plain, sealed, &len), 0);
    CU_ASSERT_EQUAL(secret_open(&key, "d-2", sealed, len, &out), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(secret_open(&other, "d-1", sealed, len, &out), CE_BAD_INPUT);
    CU_ASSERT_STRING_EQUAL(out.bytes, "untouched");
}

static void refuses_sealed_bytes_that_were_changed(void)
{
    struct secret_key key = {{7}};
    struct secret plain = make("secret"), out = make("untouched");
    uint8_t sealed[SECRET_SEALED_MAX];
    size_t len;
    CU_ASSERT_EQUAL(secret_seal(&key, "d-1", &plain, sealed, &len), 0);
    for (size_t i = 0; i < len; i++) {
        sealed[i] ^= 1;
        if (secret_open(&key, "d-1", sealed, len, &out) != CE_BAD_INPUT)
            CU_FAIL("a changed byte was not noticed");
        sealed[i] ^= 1;
    }
    for (size_t cut = 0; cut < len; cut++) {
        if (secret_open(&key, "d-1", sealed, cut, &out) != CE_BAD_INPUT)
            CU_FAIL("missing bytes were not noticed");
    }
    CU_ASSERT_EQUAL(secret_open(&key, "d-1", sealed, SECRET_SEALED_MAX, &out), CE_BAD_INPUT);
    CU_ASSERT_STRING_EQUAL(out.bytes, "untouched");
    CU_ASSERT_EQUAL(secret_open(&key, "d-1", sealed, len, &out), 0);
}

static void a_hash_fits_its_password_only(void)
{
    char hash[SECRET_HASH_SIZE], again[SECRET_HASH_SIZE];
    struct secret right = make("opensesame"), wrong = make("opensesamf"), empty = {0};
    CU_ASSERT_EQUAL(secret_hash_make(&right, hash), 0);
    CU_ASSERT_EQUAL(secret_hash_make(&right, again), 0);
    CU_ASSERT_EQUAL(strncmp(hash, "$argon2id$", 10), 0);
    CU_ASSERT_STRING_NOT_EQUAL(hash, again);
    CU_ASSERT_EQUAL(secret_hash_verify(hash, &right), 0);
    CU_ASSERT_EQUAL(secret_hash_verify(hash, &wrong), CE_REFUSED);
    CU_ASSERT_EQUAL(secret_hash_verify(hash, &empty), CE_REFUSED);
    CU_ASSERT_EQUAL(secret_hash_verify("no hash at all", &right), CE_REFUSED);
}

static double seconds_to_verify(const char *hash, const struct secret *password)
{
    struct timespec a, b;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    CU_ASSERT_EQUAL(secret_hash_verify(hash, password), CE_REFUSED);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

static void nobody_is_refused_as_slowly_as_somebody(void)
{
    char hash[SECRET_HASH_SIZE];
    struct secret right = make("opensesame"), wrong = make("opensesamf");
    CU_ASSERT_EQUAL(secret_hash_make(&right, hash), 0);
    double known = 1e9, unknown = 1e9;
    for (int i = 0; i < 3; i++) { /* the least of some, as other programs run here too */
        double k = seconds_to_verify(hash, &wrong), u = seconds_to_verify(NULL, &wrong);
        known = k < known ? k : known;
        unknown = u < unknown ? u : unknown;
    }
    CU_ASSERT_TRUE(unknown > known / 2 && unknown < known * 2);
}

static void a_cheaper_hash_is_cheaper_for_nobody_too(void)
{
    char hash[SECRET_HASH_SIZE], dear[SECRET_HASH_SIZE];
    struct secret right = make("opensesame"), wrong = make("opensesamf");
    CU_ASSERT_EQUAL(secret_hash_make(&right, dear), 0);
    CU_ASSERT_EQUAL(secret_hash_set_cost(1000), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(secret_hash_set_cost(1 << 20), 0);
    CU_ASSERT_EQUAL(secret_hash_make(&right, hash), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(hash, "$m=1024,"));
    CU_ASSERT_EQUAL(secret_hash_verify(hash, &right), 0);
    CU_ASSERT_EQUAL(secret_hash_verify(dear, &right), 0); /* what was made before still fits */
    CU_ASSERT_TRUE(seconds_to_verify(NULL, &wrong) < seconds_to_verify(dear, &wrong) / 2);
    CU_ASSERT_EQUAL(secret_hash_set_cost(64 << 20), 0);
    CU_ASSERT_EQUAL(secret_hash_make(&right, hash), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(hash, "$m=65536,"));
}

static void a_digest_is_sha_256_in_hexadecimal(void)
{
    char digest[SECRET_DIGEST_SIZE];
    struct secret abc = make("abc");
    secret_digest(&abc, digest);
    CU_ASSERT_STRING_EQUAL(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

SUITE("secret", TEST(a_digest_is_sha_256_in_hexadecimal), TEST(keeps_and_wipes_its_bytes),
      TEST(wipes_plain_bytes_and_accepts_none), TEST(refuses_what_is_too_long_or_has_a_nul),
      TEST(a_random_password_pleases_every_policy), TEST(a_key_is_made_once_and_read_again),
      TEST(daemons_that_start_at_once_agree_on_the_key), TEST(a_key_that_others_can_read_is_refused),
      TEST(a_key_of_another_length_is_refused), TEST(opens_what_it_sealed),
      TEST(the_same_secret_is_sealed_differently_each_time),
      TEST(does_not_open_in_another_row_or_with_another_key), TEST(refuses_sealed_bytes_that_were_changed),
      TEST(a_hash_fits_its_password_only), TEST(nobody_is_refused_as_slowly_as_somebody),
      TEST(a_cheaper_hash_is_cheaper_for_nobody_too))
