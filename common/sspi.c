#include "sspi.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <winpr/ntlm.h>
#include <winpr/sspi.h>
#include <winpr/ssl.h>
#include <winpr/wlog.h>

#include "utf16.h"

enum { TEXT_MAX_BYTES = 2 * SECRET_MAX_BYTES };

struct sspi {
    bool is_server, has_credentials, has_context;
    CredHandle credentials; /* one for each object: NTLM writes the client's name into it */
    CtxtHandle context;
    SecPkgContext_Sizes sizes;
    ULONG sent, received; /* numbers of messages */
    WCHAR target[64];
};

/* What a client is: WinPR copies it. */
struct identity {
    uint8_t user[TEXT_MAX_BYTES], domain[TEXT_MAX_BYTES], password[TEXT_MAX_BYTES];
    size_t user_len, domain_len, password_len;
};

static PSecurityFunctionTableW table;
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static WCHAR package_negotiate[] = u"Negotiate", package_ntlm[] = u"NTLM";
/* Kerberos would read configuration files and look up hosts; without a keytab it has nothing to offer. */
static WCHAR only_ntlm[] = u"ntlm,!kerberos";

/* NTLM stands on MD4, which OpenSSL has in its legacy provider only, and that may not be installed. */
static bool has_ntlm(void)
{
    WCHAR text[] = u"x";
    uint8_t hash[SSPI_NT_HASH_BYTES];
    return NTOWFv1W(text, sizeof text[0], hash);
}

static void table_make(void)
{
    if (WLog_SetLogLevel(WLog_GetRoot(), WLOG_OFF) && winpr_InitializeSSL(WINPR_SSL_INIT_DEFAULT) &&
        has_ntlm())
        table = InitSecurityInterfaceExW(0);
}

int sspi_library_init(void)
{
    pthread_once(&table_once, table_make);
    return table ? 0 : CE_UNSUPPORTED;
}

static int create(struct sspi **ret, WCHAR *package, ULONG use, void *identity)
{
    struct sspi *s = calloc(1, sizeof *s);
    if (!s)
        return CE_NOMEM;
    s->is_server = use == SECPKG_CRED_INBOUND;
    s->has_credentials = table->AcquireCredentialsHandleW(NULL, package, use, NULL, identity, NULL, NULL,
                                                          &s->credentials, NULL) == SEC_E_OK;
    if (!s->has_credentials) {
        sspi_destroy(&s);
        return CE_INTERNAL;
    }
    *ret = s;
    return 0;
}

int sspi_create_server(struct sspi **ret)
{
    SEC_WINPR_NTLM_SETTINGS ntlm = {0};
    SEC_WINPR_KERBEROS_SETTINGS kerberos = {0};
    SEC_WINNT_AUTH_IDENTITY_WINPR identity = {
        .identity = {.Version = SEC_WINNT_AUTH_IDENTITY_VERSION,
                     .Length = sizeof(SEC_WINNT_AUTH_IDENTITY_EXW),
                     .Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE | SEC_WINNT_AUTH_IDENTITY_EXTENDED,
                     .PackageList = only_ntlm,
                     .PackageListLength = sizeof only_ntlm / sizeof only_ntlm[0] - 1},
        .ntlmSettings = &ntlm,
        .kerberosSettings = &kerberos};
    return create(ret, package_negotiate, SECPKG_CRED_INBOUND, &identity);
}

static int identity_fill(struct identity *id, const char *user, const char *domain,
                         const struct secret *password)
{
    int rc = utf16_from_utf8(user, strlen(user), id->user, sizeof id->user, &id->user_len);
    if (!rc)
        rc = utf16_from_utf8(domain, strlen(domain), id->domain, sizeof id->domain, &id->domain_len);
    if (!rc)
        rc = utf16_from_utf8(password->bytes, password->len, id->password, sizeof id->password,
                             &id->password_len);
    return rc;
}

