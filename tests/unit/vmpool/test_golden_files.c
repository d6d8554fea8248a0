#include "golden_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

#define ID "golden-0123456789abcdef"

static struct golden_place place;
static char above[] = "/tmp/carrel-golden.XXXXXX";

static void write_part(const char *suffix, const char *text)
{
    char path[GOLDEN_PATH_SIZE];
    golden_path(place.dir, ID, suffix, path);
    FILE *out = fopen(path, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    fputs(text, out);
    fclose(out);
}

static void begin(void)
{
    struct error err = {0};
    snprintf(above, sizeof above, "/tmp/carrel-golden.XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(above));
    place = (struct golden_place){0};
    golden_files_dir(above, "h-1", place.dir);
    CU_ASSERT_EQUAL(golden_files_make_dir(place.dir, &err), 0);
    CU_ASSERT_EQUAL(golden_files_make_dir(place.dir, &err), 0);
    CU_ASSERT_EQUAL(golden_files_make_ram(place.dir, ID, 1 << 20, &err), 0);
    write_part("qcow2", "a disk");
    write_part("state", "devices");
}

static void end(void)
{
    struct error err = {0};
    CU_ASSERT_EQUAL(golden_files_remove(&place, ID, &err), 0);
    CU_ASSERT_EQUAL(rmdir(place.dir), 0); /* nothing is left behind */
    CU_ASSERT_EQUAL(rmdir(above), 0);
}

static int seal(void)
{
    struct golden_manifest manifest = {.id = ID, .image_id = "i-7"};
    struct error err = {0};
    return golden_files_seal(&place, &manifest, &err);
}

static int check(struct golden_manifest *ret)
{
    struct error err = {0};
    return golden_files_check(place.dir, ID, ret, &err);
}

static void what_was_sealed_is_found_again(void)
{
    struct golden_manifest manifest = {0};
    begin();
    CU_ASSERT_EQUAL(check(&manifest), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(seal(), 0);
    CU_ASSERT_EQUAL(check(&manifest), 0);
    CU_ASSERT_STRING_EQUAL(manifest.image_id, "i-7");
    end();
}

static void one_byte_of_memory_that_changed_is_seen(void)
{
    struct golden_manifest manifest;
    char path[GOLDEN_PATH_SIZE];
    begin();
    CU_ASSERT_EQUAL(seal(), 0);
    golden_path(place.dir, ID, "ram", path);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    CU_ASSERT_EQUAL(pwrite(fd, "x", 1, 777777), 1);
    close(fd);
    CU_ASSERT_EQUAL(check(&manifest), CE_BAD_INPUT);
    end();
}

static void a_part_that_is_gone_or_longer_is_seen(void)
{
    struct golden_manifest manifest;
    begin();
    CU_ASSERT_EQUAL(seal(), 0);
    write_part("state", "devices and more");
    CU_ASSERT_EQUAL(check(&manifest), CE_BAD_INPUT);
    write_part("state", "devices");
    CU_ASSERT_EQUAL(check(&manifest), 0);
    char path[GOLDEN_PATH_SIZE];
    golden_path(place.dir, ID, "qcow2", path);
    unlink(path);
    CU_ASSERT_EQUAL(check(&manifest), CE_BAD_INPUT);
    end();
}

static void a_manifest_that_is_none_is_refused(void)
{
    static const char other[] =
        "{\"version\": 1, \"id\": \"golden-ffffffffffffffff\", \"image\": \"i\", \"files\": {}}";
    static const char no_files[] =
        "{\"version\": 1, \"id\": \"golden-0123456789abcdef\", \"image\": \"i\", \"files\": 3}";
    static const char *const bad[] = {"", "{", "[]", "{\"version\": 1}", other, no_files};
    struct golden_manifest manifest;
    begin();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_part("json", bad[i]);
        CU_ASSERT_EQUAL(check(&manifest), CE_BAD_INPUT);
    }
    end();
}

static void without_the_lease_nothing_is_changed(void)
{
    struct golden_manifest manifest;
    struct error err = {0};
    atomic_uint_least64_t until_ns = 1;
    begin();
    place.until_ns = &until_ns;
    CU_ASSERT_EQUAL(seal(), CE_CANCELLED);
    CU_ASSERT_EQUAL(check(&manifest), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(golden_files_remove(&place, ID, &err), CE_CANCELLED);
    atomic_store(&until_ns, UINT64_MAX);
    CU_ASSERT_EQUAL(seal(), 0);
    CU_ASSERT_EQUAL(check(&manifest), 0);
    place.until_ns = NULL;
    end();
}

struct seen {
    unsigned count;
    char last[ID_SIZE];
};

static void note(void *arg, const char *id)
{
    struct seen *seen = arg;
    seen->count++;
    snprintf(seen->last, sizeof seen->last, "%s", id);
}

static void each_golden_guest_is_listed_once_and_nothing_else(void)
{
    struct seen seen = {0};
    struct error err = {0};
    char path[GOLDEN_PATH_SIZE];
    begin();
    snprintf(path, sizeof path, "%.1000s/notes.txt", place.dir);
    FILE *out = fopen(path, "we");
    fclose(out);
    CU_ASSERT_EQUAL(golden_files_list(place.dir, note, &seen, &err), 0);
    CU_ASSERT_EQUAL(seen.count, 1);
    CU_ASSERT_STRING_EQUAL(seen.last, ID);
    unlink(path);
    end();
}

static void memory_is_made_anew_and_those_who_have_the_old_one_keep_it(void)
{
    char path[GOLDEN_PATH_SIZE], byte = 0;
    struct error err = {0};
    struct stat st;
    begin();
    golden_path(place.dir, ID, "ram", path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    CU_ASSERT_EQUAL(pwrite(fd, "x", 1, 5), 1);
    CU_ASSERT_EQUAL(golden_files_make_ram(place.dir, ID, 2 << 20, &err), 0);
    CU_ASSERT_EQUAL(pread(fd, &byte, 1, 5), 1);
    CU_ASSERT_EQUAL(byte, 'x');
    close(fd);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_size, 2 << 20);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0660);
    end();
}

static bool is_not_h2(void *arg, const char *host_id)
{
    return strcmp(host_id, "h-2") != 0;
}

static void folders_of_hosts_that_are_gone_go_and_others_stay(void)
{
    struct stat st;
    struct error err = {0};
    char other[GOLDEN_DIR_SIZE];
    begin();
    golden_files_dir(above, "h-2", other);
    CU_ASSERT_EQUAL(golden_files_make_dir(other, &err), 0);
    CU_ASSERT_EQUAL(stat(place.dir, &st), 0);
    golden_files_sweep(above, st.st_mtime, is_not_h2, NULL); /* made after the list of hosts was read */
    CU_ASSERT_EQUAL(access(place.dir, F_OK), 0);
    golden_files_sweep(above, st.st_mtime + 10, is_not_h2, NULL);
    CU_ASSERT_NOT_EQUAL(access(place.dir, F_OK), 0);
    CU_ASSERT_EQUAL(rmdir(other), 0);
    CU_ASSERT_EQUAL(rmdir(above), 0);
}

SUITE("vmpool golden_files", TEST(what_was_sealed_is_found_again),
      TEST(one_byte_of_memory_that_changed_is_seen), TEST(a_part_that_is_gone_or_longer_is_seen),
      TEST(a_manifest_that_is_none_is_refused), TEST(without_the_lease_nothing_is_changed),
      TEST(each_golden_guest_is_listed_once_and_nothing_else),
      TEST(folders_of_hosts_that_are_gone_go_and_others_stay),
      TEST(memory_is_made_anew_and_those_who_have_the_old_one_keep_it))
