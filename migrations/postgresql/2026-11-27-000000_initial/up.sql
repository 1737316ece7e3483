-- Times are seconds since 1970 UTC. Words are checked. Every foreign key says what happens on delete.

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- One row per kind of number. Every decider first updates the row 'lock', which serialises them.
CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE teams (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE users (
    id BIGINT NOT NULL PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    administrator BOOLEAN NOT NULL,
    default_team_id BIGINT REFERENCES teams (id) ON DELETE SET NULL,
    -- Orders assignments; 0 for never (DIST-3).
    last_assignment BIGINT NOT NULL,
    -- Whether they are told of e-mails that are new in their inbox (NOTIFY-2).
    notify_received BOOLEAN NOT NULL,
    -- Whether they are told by mail of what they have not read (NOTIFY-3).
    notify_by_mail BOOLEAN NOT NULL,
    -- What stands below the letters that they write (SEND-10); plain text.
    signature TEXT NOT NULL
);
CREATE INDEX users_default_team ON users (default_team_id);

CREATE TABLE user_addresses (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    place BIGINT NOT NULL,
    PRIMARY KEY (user_id, address)
);
CREATE INDEX user_addresses_address ON user_addresses (address);

-- Record kinds that a user follows from their beginning (FOLLOW-1).
CREATE TABLE auto_follows (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('account', 'contact', 'lead', 'opportunity', 'case')),
    PRIMARY KEY (user_id, kind)
);

