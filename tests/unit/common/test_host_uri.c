#include <carrel/host_uri.h>

#include <stdio.h>
#include <string.h>

#include "suite.h"

static void takes_each_transport(void)
{
    static const char *const good[] = {
        "qemu:///system",
        "qemu:///session",
        "test:///default",
        "test:///tmp/node.xml",
        "qemu+unix:///system?socket=/run/libvirt/libvirt-sock",
        "qemu://north/system",
        "qemu+tls://north.example.org/system?pkipath=/etc/carrel/pki",
        "qemu+tls://192.0.2.11:16514/system?pkipath=/etc/carrel/pki&tls_priority=NORMAL",
        "qemu+tls://[2001:db8::11]:16514/system",
        "qemu+tcp://127.0.0.1:16509/system",
        "qemu+ssh://carrel@north:2222/system?keyfile=/etc/carrel/id&no_tty=1",
        "qemu+libssh://carrel@north/system?known_hosts=/etc/carrel/known_hosts&keyfile=/etc/carrel/id",
        "qemu+ssh://north/system?netcat=/bin/nc;mode=legacy",
        "xen:///",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct error err = {0};
        CU_ASSERT_EQUAL(host_uri_check(good[i], &err), 0);
        if (err.code)
            printf("%s: %s\n", good[i], err.text);
    }
}

static void refuses_with_words_that_name_what_is_wrong(void)
{
    static const char *const bad[][2] = {
        {"", "must be one of libvirt"},
        {"nothing", "must be one of libvirt"},
        {"qemu:/system", "must be one of libvirt"},
        {"://north/system", "must be one of libvirt"},
        {"north", "must be one of libvirt"},
        {"qemu+tls://north/system pkipath=/a", "a blank"},
        {"qemu+tls://north/system#x", "a blank"},
        {"qemu+tsl://north/system", "the transport \"tsl\""},
        {"qemu+ext:///system?command=/bin/sh", "the transport \"ext\""},
        {"qemu+tls:///system", "names no host, which tls needs: qemu+tls://HOST/"},
        {"qemu+ssh:///system", "names no host, which ssh needs"},
        {"qemu+ssh://carrel@/system", "names no host, which ssh needs"},
        {"qemu+unix://north/system", "names a host"},
        {"qemu+ssh://carrel:hunter2@north/system", "must not carry a password"},
        {"qemu+ssh://-oProxyCommand=x@north/system", "a user's name"},
        {"qemu+ssh://-oProxyCommand=x/system", "for a host"},
        {"qemu+tls://2001:db8::11/system", "port"},
        {"qemu+tls://[2001:db8::11/system", "for a host"},
        {"qemu+tls://[]/system", "for a host"},
        {"qemu+tls://no%72th/system", "for a host"},
        {"qemu+tls://north:/system", "port"},
        {"qemu+tls://north:0/system", "port"},
        {"qemu+tls://north:65536/system", "port"},
        {"qemu+tls://north:16514x/system", "port"},
        {"qemu+tls://north", "the path /system"},
        {"qemu+tls://north/", "the path /system"},
        {"qemu+tls://north/sytem?pkipath=/a", "the path /system"},
        {"qemu+tls://north/system?pkipath", "NAME=VALUE"},
        {"qemu+tls://north/system?pkipath=etc", "pkipath= with something else than an absolute path"},
        {"qemu+tls://north/system?keyfile=/a", "keyfile=, which means nothing to the transport tls"},
        {"qemu+ssh://north/system?pkipath=/a", "pkipath=, which means nothing to the transport ssh"},
        {"qemu+ssh://north/system?no_tty=0", "no_tty=0"},
        {"qemu+ssh://north/system?known_hosts=/a", "/etc/ssh/ssh_known_hosts"},
        {"qemu+ssh://north/system?command=/bin/sh", "command="},
        {"qemu+ssh://north/system?mode=auto;command=/bin/sh", "command="},
        {"qemu+ssh://north/system?%63ommand=/bin/sh", "NAME=VALUE"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error err = {0};
        CU_ASSERT_EQUAL(host_uri_check(bad[i][0], &err), CE_BAD_INPUT);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, bad[i][1]));
        if (!strstr(err.text, bad[i][1]))
            printf("%s: %s\n", bad[i][0], err.text);
    }
}

static void a_password_is_not_repeated(void)
{
    struct error err = {0};
    CU_ASSERT_EQUAL(host_uri_check("qemu+ssh://carrel:hunter2@north/system", &err), CE_BAD_INPUT);
    CU_ASSERT_PTR_NULL(strstr(err.text, "hunter2"));
    CU_ASSERT_EQUAL(host_uri_check("qemu+ssh://carrel:hun@ter2@north/system", &err), CE_BAD_INPUT);
    CU_ASSERT_PTR_NULL(strstr(err.text, "ter2"));
}

static void refuses_what_does_not_fit_a_row(void)
{
    char longest[HOST_URI_SIZE + 1] = "test:///";
    memset(longest + 8, 'a', sizeof longest - 9);
    CU_ASSERT_EQUAL(host_uri_check(longest, NULL), CE_BAD_INPUT);
    longest[HOST_URI_SIZE - 1] = 0;
    CU_ASSERT_EQUAL(host_uri_check(longest, NULL), 0);
}

static void ssh_is_told_never_to_ask(void)
{
    static const char *const pairs[][2] = {
        {"qemu+ssh://north/system", "qemu+ssh://north/system?no_tty=1"},
        {"qemu+ssh://north/system?", "qemu+ssh://north/system?no_tty=1"},
        {"qemu+ssh://north/system?keyfile=/no_tty=1", "qemu+ssh://north/system?keyfile=/no_tty=1&no_tty=1"},
        {"qemu+ssh://north/system?no_tty=1", "qemu+ssh://north/system?no_tty=1"},
        {"qemu+ssh://north/system?keyfile=/a&no_tty=1", "qemu+ssh://north/system?keyfile=/a&no_tty=1"},
        {"qemu+tls://north/system", "qemu+tls://north/system"},
        {"qemu+libssh://north/system", "qemu+libssh://north/system"},
        {"qemu:///system", "qemu:///system"},
        {"nonsense", "nonsense"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char got[HOST_URI_OPEN_SIZE];
        CU_ASSERT_EQUAL(host_uri_for_libvirt(pairs[i][0], got, sizeof got), 0);
        CU_ASSERT_STRING_EQUAL(got, pairs[i][1]);
    }
    char small[24];
    CU_ASSERT_EQUAL(host_uri_for_libvirt("qemu+ssh://north/system", small, sizeof small), CE_LIMIT);
}

SUITE("host_uri", TEST(takes_each_transport), TEST(refuses_with_words_that_name_what_is_wrong),
      TEST(a_password_is_not_repeated), TEST(refuses_what_does_not_fit_a_row), TEST(ssh_is_told_never_to_ask))
