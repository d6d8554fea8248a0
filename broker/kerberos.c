#include "kerberos.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>

#include "config.h"
#include "secret.h"

enum {
    WRAP_HEADER_BYTES = 16, /* RFC 4121 4.2.6.2 */
    WRAP_RRC_AT = 6,        /* "right rotation count" */
    CONFOUNDER_BYTES = 16,  /* of all encryption types with AES */
    WORDS_SIZE = 300,
};

static const char service[] = "TERMSRV/";

struct kerberos_keys {
    char keytab[CONFIG_TEXT_SIZE + 8], replay_cache[CONFIG_TEXT_SIZE + 8];
};

struct kerberos {
    gss_cred_id_t credentials;
    gss_ctx_id_t context;
    enum kerberos_reason reason;
    char principal[KERBEROS_PRINCIPAL_SIZE];
    char words[WORDS_SIZE];
};

/* ---- the keytab ---- */

static int entries_count(krb5_context context, const char *keytab, unsigned *ret_count)
{
    krb5_keytab table;
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    krb5_error_code rc = krb5_kt_resolve(context, keytab, &table);
    if (rc)
        return rc;
    rc = krb5_kt_start_seq_get(context, table, &cursor);
    if (!rc) {
        while (!krb5_kt_next_entry(context, table, &entry, &cursor)) {
            ++*ret_count;
            (void)krb5_free_keytab_entry_contents(context, &entry);
        }
        (void)krb5_kt_end_seq_get(context, table, &cursor);
    }
    (void)krb5_kt_close(context, table);
    return rc;
}

int kerberos_keys_open(struct kerberos_keys **ret, const char *keytab, const char *replay_cache,
                       struct error *err)
{
    krb5_context context;
    unsigned count = 0;
    struct kerberos_keys *keys = calloc(1, sizeof *keys);
    if (!keys || krb5_init_context(&context)) {
        free(keys);
        return error_set(err, CE_IO, "Kerberos cannot start; is its configuration (krb5.conf) right?");
    }
    snprintf(keys->keytab, sizeof keys->keytab, "FILE:%s", keytab);
    snprintf(keys->replay_cache, sizeof keys->replay_cache, "file2:%s", replay_cache);
    krb5_error_code rc = entries_count(context, keys->keytab, &count);
    if (rc || !count) {
        const char *words = rc ? krb5_get_error_message(context, rc) : NULL;
        int code = error_set(err, CE_IO, "broker.kerberos_keytab %s cannot be used: %s", keytab,
                             words ? words : "there is no key in it");
        krb5_free_error_message(context, words);
        krb5_free_context(context);
        free(keys);
        return code;
    }
    krb5_free_context(context);
    *ret = keys;
    return 0;
}

void kerberos_keys_close(struct kerberos_keys **keys)
{
    free(*keys);
    *keys = NULL;
}

/* ---- one log-in ---- */

int kerberos_create(struct kerberos **ret, const struct kerberos_keys *keys)
{
    gss_key_value_element_desc elements[] = {{.key = "keytab", .value = keys->keytab},
                                             {.key = "rcache", .value = keys->replay_cache}};
    const gss_key_value_set_desc store = {.count = 2, .elements = elements};
    static char spnego[] = "\x2b\x06\x01\x05\x05\x02"; /* 1.3.6.1.5.5.2 */
    gss_OID_desc oids[] = {*gss_mech_krb5, {.length = sizeof spnego - 1, .elements = spnego}};
    gss_OID_set_desc both = {.count = 2, .elements = oids}, only = {.count = 1, .elements = oids};
    OM_uint32 minor, major;
    struct kerberos *k = calloc(1, sizeof *k);
    if (!k)
        return CE_NOMEM;
    /* No name: the key of any principal in the keytab will do, and no host's name is looked up. */
    major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &both, GSS_C_ACCEPT, &store,
                                  &k->credentials, NULL, NULL);
    if (!GSS_ERROR(major))
        major = gss_set_neg_mechs(&minor, k->credentials, &only);
    if (GSS_ERROR(major)) {
        kerberos_destroy(&k);
        return CE_IO;
    }
    *ret = k;
    return 0;
}