CREATE TABLE absences (
    id BIGINT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX absences_user ON absences (user_id);

CREATE TABLE team_members (
    team_id BIGINT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    position TEXT,
    PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_members_user ON team_members (user_id);

CREATE TABLE roles (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE role_rights (
    role_id BIGINT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    scope TEXT NOT NULL CHECK (scope IN ('email', 'account', 'contact', 'lead', 'opportunity', 'case', 'group-account', 'personal-account')),
    action TEXT NOT NULL CHECK (action IN ('read', 'edit', 'delete', 'use')),
    level TEXT NOT NULL CHECK (level IN ('no', 'own', 'team', 'all')),
    PRIMARY KEY (role_id, scope, action)
);

CREATE TABLE user_roles (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_id BIGINT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, role_id)
);
CREATE INDEX user_roles_role ON user_roles (role_id);

CREATE TABLE team_roles (
    team_id BIGINT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    role_id BIGINT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    PRIMARY KEY (team_id, role_id)
);
CREATE INDEX team_roles_role ON team_roles (role_id);

CREATE TABLE accounts (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('group', 'personal')),
    -- The owner of a personal account.
    owner_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    imap_host TEXT NOT NULL,
    imap_port BIGINT NOT NULL,
    imap_security TEXT NOT NULL CHECK (imap_security IN ('tls', 'starttls', 'plain')),
    imap_user TEXT NOT NULL,
    imap_ca_file TEXT,
    password_source TEXT NOT NULL CHECK (password_source IN ('stored', 'command', 'file', 'credential')),
    -- The command as a JSON list, the file's path or the credential's name.
    password_reference TEXT,
    password_sealed BYTEA,
    fetch_since BIGINT NOT NULL,
    act_since BIGINT NOT NULL,
    max_seconds BIGINT NOT NULL,
    max_message_size BIGINT NOT NULL,
    make_cases BOOLEAN NOT NULL,
    distribution TEXT NOT NULL CHECK (distribution IN ('none', 'direct', 'round-robin', 'least-busy')),
    assigned_user_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
    case_team_id BIGINT REFERENCES teams (id) ON DELETE SET NULL,
    case_position TEXT,
    add_team_users BOOLEAN NOT NULL,
    -- Mail that names a case of which its sender is no part (LINK-3).
    unknown_sender TEXT NOT NULL CHECK (unknown_sender IN ('new-case', 'hold')),
    -- Seconds after closing in which a follow-up re-opens a case; NULL is never (CASE-4).
    reopen_within BIGINT,
    -- Which automatic mail may open cases, and whether list mail may (AUTO-3).
    automatic_cases TEXT NOT NULL DEFAULT 'generated' CHECK (automatic_cases IN ('all', 'generated', 'none')),
    list_cases BOOLEAN NOT NULL,
    -- Whether a user's forward makes its original sender the contact without a mark (CASE-6).
    take_forwards BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    -- Volatile from here on: how fetching goes.
    last_success_at BIGINT,
    last_error TEXT,
    last_error_at BIGINT,
    failing_since BIGINT,
    failures BIGINT NOT NULL,
    -- When the failure was last said on standard error.
    said_at BIGINT,
    retry_at BIGINT,
    -- When people were told that it fails (FETCH-12).
    told_at BIGINT,
    -- Fencing number of the lease: grows with each taking and with each reset (FETCH-11, FETCH-13).
    fence BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until BIGINT,
    -- After a death, one message at a time (FETCH-6).
    careful BOOLEAN NOT NULL,
    -- What the last failure has in common with the same one at another time (FETCH-12).
    failure TEXT,
    CHECK ((kind = 'personal') = (owner_id IS NOT NULL))
);
CREATE INDEX accounts_owner ON accounts (owner_id);
CREATE INDEX accounts_assigned_user ON accounts (assigned_user_id);
CREATE INDEX accounts_case_team ON accounts (case_team_id);
CREATE INDEX accounts_address ON accounts (address);

-- espomail's own folders: a user's, or group folders where there is no user (INBOX-2).
CREATE TABLE folders (
    id BIGINT NOT NULL PRIMARY KEY,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    place BIGINT NOT NULL,
    skip_notifications BOOLEAN NOT NULL,
    UNIQUE (user_id, name)
);

-- The teams of a group folder (TEAM-1).
CREATE TABLE folder_teams (
    folder_id BIGINT NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
    team_id BIGINT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    PRIMARY KEY (folder_id, team_id)
);
CREATE INDEX folder_teams_team ON folder_teams (team_id);

CREATE TABLE account_mailboxes (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    place BIGINT NOT NULL,
    -- The owner's folder that its mail goes to (INBOX-2).
    folder_id BIGINT REFERENCES folders (id) ON DELETE SET NULL,
    PRIMARY KEY (account_id, name)
);
CREATE INDEX account_mailboxes_folder ON account_mailboxes (folder_id);

-- E-mail filters (FILTER-1). Global ones have neither account nor user.
CREATE TABLE filters (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    account_id BIGINT REFERENCES accounts (id) ON DELETE CASCADE,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    -- The order within a scope, from 1 (FILTER-6).
    place BIGINT NOT NULL,
    active BOOLEAN NOT NULL,
    match_case BOOLEAN NOT NULL,
    is_regex BOOLEAN NOT NULL,
    -- Criteria and actions as JSON lists.
    criteria TEXT NOT NULL,
    actions TEXT NOT NULL,
    -- A Sieve script in the place of both (FILTER-3).
    sieve TEXT,
    UNIQUE (account_id, user_id, name),
    CHECK (account_id IS NULL OR user_id IS NULL)
);
CREATE INDEX filters_user ON filters (user_id);

CREATE TABLE account_teams (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    team_id BIGINT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    PRIMARY KEY (account_id, team_id)
);
CREATE INDEX account_teams_team ON account_teams (team_id);

-- (account, mailbox, UIDVALIDITY): every UID above start_uid and up to last_uid has a fate (FETCH-1, FETCH-2).
-- What lies at or below start_uid was there before the account's fetch-since (FETCH-3).
-- Mail that came by `deliver` or `import` has a mailbox of its own, with UIDs that we give.
CREATE TABLE positions (
    id BIGINT NOT NULL PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    mailbox TEXT NOT NULL,
    uidvalidity BIGINT NOT NULL,
    start_uid BIGINT NOT NULL,
    last_uid BIGINT NOT NULL,
    -- A mailbox that was put back from a copy keeps its UIDVALIDITY, and its UIDs mean other messages: the latest era counts (FETCH-5).
    era BIGINT NOT NULL,
    -- Up to this UID the messages were there when the era began: fetch-since holds for them (FETCH-3).
    listed_to BIGINT,
    -- The mailbox was listed again: messages up to listed_to may be stored already, and older ones than this are not answered (FETCH-5).
    quiet_before BIGINT,
    -- In the answer for the messages up to this UID the connection broke: each is read alone (FETCH-6).
    broken_to BIGINT,
    -- The last message that is known, by which a mailbox that was put back is recognised (FETCH-5).
    mark_uid BIGINT,
    mark TEXT,
    mark_date BIGINT,
    UNIQUE (account_id, mailbox, uidvalidity, era)
);

-- Raw bytes, once per content, zstd-compressed (PARSE-1).
CREATE TABLE raws (
    id BIGINT NOT NULL PRIMARY KEY,
    digest BYTEA NOT NULL UNIQUE,
    size BIGINT NOT NULL,
    packed BYTEA NOT NULL
);
-- Already compressed: PostgreSQL must not try again.
ALTER TABLE raws ALTER COLUMN packed SET STORAGE EXTERNAL;

CREATE TABLE threads (
    id BIGINT NOT NULL PRIMARY KEY
);

-- Message-IDs of stored e-mails and of ancestors we never saw (THREAD-1).
CREATE TABLE thread_ids (
    message_id TEXT NOT NULL PRIMARY KEY,
    thread_id BIGINT NOT NULL REFERENCES threads (id) ON DELETE CASCADE
);
CREATE INDEX thread_ids_thread ON thread_ids (thread_id);

CREATE TABLE records (
    id BIGINT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('account', 'contact', 'lead', 'opportunity', 'case')),
    number BIGINT NOT NULL,
    name TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    status TEXT CHECK (status IN ('new', 'assigned', 'pending', 'closed', 'rejected', 'duplicate')),
    description TEXT NOT NULL,
    account_id BIGINT REFERENCES records (id) ON DELETE SET NULL,
    contact_id BIGINT REFERENCES records (id) ON DELETE SET NULL,
    lead_id BIGINT REFERENCES records (id) ON DELETE SET NULL,
    converted_account_id BIGINT REFERENCES records (id) ON DELETE SET NULL,
    converted_contact_id BIGINT REFERENCES records (id) ON DELETE SET NULL,
    assigned_user_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
    -- The e-mail account a case came through.
    through_account_id BIGINT REFERENCES accounts (id) ON DELETE SET NULL,
    priority TEXT CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    -- The case that this one was merged into (CASE-4).
    merged_into_id BIGINT REFERENCES records (id) ON DELETE SET NULL,
    -- The case that this one refers to: it was opened by a late follow-up, or named in a subject (CASE-4, LINK-3).
    refers_to_id BIGINT REFERENCES records (id) ON DELETE SET NULL,
    -- When the case was last closed (CASE-4).
    closed_at BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (kind, number),
    CHECK ((kind = 'case') = (status IS NOT NULL))
);
-- Kind and activity too: an Account may have a hundred thousand cases and one open Opportunity.
CREATE INDEX records_account ON records (account_id, kind, active);
CREATE INDEX records_contact ON records (contact_id, kind, active);
CREATE INDEX records_lead ON records (lead_id);
CREATE INDEX records_converted_account ON records (converted_account_id);
CREATE INDEX records_converted_contact ON records (converted_contact_id);
CREATE INDEX records_assigned_user ON records (assigned_user_id, status);
CREATE INDEX records_through_account ON records (through_account_id);
CREATE INDEX records_merged_into ON records (merged_into_id);
CREATE INDEX records_refers_to ON records (refers_to_id);

