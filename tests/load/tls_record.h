/* A record of TLS 1.3 without TLS: AES-128-GCM with the header as additional data. One key and one nonce for all, so
 * that a record can be made once and opened again and again; it measures, it protects nothing.
 */
#ifndef CARREL_LOAD_TLS_RECORD_H
#define CARREL_LOAD_TLS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TLS_RECORD_HEADER_LEN = 5,
    TLS_RECORD_TAG_LEN = 16,
};

struct tls_record {
    struct evp_cipher_ctx_st *open, *seal;
};

bool tls_record_init(struct tls_record *r);
void tls_record_finish(struct tls_record *r);

/* SEALED has TLS_RECORD_TAG_LEN bytes more than CLEAR, and no header. */
bool tls_record_seal(struct tls_record *r, const uint8_t *clear, size_t len, uint8_t *sealed)
    __attribute__((warn_unused_result));
bool tls_record_open(struct tls_record *r, uint8_t *sealed, size_t len, uint8_t *clear)
    __attribute__((warn_unused_result));

#endif
