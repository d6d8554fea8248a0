#include "tls_fingerprint.h"

#include <limits.h>
#include <stdio.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

int tls_fingerprint_of_pem(const void *pem, size_t len, char ret[FINGERPRINT_SIZE], struct error *err)
{
    BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    int ok = certificate && X509_digest(certificate, EVP_sha256(), digest, &digest_len) && digest_len == 32;
    X509_free(certificate);
    BIO_free(bio);
    if (!ok)
        return error_set(err, CE_BAD_INPUT, "the guest's certificate is not PEM");
    for (unsigned i = 0; i < digest_len; i++)
        snprintf(ret + (size_t)i * 2, 3, "%02x", digest[i]);
    return 0;
}