int sspi_create_client(struct sspi **ret, const char *user, const char *domain, const struct secret *password,
                       const char *target)
{
    struct identity id;
    char text[sizeof((struct sspi *)0)->target / sizeof(WCHAR)];
    size_t len;
    struct sspi *s = NULL;
    int rc = identity_fill(&id, user, domain, password);
    if (!rc) {
        SEC_WINNT_AUTH_IDENTITY_W identity = {.User = (UINT16 *)(void *)id.user,
                                              .UserLength = (UINT32)id.user_len / 2,
                                              .Domain = (UINT16 *)(void *)id.domain,
                                              .DomainLength = (UINT32)id.domain_len / 2,
                                              .Password = (UINT16 *)(void *)id.password,
                                              .PasswordLength = (UINT32)id.password_len / 2,
                                              .Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE};
        rc = create(&s, package_ntlm, SECPKG_CRED_OUTBOUND, &identity);
    }
    secret_wipe_bytes(&id, sizeof id);
    if (rc)
        return rc;
    snprintf(text, sizeof text, "TERMSRV/%s", target);
    rc = utf16_from_utf8(text, strlen(text), (uint8_t *)s->target, sizeof s->target - sizeof s->target[0],
                         &len);
    if (rc)
        sspi_destroy(&s);
    else
        *ret = s;
    return rc;
}

void sspi_destroy(struct sspi **sspi)
{
    struct sspi *s = *sspi;
    if (!s)
        return;
    if (s->has_context)
        table->DeleteSecurityContext(&s->context);
    if (s->has_credentials)
        table->FreeCredentialsHandle(&s->credentials);
    secret_wipe_bytes(s, sizeof *s);
    free(s);
    *sspi = NULL;
}

bool sspi_has_begun(const struct sspi *s)
{
    return s->has_context;
}

int sspi_set_nt_hash(struct sspi *s, const uint8_t hash[SSPI_NT_HASH_BYTES])
{
    SecPkgContext_AuthNtlmHash attribute = {.Version = 1};
    if (!s->has_context)
        return CE_CONFLICT;
    memcpy(attribute.NtlmHash, hash, sizeof attribute.NtlmHash);
    SECURITY_STATUS status =
        table->SetContextAttributesW(&s->context, SECPKG_ATTR_AUTH_NTLM_HASH, &attribute, sizeof attribute);
    secret_wipe_bytes(&attribute, sizeof attribute);
    return status == SEC_E_OK ? 0 : CE_INTERNAL;
}

static SECURITY_STATUS step(struct sspi *s, SecBufferDesc *inputs, SecBufferDesc *outputs)
{
    ULONG attributes = 0;
    PCtxtHandle context = s->has_context ? &s->context : NULL;
    if (s->is_server)
        return table->AcceptSecurityContext(&s->credentials, context, inputs,
                                            ASC_REQ_MUTUAL_AUTH | ASC_REQ_CONFIDENTIALITY |
                                                ASC_REQ_CONNECTION | ASC_REQ_USE_SESSION_KEY |
                                                ASC_REQ_SEQUENCE_DETECT | ASC_REQ_EXTENDED_ERROR,
                                            SECURITY_NATIVE_DREP, &s->context, outputs, &attributes, NULL);
    return table->InitializeSecurityContextW(
        &s->credentials, context, s->target,
        ISC_REQ_MUTUAL_AUTH | ISC_REQ_CONFIDENTIALITY | ISC_REQ_USE_SESSION_KEY, 0, SECURITY_NATIVE_DREP,
        inputs, 0, &s->context, outputs, &attributes, NULL);
}

/* A wrong password shows as a check sum that is wrong, or as a denial, as the client's NTLM has it. */
static enum sspi_result result_of(SECURITY_STATUS status)
{
    switch (status) {
    case SEC_E_OK:
        return SSPI_DONE;
    case SEC_I_CONTINUE_NEEDED:
        return SSPI_CONTINUE;
    case SEC_E_LOGON_DENIED:
    case SEC_E_MESSAGE_ALTERED:
    case SEC_E_NO_CREDENTIALS:
        return SSPI_DENIED;
    default:
        return SSPI_FAILED;
    }
}

