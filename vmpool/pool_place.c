#include "pool_place.h"

#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "image_copy.h"

static void count_desktops(struct placement_host *host, const struct vmpool *vm, const char *host_id,
                           const struct pool_row *pool)
{
    const struct census_group *group = census_find(&vm->census, host_id);
    if (!group)
        return;
    host->starting = group->starting;
    list_for_each (pos, &group->of_host) {
        const struct tally *tally = list_entry(pos, struct tally, in_host);
        const struct pool_row *its = snapshot_pool(vm->world, tally->pool->id);
        host->total += tally->total;
        host->of_pool += strcmp(tally->pool->id, pool->id) ? 0 : tally->total;
        host->used_mib += its ? (uint64_t)tally->running * its->memory_mib : 0;
        host->used_vcpus += its ? (uint64_t)tally->running * its->vcpus : 0;
    }
}

uint32_t pool_place_ceiling(const struct vmpool *vm, const struct pool_row *pool)
{
    size_t count = 0;
    for (size_t i = 0; i < vm->world->host_count; i++) {
        const struct host_row *row = &vm->world->hosts[i];
        count += host_row_is_usable(vm, row) && labels_match(row->labels, pool->host_labels);
    }
    return placement_ceiling(pool->max, pool->limits.host_max, count);
}

int pool_place_init(struct pool_place *place, const struct vmpool *vm, const struct pool_row *pool)
{
    const struct snapshot *world = vm->world;
    *place = (struct pool_place){.pool = pool};
    place->hosts = calloc(world->host_count + 1, sizeof *place->hosts);
    if (!place->hosts)
        return CE_NOMEM;
    place->need = (struct placement_need){.memory_mib = pool->memory_mib,
                                          .vcpus = pool->vcpus,
                                          .disk_mib = vm->config.vmpool_disk_reserve_bytes >> 20,
                                          .labels = pool->host_labels,
                                          .apart = pool->apart,
                                          .order = pool->placement,
                                          .host_max = pool->limits.host_max};
    for (size_t i = 0; i < world->host_count; i++) {
        const struct host_row *row = &world->hosts[i];
        place->hosts[i] = (struct placement_host){
            .usable = host_row_is_usable(vm, row),
            .has_image = image_copy_is_there(vm, row, pool->image_id),
            .name = row->name,
            .labels = row->labels,
            .memory_mib = row->memory_mib * row->memory_percent / 100,
            .vcpus = (uint64_t)row->vcpus * row->cpu_percent / 100,
            .disk_known = row->disk_mib > 0,
            .disk_free_mib = row->disk_free_mib,
            .starting_max = (uint32_t)vm->config.vmpool_parallel_boots,
            .max = row->desktops_max,
        };
        count_desktops(&place->hosts[i], vm, row->id, pool);
    }
    return 0;
}

bool pool_place_elsewhere(struct pool_place *place, const struct vmpool *vm, const struct host_row *from,
                          const char *image_id)
{
    bool found = false;
    for (size_t i = 0; i < vm->world->host_count; i++) {
        const struct host_row *row = &vm->world->hosts[i];
        bool sees = *from->desktop_storage && !strcmp(row->desktop_storage, from->desktop_storage) &&
                    strcmp(row->id, from->id) != 0;
        found = found || sees;
        place->hosts[i].usable = place->hosts[i].usable && sees;
        place->hosts[i].has_image = image_copy_is_there(vm, row, image_id);
    }
    return found;
}

void pool_place_finish(struct pool_place *place)
{
    free(place->hosts);
    place->hosts = NULL;
}

const struct host_row *pool_place_next(struct pool_place *place, const struct vmpool *vm, int *ret_why)
{
    int chosen = placement_choose(place->hosts, vm->world->host_count, &place->need);
    if (chosen < 0) {
        *ret_why = chosen;
        return NULL;
    }
    placement_take(&place->hosts[chosen], &place->need);
    return &vm->world->hosts[chosen];
}
