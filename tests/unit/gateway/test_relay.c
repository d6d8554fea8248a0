#include "relay.h"

#include <string.h>

#include "mcs.h"
#include "policy_filter.h"
#include "suite.h"
#include "tpkt.h"

static struct pool pool;
static struct relay_dir dir;
static struct relay_facts facts;

static void begin(enum rdp_direction direction)
{
    static const uint16_t client_channels[] = {1004, 1005}, guest_channels[] = {1040, 1041};
    relay_finish(&dir, &pool);
    dir = (struct relay_dir){.direction = direction};
    facts = (struct relay_facts){0};
    id_map_init(&facts.map, 1006, 1030, 1003, 1003, 0, 0, client_channels, guest_channels, 2);
}

static size_t put_fast(uint8_t *out, size_t len, uint8_t fill)
{
    memset(out, fill, len);
    out[0] = 0;
    out[1] = (uint8_t)(0x80 | len >> 8);
    out[2] = (uint8_t)len;
    return len;
}

static void write_fast(struct writer *w, uint8_t fill)
{
    uint8_t pdu[50];
    put_fast(pdu, sizeof pdu, fill);
    writer_bytes(w, pdu, sizeof pdu);
}

static size_t put_channel(uint8_t *out, size_t size, enum mcs_choice choice, uint16_t user, uint16_t channel)
{
    struct writer w = writer_init(out, size);
    size_t start = mcs_data_begin(&w, choice, user, channel);
    writer_zero(&w, 12);
    mcs_data_end(&w, start);
    return writer_len(&w);
}

static int arrive(const uint8_t *bytes, size_t n)
{
    uint8_t *at;
    size_t room;
    CU_ASSERT_EQUAL_FATAL(relay_room(&dir, &pool, &at, &room), 0);
    CU_ASSERT_TRUE_FATAL(room >= n);
    memcpy(at, bytes, n);
    return relay_arrived(&dir, n, &facts);
}

static void a_pdu_is_ready_as_soon_as_it_is_whole(void)
{
    uint8_t pdu[1000];
    size_t len = put_fast(pdu, sizeof pdu, 'x');
    begin(RDP_TO_CLIENT);
    CU_ASSERT_EQUAL(arrive(pdu, len - 1), 0);
    CU_ASSERT_EQUAL(relay_unsent(&dir), 0);
    CU_ASSERT_EQUAL(arrive(pdu + len - 1, 1), 0);
    CU_ASSERT_EQUAL(relay_unsent(&dir), len);
    CU_ASSERT_EQUAL(memcmp(relay_output(&dir), pdu, len), 0);
}

static void the_beginning_of_a_pdu_waits_for_its_rest(void)
{
    uint8_t pdus[300];
    begin(RDP_TO_CLIENT);
    for (size_t i = 0; i < 3; i++)
        put_fast(pdus + i * 100, 100, (uint8_t)i);
    CU_ASSERT_EQUAL(arrive(pdus, 250), 0);
    CU_ASSERT_EQUAL(relay_unsent(&dir), 200);
    relay_sent(&dir, &pool, 200);
    CU_ASSERT_PTR_NOT_NULL(dir.buffer);
    CU_ASSERT_EQUAL(arrive(pdus + 250, 50), 0);
    CU_ASSERT_EQUAL(relay_unsent(&dir), 100);
    CU_ASSERT_EQUAL(memcmp(relay_output(&dir), pdus + 200, 100), 0);
}

static void an_empty_direction_holds_no_buffer(void)
{
    uint8_t pdu[64];
    uint8_t *at;
    size_t room;
    begin(RDP_TO_CLIENT);
    put_fast(pdu, sizeof pdu, 1);
    CU_ASSERT_EQUAL(arrive(pdu, sizeof pdu), 0);
    CU_ASSERT_EQUAL(pool.in_use, 1);
    relay_sent(&dir, &pool, 30);
    CU_ASSERT_EQUAL(pool.in_use, 1);
    relay_sent(&dir, &pool, 34);
    CU_ASSERT_PTR_NULL(dir.buffer);
    CU_ASSERT_EQUAL(pool.in_use, 0);
    CU_ASSERT_EQUAL(relay_room(&dir, &pool, &at, &room), 0);
    relay_sent(&dir, &pool, 0); /* a read that brought nothing */
    CU_ASSERT_PTR_NULL(dir.buffer);
}

