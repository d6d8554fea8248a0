#include "image_seal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

static char folder[] = "/tmp/carrel-seal.XXXXXX";
static char disk[sizeof folder + 32];

static void write_disk(const char *content)
{
    FILE *file = fopen(disk, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(content, file);
    fclose(file);
}

static void change_long_ago(void)
{
    const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    CU_ASSERT_EQUAL(utimensat(AT_FDCWD, disk, times, 0), 0);
}

/* A disk with its seal. */
static void make(const char *content)
{
    if (!*disk && mkdtemp(folder))
        snprintf(disk, sizeof disk, "%s/disk.qcow2", folder);
    write_disk(content);
    change_long_ago();
    struct error err = {0};
    CU_ASSERT_EQUAL(image_seal_write(folder, &err), 0);
}

static void the_disk_as_it_was_is_believed(void)
{
    make("golden");
    struct error err = {0};
    CU_ASSERT_EQUAL(image_seal_check(disk, &err), 0);
}

static void a_disk_that_was_cut_off_is_refused_with_both_lengths(void)
{
    make("golden");
    CU_ASSERT_EQUAL(truncate(disk, 3), 0);
    change_long_ago();
    struct error err = {0};
    CU_ASSERT_EQUAL(image_seal_check(disk, &err), CE_BAD_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "has 3 bytes of "));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "imported with 6 bytes of 2001-09-09T01:46:40Z"));
}

static void another_disk_of_the_same_length_is_refused(void)
{
    make("golden");
    write_disk("silver");
    struct error err = {0};
    CU_ASSERT_EQUAL(image_seal_check(disk, &err), CE_BAD_INPUT);
}

static void a_missing_disk_is_named(void)
{
    make("golden");
    CU_ASSERT_EQUAL(unlink(disk), 0);
    struct error err = {0};
    CU_ASSERT_EQUAL(image_seal_check(disk, &err), CE_NOT_FOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, disk));
}

static void a_disk_without_a_seal_is_believed(void)
{
    make("golden");
    char seal[sizeof folder + 32];
    snprintf(seal, sizeof seal, "%s/disk.seal", folder);
    CU_ASSERT_EQUAL(unlink(seal), 0);
    write_disk("another");
    struct error err = {0};
    CU_ASSERT_EQUAL(image_seal_check(disk, &err), 0);
    CU_ASSERT_EQUAL(unlink(disk), 0);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

SUITE("image_seal", TEST(the_disk_as_it_was_is_believed),
      TEST(a_disk_that_was_cut_off_is_refused_with_both_lengths),
      TEST(another_disk_of_the_same_length_is_refused), TEST(a_missing_disk_is_named),
      TEST(a_disk_without_a_seal_is_believed))
