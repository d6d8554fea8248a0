#include "tls_library.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "log.h"

enum {
    ALGORITHMS_MAX = 64, /* of one kind; those that have no room are not offered */
    FUNCTIONS_MAX = 32,
};

/* The default provider is loaded into a context of its own; our provider, the only one of the other context, has
 * the same functions and the same private data, and answers three questions itself: what reads keys, what kinds
 * of keys there are, and what ciphers. */
struct tls_library {
    OSSL_LIB_CTX *default_context;
    OSSL_PROVIDER *default_provider;
    OSSL_LIB_CTX *context;
    OSSL_PROVIDER *provider;
};

/* The same for every library: the default provider's tables are constants of OpenSSL's. */
static OSSL_FUNC_provider_query_operation_fn *default_query;
static OSSL_DISPATCH functions[FUNCTIONS_MAX + 1];
static OSSL_ALGORITHM decoders[ALGORITHMS_MAX + 1], key_kinds[ALGORITHMS_MAX + 1],
    ciphers[ALGORITHMS_MAX + 1];

/* Whose private data a provider takes that is being loaded: OpenSSL hands nothing through. */
static const OSSL_PROVIDER *loading;

/* ALGORITHM has its names in one text with ':' between them; the first is the one meant here. */
static bool has_name(const OSSL_ALGORITHM *algorithm, const char *name)
{
    size_t len = strlen(name);
    const char *end = algorithm->algorithm_names + len;
    return !strncmp(algorithm->algorithm_names, name, len) && (*end == ':' || !*end);
}

static bool is_one_of(const OSSL_ALGORITHM *algorithm, const char *const *names)
{
    for (; *names; names++) {
        if (has_name(algorithm, *names))
            return true;
    }
    return false;
}

static bool reads_certificate_keys(const OSSL_ALGORITHM *algorithm)
{
    static const char *const names[] = {"RSA", "RSA-PSS", "EC", "ED25519", "ED448", NULL};
    return is_one_of(algorithm, names) && strstr(algorithm->property_definition, "input=der") &&
           strstr(algorithm->property_definition, "structure=SubjectPublicKeyInfo");
}

/* What certificates and key exchanges have, and the MACs of old ciphers of TLS 1.2. */
static bool is_kind_of_tls(const OSSL_ALGORITHM *algorithm)
{
    static const char *const names[] = {"RSA",    "RSA-PSS", "EC", "ED25519", "ED448",
                                        "X25519", "X448",    "DH", "HMAC",    NULL};
    return is_one_of(algorithm, names);
}

/* The names of ciphers are most of the names that a context has, and each operation on a key goes through all of
 * them once or twice. */
static bool is_cipher_of_tls(const OSSL_ALGORITHM *algorithm)
{
    static const char *const names[] = {"AES-128-GCM",
                                        "AES-256-GCM",
                                        "AES-128-CCM",
                                        "AES-256-CCM",
                                        "ChaCha20-Poly1305",
                                        "AES-128-CBC",
                                        "AES-256-CBC",
                                        "AES-128-CBC-HMAC-SHA1",
                                        "AES-256-CBC-HMAC-SHA1",
                                        "AES-128-CBC-HMAC-SHA256",
                                        "AES-256-CBC-HMAC-SHA256",
                                        "DES-EDE3-CBC",
                                        NULL};
    return is_one_of(algorithm, names);
}

static void pick(const OSSL_PROVIDER *from, int operation, bool (*wanted)(const OSSL_ALGORITHM *),
                 OSSL_ALGORITHM ret[ALGORITHMS_MAX + 1])
{
    int no_cache;
    unsigned count = 0;
    const OSSL_ALGORITHM *at = OSSL_PROVIDER_query_operation(from, operation, &no_cache);
    for (; at && at->algorithm_names && count < ALGORITHMS_MAX; at++) {
        if (wanted(at))
            ret[count++] = *at;
    }
    ret[count] = (OSSL_ALGORITHM){0};
}

static const OSSL_ALGORITHM *query(void *data, int operation, int *no_cache)
{
    *no_cache = 0;
    if (operation == OSSL_OP_DECODER)
        return decoders;
    if (operation == OSSL_OP_KEYMGMT)
        return key_kinds;
    if (operation == OSSL_OP_CIPHER)
        return ciphers;
    return default_query(data, operation, no_cache);
}

/* The default provider's functions, but for the end: its data is its own. */
static void functions_take(const OSSL_PROVIDER *from)
{
    unsigned count = 0;
    for (const OSSL_DISPATCH *at = OSSL_PROVIDER_get0_dispatch(from); at->function_id; at++) {
        if (at->function_id == OSSL_FUNC_PROVIDER_TEARDOWN || count == FUNCTIONS_MAX)
            continue;
        functions[count] = *at;
        if (at->function_id == OSSL_FUNC_PROVIDER_QUERY_OPERATION) {
            default_query = OSSL_FUNC_provider_query_operation(at);
            functions[count].function = (void (*)(void))query;
        }
        count++;
    }
    functions[count] = (OSSL_DISPATCH){0};
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                         void **ret_data)
{
    (void)handle;
    (void)in;
    *out = functions;
    *ret_data = OSSL_PROVIDER_get0_provider_ctx(loading);
    return 1;
}

static bool open(struct tls_library *l)
{
    l->default_context = OSSL_LIB_CTX_new();
    l->default_provider = l->default_context ? OSSL_PROVIDER_load(l->default_context, "default") : NULL;
    l->context = l->default_provider ? OSSL_LIB_CTX_new() : NULL;
    if (!l->context)
        return false;
    pick(l->default_provider, OSSL_OP_DECODER, reads_certificate_keys, decoders);
    pick(l->default_provider, OSSL_OP_KEYMGMT, is_kind_of_tls, key_kinds);
    pick(l->default_provider, OSSL_OP_CIPHER, is_cipher_of_tls, ciphers);
    functions_take(l->default_provider);
    loading = l->default_provider;
    l->provider = default_query && OSSL_PROVIDER_add_builtin(l->context, "carrel", provider_init) == 1
                      ? OSSL_PROVIDER_load(l->context, "carrel")
                      : NULL;
    loading = NULL;
    return l->provider != NULL;
}

/* What is left has no context of its own. */
static void finish(struct tls_library *l)
{
    if (l->provider)
        OSSL_PROVIDER_unload(l->provider);
    OSSL_LIB_CTX_free(l->context);
    if (l->default_provider)
        OSSL_PROVIDER_unload(l->default_provider);
    OSSL_LIB_CTX_free(l->default_context);
    *l = (struct tls_library){0};
}

int tls_library_create(struct tls_library **ret, struct error *err)
{
    struct tls_library *l = calloc(1, sizeof *l);
    if (!l)
        return error_set(err, CE_NOMEM, "no TLS for a thread");
    /* Where the administrator wants FIPS, OpenSSL's own context has what that takes. */
    if (!EVP_default_properties_is_fips_enabled(NULL) && !open(l)) {
        log_warning("The threads share OpenSSL's own library context, which makes log-ins slower.");
        finish(l);
        ERR_clear_error();
    }
    *ret = l;
    return 0;
}

void tls_library_destroy(struct tls_library **library)
{
    if (*library)
        finish(*library);
    free(*library);
    *library = NULL;
}

OSSL_LIB_CTX *tls_library_context(const struct tls_library *library)
{
    return library ? library->context : NULL;
}
