/* cliprdr under a policy that closes a direction, or one of files.
 *
 * Who copies offers formats in a list; the other side asks for the contents of one and gets them. In a closed
 * direction the list does not pass and the gateway answers it, so that its sender goes on; a request for
 * contents that comes all the same is answered with 'no'; contents do not pass. Of files, the formats are taken
 * out of the lists and the requests for parts of them are answered with 'no'.
 */
#include "policy_filter.h"
#include "policy_rules.h"

/* Contents that travel in DIRECTION. */
static uint32_t way_of(enum rdp_direction direction)
{
    return direction == RDP_TO_GUEST ? POLICY_TO_GUEST : POLICY_FROM_GUEST;
}

static void deny(struct policy_filter *filter, enum rdp_direction way, bool files)
{
    if (files)
        filter->denied |= way == RDP_TO_GUEST ? DENIED_FILES_TO_GUEST : DENIED_FILES_FROM_GUEST;
    else
        filter->denied |= way == RDP_TO_GUEST ? DENIED_CLIPBOARD_TO_GUEST : DENIED_CLIPBOARD_FROM_GUEST;
}

/* An answer to what travels in DIRECTION goes the other way. */
static void answer(struct policy_filter *filter, enum rdp_direction direction, enum cliprdr_type type,
                   uint16_t flags)
{
    uint8_t bytes[CLIPRDR_ANSWER_MAX_LEN];
    struct writer w = writer_init(bytes, sizeof bytes);
    cliprdr_write(&w, type, flags);
    policy_filter_answer(filter, FILTER_CLIPBOARD, rdp_opposite(direction), bytes, writer_len(&w));
}

static void answer_no_file(struct policy_filter *filter, enum rdp_direction direction, uint32_t stream_id)
{
    uint8_t bytes[CLIPRDR_ANSWER_MAX_LEN];
    struct writer w = writer_init(bytes, sizeof bytes);
    cliprdr_write_no_file(&w, stream_id);
    policy_filter_answer(filter, FILTER_CLIPBOARD, rdp_opposite(direction), bytes, writer_len(&w));
}

static enum filter_mode caps(struct policy_filter *filter, const struct filter_chunk *chunk)
{
    uint32_t flags = 0;
    uint32_t clear = policy_file_ways(&filter->policy) ? 0 : CLIPRDR_CAPS_OF_FILES;
    if (!chunk->is_last)
        return FILTER_DROPPING;
    if (!cliprdr_caps_change(chunk->data, chunk->len, clear, &flags) && flags & CLIPRDR_LONG_NAMES)
        filter->long_names |= 1U << chunk->direction;
    return FILTER_PASSING;
}

static enum filter_mode format_list(struct policy_filter *filter, const struct filter_chunk *chunk,
                                    const struct cliprdr_header *header)
{
    enum rdp_direction direction = chunk->direction;
    if (policy_clipboard_ways(&filter->policy) & way_of(direction)) {
        filter->list_passed = filter->list_passed || direction == RDP_TO_GUEST;
        return policy_file_ways(&filter->policy) & way_of(direction) ? FILTER_PASSING : FILTER_HOLDING;
    }
    if (header->data_len)
        deny(filter, direction, false);
    if (direction == RDP_TO_GUEST && !filter->list_passed) {
        /* Without a first list a guest does not take the channel for ready (MS-RDPECLIP 1.3.2.1). */
        uint8_t bytes[CLIPRDR_ANSWER_MAX_LEN];
        struct writer w = writer_init(bytes, sizeof bytes);
        cliprdr_write(&w, CLIPRDR_FORMAT_LIST, 0);
        policy_filter_out(filter, FILTER_CLIPBOARD, direction, bytes, writer_len(&w));
        filter->list_passed = true;
        return FILTER_IDLE;
    }
    answer(filter, direction, CLIPRDR_FORMAT_LIST_RESPONSE, CLIPRDR_OK);
    return FILTER_DROPPING;
}

