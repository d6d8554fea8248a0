#include <carrel/host_uri.h>

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum transport { NO_TRANSPORT = 0, UNIX = 1, TLS = 2, TCP = 4, SSH = 8, LIBSSH = 16, LIBSSH2 = 32 };

static const struct {
    const char *name;
    enum transport transport;
} transports[] = {{"unix", UNIX}, {"tls", TLS},       {"tcp", TCP},
                  {"ssh", SSH},   {"libssh", LIBSSH}, {"libssh2", LIBSSH2}};

#define ANY_SSH (SSH | LIBSSH | LIBSSH2)

/* Parameters that mean something to some transports only: libvirt passes over them elsewhere in silence, and whoever
 * wrote them believes that they work. Others are left to libvirt. */
static const struct {
    const char *name;
    unsigned transports;
    bool is_path;
} parameters[] = {
    {"pkipath", TLS, true},
    {"tls_priority", TLS, false},
    {"keyfile", ANY_SSH, true},
    {"known_hosts", LIBSSH | LIBSSH2, true},
    {"known_hosts_verify", LIBSSH | LIBSSH2, false},
    {"sshauth", LIBSSH | LIBSSH2, false},
    {"no_tty", SSH, false},
    {"socket", UNIX | ANY_SSH, true},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* A piece of the URI, not terminated. */
struct part {
    const char *at;
    size_t len;
};

struct uri {
    struct part driver;
    struct part transport; /* empty where the URI names none */
    struct part user;      /* with a password, if there is one */
    struct part host;
    struct part port;
    bool has_user, has_port;
    struct part path;
    const char *query; /* "" where there is none */
};

static const char name_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

static bool part_is(struct part part, const char *text)
{
    return part.len == strlen(text) && !memcmp(part.at, text, part.len);
}

static bool part_is_name(struct part part)
{
    return part.len && isalnum((unsigned char)*part.at) && strspn(part.at, name_bytes) >= part.len;
}

/* Up to one of STOPS, which stays. */
static struct part take(const char **at, const char *stops)
{
    struct part part = {*at, strcspn(*at, stops)};
    *at += part.len;
    return part;
}

static bool take_text(const char **at, const char *text)
{
    size_t n = strlen(text);
    if (strncmp(*at, text, n) != 0)
        return false;
    *at += n;
    return true;
}

/* USER@HOST:PORT, each but the host optional; the host may be an IPv6 address in brackets. */
static void split_authority(struct part all, struct uri *ret)
{
    for (size_t i = all.len; i-- > 0;) {
        if (all.at[i] == '@') {
            ret->user = (struct part){all.at, i};
            ret->has_user = true;
            all = (struct part){all.at + i + 1, all.len - i - 1};
            break;
        }
    }
    size_t host_len = 0;
    if (all.len && *all.at == '[')
        while (host_len < all.len && all.at[host_len] != ']')
            host_len++;
    while (host_len < all.len && all.at[host_len] != ':')
        host_len++;
    ret->host = (struct part){all.at, host_len};
    ret->has_port = host_len < all.len;
    if (ret->has_port)
        ret->port = (struct part){all.at + host_len + 1, all.len - host_len - 1};
}

static bool split(const char *text, struct uri *ret)
{
    *ret = (struct uri){0};
    ret->driver = take(&text, "+:/?");
    if (take_text(&text, "+"))
        ret->transport = take(&text, ":/?");
    if (!ret->driver.len || !isalpha((unsigned char)*ret->driver.at) || !take_text(&text, "://"))
        return false;
    split_authority(take(&text, "/?"), ret);
    ret->path = take(&text, "?");
    ret->query = *text ? text + 1 : "";
    return true;
}

static enum transport transport_of(const struct uri *uri)
{
    if (!uri->transport.len)
        return uri->host.len ? TLS : UNIX; /* as libvirt chooses */
    for (size_t i = 0; i < COUNT(transports); i++) {
        if (part_is(uri->transport, transports[i].name))
            return transports[i].transport;
    }
    return NO_TRANSPORT;
}

static const char *transport_name(enum transport transport)
{
    for (size_t i = 0; i < COUNT(transports); i++) {
        if (transports[i].transport == transport)
            return transports[i].name;
    }
    return "none";
}

static bool host_is_valid(struct part host)
{
    if (*host.at != '[')
        return part_is_name(host);
    return host.len > 3 && host.at[host.len - 1] == ']' &&
           strspn(host.at + 1, "0123456789abcdefABCDEF:.") == host.len - 2;
}

static bool port_is_valid(struct part port)
{
    return port.len && port.len <= 5 && strspn(port.at, "0123456789") >= port.len &&
           strtoul(port.at, NULL, 10) - 1 < 65535;
}

static int check_authority(const struct uri *uri, enum transport transport, struct error *err)
{
    if (uri->has_user && memchr(uri->user.at, ':', uri->user.len))
        return error_set(
            err, CE_BAD_INPUT,
            "must not carry a password, as everybody who lists hosts would see it; a certificate "
            "or a key file stands in its place");
    if (uri->has_user && !part_is_name(uri->user))
        return error_set(err, CE_BAD_INPUT,
                         "has a user's name with other characters than letters, digits, . _ -");
    if (!uri->host.len && transport != UNIX)
        return error_set(err, CE_BAD_INPUT, "names no host, which %s needs: %.*s+%s://HOST/...",
                         transport_name(transport), (int)uri->driver.len, uri->driver.at,
                         transport_name(transport));
    if (uri->host.len && transport == UNIX)
        return error_set(err, CE_BAD_INPUT, "names a host, which a unix socket does not have");
    if (uri->host.len && !host_is_valid(uri->host))
        return error_set(
            err, CE_BAD_INPUT,
            "has \"%.*s\" for a host, which is neither a name nor an IPv4 address nor an IPv6 address "
            "in brackets",
            (int)uri->host.len, uri->host.at);
    if (uri->has_port && !port_is_valid(uri->port))
        return error_set(err, CE_BAD_INPUT, "has a port that is not a number from 1 to 65535");
    return 0;
}

static int check_parameter(struct part name, const char *value, enum transport transport, struct error *err)
{
    if (part_is(name, "command"))
        return error_set(err, CE_BAD_INPUT,
                         "names a program to run (command=), which carrel-vmpool does not do");
    if (part_is(name, "no_tty") && *value == '0')
        return error_set(err, CE_BAD_INPUT,
                         "lets ssh ask questions (no_tty=0), and nobody is there to answer them");
    if (part_is(name, "known_hosts") && transport == SSH)
        return error_set(
            err, CE_BAD_INPUT,
            "has known_hosts=, which only libssh and libssh2 heed; for ssh the host's key belongs into "
            "/etc/ssh/ssh_known_hosts");
    for (size_t i = 0; i < COUNT(parameters); i++) {
        if (!part_is(name, parameters[i].name))
            continue;
        if (!(parameters[i].transports & (unsigned)transport))
            return error_set(err, CE_BAD_INPUT, "has %s=, which means nothing to the transport %s",
                             parameters[i].name, transport_name(transport));
        if (parameters[i].is_path && *value != '/')
            return error_set(err, CE_BAD_INPUT, "has %s= with something else than an absolute path",
                             parameters[i].name);
    }
    return 0;
}

/* libvirt decodes "%63ommand" as well, so a name that is not spelled out is refused. */
static int check_query(const char *query, enum transport transport, struct error *err)
{
    while (*query) {
        struct part name = take(&query, "=&;");
        if (!part_is_name(name) || !take_text(&query, "="))
            return error_set(err, CE_BAD_INPUT,
                             "has something else than NAME=VALUE behind its question mark");
        int rc = check_parameter(name, query, transport, err);
        if (rc)
            return rc;
        (void)take(&query, "&;");
        if (*query)
            query++;
    }
    return 0;
}

int host_uri_check(const char *text, struct error *err)
{
    struct uri uri;
    if (strlen(text) >= HOST_URI_SIZE)
        return error_set(err, CE_BAD_INPUT, "is longer than %d bytes", HOST_URI_SIZE - 1);
    for (const char *at = text; *at; at++) {
        if (*at <= ' ' || *at > '~' || strchr("#\"<>\\^`{|}", *at))
            return error_set(err, CE_BAD_INPUT,
                             "has a blank or another character that does not stand in URIs");
    }
    if (!split(text, &uri))
        return error_set(err, CE_BAD_INPUT,
                         "must be one of libvirt, such as qemu:///system or qemu+tls://HOST/system");
    enum transport transport = transport_of(&uri);
    if (transport == NO_TRANSPORT)
        return error_set(
            err, CE_BAD_INPUT,
            "has the transport \"%.*s\"; carrel-vmpool uses unix, tls, ssh, tcp, libssh and libssh2",
            (int)uri.transport.len, uri.transport.at);
    int rc = check_authority(&uri, transport, err);
    if (!rc)
        rc = check_query(uri.query, transport, err);
    if (!rc && part_is(uri.driver, "qemu") && !part_is(uri.path, "/system") && !part_is(uri.path, "/session"))
        rc = error_set(err, CE_BAD_INPUT,
                       "must have the path /system (or /session), as in qemu+tls://HOST/system");
    return rc;
}

static bool has_parameter(const char *query, const char *wanted)
{
    while (*query) {
        if (part_is(take(&query, "=&;"), wanted))
            return true;
        (void)take(&query, "&;");
        if (*query)
            query++;
    }
    return false;
}

int host_uri_for_libvirt(const char *text, char *ret, size_t size)
{
    struct uri uri;
    bool add = split(text, &uri) && transport_of(&uri) == SSH && !has_parameter(uri.query, "no_tty");
    int n = snprintf(ret, size, "%s%s", text,
                     !add                ? ""
                     : *uri.query        ? "&no_tty=1"
                     : strchr(text, '?') ? "no_tty=1"
                                         : "?no_tty=1");
    return n >= 0 && (size_t)n < size ? 0 : CE_LIMIT;
}
