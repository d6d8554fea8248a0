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

/* As Debian's libvirtd says it of itself, and one that runs as its user's own. */
static void a_file_for_qemu_belongs_to_the_user_that_its_host_names(void)
{
    static const char debian[] =
        "<host><secmodel><model>apparmor</model><doi>0</doi></secmodel><secmodel><model>dac</model><doi>0</"
        "doi>"
        "<baselabel type='kvm'>+64055:+64056</baselabel><baselabel type='qemu'>+64055:+64056</baselabel>"
        "</secmodel></host>";
    static const char *const none[] = {
        "", "<host/>", "<secmodel><model>selinux</model><baselabel type='kvm'>+1:+2</baselabel></secmodel>",
        "<secmodel><model>dac</model><baselabel type='kvm'>system_u:system_r</baselabel></secmodel>"};
    char permissions[VIRT_PERMISSIONS_SIZE];
    virt_storage_permissions(debian, permissions);
    CU_ASSERT_STRING_EQUAL(permissions, "<permissions><mode>0600</mode><owner>64055</owner>"
                                        "<group>64056</group></permissions>");
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        virt_storage_permissions(none[i], permissions);
        CU_ASSERT_STRING_EQUAL(permissions, "<permissions><mode>0600</mode></permissions>");
    }
}

SUITE("virt_storage", TEST(a_disks_name_says_whose_it_is),
      TEST(a_file_for_qemu_belongs_to_the_user_that_its_host_names))
