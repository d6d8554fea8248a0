#include "tls_record.h"

#include <openssl/evp.h>

enum { KEY_LEN = 16, NONCE_LEN = 12 };

static const uint8_t key[KEY_LEN] = {1, 2, 3}, nonce[NONCE_LEN], header[TLS_RECORD_HEADER_LEN];

bool tls_record_init(struct tls_record *r)
{
    *r = (struct tls_record){.open = EVP_CIPHER_CTX_new(), .seal = EVP_CIPHER_CTX_new()};
    return r->open && r->seal && EVP_DecryptInit_ex(r->open, EVP_aes_128_gcm(), NULL, key, nonce) &&
           EVP_EncryptInit_ex(r->seal, EVP_aes_128_gcm(), NULL, key, nonce);
}

void tls_record_finish(struct tls_record *r)
{
    EVP_CIPHER_CTX_free(r->open);
    EVP_CIPHER_CTX_free(r->seal);
}

bool tls_record_seal(struct tls_record *r, const uint8_t *clear, size_t len, uint8_t *sealed)
{
    int n;
    return EVP_EncryptInit_ex(r->seal, NULL, NULL, NULL, nonce) &&
           EVP_EncryptUpdate(r->seal, NULL, &n, header, TLS_RECORD_HEADER_LEN) &&
           EVP_EncryptUpdate(r->seal, sealed, &n, clear, (int)len) &&
           EVP_EncryptFinal_ex(r->seal, sealed + n, &n) &&
           EVP_CIPHER_CTX_ctrl(r->seal, EVP_CTRL_AEAD_GET_TAG, TLS_RECORD_TAG_LEN, sealed + len);
}

bool tls_record_open(struct tls_record *r, uint8_t *sealed, size_t len, uint8_t *clear)
{
    int n;
    return EVP_DecryptInit_ex(r->open, NULL, NULL, NULL, nonce) &&
           EVP_DecryptUpdate(r->open, NULL, &n, header, TLS_RECORD_HEADER_LEN) &&
           EVP_DecryptUpdate(r->open, clear, &n, sealed, (int)len) &&
           EVP_CIPHER_CTX_ctrl(r->open, EVP_CTRL_AEAD_SET_TAG, TLS_RECORD_TAG_LEN, sealed + len) &&
           EVP_DecryptFinal_ex(r->open, clear + n, &n);
}
