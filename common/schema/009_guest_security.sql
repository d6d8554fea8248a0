-- How the gateway proves itself to a pool's guests: as the guest chooses, by TLS and Client Info, or by NLA.
ALTER TABLE pools ADD COLUMN guest_security TEXT NOT NULL DEFAULT 'auto'
    CHECK (guest_security IN ('auto', 'tls', 'nla'));
