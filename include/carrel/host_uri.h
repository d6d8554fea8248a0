/* URIs of hypervisor hosts, as libvirt takes them: DRIVER[+TRANSPORT]://[USER@][HOST[:PORT]]/PATH[?NAME=VALUE&...].
 * What libvirt would only find out later, or would not say at all, is refused when a host is added. Pure; any thread.
 * Source: https://libvirt.org/uri.html
 */
#ifndef CARREL_HOST_URI_H
#define CARREL_HOST_URI_H

#include <stddef.h>

#include <carrel/error.h>

#define HOST_URI_SIZE 512
#define HOST_URI_OPEN_SIZE (HOST_URI_SIZE + 16) /* with what host_uri_for_libvirt() adds */

/* CE_BAD_INPUT with a predicate in ERR, to be put behind "The URI" and before a full stop. */
int host_uri_check(const char *uri, struct error *err) MUST_CHECK;

/* The URI that is opened: one that runs ssh(1) gets no_tty=1, with which libvirt tells it never to ask anybody.
 * Takes also what host_uri_check() refuses, which it hands on as it is. CE_LIMIT when SIZE does not do. */
int host_uri_for_libvirt(const char *uri, char *ret, size_t size) MUST_CHECK;

#endif
