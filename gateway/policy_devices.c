/* rdpdr under a policy that denies some kinds of devices: they are taken out of the lists in which the client
 * offers its devices, and requests of the guest to a device that was not offered do not reach the client.
 */
#include "policy_filter.h"
#include "policy_rules.h"
#include "rdpdr.h"

static bool device_is_known(const struct policy_filter *filter, uint32_t id)
{
    for (unsigned i = 0; i < filter->device_count; i++) {
        if (filter->device_ids[i] == id)
            return true;
    }
    return false;
}

static void device_forget(struct policy_filter *filter, uint32_t id)
{
    for (unsigned i = 0; i < filter->device_count; i++) {
        if (filter->device_ids[i] == id)
            filter->device_ids[i--] = filter->device_ids[--filter->device_count];
    }
}

static bool device_keep(void *arg, uint32_t type, uint32_t id)
{
    struct policy_filter *filter = arg;
    uint32_t denied = policy_device_denial(&filter->policy, type);
    device_forget(filter, id); /* the id may have been another device's */
    filter->denied |= denied;
    if (denied || filter->device_count == FILTER_DEVICES_MAX)
        return false;
    filter->device_ids[filter->device_count++] = id;
    return true;
}

enum filter_mode policy_devices_first(struct policy_filter *filter, const struct filter_chunk *chunk)
{
    uint32_t id, kind = rdpdr_message_kind(chunk->data, chunk->len);
    if (!kind)
        return FILTER_DROPPING;
    if (chunk->direction == RDP_TO_GUEST)
        return kind == RDPDR_DEVICE_LIST ? FILTER_HOLDING : FILTER_PASSING;
    if (kind != RDPDR_IO_REQUEST)
        return FILTER_PASSING;
    bool known = !rdpdr_request_device(chunk->data, chunk->len, &id) && device_is_known(filter, id);
    return known ? FILTER_PASSING : FILTER_DROPPING;
}

bool policy_devices_held(struct policy_filter *filter, uint8_t *message, size_t *len)
{
    return rdpdr_keep_devices(message, len, device_keep, filter) == 0;
}
