#include "image_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

static int parse(const char *text, struct image_json *ret, struct error *err)
{
    return image_json_parse(text, strlen(text), ret, err);
}

static void refuses(const char *text, const char *words)
{
    struct image_json image;
    struct error err = {0};
    CU_ASSERT_EQUAL(parse(text, &image, &err), CE_BAD_INPUT);
    if (!strstr(err.text, words))
        printf("\n\"%s\" is not in \"%s\"\n", words, err.text);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, words));
}

static void reads_what_the_image_builder_writes(void)
{
    struct image_json image;
    struct error err = {0};
    CU_ASSERT_EQUAL(
        parse("{\"name\":\"debian-13-desktop\",\"os\":\"debian-13\",\"disk\":\"disk.qcow2\",\"kernel\":"
              "\"vmlinuz\","
              "\"initrd\":\"initrd.img\",\"cmdline\":\"root=/dev/vda rw\",\"guest_user\":\"desktop\","
              "\"session_hook\":true}",
              &image, &err),
        0);
    CU_ASSERT_STRING_EQUAL(image.disk, "disk.qcow2");
    CU_ASSERT_STRING_EQUAL(image.kernel, "vmlinuz");
    CU_ASSERT_STRING_EQUAL(image.cmdline, "root=/dev/vda rw");
    CU_ASSERT_STRING_EQUAL(image.guest_user, "desktop");
    CU_ASSERT_TRUE(image.session_hook);
}

static void only_the_disk_is_needed(void)
{
    struct image_json image;
    struct error err = {0};
    CU_ASSERT_EQUAL(parse("{\"disk\":\"d.raw\"}", &image, &err), 0);
    CU_ASSERT_FALSE(image.session_hook);
    refuses("{}", "\"disk\" is missing");
}

static void files_must_lie_in_the_folder(void)
{
    refuses("{\"disk\":\"../etc/shadow\"}", "\"disk\" must name a file of the same folder");
    refuses("{\"disk\":\"/etc/shadow\"}", "\"disk\" must name");
    refuses("{\"disk\":\"d\",\"kernel\":\"a/b\",\"initrd\":\"i\"}", "\"kernel\" must name");
    refuses("{\"disk\":\"d\",\"kernel\":\"k\",\"initrd\":\"..\"}", "\"initrd\" must name");
}

static void says_what_is_wrong_and_where(void)
{
    refuses("{\n\"disk\":\n}", "image.json:3:");
    refuses("[]", "must be an object");
    refuses("{\"disk\":1}", "\"disk\" must be a text");
    refuses("{\"disk\":\"d\",\"kernel\":\"k\"}", "belong together");
    refuses("{\"disk\":\"d\",\"session_hook\":1}", "\"session_hook\" must be true or false");
    refuses("{\"disk\":\"d\",\"guest_user\":\"a b\"}", "\"guest_user\"");
}

static int info(const char *text, struct disk_info *ret, struct error *err)
{
    return disk_info_parse(text, strlen(text), ret, err);
}

static void reads_a_description_of_qemu_img(void)
{
    struct disk_info *disk = calloc(1, sizeof *disk);
    struct error err = {0};
    CU_ASSERT_EQUAL(info("[{\"virtual-size\":4294967296,\"filename\":\"/i/"
                         "a.qcow2\",\"format\":\"qcow2\",\"actual-size\":5}]",
                         disk, &err),
                    0);
    CU_ASSERT_EQUAL(disk->virtual_size_bytes, 4294967296);
    CU_ASSERT_STRING_EQUAL(disk->format, "qcow2");
    CU_ASSERT_EQUAL(disk->chain, 1);
    CU_ASSERT_EQUAL(disk_info_check(disk, "/i", &err), 0);
    free(disk);
}

