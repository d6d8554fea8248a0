#include "lease.h"

enum lease_step lease_plan(const struct lease_view *views, size_t count, size_t index, unsigned alive)
{
    size_t hosts = 0, mine = 0;
    for (size_t i = 0; i < count; i++) {
        hosts += views[i].is_host;
        mine += views[i].is_host && views[i].mine;
    }
    const struct lease_view *view = &views[index];
    size_t share = alive > 1 ? (hosts + alive - 1) / alive : hosts;
    if (!view->is_host)
        return view->free && !view->mine ? LEASE_TAKE : LEASE_KEEP;
    if (view->mine)
        return mine > share ? LEASE_GIVE : LEASE_KEEP;
    return view->free && mine < share ? LEASE_TAKE : LEASE_KEEP;
}
