#include "virt_storage.h"

#include <string.h>

#include "suite.h"

static bool is_of(const char *name, const char *id)
{
    char owner[ID_SIZE];
    return virt_storage_owner(name, owner) && !strcmp(owner, id);
}

static void a_disks_name_says_whose_it_is(void)
{
    char owner[ID_SIZE];
    CU_ASSERT_TRUE(is_of("d-0123456789abcdef.qcow2", "d-0123456789abcdef"));
    CU_ASSERT_TRUE(is_of("d-0123456789abcdef-1a2b3c4d.qcow2", "d-0123456789abcdef"));
    static const char *const others[] = {"",
                                         "disk.qcow2",
                                         "d-.qcow2",
                                         "d-abc.raw",
                                         "d-A.qcow2",
                                         "d-abc-.qcow2",
                                         "d-abc-x-y.qcow2",
                                         "d-abc.x.qcow2",
                                         "d-0123456789abcdef0123456789abcdef0123456789abcdef.qcow2"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        CU_ASSERT_FALSE(virt_storage_owner(others[i], owner));
}

SUITE("virt_storage", TEST(a_disks_name_says_whose_it_is))
