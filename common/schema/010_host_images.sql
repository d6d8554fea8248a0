-- Golden images on hosts that do not share vmpool's storage: each host has a copy, brought by vmpool.

ALTER TABLE hosts ADD COLUMN storage TEXT NOT NULL DEFAULT '' CHECK (storage IN ('', 'shared', 'own'));

CREATE TABLE host_images (
    host_id TEXT NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN ('copying', 'present', 'failed')),
    percent BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (host_id, image_id)
);
CREATE INDEX host_images_image ON host_images (image_id);