static void a_secret_is_wiped_before_the_buffer_is_used_again(void)
{
    uint8_t pdu[100];
    put_fast(pdu, sizeof pdu, 'S');
    begin(RDP_TO_GUEST);
    CU_ASSERT_EQUAL(relay_say(&dir, &pool, pdu, sizeof pdu), 0);
    dir.secret = true;
    const uint8_t *where = dir.buffer;
    relay_sent(&dir, &pool, sizeof pdu);
    uint8_t *again = pool_take(&pool);
    CU_ASSERT_PTR_EQUAL(again, where);
    CU_ASSERT_EQUAL(again[50], 0);
    CU_ASSERT_FALSE(dir.secret);
    pool_give(&pool, again);
}

static void identifiers_are_mapped_in_place(void)
{
    uint8_t pdu[64], wanted[64];
    begin(RDP_TO_GUEST);
    size_t len = put_channel(pdu, sizeof pdu, MCS_SEND_DATA_REQUEST, 1006, 1005);
    put_channel(wanted, sizeof wanted, MCS_SEND_DATA_REQUEST, 1030, 1041);
    CU_ASSERT_EQUAL(arrive(pdu, len), 0);
    CU_ASSERT_EQUAL_FATAL(relay_unsent(&dir), len);
    CU_ASSERT_EQUAL(memcmp(relay_output(&dir), wanted, len), 0);
    CU_ASSERT_TRUE(facts.seen_by_guest & RDP_SEEN_CHANNEL);
}

static void a_pdu_for_a_channel_that_is_not_there_is_dropped_alone(void)
{
    uint8_t bytes[200], wanted[200];
    begin(RDP_TO_GUEST);
    size_t a = put_channel(bytes, 64, MCS_SEND_DATA_REQUEST, 1006, 1004);
    size_t b = put_channel(bytes + a, 64, MCS_SEND_DATA_REQUEST, 1006, 1099);
    size_t c = put_fast(bytes + a + b, 20, 7);
    put_channel(wanted, 64, MCS_SEND_DATA_REQUEST, 1030, 1040);
    memcpy(wanted + a, bytes + a + b, c);
    CU_ASSERT_EQUAL(arrive(bytes, a + b + c), 0);
    CU_ASSERT_EQUAL_FATAL(relay_unsent(&dir), a + c);
    CU_ASSERT_EQUAL(memcmp(relay_output(&dir), wanted, a + c), 0);
    CU_ASSERT_EQUAL(facts.dropped, 1);
}

