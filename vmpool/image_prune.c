#include "image_prune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease.h"
#include "log.h"

struct prune_job {
    struct vmpool *vm;
    char image_id[ID_SIZE];
};

/* The store looks once more whether something refers to it. */
static int run_prune(struct db *db, void *arg)
{
    const struct prune_job *job = arg;
    int rc = store_lease_check(db, LEASE_POOLS, job->vm->boot);
    return rc ? rc : store_image_order_delete(db, job->image_id);
}

static void on_pruned(void *arg, int rc)
{
    struct prune_job *job = arg;
    if (rc && rc != CE_CONFLICT && rc != CE_NOT_FOUND && !job->vm->stopping)
        log_warning("image %s is old and could not be deleted: %s", job->image_id, error_name(rc));
    free(job);
}

static bool is_referred_to(const struct vmpool *vm, const char *image_id)
{
    const struct snapshot *world = vm->world;
    for (size_t i = 0; i < world->pool_count; i++) {
        if (!strcmp(world->pools[i].image_id, image_id))
            return true;
    }
    for (size_t i = 0; i < world->roll_count; i++) {
        if (!strcmp(world->rolls[i].from_image_id, image_id) ||
            !strcmp(world->rolls[i].to_image_id, image_id))
            return true;
    }
    return census_find(&vm->census, image_id) != NULL;
}

static uint64_t newer_ready(const struct vmpool *vm, const struct image_row *image)
{
    uint64_t count = 0;
    for (size_t i = 0; i < vm->world->image_count; i++) {
        const struct image_row *other = &vm->world->images[i];
        count += other->state == IMAGE_READY && other->version > image->version &&
                 !strcmp(other->name, image->name);
    }
    return count;
}

void image_prune_drive(struct vmpool *vm)
{
    uint64_t keep = vm->config.vmpool_keep_versions;
    for (size_t i = 0; keep && i < vm->world->image_count; i++) {
        const struct image_row *image = &vm->world->images[i];
        bool settled = image->state == IMAGE_READY || image->state == IMAGE_FAILED;
        if (!settled || newer_ready(vm, image) < keep || is_referred_to(vm, image->id))
            continue;
        struct prune_job *job = calloc(1, sizeof *job);
        if (!job)
            return;
        log_info("image %s@%u is older than what is kept, and nothing refers to it: it is deleted",
                 image->name, image->version);
        job->vm = vm;
        snprintf(job->image_id, sizeof job->image_id, "%s", image->id);
        vmpool_write(vm, run_prune, on_pruned, job);
    }
}
