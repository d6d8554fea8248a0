#include "probe_initrd.h"

#include <stdio.h>
#include <string.h>

#include "writer.h"

#define LOAD_ADDRESS 0x400000u
#define ELF_HEADER_BYTES 64
#define PROGRAM_HEADER_BYTES 56

static void put_u64_le(struct writer *w, uint64_t v)
{
    uint8_t *p = writer_take(w, 8);
    if (!p)
        return;
    put_u32_le(p, (uint32_t)v);
    put_u32_le(p + 4, (uint32_t)(v >> 32));
}

/* x86-64: write(1, marker, length); for (;;) pause(); The marker follows at byte 33. */
static const uint8_t code[33] = {
    0xb8, 0x01,
    0x00, 0x00,
    0x00, /* mov  eax, 1 (write) */
    0xbf, 0x01,
    0x00, 0x00,
    0x00, /* mov  edi, 1 */
    0x48, 0x8d,
    0x35, 0x10,
    0x00, 0x00,
    0x00, /* lea  rsi, [rip + 16] */
    0xba, sizeof PROBE_MARKER,
    0x00, 0x00,
    0x00,       /* mov  edx, length with the newline */
    0x0f, 0x05, /* syscall */
    0xb8, 0x22,
    0x00, 0x00,
    0x00,       /* mov  eax, 34 (pause) */
    0x0f, 0x05, /* syscall */
    0xeb, 0xf7, /* jmp  back to pause */
};

/* A static executable: ELF header, one loadable segment, the code (System V ABI, chapter 4 and 5). */
static size_t make_init(uint8_t *bytes, size_t capacity)
{
    const size_t start = ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES;
    const size_t size = start + sizeof code + sizeof PROBE_MARKER;
    struct writer w = writer_init(bytes, capacity);
    static const uint8_t ident[16] = {0x7f, 'E', 'L', 'F', 2, 1, 1}; /* 64 bits, little endian, version 1 */
    writer_bytes(&w, ident, sizeof ident);
    writer_u16_le(&w, 2);  /* an executable */
    writer_u16_le(&w, 62); /* for x86-64 */
    writer_u32_le(&w, 1);
    put_u64_le(&w, LOAD_ADDRESS + start);
    put_u64_le(&w, ELF_HEADER_BYTES); /* where the program headers are */
    put_u64_le(&w, 0);
    writer_u32_le(&w, 0);
    writer_u16_le(&w, ELF_HEADER_BYTES);
    writer_u16_le(&w, PROGRAM_HEADER_BYTES);
    writer_u16_le(&w, 1);
    writer_zero(&w, 6);   /* no sections */
    writer_u32_le(&w, 1); /* load */
    writer_u32_le(&w, 5); /* to read and to execute */
    put_u64_le(&w, 0);
    put_u64_le(&w, LOAD_ADDRESS);
    put_u64_le(&w, LOAD_ADDRESS);
    put_u64_le(&w, size);
    put_u64_le(&w, size);
    put_u64_le(&w, 0x1000);
    writer_bytes(&w, code, sizeof code);
    writer_bytes(&w, PROBE_MARKER "\n", sizeof PROBE_MARKER);
    return writer_len(&w);
}

struct entry {
    const char *name;
    unsigned mode;
    unsigned rdev_major, rdev_minor;
};

/* One member in the "newc" format of cpio (the kernel's Documentation/driver-api/early-userspace). */
static void put_entry(struct writer *w, const struct entry *entry, const void *data, size_t len)
{
    char header[128];
    size_t name_len = strlen(entry->name) + 1;
    int n = snprintf(header, sizeof header, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 1,
                     entry->mode, 0, 0, 1, 0, len, 0, 0, entry->rdev_major, entry->rdev_minor, name_len, 0);
    writer_bytes(w, header, (size_t)n);
    writer_bytes(w, entry->name, name_len);
    writer_zero(w, (4 - writer_len(w) % 4) % 4);
    writer_bytes(w, data, len);
    writer_zero(w, (4 - writer_len(w) % 4) % 4);
}

size_t probe_initrd_make(uint8_t ret[PROBE_INITRD_MAX])
{
    uint8_t init[256];
    size_t len = make_init(init, sizeof init);
    struct writer w = writer_init(ret, PROBE_INITRD_MAX);
    put_entry(&w, &(struct entry){"dev", 0040755, 0, 0}, NULL, 0);
    put_entry(&w, &(struct entry){"dev/console", 0020600, 5, 1}, NULL, 0);
    put_entry(&w, &(struct entry){"init", 0100755, 0, 0}, init, len);
    put_entry(&w, &(struct entry){"TRAILER!!!", 0, 0, 0}, NULL, 0);
    return writer_len(&w);
}