CREATE TABLE record_addresses (
    record_id BIGINT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    place BIGINT NOT NULL,
    PRIMARY KEY (record_id, address)
);
CREATE INDEX record_addresses_address ON record_addresses (address);

CREATE TABLE record_teams (
    record_id BIGINT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
    team_id BIGINT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    PRIMARY KEY (record_id, team_id)
);
CREATE INDEX record_teams_team ON record_teams (team_id);

CREATE TABLE followers (
    record_id BIGINT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (record_id, user_id)
);
CREATE INDEX followers_user ON followers (user_id);

CREATE TABLE emails (
    id BIGINT NOT NULL PRIMARY KEY,
    thread_id BIGINT NOT NULL REFERENCES threads (id) ON DELETE RESTRICT,
    raw_id BIGINT NOT NULL REFERENCES raws (id) ON DELETE RESTRICT,
    -- Message-ID, or the digest of the raw bytes where there is none (DUP-2).
    message_id TEXT NOT NULL,
    content_digest BYTEA NOT NULL,
    from_address TEXT NOT NULL,
    -- From, Reply-To, To, Cc and Bcc as JSON lists of {name, address}.
    people TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- What to sort by (PARSE-5).
    date BIGINT NOT NULL,
    header_date BIGINT,
    arrived_at BIGINT NOT NULL,
    text TEXT NOT NULL,
    html TEXT,
    replied_id BIGINT REFERENCES emails (id) ON DELETE SET NULL,
    is_replied BOOLEAN NOT NULL,
    parent_id BIGINT REFERENCES records (id) ON DELETE SET NULL,
    parent_by TEXT CHECK (parent_by IN ('token', 'thread', 'number', 'address', 'opened', 'hand')),
    account_record_id BIGINT REFERENCES records (id) ON DELETE SET NULL,
    is_partial BOOLEAN NOT NULL,
    is_archived BOOLEAN NOT NULL,
    id_collision BOOLEAN NOT NULL,
    -- The group folder (INBOX-2).
    folder_id BIGINT REFERENCES folders (id) ON DELETE SET NULL,
    -- Whether a person put it there, or took it out.
    filed_by_hand BOOLEAN NOT NULL,
    -- Whether one of us wrote it, and who (AUTO-2, ACCESS-5); its Message-ID is ours when it went out through here.
    author_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
    is_ours BOOLEAN NOT NULL,
    -- Whether From says that one of us wrote it, and nothing vouches for that (ACCESS-5).
    is_claimed BOOLEAN NOT NULL DEFAULT FALSE,
    -- Digests of base subject and From, and of base subject and first To (THREAD-3).
    subject_from BIGINT NOT NULL,
    subject_to BIGINT NOT NULL,
    -- JSON: lists of words, a delivery report, calendar events.
    automatic TEXT NOT NULL,
    defects TEXT NOT NULL,
    bounce TEXT,
    calendar TEXT,
    list_id TEXT
);
-- The content too: one Message-ID may have been used ten thousand times.
CREATE INDEX emails_message_id ON emails (message_id, content_digest);
CREATE INDEX emails_thread ON emails (thread_id);
CREATE INDEX emails_raw ON emails (raw_id);
CREATE INDEX emails_parent ON emails (parent_id);
CREATE INDEX emails_account_record ON emails (account_record_id);
CREATE INDEX emails_replied ON emails (replied_id);
CREATE INDEX emails_date ON emails (date);
CREATE INDEX emails_folder ON emails (folder_id) WHERE folder_id IS NOT NULL;
CREATE INDEX emails_author ON emails (author_id) WHERE author_id IS NOT NULL;
CREATE INDEX emails_subject_from ON emails (subject_from);
CREATE INDEX emails_subject_to ON emails (subject_to);

