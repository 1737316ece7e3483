DELETE FROM role_rights WHERE scope = 'import';
ALTER TABLE role_rights RENAME TO former_role_rights;
CREATE TABLE role_rights (
    role_id BIGINT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    scope TEXT NOT NULL CHECK (scope IN ('email', 'account', 'contact', 'lead', 'opportunity', 'case', 'group-account', 'personal-account')),
    action TEXT NOT NULL CHECK (action IN ('read', 'edit', 'delete', 'use')),
    level TEXT NOT NULL CHECK (level IN ('no', 'own', 'team', 'all')),
    PRIMARY KEY (role_id, scope, action)
) WITHOUT ROWID;
INSERT INTO role_rights SELECT role_id, scope, action, level FROM former_role_rights;
DROP TABLE former_role_rights;
