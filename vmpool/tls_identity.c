#include "tls_identity.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define DAY_S (24L * 3600)
#define VALID_DAYS 3650
#define SLACK_DAYS 2 /* a client's clock may be behind */

static int fill(X509 *certificate, EVP_PKEY *key, const char *name)
{
    BIGNUM *number = BN_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    bool ok =
        number && BN_rand(number, 120, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
        BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) && X509_set_version(certificate, 2) &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -SLACK_DAYS * DAY_S) &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_DAYS * DAY_S) &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) &&
        X509_set_issuer_name(certificate, subject) && X509_set_pubkey(certificate, key) &&
        X509_sign(certificate, key, EVP_sha256()) > 0;
    BN_free(number);
    return ok ? 0 : CE_INTERNAL;
}

/* What was written to a memory BIO, as a C string. */
static int take_text(BIO *bio, char ret[TLS_IDENTITY_PEM_MAX])
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    if (len <= 0 || len >= TLS_IDENTITY_PEM_MAX)
        return CE_INTERNAL;
    memcpy(ret, bytes, (size_t)len);
    ret[len] = 0;
    return 0;
}

int tls_identity_make(const char *name, struct tls_identity *ret, struct error *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    /* Secure memory is wiped when it is freed. */
    BIO *key_bio = BIO_new(BIO_s_secmem()), *certificate_bio = BIO_new(BIO_s_mem());
    int rc = key && certificate && key_bio && certificate_bio ? fill(certificate, key, name) : CE_NOMEM;
    if (!rc && (!PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) ||
                !PEM_write_bio_X509(certificate_bio, certificate)))
        rc = CE_INTERNAL;
    if (!rc)
        rc = take_text(key_bio, ret->key);
    if (!rc)
        rc = take_text(certificate_bio, ret->certificate);
    BIO_free(key_bio);
    BIO_free(certificate_bio);
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (rc)
        return error_set(err, rc, "a key and certificate for the guest could not be made");
    return tls_fingerprint_of_pem(ret->certificate, strlen(ret->certificate), ret->fingerprint, err);
}
