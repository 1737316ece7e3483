//! The tables, as diesel sees them. `tests/schema.rs` holds them against both databases.

diesel::table! {
    settings (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    counters (name) {
        name -> Text,
        value -> BigInt,
    }
}

diesel::table! {
    teams (id) {
        id -> BigInt,
        name -> Text,
    }
}

diesel::table! {
    users (id) {
        id -> BigInt,
        login -> Text,
        name -> Text,
        active -> Bool,
        administrator -> Bool,
        default_team_id -> Nullable<BigInt>,
        last_assignment -> BigInt,
        notify_received -> Bool,
        notify_by_mail -> Bool,
        signature -> Text,
        signature_html -> Text,
    }
}

diesel::table! {
    user_addresses (user_id, address) {
        user_id -> BigInt,
        address -> Text,
        place -> BigInt,
    }
}

diesel::table! {
    auto_follows (user_id, kind) {
        user_id -> BigInt,
        kind -> Text,
    }
}

diesel::table! {
    absences (id) {
        id -> BigInt,
        user_id -> BigInt,
        starts_at -> BigInt,
        ends_at -> BigInt,
    }
}

diesel::table! {
    team_members (team_id, user_id) {
        team_id -> BigInt,
        user_id -> BigInt,
        position -> Nullable<Text>,
    }
}

diesel::table! {
    roles (id) {
        id -> BigInt,
        name -> Text,
    }
}

diesel::table! {
    role_rights (role_id, scope, action) {
        role_id -> BigInt,
        scope -> Text,
        action -> Text,
        level -> Text,
    }
}

diesel::table! {
    user_roles (user_id, role_id) {
        user_id -> BigInt,
        role_id -> BigInt,
    }
}

diesel::table! {
    team_roles (team_id, role_id) {
        team_id -> BigInt,
        role_id -> BigInt,
    }
}

diesel::table! {
    accounts (id) {
        id -> BigInt,
        name -> Text,
        kind -> Text,
        owner_id -> Nullable<BigInt>,
        address -> Text,
        active -> Bool,
        address_vouched -> Bool,
        fetch_since -> BigInt,
        act_since -> BigInt,
        max_seconds -> BigInt,
        max_message_size -> BigInt,
        make_cases -> Bool,
        distribution -> Text,
        assigned_user_id -> Nullable<BigInt>,
        case_team_id -> Nullable<BigInt>,
        case_position -> Nullable<Text>,
        add_team_users -> Bool,
        unknown_sender -> Text,
        reopen_within -> Nullable<BigInt>,
        automatic_cases -> Text,
        list_cases -> Bool,
        take_forwards -> Bool,
        created_at -> BigInt,
        group_folder_id -> Nullable<BigInt>,
        after_fetch -> Text,
        seen_back -> Bool,
    }
}

diesel::table! {
    account_servers (account_id) {
        account_id -> BigInt,
        imap_host -> Text,
        imap_port -> BigInt,
        imap_security -> Text,
        imap_user -> Text,
        imap_ca_file -> Nullable<Text>,
        imap_auth -> Text,
        password_source -> Text,
        password_reference -> Nullable<Text>,
        password_sealed -> Nullable<Binary>,
    }
}

diesel::table! {
    account_states (account_id) {
        account_id -> BigInt,
        last_success_at -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        last_error_at -> Nullable<BigInt>,
        failure -> Nullable<Text>,
        failing_since -> Nullable<BigInt>,
        failures -> BigInt,
        said_at -> Nullable<BigInt>,
        retry_at -> Nullable<BigInt>,
        told_at -> Nullable<BigInt>,
        fence -> BigInt,
        lease_owner -> Nullable<Text>,
        lease_until -> Nullable<BigInt>,
        careful -> Bool,
    }
}

diesel::table! {
    folders (id) {
        id -> BigInt,
        user_id -> Nullable<BigInt>,
        name -> Text,
        place -> BigInt,
        skip_notifications -> Bool,
    }
}

diesel::table! {
    folder_teams (folder_id, team_id) {
        folder_id -> BigInt,
        team_id -> BigInt,
    }
}

diesel::table! {
    account_mailboxes (account_id, name) {
        account_id -> BigInt,
        name -> Text,
        place -> BigInt,
        folder_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    filters (id) {
        id -> BigInt,
        name -> Text,
        account_id -> Nullable<BigInt>,
        user_id -> Nullable<BigInt>,
        place -> BigInt,
        active -> Bool,
        match_case -> Bool,
        is_regex -> Bool,
        criteria -> Text,
        actions -> Text,
        sieve -> Nullable<Text>,
    }
}

diesel::table! {
    former_filters (id) {
        id -> BigInt,
        name -> Text,
        account_id -> Nullable<BigInt>,
        user_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    account_teams (account_id, team_id) {
        account_id -> BigInt,
        team_id -> BigInt,
    }
}

diesel::table! {
    positions (id) {
        id -> BigInt,
        account_id -> BigInt,
        mailbox -> Text,
        uidvalidity -> BigInt,
        start_uid -> BigInt,
        last_uid -> BigInt,
        era -> BigInt,
        listed_to -> Nullable<BigInt>,
        quiet_before -> Nullable<BigInt>,
        broken_to -> Nullable<BigInt>,
        mark_uid -> Nullable<BigInt>,
        mark -> Nullable<Text>,
        mark_date -> Nullable<BigInt>,
        is_left -> Bool,
    }
}

diesel::table! {
    raws (id) {
        id -> BigInt,
        digest -> Binary,
        size -> BigInt,
        packed -> Binary,
        pruned_at -> Nullable<BigInt>,
        is_erased -> Bool,
        storage_id -> Nullable<BigInt>,
        upload -> Nullable<BigInt>,
    }
}

diesel::table! {
    storages (id) {
        id -> BigInt,
        url -> Text,
        folder -> Text,
    }
}

diesel::table! {
    leavings (storage_id, digest, upload) {
        storage_id -> BigInt,
        digest -> Binary,
        upload -> BigInt,
    }
}

diesel::table! {
    threads (id) {
        id -> BigInt,
    }
}

diesel::table! {
    thread_ids (message_id) {
        message_id -> Text,
        thread_id -> BigInt,
    }
}

diesel::table! {
    records (id) {
        id -> BigInt,
        kind -> Text,
        number -> BigInt,
        name -> Text,
        active -> Bool,
        status -> Nullable<Text>,
        description -> Text,
        account_id -> Nullable<BigInt>,
        contact_id -> Nullable<BigInt>,
        lead_id -> Nullable<BigInt>,
        converted_account_id -> Nullable<BigInt>,
        converted_contact_id -> Nullable<BigInt>,
        assigned_user_id -> Nullable<BigInt>,
        through_account_id -> Nullable<BigInt>,
        priority -> Nullable<Text>,
        merged_into_id -> Nullable<BigInt>,
        refers_to_id -> Nullable<BigInt>,
        closed_at -> Nullable<BigInt>,
        created_at -> BigInt,
        packed -> Nullable<Binary>,
    }
}

diesel::table! {
    record_addresses (record_id, address) {
        record_id -> BigInt,
        address -> Text,
        place -> BigInt,
    }
}

diesel::table! {
    record_teams (record_id, team_id) {
        record_id -> BigInt,
        team_id -> BigInt,
    }
}

diesel::table! {
    record_fields (record_id, name) {
        record_id -> BigInt,
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    record_phones (record_id, phone) {
        record_id -> BigInt,
        phone -> Text,
        digits -> Text,
        place -> BigInt,
    }
}

diesel::table! {
    record_links (record_id, other_id) {
        record_id -> BigInt,
        other_id -> BigInt,
        place -> BigInt,
    }
}

diesel::table! {
    followers (record_id, user_id) {
        record_id -> BigInt,
        user_id -> BigInt,
    }
}

diesel::table! {
    emails (id) {
        id -> BigInt,
        thread_id -> BigInt,
        raw_id -> BigInt,
        message_id -> Text,
        content_digest -> Binary,
        from_address -> Text,
        subject -> Text,
        date -> BigInt,
        header_date -> Nullable<BigInt>,
        arrived_at -> BigInt,
        replied_id -> Nullable<BigInt>,
        is_replied -> Bool,
        parent_id -> Nullable<BigInt>,
        parent_by -> Nullable<Text>,
        account_record_id -> Nullable<BigInt>,
        is_partial -> Bool,
        is_archived -> Bool,
        id_collision -> Bool,
        folder_id -> Nullable<BigInt>,
        filed_by_hand -> Bool,
        filed_by -> Nullable<BigInt>,
        group_place -> Nullable<Text>,
        group_trashed_at -> Nullable<BigInt>,
        assigned_user_id -> Nullable<BigInt>,
        teams_by_hand -> Bool,
        author_id -> Nullable<BigInt>,
        is_ours -> Bool,
        is_claimed -> Bool,
        subject_from -> BigInt,
        subject_to -> BigInt,
        automatic -> Text,
        maybe_nobodys -> Bool,
    }
}

diesel::table! {
    email_texts (email_id) {
        email_id -> BigInt,
        people -> Text,
        text -> Text,
        packed -> Nullable<Binary>,
        bounce -> Nullable<Text>,
        calendar -> Nullable<Text>,
        defects -> Text,
        list_id -> Nullable<Text>,
    }
}

diesel::table! {
    events (email_id, place) {
        email_id -> BigInt,
        place -> BigInt,
        uid -> Text,
        ends_at -> BigInt,
    }
}

diesel::table! {
    erasures (digest) {
        digest -> Binary,
        erased_at -> BigInt,
    }
}

diesel::table! {
    deletions (message_id, content_digest) {
        message_id -> Text,
        content_digest -> Binary,
        deleted_at -> BigInt,
        is_for_all -> Bool,
        was_answered -> Bool,
        was_of_case -> Bool,
        letter -> Nullable<Binary>,
    }
}

diesel::table! {
    former_accounts (id) {
        id -> BigInt,
        owner -> Text,
        address -> Text,
        imap_host -> Text,
        imap_user -> Text,
    }
}

diesel::table! {
    former_account_emails (email_id, former_id) {
        email_id -> BigInt,
        former_id -> BigInt,
    }
}

diesel::table! {
    former_account_deletions (message_id, content_digest, former_id) {
        message_id -> Text,
        content_digest -> Binary,
        former_id -> BigInt,
    }
}

diesel::table! {
    deletion_accounts (message_id, content_digest, account_id) {
        message_id -> Text,
        content_digest -> Binary,
        account_id -> BigInt,
    }
}

diesel::table! {
    attachments (email_id, place) {
        email_id -> BigInt,
        place -> BigInt,
        name -> Text,
        media_type -> Text,
        size -> BigInt,
        content_id -> Nullable<Text>,
        is_inline -> Bool,
        part -> Text,
    }
}

diesel::table! {
    participants (email_id, address) {
        email_id -> BigInt,
        address -> Text,
    }
}

diesel::table! {
    email_accounts (email_id, account_id) {
        email_id -> BigInt,
        account_id -> BigInt,
    }
}

diesel::table! {
    email_copies (id) {
        id -> BigInt,
        email_id -> BigInt,
        raw_id -> BigInt,
        account_id -> Nullable<BigInt>,
        arrived_at -> BigInt,
    }
}

diesel::table! {
    email_teams (email_id, team_id) {
        email_id -> BigInt,
        team_id -> BigInt,
        given_by -> Nullable<BigInt>,
        handed_by -> Nullable<BigInt>,
    }
}

diesel::table! {
    email_users (email_id, user_id) {
        email_id -> BigInt,
        user_id -> BigInt,
        is_read -> Bool,
        is_important -> Bool,
        is_archived -> Bool,
        is_trashed -> Bool,
        trashed_at -> Nullable<BigInt>,
        folder_id -> Nullable<BigInt>,
        given_by -> Nullable<BigInt>,
        read_by -> Nullable<BigInt>,
        sorted_by -> Nullable<BigInt>,
        is_placed_by_hand -> Bool,
        is_marked_by_hand -> Bool,
    }
}

diesel::table! {
    deliveries (email_id, address) {
        email_id -> BigInt,
        address -> Text,
        state -> Text,
        status -> Nullable<Text>,
        diagnostic -> Nullable<Text>,
        report_id -> Nullable<BigInt>,
        changed_at -> BigInt,
    }
}

diesel::table! {
    address_states (address) {
        address -> Text,
        state -> Text,
        soft -> Text,
        because -> Text,
        changed_at -> BigInt,
    }
}

diesel::table! {
    reviews (id) {
        id -> BigInt,
        email_id -> BigInt,
        account_id -> Nullable<BigInt>,
        candidate_id -> Nullable<BigInt>,
        because -> Text,
        created_at -> BigInt,
        decision -> Nullable<Text>,
        decided_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    templates (id) {
        id -> BigInt,
        name -> Text,
        subject -> Text,
        body -> Text,
        is_html -> Bool,
        plain -> Nullable<Text>,
    }
}

diesel::table! {
    template_files (template_id, name) {
        template_id -> BigInt,
        name -> Text,
        media_type -> Text,
        is_inline -> Bool,
        size -> BigInt,
        content -> Binary,
    }
}

diesel::table! {
    account_sending (account_id) {
        account_id -> BigInt,
        smtp_host -> Nullable<Text>,
        smtp_port -> BigInt,
        smtp_security -> Text,
        smtp_auth -> Text,
        smtp_user -> Nullable<Text>,
        smtp_ca_file -> Nullable<Text>,
        password_source -> Nullable<Text>,
        password_reference -> Nullable<Text>,
        password_sealed -> Nullable<Binary>,
        from_name -> Text,
        reply_to -> Nullable<Text>,
        is_shared -> Bool,
        is_system -> Bool,
        exclude_from_reply -> Bool,
        empty_sender -> Bool,
        save_sent -> Bool,
        sent_mailbox -> Nullable<Text>,
        max_per_hour -> Nullable<BigInt>,
        signature -> Text,
        signature_html -> Text,
    }
}

diesel::table! {
    account_grants (account_id) {
        account_id -> BigInt,
        provider -> Text,
        granted_at -> BigInt,
        generation -> BigInt,
        access_sealed -> Binary,
        refresh_sealed -> Nullable<Binary>,
        renew_at -> Nullable<BigInt>,
        ends_at -> Nullable<BigInt>,
        renewed_by -> Nullable<Text>,
        renewed_until -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    account_answers (account_id) {
        account_id -> BigInt,
        template_id -> BigInt,
        from_address -> Nullable<Text>,
        from_name -> Nullable<Text>,
        reply_to -> Nullable<Text>,
        authenticated_only -> Bool,
    }
}

diesel::table! {
    spendings (subject, slot) {
        subject -> Text,
        slot -> BigInt,
        answers -> BigInt,
        cases -> BigInt,
        reopens -> BigInt,
        notifications -> BigInt,
    }
}

diesel::table! {
    held_actions (id) {
        id -> BigInt,
        email_id -> BigInt,
        account_id -> BigInt,
        action -> Text,
        because -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    outbox (id) {
        id -> BigInt,
        email_id -> BigInt,
        account_id -> Nullable<BigInt>,
        kind -> Text,
        state -> Text,
        envelope_from -> Text,
        due_at -> Nullable<BigInt>,
        held_because -> Nullable<Text>,
        held_rule -> Nullable<Text>,
        held_restored -> Bool,
        attempts -> BigInt,
        lease_owner -> Nullable<Text>,
        lease_until -> Nullable<BigInt>,
        is_handed_over -> Bool,
        last_error -> Nullable<Text>,
        author_id -> Nullable<BigInt>,
        created_at -> BigInt,
        first_tried_at -> Nullable<BigInt>,
        handed_over_at -> Nullable<BigInt>,
        sent_at -> Nullable<BigInt>,
        reached_at -> Nullable<BigInt>,
        is_resent -> Bool,
        was_sent_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    outbox_recipients (outbox_id, address) {
        outbox_id -> BigInt,
        address -> Text,
        state -> Text,
        code -> Nullable<BigInt>,
        status -> Nullable<Text>,
        said -> Nullable<Text>,
        was_failed -> Bool,
    }
}

diesel::table! {
    effects (id) {
        id -> BigInt,
        email_id -> Nullable<BigInt>,
        account_id -> Nullable<BigInt>,
        filter -> Text,
        command -> Text,
        created_at -> BigInt,
        due_at -> Nullable<BigInt>,
        attempts -> BigInt,
        done_at -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        event -> Nullable<Text>,
        about -> Nullable<Text>,
    }
}

diesel::table! {
    server_actions (position_id, uid, verb) {
        position_id -> BigInt,
        uid -> BigInt,
        verb -> Text,
        email_id -> BigInt,
        target -> Text,
        asked_by -> Text,
        stage -> Nullable<Text>,
        created_at -> BigInt,
        due_at -> Nullable<BigInt>,
        attempts -> BigInt,
        done_at -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
    }
}

diesel::table! {
    sending_failures (account_id) {
        account_id -> BigInt,
        since -> BigInt,
        failures -> BigInt,
        last_error -> Text,
        said_at -> Nullable<BigInt>,
        told_at -> Nullable<BigInt>,
        retry_at -> BigInt,
        failure -> Nullable<Text>,
    }
}

diesel::table! {
    sent_copies (email_id) {
        email_id -> BigInt,
        account_id -> BigInt,
        sent_at -> BigInt,
        due_at -> Nullable<BigInt>,
        attempts -> BigInt,
        done_at -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
    }
}

diesel::table! {
    notes (id) {
        id -> BigInt,
        record_id -> BigInt,
        kind -> Text,
        email_id -> Nullable<BigInt>,
        detail -> Text,
        author_id -> Nullable<BigInt>,
        is_quiet -> Bool,
        created_at -> BigInt,
    }
}

diesel::table! {
    notifications (id) {
        id -> BigInt,
        user_id -> BigInt,
        kind -> Text,
        email_id -> Nullable<BigInt>,
        note_id -> Nullable<BigInt>,
        record_id -> Nullable<BigInt>,
        detail -> Text,
        created_at -> BigInt,
        is_read -> Bool,
        is_held -> Bool,
        is_mailed -> Bool,
    }
}

diesel::table! {
    token_keys (id) {
        id -> BigInt,
        sealed -> Binary,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    audit (id) {
        id -> BigInt,
        at -> BigInt,
        os_account -> Text,
        acting -> Nullable<Text>,
        is_on_behalf -> Bool,
        action -> Text,
        subject -> Text,
        detail -> Text,
        why -> Nullable<Text>,
    }
}

diesel::table! {
    audit_emails (email_id, audit_id) {
        email_id -> BigInt,
        audit_id -> BigInt,
    }
}

diesel::table! {
    rotations (account_id, team_id) {
        account_id -> BigInt,
        team_id -> BigInt,
        user_id -> BigInt,
    }
}

diesel::table! {
    open_cases (user_id) {
        user_id -> BigInt,
        cases -> BigInt,
    }
}

diesel::table! {
    fates (position_id, uid) {
        position_id -> BigInt,
        uid -> BigInt,
        fate -> Text,
        email_id -> Nullable<BigInt>,
        why -> Text,
        at -> BigInt,
        message_id -> Nullable<Text>,
        author -> Nullable<Text>,
        subject -> Nullable<Text>,
        skipped_by -> Nullable<BigInt>,
        reasons -> Nullable<Binary>,
    }
}

diesel::table! {
    quarantine (id) {
        id -> BigInt,
        position_id -> BigInt,
        uid -> BigInt,
        raw_id -> Nullable<BigInt>,
        error -> Text,
        internal_date -> Nullable<BigInt>,
        created_at -> BigInt,
        tries -> BigInt,
        due_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    skipped_raws (position_id, uid) {
        position_id -> BigInt,
        uid -> BigInt,
        raw_id -> BigInt,
        internal_date -> Nullable<BigInt>,
        kept_at -> BigInt,
    }
}

diesel::table! {
    attempts (position_id, uid) {
        position_id -> BigInt,
        uid -> BigInt,
        count -> BigInt,
        under_way -> Bool,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    settings,
    counters,
    sending_failures,
    teams,
    users,
    user_addresses,
    auto_follows,
    absences,
    team_members,
    roles,
    role_rights,
    user_roles,
    team_roles,
    accounts,
    folders,
    folder_teams,
    account_mailboxes,
    filters,
    former_filters,
    account_teams,
    account_servers,
    account_states,
    positions,
    raws,
    storages,
    leavings,
    threads,
    thread_ids,
    records,
    record_addresses,
    record_teams,
    record_fields,
    record_phones,
    record_links,
    followers,
    emails,
    email_texts,
    events,
    deletions,
    deletion_accounts,
    former_accounts,
    former_account_emails,
    former_account_deletions,
    erasures,
    attachments,
    email_accounts,
    participants,
    email_copies,
    email_teams,
    email_users,
    deliveries,
    address_states,
    reviews,
    templates,
    template_files,
    account_sending,
    account_grants,
    account_answers,
    spendings,
    held_actions,
    outbox,
    outbox_recipients,
    effects,
    server_actions,
    sent_copies,
    notes,
    notifications,
    token_keys,
    audit,
    audit_emails,
    rotations,
    open_cases,
    fates,
    quarantine,
    skipped_raws,
    attempts,
);
