#include "relay.h"

#include <string.h>

#include "banner_click.h"
#include "fastpath.h"
#include "policy_filter.h"
#include "secret.h"
#include "tpkt.h"

static int buffer_have(struct relay_dir *dir, struct pool *pool)
{
    if (!dir->buffer) {
        dir->buffer = pool_take(pool);
        dir->head = dir->ready = dir->tail = dir->high = 0;
    }
    return dir->buffer ? 0 : CE_NOMEM;
}

static void tail_move(struct relay_dir *dir, size_t tail)
{
    dir->tail = (uint32_t)tail;
    if (dir->tail > dir->high)
        dir->high = dir->tail;
}

static void compact(struct relay_dir *dir)
{
    memmove(dir->buffer, dir->buffer + dir->head, dir->tail - dir->head);
    dir->ready -= dir->head;
    dir->tail -= dir->head;
    dir->head = 0;
}

int relay_room(struct relay_dir *dir, struct pool *pool, uint8_t **ret_at, size_t *ret_room)
{
    const uint32_t end = POOL_BUFFER_BYTES - RELAY_RESERVE_BYTES - dir->reserve;
    int rc = buffer_have(dir, pool);
    if (rc)
        return rc;
    /* Moved only when a drain would not fit: then there is mostly nothing but the beginning of one PDU. */
    if (dir->head && dir->tail + RELAY_DRAIN_BYTES / 4 > end)
        compact(dir);
    *ret_at = dir->buffer + dir->tail;
    *ret_room = dir->tail < end ? end - dir->tail : 0;
    return 0;
}

static void facts_note(struct relay_facts *facts, enum rdp_direction direction,
                       const struct rdp_seen_pdu *seen)
{
    if (seen->seen & (RDP_SEEN_DEMAND_ACTIVE | RDP_SEEN_CONFIRM_ACTIVE))
        share_caps_read(seen->payload, seen->payload_len, &facts->share);
    if (direction == RDP_TO_GUEST) {
        facts->seen_by_guest |= seen->seen;
        facts->inputs += (seen->seen & RDP_SEEN_DATA) && seen->data_type == RDP_DATA_INPUT;
        return;
    }
    facts->seen_by_client |= seen->seen;
    if (seen->seen & RDP_SEEN_DEMAND_ACTIVE)
        facts->share_id = seen->share_id;
    if (seen->seen & (RDP_SEEN_DEMAND_ACTIVE | RDP_SEEN_DEACTIVATE_ALL | RDP_SEEN_FONT_MAP))
        facts->active = (seen->seen & RDP_SEEN_FONT_MAP) != 0;
    if (seen->seen & RDP_SEEN_SET_ERROR_INFO)
        facts->error_info = seen->error_info;
}

/* Multitransport asks for UDP, which the gateway does not carry; a redirection would send the client to an
 * address that the broker did not give. Neither is passed on. */
static bool is_unwanted(enum rdp_direction direction, const struct rdp_seen_pdu *seen)
{
    return (seen->seen & RDP_SEEN_MULTITRANSPORT) ||
           (direction == RDP_TO_CLIENT && (seen->seen & RDP_SEEN_SERVER_REDIRECTION));
}

/* After a switch the client is told to deactivate; input and requests that left it before were for the lobby.
 * Its channels go on, and so does its farewell. */
static bool is_for_the_lobby(struct relay_facts *facts, enum rdp_direction direction, uint32_t seen)
{
    if (!facts->confirm_due || direction == RDP_TO_CLIENT)
        return false;
    if (seen & RDP_SEEN_CONFIRM_ACTIVE)
        facts->confirm_due = false;
    return !(seen & (RDP_SEEN_CONFIRM_ACTIVE | RDP_SEEN_CHANNEL | RDP_SEEN_DISCONNECT));
}

/* Only while a banner is up, or is to be. */
static void fast_path_look(struct relay_facts *facts, enum rdp_direction direction, uint8_t *pdu, size_t len)
{
    if (direction == RDP_TO_CLIENT && facts->output)
        facts->output = fastpath_output_is_torn(pdu, len) ? OUTPUT_TORN : OUTPUT_WHOLE;
    else if (direction == RDP_TO_GUEST && facts->click)
        banner_click_fast_path(facts->click, pdu, len);
}

static void drop(struct relay_dir *dir, uint32_t len, struct relay_facts *facts)
{
    uint8_t *at = dir->buffer + dir->ready;
    memmove(at, at + len, dir->tail - dir->ready - len);
    dir->tail -= len;
    facts->dropped++;
}

