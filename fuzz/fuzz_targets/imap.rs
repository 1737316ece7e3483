#![no_main]

// The fuzzer's hook ends the process at any panic. Those of imap-proto are caught and no finding; one that is not caught still is.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|panic| eprintln!("{panic}"))),
    |bytes: &[u8]| espomail_fuzz::imap(bytes)
);
