#include "tls_memory.h"

#include <stdint.h>
#include <string.h>

#include <openssl/crypto.h>

#include "suite.h"

enum { READ_BUFFER_BYTES = 64 * 1024, SMALL_BYTES = 1000, RECORD_HEADER_LEN = 5, PAYLOAD_STEP = 8 };

static uintptr_t payload_offset(const void *buffer)
{
    return ((uintptr_t)buffer + RECORD_HEADER_LEN) % PAYLOAD_STEP;
}

static void the_first_records_payload_stands_where_openssl_wants_it(void)
{
    tls_memory_init();
    for (size_t size = READ_BUFFER_BYTES; size < READ_BUFFER_BYTES + 40; size++) {
        uint8_t *buffer = OPENSSL_malloc(size);
        CU_ASSERT_PTR_NOT_NULL_FATAL(buffer);
        CU_ASSERT_EQUAL(payload_offset(buffer), 0);
        memset(buffer, 1, size); /* to the last byte */
        OPENSSL_free(buffer);
    }
}

static void a_block_keeps_its_bytes_when_it_grows_and_shrinks(void)
{
    static const size_t sizes[] = {SMALL_BYTES, READ_BUFFER_BYTES, READ_BUFFER_BYTES * 4, SMALL_BYTES * 2,
                                   10};
    for (unsigned first = 0; first < 2; first++) {
        uint8_t *block = OPENSSL_malloc(sizes[first]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(block);
        memcpy(block, "0123456789", 10);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            block = OPENSSL_realloc(block, sizes[i]);
            CU_ASSERT_PTR_NOT_NULL_FATAL(block);
            CU_ASSERT_EQUAL(memcmp(block, "0123456789", 10), 0);
            memset(block + 10, (int)i, sizes[i] - 10);
        }
        OPENSSL_free(block);
    }
}

static void nothing_is_asked_for_and_given(void)
{
    OPENSSL_free(NULL);
    CU_ASSERT_PTR_NULL(OPENSSL_malloc(0));
    void *block = OPENSSL_realloc(NULL, READ_BUFFER_BYTES);
    CU_ASSERT_PTR_NOT_NULL_FATAL(block);
    CU_ASSERT_EQUAL(payload_offset(block), 0);
    CU_ASSERT_PTR_NULL(OPENSSL_realloc(block, 0));
}

SUITE("tls_memory", TEST(the_first_records_payload_stands_where_openssl_wants_it),
      TEST(a_block_keeps_its_bytes_when_it_grows_and_shrinks), TEST(nothing_is_asked_for_and_given))
