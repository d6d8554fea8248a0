#include <carrel/error.h>

#include <stdarg.h>
#include <stdio.h>

int error_set(struct error *err, int code, const char *fmt, ...)
{
    if (err) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(err->text, sizeof err->text, fmt, args);
        va_end(args);
        err->code = code;
    }
    return code;
}

const char *error_name(int code)
{
    static const char *const names[] = {
        [0] = "ok",
        [-CE_NOMEM] = "out of memory",
        [-CE_IO] = "input/output error",
        [-CE_BAD_INPUT] = "bad input",
        [-CE_NOT_FOUND] = "not found",
        [-CE_EXISTS] = "exists already",
        [-CE_CONFLICT] = "conflict",
        [-CE_BUSY] = "busy",
        [-CE_TIMEOUT] = "timed out",
        [-CE_UNREACHABLE] = "unreachable",
        [-CE_REFUSED] = "refused",
        [-CE_LIMIT] = "limit reached",
        [-CE_NO_SPACE] = "no space left",
        [-CE_UNSUPPORTED] = "unsupported",
        [-CE_CANCELLED] = "cancelled",
        [-CE_INTERNAL] = "internal error",
        [-CE_NEED_MORE] = "more bytes needed",
    };
    int n = code > -100 ? -code : -1; /* no overflow at the lowest int */
    if (n < 0 || n >= (int)(sizeof names / sizeof names[0]) || !names[n])
        return "unknown error";
    return names[n];
}