/* The PDU of LEN bytes that comes next becomes NEW_LEN others; of none, they stand in front of it. */
static int replace(struct relay_dir *dir, uint32_t len, const uint8_t *bytes, size_t new_len)
{
    if (dir->tail - len + new_len > POOL_BUFFER_BYTES - RELAY_RESERVE_BYTES && dir->head)
        compact(dir);
    if (dir->tail - len + new_len > POOL_BUFFER_BYTES - RELAY_RESERVE_BYTES)
        return CE_LIMIT;
    uint8_t *at = dir->buffer + dir->ready;
    memmove(at + new_len, at + len, dir->tail - dir->ready - len);
    memcpy(at, bytes, new_len);
    tail_move(dir, dir->tail - len + new_len);
    return 0;
}

/* Shows the PDU that comes next to the policy's filter. CE_NOT_FOUND: it is to be dropped. */
static int filter_pdu(struct relay_dir *dir, uint32_t *len, struct relay_facts *facts,
                      const struct rdp_seen_pdu *seen)
{
    enum filter_verdict verdict;
    struct policy_filter *filter = facts->filter;
    int rc = policy_filter_pdu(filter, dir->direction, dir->buffer + dir->ready, seen, &verdict);
    if (rc || verdict == FILTER_PASS)
        return rc;
    if (verdict == FILTER_DROP)
        return CE_NOT_FOUND;
    rc = replace(dir, *len, filter->out, filter->out_len);
    *len = (uint32_t)filter->out_len;
    policy_filter_out_taken(filter);
    return rc;
}

int relay_arrived(struct relay_dir *dir, size_t n, struct relay_facts *facts)
{
    tail_move(dir, dir->tail + n);
    dir->bytes += n;
    while (dir->ready < dir->tail) {
        uint8_t *at = dir->buffer + dir->ready;
        struct pdu_frame frame;
        int rc = pdu_frame(at, dir->tail - dir->ready, &frame);
        if (rc == CE_NEED_MORE)
            return 0;
        if (rc)
            return rc;
        if (frame.kind == PDU_SLOW_PATH) {
            struct rdp_seen_pdu seen;
            rc = rdp_map_slow_path(&facts->map, at, frame.len, dir->direction, &seen);
            if (!rc && facts->watched >> ((seen.channel_id - RDP_IO_CHANNEL) & 31) & 1)
                rc = filter_pdu(dir, &frame.len, facts, &seen);
            if (rc == CE_NOT_FOUND || (!rc && is_unwanted(dir->direction, &seen))) {
                drop(dir, frame.len, facts);
                continue;
            }
            if (rc)
                return rc;
            if (is_for_the_lobby(facts, dir->direction, seen.seen)) {
                drop(dir, frame.len, facts);
                continue;
            }
            facts_note(facts, dir->direction, &seen);
            if (facts->click && (seen.seen & RDP_SEEN_DATA) && seen.data_type == RDP_DATA_INPUT)
                banner_click_slow_path(facts->click, at + (seen.payload - at), seen.payload_len);
        } else {
            facts->inputs += dir->direction == RDP_TO_GUEST;
            if (facts->output | (facts->click != NULL))
                fast_path_look(facts, dir->direction, at, frame.len);
        }
        if (frame.kind == PDU_FAST_PATH && is_for_the_lobby(facts, dir->direction, 0)) {
            drop(dir, frame.len, facts);
            continue;
        }
        dir->ready += frame.len;
    }
    return 0;
}

int relay_say(struct relay_dir *dir, struct pool *pool, const uint8_t *bytes, size_t len)
{
    int rc = buffer_have(dir, pool);
    if (rc)
        return rc;
    dir->tail = dir->ready;
    if (len > POOL_BUFFER_BYTES - dir->tail && dir->head)
        compact(dir);
    if (len > POOL_BUFFER_BYTES - dir->tail)
        return CE_LIMIT;
    memcpy(dir->buffer + dir->ready, bytes, len);
    dir->ready += (uint32_t)len;
    tail_move(dir, dir->ready);
    return 0;
}

int relay_insert(struct relay_dir *dir, struct pool *pool, const uint8_t *bytes, size_t len)
{
    int rc = buffer_have(dir, pool);
    if (!rc)
        rc = replace(dir, 0, bytes, len);
    if (!rc)
        dir->ready += (uint32_t)len;
    return rc;
}

void relay_sent(struct relay_dir *dir, struct pool *pool, size_t n)
{
    dir->head += (uint32_t)n;
    if (dir->head == dir->tail)
        relay_finish(dir, pool);
}

void relay_finish(struct relay_dir *dir, struct pool *pool)
{
    if (dir->buffer && dir->secret)
        secret_wipe_bytes(dir->buffer, dir->high);
    if (dir->buffer)
        pool_give(pool, dir->buffer);
    dir->secret = false;
    dir->buffer = NULL;
    dir->head = dir->ready = dir->tail = dir->high = 0;
}
