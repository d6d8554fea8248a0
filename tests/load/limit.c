#include "limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "tls_io.h"

enum {
    KEY_LEN = 16,
    NONCE_LEN = 12,
    TAG_LEN = 16,
    HEADER_LEN = 5, /* of a record: the additional data */
    BATCH_BYTES = 4 << 20,
};

struct limit {
    EVP_CIPHER_CTX *open, *seal;
    uint8_t nonce[NONCE_LEN], header[HEADER_LEN];
    uint8_t clear[TLS_RECORD_MAX_BYTES], copy[TLS_RECORD_MAX_BYTES], sealed[TLS_RECORD_MAX_BYTES + TAG_LEN];
};

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool seal(struct limit *l, const uint8_t *clear, size_t len, uint8_t *sealed)
{
    int n;
    return EVP_EncryptInit_ex(l->seal, NULL, NULL, NULL, l->nonce) &&
           EVP_EncryptUpdate(l->seal, NULL, &n, l->header, HEADER_LEN) &&
           EVP_EncryptUpdate(l->seal, sealed, &n, clear, (int)len) &&
           EVP_EncryptFinal_ex(l->seal, sealed + n, &n) &&
           EVP_CIPHER_CTX_ctrl(l->seal, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, sealed + len);
}

static bool unseal(struct limit *l, uint8_t *sealed, size_t len, uint8_t *clear)
{
    int n;
    return EVP_DecryptInit_ex(l->open, NULL, NULL, NULL, l->nonce) &&
           EVP_DecryptUpdate(l->open, NULL, &n, l->header, HEADER_LEN) &&
           EVP_DecryptUpdate(l->open, clear, &n, sealed, (int)len) &&
           EVP_CIPHER_CTX_ctrl(l->open, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, sealed + len) &&
           EVP_DecryptFinal_ex(l->open, clear + n, &n);
}

/* BATCH_BYTES in records of LEN; only the second half of the work is the relay's, so the first is not timed. */
static bool batch(struct limit *l, size_t len, uint64_t *ret_ns, uint64_t *ret_bytes)
{
    size_t count = BATCH_BYTES / len;
    if (!seal(l, l->clear, len, l->sealed))
        return false;
    uint64_t from_ns = cpu_ns();
    for (size_t i = 0; i < count; i++) {
        if (!unseal(l, l->sealed, len, l->clear))
            return false;
        memcpy(l->copy, l->clear, len);
        if (!seal(l, l->copy, len, l->sealed))
            return false;
    }
    *ret_ns += cpu_ns() - from_ns;
    *ret_bytes += count * len;
    return true;
}

int limit_run(const struct plan *plan, struct report *report, struct error *err)
{
    static const uint8_t key[KEY_LEN] = {1, 2, 3};
    struct limit *l = calloc(1, sizeof *l);
    /* A PDU longer than a record travels in several; the average one is what counts then. */
    size_t records = (plan->pdu_bytes + TLS_RECORD_MAX_BYTES - 1) / TLS_RECORD_MAX_BYTES;
    size_t len = plan->pdu_bytes / records;
    uint64_t ns = 0, bytes = 0;
    bool ok = l && (l->open = EVP_CIPHER_CTX_new()) && (l->seal = EVP_CIPHER_CTX_new()) &&
              EVP_DecryptInit_ex(l->open, EVP_aes_128_gcm(), NULL, key, l->nonce) &&
              EVP_EncryptInit_ex(l->seal, EVP_aes_128_gcm(), NULL, key, l->nonce);
    while (ok && ns < plan->duration_ms * 1000000)
        ok = batch(l, len, &ns, &bytes);
    if (ok) {
        snprintf(report->title, sizeof report->title, "limit: AES-128-GCM, records of %zu bytes", len);
        report_metric(report, UNIT_BYTES, (double)bytes, "stream.bytes");
        report_metric(report, UNIT_S_PER_GB, (double)ns / (double)bytes, "limit.cpu_per_gb");
    }
    if (l) {
        EVP_CIPHER_CTX_free(l->open);
        EVP_CIPHER_CTX_free(l->seal);
    }
    free(l);
    return ok ? 0 : error_set(err, CE_INTERNAL, "AES-GCM failed");
}
