-- What proves a password by NTLM inside CredSSP, sealed with the store's key. Empty unless broker.nla is on.
CREATE TABLE nt_hashes (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed @BLOB@ NOT NULL
);