void kerberos_destroy(struct kerberos **kerberos)
{
    OM_uint32 minor;
    struct kerberos *k = *kerberos;
    if (!k)
        return;
    (void)gss_delete_sec_context(&minor, &k->context, GSS_C_NO_BUFFER);
    (void)gss_release_cred(&minor, &k->credentials);
    free(k);
    *kerberos = NULL;
}

static void words_add(struct kerberos *k, OM_uint32 status, int type)
{
    OM_uint32 minor, more = 0;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    if (GSS_ERROR(gss_display_status(&minor, status, type, (gss_OID)(uintptr_t)gss_mech_krb5, &more, &text)))
        return;
    size_t len = strlen(k->words);
    snprintf(k->words + len, sizeof k->words - len, "%s%.*s", len ? ": " : "", (int)text.length,
             (const char *)text.value);
    (void)gss_release_buffer(&minor, &text);
}

/* By the words: GSSAPI gives libkrb5's numbers other ones where they go through SPNEGO. */
static bool words_are_of(const struct kerberos *k, krb5_error_code code)
{
    const char *words = krb5_get_error_message(NULL, code);
    bool same = words && strstr(k->words, words);
    krb5_free_error_message(NULL, words);
    return same;
}

static enum kerberos_result refuse(struct kerberos *k, OM_uint32 major, OM_uint32 reason)
{
    k->words[0] = '\0';
    if (reason)
        words_add(k, reason, GSS_C_MECH_CODE);
    if (!k->words[0])
        words_add(k, major, GSS_C_GSS_CODE);
    k->reason = words_are_of(k, KRB5KRB_AP_ERR_SKEW) ? KERBEROS_CLOCKS_DIFFER : KERBEROS_OTHER;
    return KERBEROS_REFUSED;
}

static enum kerberos_result refuse_words(struct kerberos *k, const char *words)
{
    snprintf(k->words, sizeof k->words, "%s", words);
    return KERBEROS_REFUSED;
}

/* NAME as text; CE_BAD_INPUT where it does not fit. */
static int name_print(gss_name_t name, char *ret, size_t size)
{
    OM_uint32 minor;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    if (GSS_ERROR(gss_display_name(&minor, name, &text, NULL)))
        return CE_BAD_INPUT;
    int n = snprintf(ret, size, "%.*s", (int)text.length, (const char *)text.value);
    bool fits = n >= 0 && (size_t)n < size && strlen(ret) == text.length;
    (void)gss_release_buffer(&minor, &text);
    return fits ? 0 : CE_BAD_INPUT;
}

/* The ticket is good: for whom, of whom, and with what keys. */
static enum kerberos_result check(struct kerberos *k, OM_uint32 flags)
{
    OM_uint32 minor;
    gss_name_t client = GSS_C_NO_NAME, server = GSS_C_NO_NAME;
    char target[KERBEROS_PRINCIPAL_SIZE] = "";
    OM_uint32 major = gss_inquire_context(&minor, k->context, &client, &server, NULL, NULL, NULL, NULL, NULL);
    int rc = GSS_ERROR(major) ? CE_INTERNAL : name_print(client, k->principal, sizeof k->principal);
    if (!rc)
        rc = name_print(server, target, sizeof target);
    (void)gss_release_name(&minor, &client);
    (void)gss_release_name(&minor, &server);
    if (rc)
        return refuse_words(k, "the ticket's names cannot be read");
    if (strncmp(target, service, sizeof service - 1) != 0)
        return refuse_words(k, "the ticket is for another service than TERMSRV");
    if (!(flags & GSS_C_CONF_FLAG) || !(flags & GSS_C_INTEG_FLAG))
        return refuse_words(k, "the client wants no sealed messages");
    return KERBEROS_DONE;
}

