#include "placement.h"

#include <string.h>

static bool fits(uint64_t room, uint64_t used, uint64_t need)
{
    return !room || (used <= room && need <= room - used);
}

/* How far the host comes: 0 when it can take the guest now. */
static int lacks(const struct placement_host *host, const struct placement_need *need)
{
    if (!host->usable)
        return PLACEMENT_NO_HOST;
    if (!labels_match(host->labels, need->labels))
        return PLACEMENT_NO_LABEL;
    if (!host->has_image)
        return PLACEMENT_NO_IMAGE;
    if (need->host_max && host->of_pool >= need->host_max)
        return PLACEMENT_POOL_QUOTA;
    if (host->max && host->total >= host->max)
        return PLACEMENT_HOST_QUOTA;
    if (!fits(host->memory_mib, host->used_mib, need->memory_mib))
        return PLACEMENT_NO_MEMORY;
    if (!fits(host->vcpus, host->used_vcpus, need->vcpus))
        return PLACEMENT_NO_CPU;
    if (host->disk_known && host->disk_free_mib < need->disk_mib)
        return PLACEMENT_NO_DISK;
    return host->starting < host->starting_max ? 0 : PLACEMENT_BUSY;
}

static bool same_place(const struct placement_host *a, const struct placement_host *b, const char *apart)
{
    char at_a[NAME_SIZE], at_b[NAME_SIZE];
    if (!strcmp(apart, "host") || !labels_value(a->labels, apart, at_a) ||
        !labels_value(b->labels, apart, at_b))
        return !strcmp(a->name, b->name);
    return !strcmp(at_a, at_b);
}

/* How many desktops of the pool stand in the host's place. */
static uint64_t crowd(const struct placement_host *hosts, size_t count, const struct placement_host *host,
                      const char *apart)
{
    uint64_t sum = 0;
    for (size_t i = 0; *apart && i < count; i++)
        sum += same_place(&hosts[i], host, apart) ? hosts[i].of_pool : 0;
    return sum;
}

/* What is left of the scarcer of memory and processors with the guest there, in millionths. */
static uint64_t room_left(const struct placement_host *host, const struct placement_need *need)
{
    const uint64_t whole = 1000000;
    uint64_t memory = host->memory_mib
                          ? (host->memory_mib - host->used_mib - need->memory_mib) * whole / host->memory_mib
                          : whole;
    uint64_t cpu = host->vcpus ? (host->vcpus - host->used_vcpus - need->vcpus) * whole / host->vcpus : whole;
    return memory < cpu ? memory : cpu;
}

int placement_choose(const struct placement_host *hosts, size_t count, const struct placement_need *need)
{
    int best = -1, why = PLACEMENT_NO_HOST;
    uint64_t best_crowd = 0, best_room = 0;
    for (size_t i = 0; i < count; i++) {
        int lack = lacks(&hosts[i], need);
        why = lack < why ? lack : why;
        if (lack)
            continue;
        uint64_t crowded = crowd(hosts, count, &hosts[i], need->apart), room = room_left(&hosts[i], need);
        bool roomier = need->order == PLACEMENT_SPREAD ? room > best_room : room < best_room;
        if (best < 0 || crowded < best_crowd ||
            (crowded == best_crowd &&
             (roomier || (room == best_room && hosts[i].of_pool < hosts[best].of_pool)))) {
            best = (int)i;
            best_crowd = crowded;
            best_room = room;
        }
    }
    return best >= 0 ? best : why;
}

const char *placement_words(int why)
{
    switch (why) {
    case PLACEMENT_NO_HOST:
        return "no host is up and active";
    case PLACEMENT_NO_LABEL:
        return "no host that is up has the labels that the pool wants";
    case PLACEMENT_NO_IMAGE:
        return "its image is on no host yet";
    case PLACEMENT_POOL_QUOTA:
        return "every host that it may use has as many of its desktops as one host may have";
    case PLACEMENT_HOST_QUOTA:
        return "every host that it may use has as many desktops as it may have";
    case PLACEMENT_NO_MEMORY:
        return "no host has enough free memory for another guest";
    case PLACEMENT_NO_CPU:
        return "no host has enough free processors for another guest";
    case PLACEMENT_NO_DISK:
        return "no host has enough room on the disk of its desktop directory";
    default:
        return "";
    }
}

void placement_take(struct placement_host *host, const struct placement_need *need)
{
    host->used_mib += need->memory_mib;
    host->used_vcpus += need->vcpus;
    host->starting++;
    host->of_pool++;
    host->total++;
}

uint32_t placement_ceiling(uint32_t max, uint32_t host_max, size_t host_count)
{
    uint64_t room = (uint64_t)host_max * host_count;
    return host_max && room < max ? (uint32_t)room : max;
}
