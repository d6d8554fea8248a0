#include "recording_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum {
    LEVEL = 9,
    OUT_BYTES = 128 * 1024,
    FIRST_BYTES = 1 << 20,
};

struct recording_file {
    FILE *file;
    ZSTD_CCtx *zstd;
    const char *path; /* borrowed */
    uint64_t bytes;   /* unpacked */
};

static int file_read(const char *path, uint8_t **ret, size_t *ret_len, struct error *err)
{
    struct stat s;
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    if (fstat(fileno(file), &s) || !S_ISREG(s.st_mode) || s.st_size > RECORDING_FILE_MAX_BYTES) {
        fclose(file);
        return error_set(err, CE_BAD_INPUT, "%s is no file, or too large for a recording", path);
    }
    uint8_t *bytes = malloc((size_t)s.st_size + 1);
    size_t len = bytes ? fread(bytes, 1, (size_t)s.st_size, file) : 0;
    fclose(file);
    if (!bytes)
        return error_set(err, CE_NOMEM, "no memory for %s", path);
    *ret = bytes;
    *ret_len = len;
    return 0;
}

/* The size in the frame's header is not believed: the memory grows with what comes. */
static int unpack(const uint8_t *packed, size_t len, uint8_t **ret, size_t *ret_len)
{
    ZSTD_DCtx *zstd = ZSTD_createDCtx();
    ZSTD_inBuffer in = {packed, len, 0};
    ZSTD_outBuffer out = {malloc(FIRST_BYTES), FIRST_BYTES, 0};
    size_t left = 1;
    int rc = zstd && out.dst ? 0 : CE_NOMEM;
    while (!rc && left) {
        if (out.pos == out.size && out.size == RECORDING_FILE_MAX_BYTES) {
            rc = CE_LIMIT;
            break;
        }
        if (out.pos == out.size) {
            void *grown = realloc(out.dst, out.size * 2);
            rc = grown ? 0 : CE_NOMEM;
            out.dst = grown ? grown : out.dst;
            out.size *= grown ? 2 : 1;
            continue;
        }
        size_t in_before = in.pos, out_before = out.pos;
        left = ZSTD_decompressStream(zstd, &out, &in);
        if (ZSTD_isError(left) || (left && in.pos == in_before && out.pos == out_before))
            rc = CE_BAD_INPUT;
    }
    ZSTD_freeDCtx(zstd);
    if (!rc && in.pos != len)
        rc = CE_BAD_INPUT;
    if (rc) {
        free(out.dst);
        return rc;
    }
    *ret = out.dst;
    *ret_len = out.pos;
    return 0;
}

int recording_load(const char *path, struct recording *ret, struct error *err)
{
    uint8_t *file = NULL, *events = NULL;
    size_t len = 0, header_len = 0, events_len = 0;
    *ret = (struct recording){0};
    int rc = file_read(path, &file, &len, err);
    if (rc)
        return rc;
    rc = recording_parse_header((const char *)file, len, ret, &header_len);
    if (!rc)
        rc = unpack(file + header_len, len - header_len, &events, &events_len);
    if (!rc)
        rc = recording_parse(events, events_len, ret);
    free(file);
    if (rc == CE_NOMEM || rc == CE_LIMIT)
        return error_set(err, rc, "%s is too large", path);
    return rc ? error_set(err, CE_BAD_INPUT, "%s is no whole recording of carrel-load", path) : 0;
}

/* ---- writing ---- */

static int failed(struct recording_file *file, struct error *err)
{
    return error_set(err, CE_IO, "%s: %s", file->path, strerror(errno));
}

static int pack(struct recording_file *file, const void *bytes, size_t len, ZSTD_EndDirective how,
                struct error *err)
{
    static uint8_t packed[OUT_BYTES];
    ZSTD_inBuffer in = {bytes, len, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {packed, sizeof packed, 0};
        left = ZSTD_compressStream2(file->zstd, &out, &in, how);
        if (ZSTD_isError(left))
            return error_set(err, CE_INTERNAL, "zstd: %s", ZSTD_getErrorName(left));
        if (fwrite(packed, 1, out.pos, file->file) != out.pos)
            return failed(file, err);
    } while (in.pos < in.size || (how == ZSTD_e_end && left));
    return 0;
}

int recording_file_open(struct recording_file **ret, const char *path, const struct recording *of,
                        struct error *err)
{
    uint8_t text[RECORDING_HEADER_MAX_LEN];
    struct writer w = writer_init(text, sizeof text);
    struct recording_file *file = calloc(1, sizeof *file);
    if (!file)
        return error_set(err, CE_NOMEM, "no memory");
    *ret = file;
    file->path = path;
    file->zstd = ZSTD_createCCtx();
    if (!file->zstd || ZSTD_isError(ZSTD_CCtx_setParameter(file->zstd, ZSTD_c_compressionLevel, LEVEL)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(file->zstd, ZSTD_c_checksumFlag, 1)))
        return error_set(err, CE_NOMEM, "no memory for zstd");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(file, err);
    file->file = fdopen(fd, "w");
    if (!file->file) {
        close(fd);
        return failed(file, err);
    }
    recording_write_header(&w, of);
    if (!writer_ok(&w))
        return error_set(err, CE_LIMIT, "the names of the channels are too long");
    return fwrite(text, 1, writer_len(&w), file->file) == writer_len(&w) ? 0 : failed(file, err);
}

int recording_file_append(struct recording_file *file, const struct recording_event *event, bool of_guest,
                          uint64_t since_last_us, struct error *err)
{
    static uint8_t bytes[RECORDING_EVENT_HEADER_LEN + RECORDING_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    recording_write_event(&w, event, of_guest, since_last_us);
    file->bytes += writer_len(&w);
    if (file->bytes > RECORDING_FILE_MAX_BYTES)
        return error_set(err, CE_LIMIT, "the recording is as large as one may be");
    return pack(file, bytes, writer_len(&w), ZSTD_e_continue, err);
}

int recording_file_end(struct recording_file *file, uint64_t *ret_bytes, struct error *err)
{
    int rc = pack(file, NULL, 0, ZSTD_e_end, err);
    if (!rc && fflush(file->file))
        rc = failed(file, err);
    long at = rc ? 0 : ftell(file->file);
    *ret_bytes = at > 0 ? (uint64_t)at : 0;
    return rc;
}

void recording_file_destroy(struct recording_file **file_at)
{
    struct recording_file *file = *file_at;
    if (!file)
        return;
    if (file->file)
        fclose(file->file);
    ZSTD_freeCCtx(file->zstd);
    free(file);
    *file_at = NULL;
}
