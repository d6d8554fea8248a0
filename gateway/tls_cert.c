#include "tls_cert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define DAY_S (24L * 60 * 60)

enum {
    VALID_DAYS = 3650,
    CLOCK_SLACK_DAYS = 1, /* clients whose clock is slow */
    RSA_BITS = 2048,
    SERIAL_BITS = 127,
};

int tls_cert_fingerprint(const struct x509_st *certificate, char ret[TLS_FINGERPRINT_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (X509_digest(certificate, EVP_sha256(), digest, &len) != 1 || len * 2 + 1 != TLS_FINGERPRINT_SIZE)
        return CE_INTERNAL;
    for (unsigned i = 0; i < len; i++) {
        ret[2 * i] = hex[digest[i] >> 4];
        ret[2 * i + 1] = hex[digest[i] & 15];
    }
    ret[2 * len] = '\0';
    return 0;
}

static int extension_add(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    int ok = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return ok ? 0 : CE_INTERNAL;
}

static int serial_set(X509 *certificate)
{
    BIGNUM *number = BN_new();
    int ok = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
             BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return ok ? 0 : CE_INTERNAL;
}

/* Extended key usage "server authentication" is what mstsc looks for before it offers to trust. */
static int certificate_fill(X509 *certificate, EVP_PKEY *key, const char *name)
{
    char alternative[300];
    snprintf(alternative, sizeof alternative, "DNS:%s", name);
    X509_NAME *subject = X509_get_subject_name(certificate);
    if (!X509_set_version(certificate, 2) || serial_set(certificate) ||
        !X509_gmtime_adj(X509_getm_notBefore(certificate), -CLOCK_SLACK_DAYS * DAY_S) ||
        !X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_DAYS * DAY_S) ||
        !X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) ||
        !X509_set_issuer_name(certificate, subject) || !X509_set_pubkey(certificate, key))
        return CE_INTERNAL;
    if (extension_add(certificate, NID_basic_constraints, "critical,CA:FALSE") ||
        extension_add(certificate, NID_ext_key_usage, "serverAuth") ||
        extension_add(certificate, NID_subject_alt_name, alternative))
        return CE_INTERNAL;
    return X509_sign(certificate, key, EVP_sha256()) > 0 ? 0 : CE_INTERNAL;
}

static int file_fill(int fd, EVP_PKEY *key, X509 *certificate)
{
    FILE *file = fdopen(fd, "w");
    if (!file) {
        close(fd);
        return CE_IO;
    }
    int ok = PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) &&
             PEM_write_X509(file, certificate) && !fflush(file) && !fsync(fd);
    return !fclose(file) && ok ? 0 : CE_IO;
}

/* Written under another name and linked into place: two gateways that start at once agree on one. */
static int file_make(const char *path, EVP_PKEY *key, X509 *certificate, struct error *err)
{
    char temporary[PATH_MAX + 32];
    snprintf(temporary, sizeof temporary, "%s.%ld.new", path, (long)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set(err, CE_IO, "cannot make the certificate file %s: %s", temporary, strerror(errno));
    int rc = file_fill(fd, key, certificate);
    if (!rc && link(temporary, path) && errno != EEXIST)
        rc = CE_IO;
    if (rc)
        rc = error_set(err, CE_IO, "cannot write the certificate file %s: %s", path, strerror(errno));
    unlink(temporary);
    return rc;
}

int tls_cert_ensure(const char *state_dir, const char *kind, const char *name, bool may_make,
                    char ret_path[PATH_MAX], struct error *err)
{
    char path[PATH_MAX];
    bool rsa = !strcmp(kind, "rsa");
    if (!rsa && strcmp(kind, "ecdsa") != 0)
        return error_set(err, CE_BAD_INPUT, "gateway.self_signed is '%s'; ecdsa or rsa was expected", kind);
    int n = snprintf(path, sizeof path, "%s/self-signed-%s.pem", state_dir, kind);
    if (n < 0 || (size_t)n >= sizeof path)
        return error_set(err, CE_LIMIT, "gateway.state_dir is too long");
    if (access(path, F_OK) == 0) {
        memcpy(ret_path, path, (size_t)n + 1);
        return 0;
    }
    if (!may_make)
        return error_set(err, CE_REFUSED,
                         "%s is not there, and is made at a start or a replacement (SIGUSR2) only", path);
    if (mkdir(state_dir, 0700) && errno != EEXIST)
        return error_set(err, CE_IO, "cannot make the folder %s: %s", state_dir, strerror(errno));
    EVP_PKEY *key = rsa ? EVP_RSA_gen(RSA_BITS) : EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    int rc = key && certificate ? certificate_fill(certificate, key, name) : CE_NOMEM;
    if (rc)
        rc = error_set(err, rc, "cannot make a certificate for the host name '%s'", name);
    else
        rc = file_make(path, key, certificate, err);
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (!rc)
        memcpy(ret_path, path, (size_t)n + 1);
    return rc;
}