static void backing_files_must_lie_in_the_same_folder(void)
{
    struct disk_info *disk = calloc(1, sizeof *disk);
    struct error err = {0};
    CU_ASSERT_EQUAL(
        info("[{\"virtual-size\":512,\"filename\":\"/i/"
             "a\",\"format\":\"qcow2\"},{\"virtual-size\":512,\"filename\":\"/i/base\",\"format\":\"raw\"}]",
             disk, &err),
        0);
    CU_ASSERT_EQUAL(disk->chain, 2);
    CU_ASSERT_EQUAL(disk_info_check(disk, "/i", &err), 0);
    CU_ASSERT_EQUAL(disk_info_check(disk, "/ii", &err), CE_BAD_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/i/base"));
    strcpy(disk->files[1], "/i/../etc/shadow");
    CU_ASSERT_EQUAL(disk_info_check(disk, "/i", &err), CE_BAD_INPUT);
    strcpy(disk->files[1], "nbd://host/x");
    CU_ASSERT_EQUAL(disk_info_check(disk, "/i", &err), CE_BAD_INPUT);
    free(disk);
}

static void what_is_not_a_plain_disk_is_refused(void)
{
    struct disk_info *disk = calloc(1, sizeof *disk);
    struct error err = {0};
    CU_ASSERT_EQUAL(info("[{\"virtual-size\":512,\"filename\":\"/i/a\",\"format\":\"luks\"}]", disk, &err),
                    0);
    CU_ASSERT_EQUAL(disk_info_check(disk, "/i", &err), CE_BAD_INPUT);
    memset(disk, 0, sizeof *disk);
    CU_ASSERT_EQUAL(
        info("[{\"virtual-size\":512,\"filename\":\"/i/a\",\"format\":\"qcow2\",\"encrypted\":true}]", disk,
             &err),
        0);
    CU_ASSERT_EQUAL(disk_info_check(disk, "/i", &err), CE_BAD_INPUT);
    memset(disk, 0, sizeof *disk);
    CU_ASSERT_EQUAL(info("[{\"virtual-size\":512,\"filename\":\"/i/"
                         "a\",\"format\":\"qcow2\",\"format-specific\":{\"data\":{\"data-file\":\"/x\"}}}]",
                         disk, &err),
                    0);
    CU_ASSERT_EQUAL(disk_info_check(disk, "/i", &err), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(info("no json", disk, &err), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(info("[]", disk, &err), CE_BAD_INPUT);
    free(disk);
}

static void raw_files_must_look_like_disks(void)
{
    static char head[131072];
    CU_ASSERT_FALSE(raw_disk_is_plausible(head, sizeof head, true));
    CU_ASSERT_FALSE(raw_disk_is_plausible("hello", 5, true));
    memcpy(head + 1080, "\x53\xef", 2);
    CU_ASSERT_TRUE(raw_disk_is_plausible(head, sizeof head, true));
    CU_ASSERT_FALSE(raw_disk_is_plausible(head, sizeof head, false));
    memcpy(head + 510, "\x55\xaa", 2);
    CU_ASSERT_TRUE(raw_disk_is_plausible(head, sizeof head, false));
    memset(head + 1080, 0, 2);
    memcpy(head + 32769, "CD001", 5);
    CU_ASSERT_FALSE(raw_disk_is_plausible(head, sizeof head, false));
}

static void reads_progress(void)
{
    static const char text[] = "    (0.00/100%)\r    (12.50/100%)\r";
    CU_ASSERT_EQUAL(qemu_img_percent(text, sizeof text - 1), 12);
    CU_ASSERT_EQUAL(qemu_img_percent("(100.00/100%)", 13), 100);
    CU_ASSERT_EQUAL(qemu_img_percent("no percent", 10), -1);
    CU_ASSERT_EQUAL(qemu_img_percent("(", 1), -1);
    CU_ASSERT_EQUAL(qemu_img_percent("(99", 3), -1);
}

SUITE("image_json", TEST(reads_what_the_image_builder_writes), TEST(only_the_disk_is_needed),
      TEST(files_must_lie_in_the_folder), TEST(says_what_is_wrong_and_where),
      TEST(reads_a_description_of_qemu_img), TEST(backing_files_must_lie_in_the_same_folder),
      TEST(what_is_not_a_plain_disk_is_refused), TEST(raw_files_must_look_like_disks), TEST(reads_progress))
