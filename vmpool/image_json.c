#include "image_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "json_cleanup.h"

/* An optional text member that fits. */
static int take_text(const json_t *object, const char *member, char *ret, size_t size, struct error *err)
{
    const json_t *value = json_object_get(object, member);
    if (!value)
        return 0;
    const char *text = json_string_value(value);
    if (!text)
        return error_set(err, CE_BAD_INPUT, "image.json: \"%s\" must be a text", member);
    if (strlen(text) >= size)
        return error_set(err, CE_BAD_INPUT, "image.json: \"%s\" is longer than %zu bytes", member, size - 1);
    memcpy(ret, text, strlen(text) + 1);
    return 0;
}

/* A file of the folder itself: what an image brings along must not lead elsewhere. */
static int take_file(const json_t *object, const char *member, char *ret, size_t size, struct error *err)
{
    int rc = take_text(object, member, ret, size, err);
    if (rc)
        return rc;
    if (strchr(ret, '/') || !strcmp(ret, "..") || !strcmp(ret, "."))
        return error_set(err, CE_BAD_INPUT, "image.json: \"%s\" must name a file of the same folder", member);
    return 0;
}

static int take_rest(const json_t *object, struct image_json *image, struct error *err)
{
    const json_t *hook = json_object_get(object, "session_hook");
    if (hook && !json_is_boolean(hook))
        return error_set(err, CE_BAD_INPUT, "image.json: \"session_hook\" must be true or false");
    image->session_hook = json_is_true(hook);
    if (!*image->disk)
        return error_set(err, CE_BAD_INPUT, "image.json: \"disk\" is missing");
    if (!*image->kernel != !*image->initrd)
        return error_set(err, CE_BAD_INPUT, "image.json: \"kernel\" and \"initrd\" belong together");
    if (*image->guest_user && !user_name_is_valid(image->guest_user))
        return error_set(err, CE_BAD_INPUT, "image.json: \"guest_user\" is not the name of a user");
    return 0;
}

int image_json_parse(const char *text, size_t len, struct image_json *ret, struct error *err)
{
    json_error_t where;
    CLEANUP_JSON json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
    if (!object)
        return error_set(err, CE_BAD_INPUT, "image.json:%d: %s", where.line, where.text);
    if (!json_is_object(object))
        return error_set(err, CE_BAD_INPUT, "image.json: must be an object");
    struct image_json image = {0};
    int rc = take_text(object, "name", image.name, sizeof image.name, err);
    if (!rc)
        rc = take_text(object, "os", image.os, sizeof image.os, err);
    if (!rc)
        rc = take_file(object, "disk", image.disk, sizeof image.disk, err);
    if (!rc)
        rc = take_file(object, "kernel", image.kernel, sizeof image.kernel, err);
    if (!rc)
        rc = take_file(object, "initrd", image.initrd, sizeof image.initrd, err);
    if (!rc)
        rc = take_text(object, "cmdline", image.cmdline, sizeof image.cmdline, err);
    if (!rc)
        rc = take_text(object, "guest_user", image.guest_user, sizeof image.guest_user, err);
    if (!rc)
        rc = take_rest(object, &image, err);
    if (!rc)
        *ret = image;
    return rc;
}

static int take_layer(const json_t *layer, struct disk_info *info, struct error *err)
{
    const char *name = json_string_value(json_object_get(layer, "filename"));
    if (!name || strlen(name) >= sizeof info->files[0])
        return error_set(err, CE_BAD_INPUT, "qemu-img's description has no file name");
    snprintf(info->files[info->chain++], sizeof info->files[0], "%s", name);
    if (json_is_true(json_object_get(layer, "encrypted")))
        info->encrypted = true;
    const json_t *data = json_object_get(json_object_get(layer, "format-specific"), "data");
    if (json_object_get(data, "data-file"))
        info->external_data = true;
    return 0;
}

int disk_info_parse(const char *text, size_t len, struct disk_info *ret, struct error *err)
{
    json_error_t where;
    CLEANUP_JSON json_t *chain = json_loadb(text, len, 0, &where);
    if (!chain || !json_is_array(chain) || !json_array_size(chain))
        return error_set(err, CE_BAD_INPUT, "qemu-img's description is not understood");
    if (json_array_size(chain) > IMAGE_CHAIN_MAX)
        return error_set(err, CE_LIMIT, "the disk has more than %d backing files", IMAGE_CHAIN_MAX - 1);
    struct disk_info *info = calloc(1, sizeof *info);
    if (!info)
        return error_set(err, CE_NOMEM, "out of memory");
    const json_t *top = json_array_get(chain, 0);
    const char *format = json_string_value(json_object_get(top, "format"));
    json_int_t size = json_integer_value(json_object_get(top, "virtual-size"));
    snprintf(info->format, sizeof info->format, "%s", format ? format : "");
    info->virtual_size_bytes = size > 0 ? (uint64_t)size : 0;
    int rc = 0;
    size_t i;
    json_t *layer;
    json_array_foreach(chain, i, layer)
    {
        if (!rc)
            rc = take_layer(layer, info, err);
    }
    if (!rc)
        *ret = *info;
    free(info);
    return rc;
}

int disk_info_check(const struct disk_info *info, const char *folder, struct error *err)
{
    static const char *const formats[] = {"qcow2", "raw", "vmdk", "vdi", "vhdx", "vpc"};
    bool known = false;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        known = known || !strcmp(formats[i], info->format);
    if (!known)
        return error_set(err, CE_BAD_INPUT, "disks of format \"%s\" are not supported", info->format);
    if (!info->virtual_size_bytes)
        return error_set(err, CE_BAD_INPUT, "the disk is empty");
    if (info->encrypted)
        return error_set(err, CE_BAD_INPUT, "the disk is encrypted");
    if (info->external_data)
        return error_set(err, CE_BAD_INPUT, "the disk keeps its data in another file");
    size_t len = strlen(folder);
    for (unsigned i = 1; i < info->chain; i++) {
        const char *file = info->files[i];
        if (strncmp(file, folder, len) != 0 || file[len] != '/' || strstr(file, "/../"))
            return error_set(err, CE_BAD_INPUT, "its backing file %.200s is outside of the folder %.100s",
                             file, folder);
    }
    return 0;
}

static bool has_bytes(const void *head, size_t len, size_t at, const void *wanted, size_t n)
{
    return len >= n && at <= len - n && !memcmp((const char *)head + at, wanted, n);
}

bool raw_disk_is_plausible(const void *head, size_t len, bool direct_boot)
{
    if (has_bytes(head, len, 510, "\x55\xaa", 2) && !has_bytes(head, len, 32769, "CD001", 5))
        return true;
    if (!direct_boot)
        return false;
    return has_bytes(head, len, 1080, "\x53\xef", 2) || has_bytes(head, len, 0, "XFSB", 4) ||
           has_bytes(head, len, 65600, "_BHRfS_M", 8);
}

int qemu_img_percent(const char *bytes, size_t len)
{
    for (size_t i = len; i-- > 0;) {
        if (bytes[i] != '(')
            continue;
        size_t end = i + 1;
        int percent = 0, digits = 0;
        while (end < len && bytes[end] >= '0' && bytes[end] <= '9' && digits < 3) {
            percent = percent * 10 + (bytes[end++] - '0');
            digits++;
        }
        if (digits && end < len && (bytes[end] == '.' || bytes[end] == '/'))
            return percent > 100 ? 100 : percent;
    }
    return -1;
}