-- E-mails that a person deleted: a server that still has them does not bring them back (FETCH-2).
CREATE TABLE deletions (
    message_id TEXT NOT NULL,
    content_digest BYTEA NOT NULL,
    deleted_at BIGINT NOT NULL,
    PRIMARY KEY (message_id, content_digest)
);

CREATE TABLE attachments (
    email_id BIGINT NOT NULL REFERENCES emails (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    content_id TEXT,
    is_inline BOOLEAN NOT NULL,
    part TEXT NOT NULL,
    PRIMARY KEY (email_id, place)
);

CREATE TABLE email_accounts (
    email_id BIGINT NOT NULL REFERENCES emails (id) ON DELETE CASCADE,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (email_id, account_id)
);
CREATE INDEX email_accounts_account ON email_accounts (account_id);

-- Who takes part in the case, or the conversation, that an e-mail is in, on account of it (LINK-2): its author, where they
-- opened it or took part before; those one of us wrote to. It goes where the e-mail goes.
CREATE TABLE participants (
    email_id BIGINT NOT NULL REFERENCES emails (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    PRIMARY KEY (email_id, address)
);

-- Copies that came in other bytes than those that the e-mail keeps; its people, text and files are the same (DUP-2).
CREATE TABLE email_copies (
    id BIGINT NOT NULL PRIMARY KEY,
    email_id BIGINT NOT NULL REFERENCES emails (id) ON DELETE CASCADE,
    raw_id BIGINT NOT NULL REFERENCES raws (id) ON DELETE RESTRICT,
    -- NULL when the account is gone.
    account_id BIGINT REFERENCES accounts (id) ON DELETE SET NULL,
    arrived_at BIGINT NOT NULL,
    UNIQUE (email_id, raw_id)
);
CREATE INDEX email_copies_raw ON email_copies (raw_id);
CREATE INDEX email_copies_account ON email_copies (account_id);

CREATE TABLE email_teams (
    email_id BIGINT NOT NULL REFERENCES emails (id) ON DELETE CASCADE,
    team_id BIGINT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    PRIMARY KEY (email_id, team_id)
);
CREATE INDEX email_teams_team ON email_teams (team_id);

CREATE TABLE email_users (
    email_id BIGINT NOT NULL REFERENCES emails (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    is_read BOOLEAN NOT NULL,
    is_important BOOLEAN NOT NULL,
    is_archived BOOLEAN NOT NULL,
    is_trashed BOOLEAN NOT NULL,
    -- The user's own folder; NULL is the inbox (INBOX-2).
    folder_id BIGINT REFERENCES folders (id) ON DELETE SET NULL,
    PRIMARY KEY (email_id, user_id)
);
CREATE INDEX email_users_user ON email_users (user_id);
CREATE INDEX email_users_folder ON email_users (folder_id) WHERE folder_id IS NOT NULL;

-- What became of an e-mail of ours, recipient by recipient (BOUNCE-2, SEND-6). Whatever sends an e-mail makes a row 'sent' for
-- each recipient of the envelope, with the address as it is compared (lower case, IDNA), and gives the Message-ID as envelope
-- id (RFC 3461), because reports are only believed about rows that are here (BOUNCE-3).
CREATE TABLE deliveries (
    email_id BIGINT NOT NULL REFERENCES emails (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('sent', 'delivered', 'delayed', 'failed')),
    -- Enhanced status code (RFC 3463) and what the server said.
    status TEXT,
    diagnostic TEXT,
    -- The delivery report.
    report_id BIGINT REFERENCES emails (id) ON DELETE SET NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (email_id, address)
);
CREATE INDEX deliveries_report ON deliveries (report_id);

-- Addresses that reports have spoken of (BOUNCE-3).
CREATE TABLE address_states (
    address TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('good', 'doubtful', 'invalid')),
    -- The times of the last soft reports as a JSON list.
    soft TEXT NOT NULL,
    because TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- E-mails that wait for a person's word (LINK-3, FILTER-4).
CREATE TABLE reviews (
    id BIGINT NOT NULL PRIMARY KEY,
    email_id BIGINT NOT NULL REFERENCES emails (id) ON DELETE CASCADE,
    account_id BIGINT REFERENCES accounts (id) ON DELETE SET NULL,
    -- The record it may belong to.
    candidate_id BIGINT REFERENCES records (id) ON DELETE SET NULL,
    because TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    decision TEXT CHECK (decision IN ('accepted', 'split', 'rejected')),
    decided_at BIGINT,
    UNIQUE (email_id, account_id)
);
CREATE INDEX reviews_account ON reviews (account_id);
CREATE INDEX reviews_candidate ON reviews (candidate_id);
CREATE INDEX reviews_decision ON reviews (decision);

-- Templates of letters (SEND-9).
CREATE TABLE templates (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    is_html BOOLEAN NOT NULL
);

-- What an account sends with and how (SEND-2); no row where it only reads.
CREATE TABLE account_sending (
    account_id BIGINT NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    -- NULL where it has no server of its own to send through.
    smtp_host TEXT,
    smtp_port BIGINT NOT NULL,
    smtp_security TEXT NOT NULL CHECK (smtp_security IN ('tls', 'starttls', 'plain')),
    smtp_auth TEXT NOT NULL CHECK (smtp_auth IN ('password', 'xoauth2', 'none')),
    -- NULL is the IMAP user.
    smtp_user TEXT,
    smtp_ca_file TEXT,
    -- NULL is the IMAP password.
    password_source TEXT CHECK (password_source IN ('stored', 'command', 'file', 'credential')),
    password_reference TEXT,
    password_sealed BYTEA,
    from_name TEXT NOT NULL,
    -- Where answers go (SEND-5); NULL is the account's address.
    reply_to TEXT,
    -- Whether users may send through it (SEND-3), and whether it is the system's own.
    is_shared BOOLEAN NOT NULL,
    is_system BOOLEAN NOT NULL,
    -- Whether a reply to all leaves its address out (SEND-10).
    exclude_from_reply BOOLEAN NOT NULL,
    -- Whether its automatic answers go with an empty envelope sender (ACK-2); not where the server refused that.
    empty_sender BOOLEAN NOT NULL DEFAULT TRUE,
    -- Whether a copy goes to the Sent mailbox, and to which; NULL is the one that the server calls so (SEND-7).
    save_sent BOOLEAN NOT NULL,
    sent_mailbox TEXT,
    -- NULL is no limit (SEND-11).
    max_per_hour BIGINT
);

-- Accounts that cannot send (FETCH-12 for sending); no row where it works.
CREATE TABLE sending_failures (
    account_id BIGINT NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    since BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    last_error TEXT NOT NULL,
    -- When it was said last on standard error, and when people were told.
    said_at BIGINT,
    told_at BIGINT,
    retry_at BIGINT NOT NULL,
    -- What the last failure has in common with the same one at another time (FETCH-12).
    failure TEXT
);

-- What a group account answers by itself (ACK-1); no row where it answers nothing.
CREATE TABLE account_answers (
    account_id BIGINT NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    template_id BIGINT NOT NULL REFERENCES templates (id) ON DELETE RESTRICT,
    -- As whom (ACK-2); NULL is the account itself.
    from_address TEXT,
    from_name TEXT,
    -- Where answers to the answer go; NULL is where those to the account go.
    reply_to TEXT,
    -- Whether only senders whom our border vouches for are answered (ACK-4).
    authenticated_only BOOLEAN NOT NULL
);
CREATE INDEX account_answers_template ON account_answers (template_id);

-- What was done of late by itself because of mail, in slots of time (ACK-3).
CREATE TABLE spendings (
    -- Whose budget it is: address:…, domain:…, account:… or overall.
    subject TEXT NOT NULL,
    -- When the slot begins.
    slot BIGINT NOT NULL,
    answers BIGINT NOT NULL,
    cases BIGINT NOT NULL,
    reopens BIGINT NOT NULL,
    notifications BIGINT NOT NULL,
    PRIMARY KEY (subject, slot)
);

-- What was not done because a budget was spent (ACK-3), until a person releases or drops it.
CREATE TABLE held_actions (
    id BIGINT NOT NULL PRIMARY KEY,
    email_id BIGINT NOT NULL REFERENCES emails (id) ON DELETE CASCADE,
    -- The account that the e-mail came through.
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    action TEXT NOT NULL CHECK (action IN ('answer', 'case', 'reopen', 'notification')),
    because TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (email_id, account_id, action)
);
CREATE INDEX held_actions_account ON held_actions (account_id);

-- Messages that go out (SEND-1). The message itself is the e-mail; its Message-ID is fixed before the first attempt.
CREATE TABLE outbox (
    id BIGINT NOT NULL PRIMARY KEY,
    email_id BIGINT NOT NULL UNIQUE REFERENCES emails (id) ON DELETE CASCADE,
    -- The account that it goes out through.
    account_id BIGINT REFERENCES accounts (id) ON DELETE SET NULL,
    kind TEXT NOT NULL CHECK (kind IN ('message', 'reply', 'forward', 'answer', 'notification')),
    state TEXT NOT NULL CHECK (state IN ('draft', 'queued', 'sending', 'sent', 'failed', 'maybe-sent')),
    -- Empty is the null path.
    envelope_from TEXT NOT NULL,
    -- When it is tried next; NULL when it is not.
    due_at BIGINT,
    -- Why it waits for a person's word (SEND-3, SEND-6).
    held_because TEXT,
    attempts BIGINT NOT NULL,
    -- Who sends it now, and until when that is believed.
    lease_owner TEXT,
    lease_until BIGINT,
    -- The message was handed over and its answer is not known yet.
    is_handed_over BOOLEAN NOT NULL,
    last_error TEXT,
    author_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    -- When it was first tried, when it was last handed over, and when it was taken.
    first_tried_at BIGINT,
    handed_over_at BIGINT,
    sent_at BIGINT,
    -- When it reached somebody first, as long as what follows from that is not done (SEND-8).
    reached_at BIGINT
);
-- What waits is a few rows however many were sent.
CREATE INDEX outbox_due ON outbox (account_id, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX outbox_sending ON outbox (account_id) WHERE lease_until IS NOT NULL;
CREATE INDEX outbox_reached ON outbox (account_id, id) WHERE reached_at IS NOT NULL;
CREATE INDEX outbox_account ON outbox (account_id, handed_over_at);
CREATE INDEX outbox_author ON outbox (author_id);

-- The recipients of the envelope (RFC 5321); Bcc stands here alone.
CREATE TABLE outbox_recipients (
    outbox_id BIGINT NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    -- As it is written to the server.
    address TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'failed')),
    -- Reply code, enhanced status code and text of the last answer.
    code BIGINT,
    status TEXT,
    said TEXT,
    PRIMARY KEY (outbox_id, address)
);

-- What is done outside the database once everything is stored: commands of filters (FILTER-4).
CREATE TABLE effects (
    id BIGINT NOT NULL PRIMARY KEY,
    email_id BIGINT NOT NULL REFERENCES emails (id) ON DELETE CASCADE,
    -- The account that the e-mail came through.
    account_id BIGINT REFERENCES accounts (id) ON DELETE SET NULL,
    -- The names of the filter and of the command in the configuration.
    filter TEXT NOT NULL,
    command TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When it is tried next, also by others when the one who tries it dies; NULL when it is done or given up.
    due_at BIGINT,
    attempts BIGINT NOT NULL,
    done_at BIGINT,
    last_error TEXT
);
CREATE INDEX effects_due ON effects (due_at);
CREATE INDEX effects_email ON effects (email_id);
CREATE INDEX effects_account ON effects (account_id);

-- Copies of what was sent, for the Sent mailbox of the account that sent it (SEND-7).
CREATE TABLE sent_copies (
    email_id BIGINT NOT NULL PRIMARY KEY REFERENCES emails (id) ON DELETE CASCADE,
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    sent_at BIGINT NOT NULL,
    -- When it is tried next, also by others when the one who tries it dies; NULL when it is done or given up.
    due_at BIGINT,
    attempts BIGINT NOT NULL,
    done_at BIGINT,
    last_error TEXT
);
CREATE INDEX sent_copies_due ON sent_copies (account_id, due_at, email_id) WHERE due_at IS NOT NULL;
CREATE INDEX sent_copies_account ON sent_copies (account_id);

CREATE TABLE notes (
    id BIGINT NOT NULL PRIMARY KEY,
    record_id BIGINT NOT NULL REFERENCES records (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('email-received', 'email-sent', 'created', 'assigned', 'status', 'note', 'merged', 'split', 'linked', 'bounce')),
    email_id BIGINT REFERENCES emails (id) ON DELETE CASCADE,
    -- What the kind alone does not say: a user's login, a status, a person's words.
    detail TEXT NOT NULL,
    -- The user who did it.
    author_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
    -- Nobody is told of a quiet note (AUTO-3).
    is_quiet BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    -- One note of a kind per (record, e-mail) (NOTE-1).
    UNIQUE (record_id, email_id, kind)
);
CREATE INDEX notes_email ON notes (email_id);
CREATE INDEX notes_author ON notes (author_id);

CREATE TABLE notifications (
    id BIGINT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('email-received', 'note', 'assigned', 'bounce', 'account', 'review', 'nobody')),
    email_id BIGINT REFERENCES emails (id) ON DELETE CASCADE,
    note_id BIGINT REFERENCES notes (id) ON DELETE SET NULL,
    record_id BIGINT REFERENCES records (id) ON DELETE CASCADE,
    detail TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    is_read BOOLEAN NOT NULL,
    -- A budget was spent: nobody sees it before it is released (ACK-3).
    is_held BOOLEAN NOT NULL,
    -- It was told of by mail (NOTIFY-3).
    is_mailed BOOLEAN NOT NULL,
    -- At most one per (user, e-mail) (NOTIFY-2).
    UNIQUE (user_id, email_id)
);
CREATE INDEX notifications_unread ON notifications (user_id, is_read, created_at);
CREATE INDEX notifications_email ON notifications (email_id);
CREATE INDEX notifications_note ON notifications (note_id);
CREATE INDEX notifications_record ON notifications (record_id);

-- Keys of signed tokens, sealed; the newest signs, all that are not expired verify (LINK-1).
CREATE TABLE token_keys (
    id BIGINT NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);

-- Every change by a person: who asked, and for whom.
CREATE TABLE audit (
    id BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    os_account TEXT NOT NULL,
    -- The espomail user that acted, by login: it outlives the user.
    acting TEXT,
    -- Whether --as named them.
    is_on_behalf BOOLEAN NOT NULL,
    -- Verb and noun as typed, such as `case close`.
    action TEXT NOT NULL,
    -- What it was done to, such as `case:42`.
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    -- The plan as JSON, with its reasons, where rules decided what follows from it (WHY-1).
    why TEXT
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_subject ON audit (subject);

-- The e-mails that such a plan concerned.
CREATE TABLE audit_emails (
    email_id BIGINT NOT NULL REFERENCES emails (id) ON DELETE CASCADE,
    audit_id BIGINT NOT NULL REFERENCES audit (id) ON DELETE CASCADE,
    PRIMARY KEY (email_id, audit_id)
);
CREATE INDEX audit_emails_audit ON audit_emails (audit_id);

CREATE TABLE rotations (
    account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    team_id BIGINT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (account_id, team_id)
);
CREATE INDEX rotations_team ON rotations (team_id);
CREATE INDEX rotations_user ON rotations (user_id);

-- What became of every UID, and why (FETCH-2, WHY-1). Outlives the e-mail.
CREATE TABLE fates (
    position_id BIGINT NOT NULL REFERENCES positions (id) ON DELETE CASCADE,
    uid BIGINT NOT NULL,
    fate TEXT NOT NULL CHECK (fate IN ('imported', 'duplicate', 'filtered', 'held', 'quarantined', 'archived', 'gone', 'undelivered')),
    email_id BIGINT REFERENCES emails (id) ON DELETE SET NULL,
    -- The plan as JSON.
    why TEXT NOT NULL,
    at BIGINT NOT NULL,
    -- Of what a filter skipped, so that it can be asked for; an e-mail has its own.
    message_id TEXT,
    PRIMARY KEY (position_id, uid)
);
CREATE INDEX fates_email ON fates (email_id);
CREATE INDEX fates_message_id ON fates (message_id) WHERE message_id IS NOT NULL;

-- Messages that could not be processed, kept whole; and those that a server does not hand over (FETCH-6).
CREATE TABLE quarantine (
    id BIGINT NOT NULL PRIMARY KEY,
    position_id BIGINT NOT NULL REFERENCES positions (id) ON DELETE CASCADE,
    uid BIGINT NOT NULL,
    -- NULL where the server lists the message and does not hand it over.
    raw_id BIGINT REFERENCES raws (id) ON DELETE RESTRICT,
    error TEXT NOT NULL,
    -- INTERNALDATE, as far as it is known.
    internal_date BIGINT,
    created_at BIGINT NOT NULL,
    -- In how many passes the server did not hand it over, and when it is asked again; NULL when it is not.
    tries BIGINT NOT NULL,
    due_at BIGINT,
    UNIQUE (position_id, uid)
);
CREATE INDEX quarantine_raw ON quarantine (raw_id);

-- Messages that were being worked on when a pass died; the third death quarantines (FETCH-6).
CREATE TABLE attempts (
    position_id BIGINT NOT NULL REFERENCES positions (id) ON DELETE CASCADE,
    uid BIGINT NOT NULL,
    -- How many passes were found dead at it.
    count BIGINT NOT NULL,
    -- Its pass has begun with it, and has not said how that ended.
    under_way BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (position_id, uid)
);

-- Words of e-mails, for searching. Whoever searches brings it up to date.
CREATE TABLE email_search (
    id BIGINT NOT NULL PRIMARY KEY REFERENCES emails (id) ON DELETE CASCADE,
    words TSVECTOR NOT NULL
);
CREATE INDEX email_search_words ON email_search USING gin (words);

-- Each value is the next free number.
INSERT INTO counters (name, value) VALUES
    ('lock', 1), ('email', 1), ('thread', 1), ('record', 1), ('note', 1), ('number:case', 1), ('assignment', 1),
    ('raw', 1), ('position', 1), ('notification', 1), ('review', 1), ('effect', 1);
