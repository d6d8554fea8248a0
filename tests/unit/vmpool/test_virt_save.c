#include "virt_save.h"

#include <stdlib.h>
#include <string.h>

#include "suite.h"

/* The id in NAME, or "". NAME has no byte more than it needs, so that the sanitizer sees one that is read behind it. */
static const char *owner(const char *name)
{
    static char id[ID_SIZE];
    char *exact = strdup(name);
    bool found = exact && virt_save_owner(exact, id);
    free(exact);
    return found ? id : "";
}

static void a_path_names_its_desktop_and_its_time(void)
{
    char path[128];
    virt_save_path("/desktops", "d-0123456789abcdef", 1700000000000, path, sizeof path);
    CU_ASSERT_STRING_EQUAL(path, "/desktops/d-0123456789abcdef-1700000000000.save");
    CU_ASSERT_STRING_EQUAL(owner(strrchr(path, '/') + 1), "d-0123456789abcdef");
}

static void whatever_else_lies_there_has_no_owner(void)
{
    static const char *const names[] = {
        "",
        "d",
        "d-",
        "carrel-storage",
        "d-0123456789abcdef",
        "d-0123456789abcdef-",
        "d-0123456789abcdef-.save",
        "d-0123456789abcdef-17.save.old",
        "d-0123456789abcdef-1x7.save",
        "d-0123456789abcdef.qcow2",
        "x-0123456789abcdef-17.save",
        "d-0123456789abcdef0123456789abcdef-17.save",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        CU_ASSERT_STRING_EQUAL(owner(names[i]), "");
}

SUITE("virt_save", TEST(a_path_names_its_desktop_and_its_time), TEST(whatever_else_lies_there_has_no_owner))
