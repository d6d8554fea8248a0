#include "nla.h"

#include <string.h>

#include "sspi.h"
#include "suite.h"

static const uint8_t key[] = "key";
static struct nla *nla;

static void begin(void)
{
    CU_ASSERT_EQUAL_FATAL(secret_library_init(), 0);
    CU_ASSERT_EQUAL_FATAL(sspi_library_init(), 0);
    CU_ASSERT_EQUAL_FATAL(nla_open(&nla), 0);
}

static void end(void)
{
    nla_destroy(&nla);
    CU_ASSERT_PTR_NULL(nla);
    nla_destroy(&nla);
}

static void begin_one(int64_t now_ms, char ret_id[ID_SIZE])
{
    struct nla_exchange *x = NULL;
    CU_ASSERT_EQUAL_FATAL(nla_begin(nla, key, sizeof key, NULL, now_ms, &x), 0);
    memcpy(ret_id, x->id, ID_SIZE);
}

static void an_exchange_lapses(void)
{
    char id[ID_SIZE];
    begin();
    begin_one(1000, id);
    nla_sweep(nla, 1000 + NLA_OPEN_MS - 1);
    CU_ASSERT_PTR_NOT_NULL(nla_find(nla, id));
    nla_sweep(nla, 1000 + NLA_OPEN_MS);
    CU_ASSERT_PTR_NULL(nla_find(nla, id));
    end();
}

static void a_proof_is_good_once_and_for_a_while(void)
{
    char id[ID_SIZE];
    struct nla_proof proof;
    begin();
    begin_one(0, id);
    CU_ASSERT_EQUAL(nla_take(nla, id, &proof), CE_NOT_FOUND); /* not proven yet */
    struct nla_exchange *x = nla_find(nla, id);
    login_attempt_set_name(&x->who, "alice");
    strcpy(x->who.user_id, "u-1");
    nla_prove(nla, x, 0);
    CU_ASSERT_PTR_NULL(nla_find(nla, id)); /* nothing is heard any more */
    nla_sweep(nla, NLA_PROVEN_MS - 1);
    CU_ASSERT_EQUAL(nla_take(nla, id, &proof), 0);
    CU_ASSERT_STRING_EQUAL(proof.name, "alice");
    CU_ASSERT_STRING_EQUAL(proof.user_id, "u-1");
    CU_ASSERT_EQUAL(nla_take(nla, id, &proof), CE_NOT_FOUND);

    begin_one(0, id);
    nla_prove(nla, nla_find(nla, id), 0);
    nla_sweep(nla, NLA_PROVEN_MS);
    CU_ASSERT_EQUAL(nla_take(nla, id, &proof), CE_NOT_FOUND);
    end();
}

static void the_oldest_gives_way_in_a_flood(void)
{
    char first[ID_SIZE], second[ID_SIZE], id[ID_SIZE];
    begin();
    begin_one(0, first);
    begin_one(0, second);
    for (unsigned i = 2; i < NLA_OPEN_MAX; i++)
        begin_one(0, id);
    CU_ASSERT_PTR_NOT_NULL(nla_find(nla, first));
    begin_one(0, id);
    CU_ASSERT_PTR_NULL(nla_find(nla, first));
    CU_ASSERT_PTR_NOT_NULL(nla_find(nla, second));
    CU_ASSERT_PTR_NOT_NULL(nla_find(nla, id));
    end();
}

static void a_key_that_is_none_is_refused(void)
{
    struct nla_exchange *x = NULL;
    begin();
    CU_ASSERT_EQUAL(nla_begin(nla, key, 0, NULL, 0, &x), CE_BAD_INPUT);
    CU_ASSERT_PTR_NULL(x);
    end();
}

SUITE("nla", TEST(an_exchange_lapses), TEST(a_proof_is_good_once_and_for_a_while),
      TEST(the_oldest_gives_way_in_a_flood), TEST(a_key_that_is_none_is_refused))
