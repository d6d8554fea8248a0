/* The first token of a client that has a ticket, as base64 on standard output: what a test sends twice, or to a broker
 * that it is not meant for. Kerberos is the first choice in it, without user-to-user.
 *
 *     ticket_client SERVICE/HOST@REALM
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_krb5.h>

#include "base64.h"

enum { TOKEN_MAX = 16384 };

int main(int argc, char **argv)
{
    static char spnego[] = "\x2b\x06\x01\x05\x05\x02", text[BASE64_SIZE(TOKEN_MAX)];
    gss_OID_desc mechanism = {.length = sizeof spnego - 1, .elements = spnego};
    gss_buffer_desc name = GSS_C_EMPTY_BUFFER, token = GSS_C_EMPTY_BUFFER;
    gss_name_t target = GSS_C_NO_NAME;
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    OM_uint32 minor, major;
    if (argc != 2)
        return 2;
    name.value = argv[1];
    name.length = strlen(argv[1]);
    major = gss_import_name(&minor, &name, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, &target);
    if (!GSS_ERROR(major))
        major = gss_init_sec_context(&minor, GSS_C_NO_CREDENTIAL, &context, target, &mechanism,
                                     GSS_C_MUTUAL_FLAG | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG, 0,
                                     GSS_C_NO_CHANNEL_BINDINGS, GSS_C_NO_BUFFER, NULL, &token, NULL, NULL);
    bool made = !GSS_ERROR(major) && token.length <= TOKEN_MAX;
    if (made) {
        base64_encode(token.value, token.length, text);
        puts(text);
    }
    (void)gss_release_buffer(&minor, &token);
    (void)gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
    (void)gss_release_name(&minor, &target);
    return made ? 0 : 1;
}