enum sspi_result sspi_step(struct sspi *s, const uint8_t *token, size_t len, uint8_t *ret, size_t size,
                           size_t *ret_len)
{
    uint8_t in[SSPI_TOKEN_MAX_BYTES]; /* WinPR wants bytes that it may write to */
    if (len > sizeof in)
        return SSPI_FAILED;
    if (len)
        memcpy(in, token, len);
    SecBuffer input = {.BufferType = SECBUFFER_TOKEN, .pvBuffer = in, .cbBuffer = (ULONG)len},
              output = {.BufferType = SECBUFFER_TOKEN, .pvBuffer = ret, .cbBuffer = (ULONG)size};
    SecBufferDesc inputs = {.ulVersion = SECBUFFER_VERSION, .cBuffers = 1, .pBuffers = &input},
                  outputs = {.ulVersion = SECBUFFER_VERSION, .cBuffers = 1, .pBuffers = &output};
    enum sspi_result result = result_of(step(s, len ? &inputs : NULL, &outputs));
    s->has_context = s->has_context || SecIsValidHandle(&s->context);
    if (result == SSPI_DONE &&
        (table->QueryContextAttributesW(&s->context, SECPKG_ATTR_SIZES, &s->sizes) != SEC_E_OK ||
         s->sizes.cbSecurityTrailer > SSPI_TRAILER_MAX_BYTES))
        result = SSPI_FAILED;
    if (result == SSPI_DONE || result == SSPI_CONTINUE)
        *ret_len = output.cbBuffer;
    return result;
}

int sspi_seal(struct sspi *s, const uint8_t *text, size_t len, uint8_t *ret, size_t *ret_len)
{
    size_t trailer = s->sizes.cbSecurityTrailer;
    memcpy(ret + trailer, text, len);
    SecBuffer buffers[2] = {
        {.BufferType = SECBUFFER_TOKEN, .pvBuffer = ret, .cbBuffer = (ULONG)trailer},
        {.BufferType = SECBUFFER_DATA, .pvBuffer = ret + trailer, .cbBuffer = (ULONG)len}};
    SecBufferDesc message = {.ulVersion = SECBUFFER_VERSION, .cBuffers = 2, .pBuffers = buffers};
    if (table->EncryptMessage(&s->context, 0, &message, s->sent++) != SEC_E_OK)
        return CE_INTERNAL;
    *ret_len = trailer + len;
    return 0;
}

int sspi_open(struct sspi *s, uint8_t *bytes, size_t len, uint8_t **ret_text, size_t *ret_len)
{
    size_t trailer = s->sizes.cbSecurityTrailer;
    if (len <= trailer)
        return CE_BAD_INPUT;
    SecBuffer buffers[2] = {
        {.BufferType = SECBUFFER_TOKEN, .pvBuffer = bytes, .cbBuffer = (ULONG)trailer},
        {.BufferType = SECBUFFER_DATA, .pvBuffer = bytes + trailer, .cbBuffer = (ULONG)(len - trailer)}};
    SecBufferDesc message = {.ulVersion = SECBUFFER_VERSION, .cBuffers = 2, .pBuffers = buffers};
    if (table->DecryptMessage(&s->context, &message, s->received++, NULL) != SEC_E_OK)
        return CE_REFUSED;
    *ret_text = bytes + trailer;
    *ret_len = len - trailer;
    return 0;
}

int sspi_nt_hash(const struct secret *password, uint8_t ret_hash[SSPI_NT_HASH_BYTES])
{
    uint8_t text[TEXT_MAX_BYTES];
    size_t len = 0;
    int rc = utf16_from_utf8(password->bytes, password->len, text, sizeof text, &len);
    if (!rc && !NTOWFv1W((LPWSTR)(void *)text, (UINT32)len, ret_hash))
        rc = CE_INTERNAL;
    secret_wipe_bytes(text, sizeof text);
    return rc;
}