static void whole_pdus_before_a_bad_one_are_still_sent(void)
{
    uint8_t bytes[60];
    begin(RDP_TO_CLIENT);
    put_fast(bytes, 50, 1);
    memset(bytes + 50, 0xff, 10);
    CU_ASSERT_EQUAL(arrive(bytes, sizeof bytes), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(relay_unsent(&dir), 50);
}

static void words_of_the_gateway_stand_between_pdus(void)
{
    uint8_t bytes[180];
    begin(RDP_TO_CLIENT);
    put_fast(bytes, 100, 1);
    put_fast(bytes + 100, 100 - 20, 2);
    CU_ASSERT_EQUAL(arrive(bytes, 150), 0);
    relay_sent(&dir, &pool, 40); /* in the middle of the first PDU */
    CU_ASSERT_EQUAL(relay_say(&dir, &pool, (const uint8_t *)"farewell", 8), 0);
    CU_ASSERT_EQUAL_FATAL(relay_unsent(&dir), 68);
    CU_ASSERT_EQUAL(memcmp(relay_output(&dir) + 60, "farewell", 8), 0);
}

static void a_pdu_of_the_gateway_goes_between_two_of_the_guest(void)
{
    uint8_t bytes[180];
    begin(RDP_TO_CLIENT);
    put_fast(bytes, 100, 1);
    put_fast(bytes + 100, 80, 2);
    CU_ASSERT_EQUAL(arrive(bytes, 150), 0);
    relay_sent(&dir, &pool, 40);
    CU_ASSERT_EQUAL(relay_insert(&dir, &pool, (const uint8_t *)"between", 7), 0);
    CU_ASSERT_EQUAL(arrive(bytes + 150, 30), 0);
    CU_ASSERT_EQUAL_FATAL(relay_unsent(&dir), 60 + 7 + 80);
    CU_ASSERT_EQUAL(memcmp(relay_output(&dir), bytes + 40, 60), 0);
    CU_ASSERT_EQUAL(memcmp(relay_output(&dir) + 60, "between", 7), 0);
    CU_ASSERT_EQUAL(memcmp(relay_output(&dir) + 67, bytes + 100, 80), 0);
}

static void a_full_buffer_has_no_room_but_takes_a_refusal(void)
{
    static uint8_t pdu[32000];
    uint8_t refusal[RELAY_RESERVE_BYTES / 2] = {0};
    uint8_t *at;
    size_t room;
    begin(RDP_TO_CLIENT);
    put_fast(pdu, sizeof pdu, 3);
    for (;;) {
        CU_ASSERT_EQUAL_FATAL(relay_room(&dir, &pool, &at, &room), 0);
        if (room < sizeof pdu)
            break;
        CU_ASSERT_EQUAL_FATAL(arrive(pdu, sizeof pdu), 0);
    }
    CU_ASSERT_EQUAL(arrive(pdu, room), 0);
    CU_ASSERT_EQUAL(relay_room(&dir, &pool, &at, &room), 0);
    CU_ASSERT_EQUAL(room, 0);
    CU_ASSERT_EQUAL(relay_insert(&dir, &pool, refusal, sizeof refusal), CE_LIMIT);
    CU_ASSERT_EQUAL(relay_say(&dir, &pool, refusal, sizeof refusal), 0);
}

static void what_was_sent_makes_room_and_moves_nothing_that_is_unsent(void)
{
    static uint8_t pdu[30000];
    begin(RDP_TO_CLIENT);
    for (unsigned i = 0; i < 200; i++) {
        put_fast(pdu, sizeof pdu, (uint8_t)i);
        CU_ASSERT_EQUAL_FATAL(arrive(pdu, sizeof pdu - 1), 0);
        CU_ASSERT_EQUAL_FATAL(arrive(pdu + sizeof pdu - 1, 1), 0);
        CU_ASSERT_EQUAL(relay_output(&dir)[relay_unsent(&dir) - 1], (uint8_t)i);
        if (relay_unsent(&dir) > sizeof pdu)
            relay_sent(&dir, &pool, sizeof pdu);
    }
    CU_ASSERT_EQUAL(relay_unsent(&dir), sizeof pdu);
}

static void the_pool_gives_back_what_it_does_not_keep(void)
{
    uint8_t *taken[POOL_KEEP_MAX + 8];
    begin(RDP_TO_CLIENT);
    for (unsigned i = 0; i < POOL_KEEP_MAX + 8; i++)
        taken[i] = pool_take(&pool);
    for (unsigned i = 0; i < POOL_KEEP_MAX + 8; i++)
        pool_give(&pool, taken[i]);
    CU_ASSERT_EQUAL(pool.kept, POOL_KEEP_MAX);
    CU_ASSERT_EQUAL(pool.in_use, 0);
    pool_finish(&pool);
    CU_ASSERT_EQUAL(pool.kept, 0);
}

static void an_answer_stands_in_front_of_the_beginning_of_a_pdu(void)
{
    uint8_t pdus[200], answer[10];
    begin(RDP_TO_GUEST);
    put_fast(pdus, 100, 1);
    put_fast(pdus + 100, 100, 2);
    put_fast(answer, sizeof answer, 3);
    CU_ASSERT_EQUAL(relay_insert(&dir, &pool, answer, sizeof answer), 0);
    CU_ASSERT_EQUAL(arrive(pdus, 150), 0);
    CU_ASSERT_EQUAL(relay_insert(&dir, &pool, answer, sizeof answer), 0);
    CU_ASSERT_EQUAL(arrive(pdus + 150, 50), 0);
    CU_ASSERT_EQUAL_FATAL(relay_unsent(&dir), 220);
    CU_ASSERT_EQUAL(memcmp(relay_output(&dir), answer, 10), 0);
    CU_ASSERT_EQUAL(memcmp(relay_output(&dir) + 10, pdus, 100), 0);
    CU_ASSERT_EQUAL(memcmp(relay_output(&dir) + 110, answer, 10), 0);
    CU_ASSERT_EQUAL(memcmp(relay_output(&dir) + 120, pdus + 100, 100), 0);
    CU_ASSERT_EQUAL(facts.inputs, 2);
}

static void what_is_read_leaves_room_for_what_a_filter_puts_in(void)
{
    static uint8_t pdu[4000], message[FILTER_RESERVE_BYTES];
    uint8_t *at;
    size_t room = 1;
    begin(RDP_TO_CLIENT);
    dir.reserve = FILTER_RESERVE_BYTES;
    put_fast(pdu, sizeof pdu, 1);
    while (!relay_room(&dir, &pool, &at, &room) && room >= sizeof pdu)
        CU_ASSERT_EQUAL(arrive(pdu, sizeof pdu), 0);
    CU_ASSERT_EQUAL(relay_insert(&dir, &pool, message, sizeof message), 0);
    CU_ASSERT_EQUAL(relay_insert(&dir, &pool, message, sizeof message), CE_LIMIT);
    CU_ASSERT_TRUE(POOL_BUFFER_BYTES - RELAY_RESERVE_BYTES - FILTER_RESERVE_BYTES > PDU_MAX_LEN);
}

/* The filter's own rules have tests of their own; here a message of the first channel is held and comes out
 * again, longer than its last chunk. */
static void a_filtered_pdu_is_dropped_or_replaced_in_its_place(void)
{
    static const struct gcc_client client = {.channel_count = 2,
                                             .channels = {{.name = "rdpdr"}, {.name = "x"}}};
    static const uint16_t ids[] = {1004, 1005}, guest_ids[] = {1040, 1041};
    struct policy policy;
    struct error err;
    uint8_t bytes[512];
    begin(RDP_TO_GUEST);
    CU_ASSERT_EQUAL_FATAL(policy_parse("drives=off\n", &policy, &err), 0);
    CU_ASSERT_EQUAL_FATAL(policy_filter_create(&facts.filter, &policy), 0);
    facts.watched = policy_filter_begin(facts.filter, &client, &facts.map, ids, guest_ids, 2);
    struct writer w = writer_init(bytes, sizeof bytes);
    write_fast(&w, 1);
    const struct {
        uint32_t flags;
        const char *data;
        size_t len;
    } chunks[] = {{VCHANNEL_FIRST, "rDAD\1\0\0\0\4\0\0\0\1\0\0\0PRN1\0\0\0", 23},
                  {VCHANNEL_LAST, "\0\0\0\0\0", 5}};
    for (size_t i = 0; i < 2; i++) {
        size_t start = mcs_data_begin(&w, MCS_SEND_DATA_REQUEST, 1006, 1004);
        writer_u32_le(&w, 28);
        writer_u32_le(&w, chunks[i].flags);
        writer_bytes(&w, chunks[i].data, chunks[i].len);
        mcs_data_end(&w, start);
    }
    write_fast(&w, 2);
    CU_ASSERT_EQUAL(arrive(bytes, writer_len(&w)), 0);
    CU_ASSERT_EQUAL(facts.dropped, 1);
    CU_ASSERT_EQUAL_FATAL(relay_unsent(&dir), 100 + VCHANNEL_CHUNK_COST + 28);
    CU_ASSERT_EQUAL(relay_output(&dir)[3], 1);
    CU_ASSERT_EQUAL(memcmp(relay_output(&dir) + 50 + VCHANNEL_CHUNK_COST, "rDAD\1", 5), 0);
    CU_ASSERT_EQUAL(relay_output(&dir)[50 + VCHANNEL_CHUNK_COST + 28 + 3], 2);
    policy_filter_destroy(&facts.filter);
}

SUITE("relay", TEST(a_pdu_is_ready_as_soon_as_it_is_whole), TEST(the_beginning_of_a_pdu_waits_for_its_rest),
      TEST(an_empty_direction_holds_no_buffer), TEST(a_secret_is_wiped_before_the_buffer_is_used_again),
      TEST(identifiers_are_mapped_in_place), TEST(a_pdu_for_a_channel_that_is_not_there_is_dropped_alone),
      TEST(whole_pdus_before_a_bad_one_are_still_sent), TEST(words_of_the_gateway_stand_between_pdus),
      TEST(a_pdu_of_the_gateway_goes_between_two_of_the_guest),
      TEST(a_full_buffer_has_no_room_but_takes_a_refusal),
      TEST(what_was_sent_makes_room_and_moves_nothing_that_is_unsent),
      TEST(an_answer_stands_in_front_of_the_beginning_of_a_pdu),
      TEST(what_is_read_leaves_room_for_what_a_filter_puts_in),
      TEST(a_filtered_pdu_is_dropped_or_replaced_in_its_place),
      TEST(the_pool_gives_back_what_it_does_not_keep))
