#include "tls_identity.h"

#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "suite.h"

static void the_key_belongs_to_the_certificate_which_has_the_name(void)
{
    struct tls_identity tls;
    struct error err = {0};
    CU_ASSERT_EQUAL_FATAL(tls_identity_make("demo-7", &tls, &err), 0);
    BIO *key_bio = BIO_new_mem_buf(tls.key, -1), *bio = BIO_new_mem_buf(tls.certificate, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    CU_ASSERT_PTR_NOT_NULL_FATAL(certificate);
    CU_ASSERT_EQUAL(X509_check_private_key(certificate, key), 1);
    CU_ASSERT_EQUAL(X509_verify(certificate, key), 1);
    CU_ASSERT_TRUE(X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0);
    CU_ASSERT_TRUE(X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0);
    char name[64] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
    CU_ASSERT_STRING_EQUAL(name, "demo-7");
    X509_free(certificate);
    EVP_PKEY_free(key);
    BIO_free(key_bio);
    BIO_free(bio);
}

static void the_fingerprint_is_the_certificate_s(void)
{
    struct tls_identity tls;
    struct error err = {0};
    char fingerprint[FINGERPRINT_SIZE];
    CU_ASSERT_EQUAL_FATAL(tls_identity_make("demo-7", &tls, &err), 0);
    CU_ASSERT_EQUAL(tls_fingerprint_of_pem(tls.certificate, strlen(tls.certificate), fingerprint, &err), 0);
    CU_ASSERT_STRING_EQUAL(fingerprint, tls.fingerprint);
}

static void no_two_are_the_same(void)
{
    struct tls_identity one, two;
    struct error err = {0};
    CU_ASSERT_EQUAL(tls_identity_make("demo-7", &one, &err), 0);
    CU_ASSERT_EQUAL(tls_identity_make("demo-7", &two, &err), 0);
    CU_ASSERT_STRING_NOT_EQUAL(one.key, two.key);
    CU_ASSERT_STRING_NOT_EQUAL(one.fingerprint, two.fingerprint);
}

SUITE("vmpool tls_identity", TEST(the_key_belongs_to_the_certificate_which_has_the_name),
      TEST(the_fingerprint_is_the_certificate_s), TEST(no_two_are_the_same))
