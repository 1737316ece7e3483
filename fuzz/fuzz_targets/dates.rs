#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| espomail_fuzz::dates(bytes));
