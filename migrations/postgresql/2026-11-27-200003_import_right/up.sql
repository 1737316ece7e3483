-- Roles let users import mail into their own inbox (ACCESS-2).
ALTER TABLE role_rights DROP CONSTRAINT role_rights_scope_check;
ALTER TABLE role_rights ADD CONSTRAINT role_rights_scope_check CHECK (scope IN ('email', 'account', 'contact', 'lead', 'opportunity', 'case', 'group-account', 'personal-account', 'import'));