static bool is_file_format(const struct policy_filter *filter, enum rdp_direction way, uint32_t id)
{
    const struct cliprdr_formats *formats = &filter->file_formats[way];
    for (unsigned i = 0; i < formats->count; i++) {
        if (formats->ids[i] == id)
            return true;
    }
    return false;
}

static enum filter_mode data_request(struct policy_filter *filter, const struct filter_chunk *chunk,
                                     const struct cliprdr_header *header)
{
    enum rdp_direction way = rdp_opposite(chunk->direction);
    bool is_open = policy_clipboard_ways(&filter->policy) & way_of(way);
    bool of_files = is_file_format(filter, way, header->number);
    if (is_open && !of_files)
        return FILTER_PASSING;
    deny(filter, way, is_open);
    answer(filter, chunk->direction, CLIPRDR_DATA_RESPONSE, CLIPRDR_FAIL);
    return FILTER_DROPPING;
}

static enum filter_mode file_request(struct policy_filter *filter, const struct filter_chunk *chunk,
                                     const struct cliprdr_header *header)
{
    enum rdp_direction way = rdp_opposite(chunk->direction);
    if (policy_file_ways(&filter->policy) & way_of(way))
        return FILTER_PASSING;
    deny(filter, way, true);
    answer_no_file(filter, chunk->direction, header->number);
    return FILTER_DROPPING;
}

enum filter_mode policy_clipboard_first(struct policy_filter *filter, const struct filter_chunk *chunk)
{
    const struct policy *policy = &filter->policy;
    uint32_t way = way_of(chunk->direction), back = way_of(rdp_opposite(chunk->direction));
    struct cliprdr_header header;
    if (cliprdr_parse(chunk->data, chunk->len, &header))
        return FILTER_DROPPING;
    switch ((enum cliprdr_type)header.type) {
    case CLIPRDR_MONITOR_READY:
    case CLIPRDR_FORMAT_LIST_RESPONSE:
        return FILTER_PASSING;
    case CLIPRDR_CAPS:
        return caps(filter, chunk);
    case CLIPRDR_FORMAT_LIST:
        return format_list(filter, chunk, &header);
    case CLIPRDR_DATA_REQUEST:
        return data_request(filter, chunk, &header);
    case CLIPRDR_FILE_REQUEST:
        return file_request(filter, chunk, &header);
    case CLIPRDR_DATA_RESPONSE:
    case CLIPRDR_TEMP_DIRECTORY:
        return policy_clipboard_ways(policy) & way ? FILTER_PASSING : FILTER_DROPPING;
    case CLIPRDR_FILE_RESPONSE:
        return policy_file_ways(policy) & way ? FILTER_PASSING : FILTER_DROPPING;
    case CLIPRDR_LOCK:
    case CLIPRDR_UNLOCK:
        return policy_clipboard_ways(policy) & back ? FILTER_PASSING : FILTER_DROPPING;
    }
    return FILTER_DROPPING; /* of a newer protocol: nobody can say what it carries */
}

void policy_clipboard_too_long(struct policy_filter *filter, enum rdp_direction direction)
{
    answer(filter, direction, CLIPRDR_FORMAT_LIST_RESPONSE, CLIPRDR_FAIL);
}

/* A format list in a direction that is closed for files only. */
bool policy_clipboard_held(struct policy_filter *filter, enum rdp_direction direction, uint8_t *message,
                           size_t *len)
{
    const uint32_t both = 1U << RDP_TO_GUEST | 1U << RDP_TO_CLIENT;
    struct cliprdr_formats *removed = &filter->file_formats[direction];
    if (cliprdr_remove_files(message, len, filter->long_names == both, removed)) {
        answer(filter, direction, CLIPRDR_FORMAT_LIST_RESPONSE, CLIPRDR_FAIL);
        return false;
    }
    if (removed->count)
        deny(filter, direction, true);
    return true;
}