enum kerberos_result kerberos_step(struct kerberos *k, const uint8_t *token, size_t len, uint8_t *ret,
                                   size_t size, size_t *ret_len)
{
    gss_buffer_desc in = {.length = len, .value = (void *)(uintptr_t)token}, out = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor, ignored, flags = 0;
    OM_uint32 major = gss_accept_sec_context(&minor, &k->context, k->credentials, &in,
                                             GSS_C_NO_CHANNEL_BINDINGS, NULL, NULL, &out, &flags, NULL, NULL);
    enum kerberos_result result = GSS_ERROR(major)                ? refuse(k, major, minor)
                                  : out.length > size             ? refuse_words(k, "the answer is too long")
                                  : major & GSS_S_CONTINUE_NEEDED ? KERBEROS_CONTINUE
                                                                  : check(k, flags);
    *ret_len = 0;
    if (out.length && out.length <= size) {
        memcpy(ret, out.value, out.length);
        *ret_len = out.length;
    }
    (void)gss_release_buffer(&ignored, &out);
    return result;
}

const char *kerberos_principal(const struct kerberos *k)
{
    return k->principal;
}

const char *kerberos_words(const struct kerberos *k)
{
    return k->words;
}

enum kerberos_reason kerberos_reason(const struct kerberos *k)
{
    return k->reason;
}

/* ---- sealed messages ---- */

/* RFC 4121 4.2.5: GSSAPI puts the check sum at the end; Windows and WinPR, whose messages have a header of fixed length
 * and data behind it, want it before the data, and the count of bytes in the token's header. */
static void rotate(uint8_t *bytes, size_t len, size_t text_len)
{
    uint8_t tail[KERBEROS_TRAILER_MAX_BYTES];
    size_t count = len - WRAP_HEADER_BYTES - CONFOUNDER_BYTES - text_len;
    uint8_t *body = bytes + WRAP_HEADER_BYTES;
    size_t rest = len - WRAP_HEADER_BYTES - count;
    memcpy(tail, body + rest, count);
    memmove(body + count, body, rest);
    memcpy(body, tail, count);
    bytes[WRAP_RRC_AT] = (uint8_t)(count >> 8);
    bytes[WRAP_RRC_AT + 1] = (uint8_t)count;
}

int kerberos_seal(struct kerberos *k, const uint8_t *text, size_t len, uint8_t *ret, size_t *ret_len)
{
    gss_buffer_desc in = {.length = len, .value = (void *)(uintptr_t)text}, out = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor, major;
    int sealed = 0, rc = CE_INTERNAL;
    major = gss_wrap(&minor, k->context, 1, GSS_C_QOP_DEFAULT, &in, &sealed, &out);
    const uint8_t *wrapped = out.value;
    /* Keys of the older kind (RC4, triple DES) have another form of token, and are no longer to be used. */
    if (!GSS_ERROR(major) && sealed && out.length >= len + WRAP_HEADER_BYTES + CONFOUNDER_BYTES &&
        out.length <= len + KERBEROS_TRAILER_MAX_BYTES && wrapped[0] == 5 && wrapped[1] == 4) {
        memcpy(ret, out.value, out.length);
        rotate(ret, out.length, len);
        *ret_len = out.length;
        rc = 0;
    }
    (void)gss_release_buffer(&minor, &out);
    return rc;
}

int kerberos_unseal(struct kerberos *k, uint8_t *bytes, size_t len, uint8_t **ret_text, size_t *ret_len)
{
    gss_buffer_desc in = {.length = len, .value = bytes}, out = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor, major;
    int sealed = 0, rc = CE_REFUSED;
    major = gss_unwrap(&minor, k->context, &in, &out, &sealed, NULL);
    if (!GSS_ERROR(major) && sealed && out.length <= len) {
        if (out.length)
            memcpy(bytes, out.value, out.length);
        *ret_text = bytes;
        *ret_len = out.length;
        rc = 0;
    }
    if (out.value)
        secret_wipe_bytes(out.value, out.length);
    (void)gss_release_buffer(&minor, &out);
    return rc;
}
