/* What is said about a golden image: a folder's image.json, and qemu-img's description of a disk. Pure.
 *
 *     {"name":"debian-13-desktop","os":"debian-13","disk":"disk.qcow2","kernel":"vmlinuz",
 *      "initrd":"initrd.img","cmdline":"root=/dev/vda ...","guest_user":"desktop",
 *      "session_hook":true}
 *
 * Only disk is necessary; names are of files in the folder. Members that are not known here are the
 * image builder's notes and are skipped.
 */
#ifndef VMPOOL_IMAGE_JSON_H
#define VMPOOL_IMAGE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>
#include <carrel/ids.h>

#define IMAGE_CHAIN_MAX 16 /* backing files of an image; a longer chain is refused */

struct image_json {
    char name[NAME_SIZE];
    char os[64];
    char disk[256];
    char kernel[256];
    char initrd[256];
    char cmdline[512];
    char guest_user[NAME_SIZE];
    bool session_hook;
};

int image_json_parse(const char *text, size_t len, struct image_json *ret, struct error *err) MUST_CHECK;

struct disk_info {
    char format[16];
    uint64_t virtual_size_bytes;
    unsigned chain; /* files in all: 1 without a backing file */
    char files[IMAGE_CHAIN_MAX][1024];
    bool encrypted;
    bool external_data;
};

/* TEXT is the output of "qemu-img info --backing-chain --output=json". */
int disk_info_parse(const char *text, size_t len, struct disk_info *ret, struct error *err) MUST_CHECK;

/* Whether a golden image may be made of it: a known format, a size, not encrypted, every file of the chain
 * inside FOLDER (absolute, without a slash at its end). */
int disk_info_check(const struct disk_info *info, const char *folder, struct error *err) MUST_CHECK;

/* Whether the first bytes of a raw file are those of a disk: a boot record, or with DIRECT_BOOT a file
 * system of ext2 to ext4, XFS or Btrfs. HEAD has up to 128 KiB. */
bool raw_disk_is_plausible(const void *head, size_t len, bool direct_boot);

/* The last "(12.34/100%)" in qemu-img's progress output, or -1. */
int qemu_img_percent(const char *bytes, size_t len);

#endif
