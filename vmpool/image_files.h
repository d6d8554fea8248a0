/* What an import does with files, each function a blocking step for a worker thread. */
#ifndef VMPOOL_IMAGE_FILES_H
#define VMPOOL_IMAGE_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <carrel/error.h>

#include "image_json.h"

struct image_source {
    char folder[PATH_MAX]; /* absolute, no link in it */
    char disk[PATH_MAX];
    char kernel[PATH_MAX]; /* empty: none */
    char initrd[PATH_MAX];
    struct image_json json; /* all empty without an image.json */
    bool has_json;
    bool plausible_raw; /* the disk's first bytes look like a raw disk's */
};

/* SOURCE is a disk file or a folder with image.json. */
int image_files_inspect(const char *source, struct image_source *ret, struct error *err) MUST_CHECK;

/* An empty FOLDER, whatever was there before. */
int image_files_prepare(const char *folder, struct error *err) MUST_CHECK;

/* Puts kernel and initrd beside the disk in PART, makes all readable and renames PART to FOLDER. */
int image_files_install(const struct image_source *source, const char *part, const char *folder,
                        uint64_t *ret_size_bytes, struct error *err) MUST_CHECK;

/* "WHAT PATH: " and errno's words; returns the code that fits. */
int image_files_error(struct error *err, const char *what, const char *path);

/* Removes a folder of plain files; 0 also when it is not there. */
int image_files_remove(const char *folder, struct error *err) MUST_CHECK;

#endif
